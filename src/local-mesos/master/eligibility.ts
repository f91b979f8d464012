/** Which agents a framework may be offered at all, before filters and shares (mesos-v1 §2.2, §4.3; recording 13). */
import { RE2JS } from 're2js';
import type { Attribute } from '../../core/mesos/types.ts';
import { type Bag, milliOf } from '../resources/bag.ts';
import type { AttributeConstraint, OfferConstraints } from './calls.ts';
import type { Agent, Framework, MasterState } from './model.ts';

/** False: nothing of the agent may be offered to the framework for the role. */
export function isEligible(state: MasterState, agent: Agent, framework: Framework, role: string): boolean {
  const { capabilities } = framework;
  if (agent.gpus && !capabilities.gpus) return false;
  if (!capabilities.regionAware && isRemote(state, agent)) return false;
  return meetsConstraints(agent, framework.constraints, role);
}

/** Less than both of these is not offered: 0.01 cpus, 32 MiB. */
const minCpusMilli = 10;
const minMemMilli = 32_000;

/** False: so little need not be offered to the framework for the role. */
export function isEnough(framework: Framework, role: string, part: Bag): boolean {
  const { quantities } = framework.info.offer_filters?.[role]?.min_allocatable_resources ?? {};
  if (quantities === undefined) return milliOf(part, 'cpus') >= minCpusMilli || milliOf(part, 'mem') >= minMemMilli;
  // Of the quantities it names, all of one entry are to be had.
  const isMet = (entry: Readonly<Record<string, { readonly value: number }>>): boolean =>
    Object.entries(entry).every(([name, { value }]) => milliOf(part, name) >= Math.round(value * 1000));
  return quantities.length === 0 || quantities.some((entry) => isMet(entry.quantities ?? {}));
}

function isRemote(state: MasterState, agent: Agent): boolean {
  const home = state.identity.domain?.fault_domain?.region.name;
  const region = agent.domain?.fault_domain?.region.name;
  return region !== undefined && home !== undefined && region !== home;
}

function meetsConstraints(agent: Agent, constraints: OfferConstraints | undefined, role: string): boolean {
  const groups = constraints?.role_constraints?.[role]?.groups;
  if (groups === undefined) return true;
  return groups.some((group) => (group.attribute_constraints ?? []).every((one) => meets(agent, one)));
}

function meets(agent: Agent, { selector, predicate }: AttributeConstraint): boolean {
  const values = valuesOf(agent, selector);
  const { exists, not_exists, text_equals, text_not_equals, text_matches, text_not_matches } = predicate;
  if (exists !== undefined) return values.length > 0;
  if (not_exists !== undefined) return values.length === 0;
  // Values that are no text satisfy every predicate on texts.
  const texts = values.map((value) => value.text?.value);
  if (text_equals !== undefined) return texts.some((text) => text === undefined || text === text_equals.value);
  if (text_not_equals !== undefined) return texts.every((text) => text === undefined || text !== text_not_equals.value);
  if (text_matches !== undefined) return texts.some((text) => text === undefined || matches(text_matches.regex, text));
  if (text_not_matches !== undefined) {
    return texts.every((text) => text === undefined || !matches(text_not_matches.regex, text));
  }
  return true;
}

const matches = (regex: string, text: string): boolean => RE2JS.compile(regex).matcher(text).matches();

function valuesOf(agent: Agent, selector: AttributeConstraint['selector']): readonly Pick<Attribute, 'text'>[] {
  if (selector.attribute_name !== undefined) {
    return agent.attributes.filter(({ name }) => name === selector.attribute_name);
  }
  const { region, zone } = agent.domain?.fault_domain ?? {};
  const value =
    selector.pseudoattribute_type === 'HOSTNAME'
      ? agent.hostname
      : selector.pseudoattribute_type === 'REGION'
        ? region?.name
        : zone?.name;
  return value === undefined ? [] : [{ text: { value } }];
}

/** Why constraints cannot be used, in Mesos' words, or undefined (mesos-v1 §2.2). */
export function refuseConstraints(
  constraints: OfferConstraints | undefined,
  roles: readonly string[],
): string | undefined {
  for (const [role, { groups }] of Object.entries(constraints?.role_constraints ?? {})) {
    if (!roles.includes(role)) {
      return `Offer constraints specify \`role_constraints\` for a role '${role}'not contained in the set of roles`;
    }
    if ((groups ?? []).length === 0) return 'Offer constraints are not valid: no groups';
    for (const group of groups ?? []) {
      const fault = groupFault(group.attribute_constraints ?? []);
      if (fault !== undefined) return `Offer constraints are not valid: ${fault}`;
    }
  }
  return undefined;
}

function groupFault(constraints: readonly AttributeConstraint[]): string | undefined {
  if (constraints.length === 0) return 'an empty group';
  for (const { predicate } of constraints) {
    const regex = predicate.text_matches?.regex ?? predicate.text_not_matches?.regex;
    if (regex === undefined) continue;
    try {
      RE2JS.compile(regex);
    } catch {
      return `'${regex}' is not a regular expression`;
    }
  }
  return undefined;
}
