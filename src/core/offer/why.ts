/**
 * Why an app's waiting instances start nowhere: how many agents each rule keeps them from, and what would have to change for the
 * nearest ones. Pure, and from what was last seen: the next offer may say something else.
 */
import type { AgentInfo } from '../instance/instance.ts';
import {
  type AgentRules,
  firstPlace,
  type Rule,
  type RuleSet,
  reasonOf,
  rulesIn,
  type WhyReason,
} from './agent-rules.ts';
import type { KnownAgent } from './known-agents.ts';
import { portShortage } from './ports.ts';
import { availableMilli, type ScalarName } from './resources.ts';

/** One thing that would have to be different. */
export type Change =
  | { readonly type: 'less'; readonly name: ScalarName; readonly neededMilli: number; readonly freeMilli: number }
  | { readonly type: 'ports'; readonly fixed: readonly number[]; readonly any: number }
  /** `value`: what the agent has for the field; undefined if it lacks it. */
  | {
      readonly type: 'constraint';
      readonly constraint: Extract<Rule, { type: 'constraint' }>['constraint'];
      readonly value: string | undefined;
    }
  | { readonly type: 'role'; readonly offered: readonly string[] }
  | { readonly type: 'region'; readonly region: string | undefined }
  /** `untilMs`: end of the maintenance; undefined if nobody has named one. */
  | { readonly type: 'maintenance'; readonly untilMs: number | undefined }
  | { readonly type: 'noOffer' | 'reservation' | 'scarceGpus' };

/** All agents that break the same rules, and of these the one that is nearest to fit. */
export interface NearMiss {
  readonly agent: AgentInfo;
  /** Agents that break exactly these rules. */
  readonly agents: number;
  /** All of them together let one more instance fit. */
  readonly changes: readonly Change[];
}

export interface ReasonCount {
  readonly reason: WhyReason;
  readonly rule: Rule;
  /** Agents whose first broken rule this is. */
  readonly first: number;
  /** Agents that break it at all. */
  readonly agents: number;
  /** One of the agents. */
  readonly example: AgentInfo;
}

export interface WhyNot {
  readonly agents: number;
  /** Agents that one more instance would fit on. */
  readonly fitting: number;
  readonly fittingExample: AgentInfo | undefined;
  /** Rules that some agent breaks, in funnel order; the `first` counts and `fitting` add up to `agents`. */
  readonly reasons: readonly ReasonCount[];
  /** Nearest first, at most `maxNearMisses`; empty if some agent fits. */
  readonly nearest: readonly NearMiss[];
  /** The newest offer of any agent to the role, epoch milliseconds. */
  readonly offeredAtMs: number | undefined;
}

/** Near misses that one answer names. */
const maxNearMisses = 3;

interface Kind {
  readonly set: RuleSet;
  /** Distance without what depends on the single agent. */
  readonly base: number;
  /** The broken rules that are broken more or less; see `Degree`. */
  readonly degrees: readonly Degree[];
  agents: number;
  best: KnownAgent;
  /** Of the best one; lower is nearer. */
  distance: number;
}

/** Asks every agent about one more instance. Costs O(agents × rules). */
export function whyNot(rules: AgentRules, agents: readonly KnownAgent[]): WhyNot {
  const kinds = new Map<RuleSet, Kind>();
  let offeredAtMs: number | undefined;
  for (const known of agents) {
    const set = rules.broken(known);
    const atMs = rules.seenOf(known)?.atMs;
    if (atMs !== undefined && (offeredAtMs === undefined || atMs > offeredAtMs)) offeredAtMs = atMs;
    const kind = kinds.get(set);
    if (kind === undefined) {
      kinds.set(set, newKind(rules, known, set));
      continue;
    }
    kind.agents += 1;
    if (kind.degrees.length === 0) continue;
    const distance = kind.base + shareMissing(rules, known, kind.degrees);
    if (distance < kind.distance) {
      kind.best = known;
      kind.distance = distance;
    }
  }
  const fitting = kinds.get(0);
  kinds.delete(0);
  const near = [...kinds.values()].sort((a, b) => a.distance - b.distance);
  return {
    agents: agents.length,
    fitting: fitting?.agents ?? 0,
    fittingExample: fitting?.best.agent,
    reasons: countReasons(rules.rules, near),
    nearest: fitting
      ? []
      : near.slice(0, maxNearMisses).map(({ set, agents: count, best }) => ({
          agent: best.agent,
          agents: count,
          changes: changesFor(rules, best, set),
        })),
    offeredAtMs,
  };
}

