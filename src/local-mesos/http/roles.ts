/** Which roles there are, and what each of them has with all roles below it (`Master::knownRoles`, `RoleResourceBreakdown`). */
import type { MasterState } from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { addToBag, type Bag } from '../resources/bag.ts';

/** Roles that somebody has: frameworks, or reservations; and all roles above them. */
export function rolesOf(state: MasterState): readonly string[] {
  const roles = new Set<string>();
  const add = (role: string): void => {
    for (let end = role.indexOf('/'); end > 0; end = role.indexOf('/', end + 1)) roles.add(role.slice(0, end));
    roles.add(role);
  };
  for (const framework of state.frameworks.values()) {
    for (const role of framework.roles) add(role);
    for (const { role } of usesOf(framework)) add(role);
  }
  for (const agent of state.agents.values()) for (const { role } of agent.total) if (role !== '*') add(role);
  return [...roles].sort();
}

/** What a role holds with those below it; `consumed` of what a quota of it would grant. Only its own frameworks are listed. */
export function holdingsOf(state: MasterState, role: string) {
  const allocated: Bag = [];
  const offered: Bag = [];
  const reserved: Bag = [];
  const frameworks: string[] = [];
  const isIn = (other: string): boolean => other === role || other.startsWith(`${role}/`);
  for (const framework of state.frameworks.values()) {
    let isMember = framework.roles.includes(role);
    for (const use of usesOf(framework)) {
      if (use.role === role) isMember = true;
      if (isIn(use.role)) addToBag(allocated, use.bag);
    }
    for (const offer of framework.offers) if (isIn(offer.role)) addToBag(offered, offer.bag);
    if (isMember) frameworks.push(framework.id);
  }
  const isReservedHere = (entry: { readonly role: string }): boolean => entry.role !== '*' && isIn(entry.role);
  for (const agent of state.agents.values()) addToBag(reserved, agent.total.filter(isReservedHere));
  // What is reserved counts whether it is used or not, and once.
  const consumed: Bag = [];
  addToBag(consumed, reserved);
  addToBag(
    consumed,
    allocated.filter((entry) => !isReservedHere(entry)),
  );
  return { allocated, offered, reserved, consumed, frameworks };
}
