/**
 * An independent judge of placements: plain lists, no increments, no shared code with the matcher. It understands
 * apps without GPUs whose agents have at most the text attribute `rack`.
 */
import type { AppDefinition, Constraint } from '../../../src/core/app/definition.ts';
import type { AgentInfo } from '../../../src/core/instance/instance.ts';
import type { Offer, Resource } from '../../../src/core/mesos/types.ts';

const roleOf = (resource: Resource): string => resource.reservations?.[0]?.role ?? '*';

/** Thousandths of a scalar, by `name role`. */
export function scalarsOf(resources: readonly Resource[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const resource of resources) {
    if (resource.type !== 'SCALAR') continue;
    const key = `${resource.name} ${roleOf(resource)}`;
    sums.set(key, (sums.get(key) ?? 0) + Math.round(resource.scalar!.value * 1000));
  }
  return sums;
}

/** Every single port as `port role`. */
export const portsOf = (resources: readonly Resource[]): string[] =>
  resources.flatMap((resource) =>
    (resource.ranges?.range ?? []).flatMap(({ begin, end }) =>
      Array.from({ length: end - begin + 1 }, (_, i) => `${begin + i} ${roleOf(resource)}`),
    ),
  );

export interface Remainder {
  readonly scalars: Map<string, number>;
  readonly ports: readonly string[];
}

/** What an offer still has after the consumption; negative amounts and unknown ports would show. */
export function remainderOf(offer: Offer, consumed: readonly Resource[]): Remainder {
  const scalars = scalarsOf(offer.resources);
  for (const [key, milli] of scalarsOf(consumed)) scalars.set(key, (scalars.get(key) ?? 0) - milli);
  const taken = new Set(portsOf(consumed));
  return { scalars, ports: portsOf(offer.resources).filter((port) => !taken.has(port)) };
}

export const rolesOf = (app: AppDefinition, role: string): readonly string[] =>
  app.acceptedResourceRoles ?? (role === '*' ? ['*'] : [role, '*']);

const valueOn = (agent: AgentInfo, field: string): string | undefined =>
  field === 'hostname' ? agent.host : agent.attributes.find(({ name }) => name === field)?.text?.value;

const groupSizes = (values: readonly (string | undefined)[]): number[] =>
  [...new Set(values)].map((value) => values.filter((other) => other === value).length);

/** True if one more instance on the agent keeps the constraint, given where the others are, first one first. */
export function holds(
  app: AppDefinition,
  constraint: Constraint,
  placed: readonly AgentInfo[],
  agent: AgentInfo,
): boolean {
  const [field, operator, wanted] = constraint;
  const value = valueOn(agent, field);
  const values = placed.map((other) => valueOn(other, field));
  const same = values.filter((other) => other === value).length;
  if (operator === 'UNLIKE') return value === undefined || !new RegExp(`^(?:${wanted})$`).test(value);
  if (value === undefined) return false;
  switch (operator) {
    case 'UNIQUE':
      return same === 0;
    case 'CLUSTER':
      return wanted === undefined ? values.length === 0 || values[0] === value : value === wanted;
    case 'MAX_PER':
      return same < Number(wanted);
    case 'IS':
      return value === wanted;
    case 'LIKE':
      return new RegExp(`^(?:${wanted})$`).test(value);
    case 'GROUP_BY': {
      const sizes = groupSizes(values);
      if (wanted === undefined) return same === 0 || same === Math.min(...sizes);
      if (same === 0) return sizes.length < Number(wanted);
      const share = Math.floor(app.instances / Number(wanted));
      const over = sizes.reduce((sum, size) => sum + Math.max(0, size - share), 0);
      return same < share || (same === share && (app.instances % Number(wanted)) - over > 0);
    }
  }
}

/** True if one more launch of the app fits into what is left of an offer. */
export function fits(
  app: AppDefinition,
  role: string,
  offer: { readonly agent: AgentInfo; readonly left: Remainder; readonly isAvailable: boolean },
  placed: readonly AgentInfo[],
): boolean {
  const roles = rolesOf(app, role);
  const enough = (name: string, amount: number): boolean =>
    roles.reduce((sum, each) => sum + (offer.left.scalars.get(`${name} ${each}`) ?? 0), 0) >= Math.round(amount * 1000);
  const free = new Set(
    offer.left.ports
      .map((port) => port.split(' ') as [string, string])
      .flatMap(([p, r]) => (roles.includes(r) ? [Number(p)] : [])),
  );
  const requested = (app.portDefinitions ?? []).map(({ port }) => (app.requirePorts ? port : 0));
  const fixed = requested.filter((port) => port !== 0);
  return (
    offer.isAvailable &&
    enough('cpus', app.cpus) &&
    enough('mem', app.mem) &&
    fixed.every((port) => free.has(port)) &&
    free.size >= requested.length &&
    app.constraints.every((constraint) => holds(app, constraint, placed, offer.agent))
  );
}