function newKind(rules: AgentRules, known: KnownAgent, set: RuleSet): Kind {
  const broken = rulesIn(rules.rules, set);
  const base = broken.reduce((sum, rule) => sum + 1 + effortOf(rule), 0);
  const degrees = broken.filter(isDegree);
  return { set, base, degrees, agents: 1, best: known, distance: base + shareMissing(rules, known, degrees) };
}

/** `kinds` come nearest first, so that the example of a reason is an agent that breaks little else. */
function countReasons(rules: readonly Rule[], kinds: readonly Kind[]): readonly ReasonCount[] {
  return rules.flatMap((rule, place) => {
    const broken = kinds.filter(({ set }) => (set & (1 << place)) !== 0);
    const firsts = broken.filter(({ set }) => firstPlace(set) === place);
    const example = (firsts[0] ?? broken[0])?.best.agent;
    if (example === undefined) return [];
    const agentsOf = (some: readonly Kind[]) => some.reduce((sum, { agents }) => sum + agents, 0);
    return [{ reason: reasonOf(rule), rule, first: agentsOf(firsts), agents: agentsOf(broken), example }];
  });
}

/** A rule that is broken more or less: of two agents that lack CPUs, the one that lacks less is nearer. */
type Degree = Extract<Rule, { type: 'amount' | 'ports' }>;

const isDegree = (rule: Rule): rule is Degree => rule.type === 'amount' || rule.type === 'ports';

/**
 * How far an agent is from a fit: each broken rule counts one, and a little besides for what it takes to mend it. What no change of the
 * definition can give counts as several rules.
 */
export function distanceTo(rules: AgentRules, known: KnownAgent, set: RuleSet): number {
  return set === 0 ? 0 : newKind(rules, known, set).distance;
}

/** What it takes to mend a rule, without what depends on degrees. */
function effortOf(rule: Rule): number {
  switch (rule.type) {
    case 'amount':
    case 'ports':
      return 0;
    case 'scarceGpus':
      return 0.03;
    case 'maintenance':
      return 0.04;
    case 'constraint':
      return 0.05;
    case 'region':
    case 'role':
      return 0.07;
    case 'noOffer':
      return 1.5;
    case 'reservation':
      return 5;
  }
}

/** A tenth for each amount, and for the ports, of which nothing is there; less where some of it is. */
function shareMissing(rules: AgentRules, known: KnownAgent, degrees: readonly Degree[]): number {
  const seen = rules.seenOf(known);
  if (seen === undefined) return degrees.length / 10;
  const roles = rules.rolesIn(seen);
  let share = 0;
  for (const degree of degrees) {
    if (degree.type === 'ports') {
      const { fixed, any } = portShortage(rules.needs.ports, seen.supply.ports, roles);
      share += Math.min(1, (fixed.length + any) / rules.needs.ports.length);
    } else {
      const needed = rules.needs.total[degree.name];
      share += (needed - availableMilli(seen.supply.scalars[degree.name], roles)) / needed;
    }
  }
  return share / 10;
}

/** What lets one more instance fit on an agent that breaks these rules. */
export function changesFor(rules: AgentRules, known: KnownAgent, set: RuleSet): readonly Change[] {
  return rulesIn(rules.rules, set).map((rule) => changeFor(rules, known, rule));
}

function changeFor(rules: AgentRules, known: KnownAgent, rule: Rule): Change {
  const seen = rules.seenOf(known);
  const roles = seen === undefined ? rules.roles : rules.rolesIn(seen);
  switch (rule.type) {
    case 'amount': {
      const freeMilli = seen === undefined ? 0 : availableMilli(seen.supply.scalars[rule.name], roles);
      return { type: 'less', name: rule.name, neededMilli: rules.needs.total[rule.name], freeMilli };
    }
    case 'ports':
      return { type: 'ports', ...portShortage(rules.needs.ports, seen?.supply.ports ?? [], roles) };
    case 'constraint':
      return { ...rule, value: known.view.valueOf(rule.constraint[0]) };
    case 'role':
      return { type: 'role', offered: seen?.supply.roles ?? [] };
    case 'region':
      return { type: 'region', region: known.agent.region };
    case 'maintenance':
      return { type: 'maintenance', untilMs: endOf(seen?.unavailability) };
    case 'noOffer':
    case 'reservation':
    case 'scarceGpus':
      return { type: rule.type };
  }
}

function endOf(unavailability: NonNullable<ReturnType<AgentRules['seenOf']>>['unavailability']): number | undefined {
  const { start, duration } = unavailability ?? {};
  if (start === undefined || duration === undefined) return undefined;
  return Math.ceil((start.nanoseconds + duration.nanoseconds) / 1e6);
}
