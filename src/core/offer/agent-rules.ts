/**
 * Every rule that keeps one app from one agent, as far as the agent was last seen. The same rules as in a match (`ask.ts`), but each
 * by itself: an answer to "why not" has to tell a lack of CPUs from a constraint, and one constraint from another.
 */
import type { AppDefinition, Constraint } from '../app/definition.ts';
import type { AgentInfo } from '../instance/instance.ts';
import { type ConstraintJudge, judgeOf, maxToldApart } from './constraints.ts';
import type { MatchSettings, RefusalReason } from './demand.ts';
import { isForeignRegion, isTooScarce, isUnavailable } from './eligibility.ts';
import type { KnownAgent, SeenOffer } from './known-agents.ts';
import { type AppNeeds, acceptedRoles, needsOf } from './needs.ts';
import { portShortage } from './ports.ts';
import { availableMilli, type ScalarName, totalMilli } from './resources.ts';

/** Marathon's reasons, and one of ours: the agent had nothing on offer to the role of the instance. */
export type WhyReason = RefusalReason | 'NoOffer';

/** One rule. Of those that an agent breaks, the one that stands first in `rulesOf` is its reason. */
export type Rule =
  | { readonly type: 'noOffer' }
  | { readonly type: 'role' }
  | { readonly type: 'constraint'; readonly constraint: Constraint }
  | { readonly type: 'region' }
  | { readonly type: 'reservation' }
  | { readonly type: 'maintenance' }
  | { readonly type: 'amount'; readonly name: ScalarName }
  | { readonly type: 'ports' }
  | { readonly type: 'scarceGpus' };

/** A set of rules: bit i stands for the rule at place i of `rulesOf(app)`. 0 = the app fits. */
export type RuleSet = number;

const amountNames = ['cpus', 'mem', 'disk', 'gpus'] as const;

/**
 * The rules of an app in funnel order (behaviour §2.10). Of more than `maxToldApart` constraints the last ones share a place, under the
 * name of the first of them.
 */
function rulesOf(app: AppDefinition): readonly Rule[] {
  return [
    { type: 'noOffer' },
    { type: 'role' },
    ...app.constraints.slice(0, maxToldApart).map((constraint) => ({ type: 'constraint' as const, constraint })),
    { type: 'region' },
    { type: 'reservation' },
    { type: 'maintenance' },
    ...amountNames.map((name) => ({ type: 'amount' as const, name })),
    { type: 'ports' },
    { type: 'scarceGpus' },
  ];
}

const amountReasons = {
  cpus: 'InsufficientCpus',
  mem: 'InsufficientMemory',
  disk: 'InsufficientDisk',
  gpus: 'InsufficientGpus',
} as const satisfies Readonly<Record<ScalarName, RefusalReason>>;

/** What `/v2/queue` calls a broken rule. */
export function reasonOf(rule: Rule): WhyReason {
  switch (rule.type) {
    case 'noOffer':
      return 'NoOffer';
    case 'role':
      return 'UnfulfilledRole';
    case 'constraint':
    case 'region':
      return 'UnfulfilledConstraint';
    case 'reservation':
      return 'NoCorrespondingReservationFound';
    case 'maintenance':
      return 'AgentMaintenance';
    case 'amount':
      return amountReasons[rule.name];
    case 'ports':
      return 'InsufficientPorts';
    case 'scarceGpus':
      return 'DeclinedScarceResources';
  }
}

const noOffer: RuleSet = 1;
const role: RuleSet = 2;
const firstConstraint = 2;

/** Asks about one app in one role, agent by agent. Building it costs O(placements), each question O(rules). */
export class AgentRules {
  readonly app: AppDefinition;
  readonly needs: AppNeeds;
  readonly roles: readonly string[];
  readonly rules: readonly Rule[];
  readonly #role: string;
  readonly #settings: MatchSettings;
  readonly #nowMs: number;
  readonly #judge: ConstraintJudge;
  /** Place of the first rule behind the constraints. */
  readonly #behind: number;

  constructor(
    app: AppDefinition,
    ownRole: string,
    placements: readonly AgentInfo[],
    settings: MatchSettings,
    nowMs: number,
  ) {
    this.app = app;
    this.needs = needsOf(app);
    this.roles = acceptedRoles(app, ownRole, settings);
    this.rules = rulesOf(app);
    this.#role = ownRole;
    this.#settings = settings;
    this.#nowMs = nowMs;
    this.#judge = judgeOf(app, placements);
    this.#behind = firstConstraint + Math.min(app.constraints.length, maxToldApart);
  }

  /** What the agent last had on offer to the role, if anything. */
  seenOf(known: KnownAgent): SeenOffer | undefined {
    for (const seen of known.seen) if (seen.role === this.#role) return seen;
    return undefined;
  }

  /** Roles whose resources count: if none is accepted, all of the offer do, so that amounts are judged by themselves. */
  rolesIn(seen: SeenOffer): readonly string[] {
    return this.#isAccepted(seen) ? this.roles : seen.supply.roles;
  }

  /** The rules that keep one more instance from the agent. */
  broken(known: KnownAgent): RuleSet {
    const at = this.#behind;
    let broken = this.#judge.broken(known.view) << firstConstraint;
    if (isForeignRegion(known.agent, this.needs, this.#settings)) broken |= 1 << at;
    if (this.needs.isResident) broken |= 2 << at;
    const seen = this.seenOf(known);
    if (seen === undefined) return broken | noOffer;
    const { supply } = seen;
    if (!this.#isAccepted(seen)) broken |= role;
    const roles = this.rolesIn(seen);
    if (seen.unavailability !== undefined && isUnavailable(seen, this.#settings, this.#nowMs)) broken |= 4 << at;
    const { total, ports } = this.needs;
    for (let i = 0; i < amountNames.length; i += 1) {
      const name = amountNames[i] as ScalarName;
      const needed = total[name];
      if (needed > 0 && availableMilli(supply.scalars[name], roles) < needed) broken |= 8 << (at + i);
    }
    if (ports.length > 0) {
      const { fixed, any } = portShortage(ports, supply.ports, roles);
      if (fixed.length > 0 || any > 0) broken |= 128 << at;
    }
    const gpus = totalMilli(supply.scalars.gpus) + supply.lockedGpusMilli;
    if (gpus > 0 && isTooScarce(this.app, gpus, this.#settings)) broken |= 256 << at;
    return broken;
  }

  #isAccepted({ supply }: SeenOffer): boolean {
    for (const each of supply.roles) if (this.roles.includes(each)) return true;
    return false;
  }
}

/** The rules of a set, in order. */
export const rulesIn = (rules: readonly Rule[], set: RuleSet): readonly Rule[] =>
  rules.filter((_, place) => (set & (1 << place)) !== 0);

/** The place of the first rule of a set that is not empty. */
export const firstPlace = (set: RuleSet): number => 31 - Math.clz32(set & -set);

/** Number of rules in a set. */
export function sizeOf(set: RuleSet): number {
  let size = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) size += 1;
  return size;
}
