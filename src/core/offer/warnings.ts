/**
 * Definitions that can never come to what they ask for, on the agents that are known: found before anything waits. Every bound is
 * generous, so that a warning is true as far as the known agents go: other frameworks and other apps are left out of the count.
 */
import type { AppDefinition, Constraint } from '../app/definition.ts';
import { judgeOf } from './constraints.ts';
import type { MatchSettings } from './demand.ts';
import { isForeignRegion } from './eligibility.ts';
import type { AgentView } from './fields.ts';
import type { KnownAgent } from './known-agents.ts';
import { type AppNeeds, needsOf } from './needs.ts';
import { scalarNames } from './resources.ts';
import { constraintText, counted, quantity } from './why-text.ts';

export type WarningCode =
  /** One instance needs more than any agent has. */
  | 'tooLarge'
  /** No agent satisfies the constraints on agents, or has the fixed ports. */
  | 'noSuitableAgent'
  /** Some instances fit, but not all. */
  | 'tooMany'
  /** All run, but an upgrade, which needs one more for a while, cannot. */
  | 'noRoomToUpgrade'
  /** An upgrade has to put two instances on one agent for a while. */
  | 'noSpareHost'
  /** Mesos refuses every launch, whatever agents there are. */
  | 'refusedByMesos'
  /** Mesos runs it without a part of it. */
  | 'ignoredByMesos';

export interface PlacementWarning {
  readonly code: WarningCode;
  readonly message: string;
}

const none: readonly PlacementWarning[] = [];

/**
 * Warnings about an app, most serious first; at most one of `tooLarge`, `noSuitableAgent` and `tooMany`, and one about upgrades.
 * Without known agents nothing can be said. Costs O(agents), less for apps that fit easily.
 */
export function placementWarnings(
  app: AppDefinition,
  agents: readonly KnownAgent[],
  settings: MatchSettings,
): readonly PlacementWarning[] {
  if (agents.length === 0 || app.instances <= 0) return none;
  const needs = needsOf(app);
  if (needs.isResident) return none;
  const spare = app.instances + (needsSpare(app) ? 1 : 0);
  if (app.constraints.length === 0 && fitsEasily(needs, agents, settings, spare)) return none;
  const tooLarge = tooLargeFor(needs, agents);
  if (tooLarge) return [{ code: 'tooLarge', message: tooLarge }];
  return countWarnings(app, needs, agents, settings, spare);
}

/** A rolling upgrade that may take nothing away first has to start one more (behaviour §4.5). */
const needsSpare = (app: AppDefinition): boolean =>
  Math.ceil(app.instances * app.upgradeStrategy.minimumHealthCapacity) >= app.instances;

function fitsEasily(needs: AppNeeds, agents: readonly KnownAgent[], settings: MatchSettings, wanted: number): boolean {
  let room = 0;
  for (const known of agents) {
    if (isForeignRegion(known.agent, needs, settings)) continue;
    room += roomOn(known, needs);
    if (room >= wanted) return true;
  }
  return false;
}

function tooLargeFor(needs: AppNeeds, agents: readonly KnownAgent[]): string | undefined {
  for (const name of scalarNames) {
    const needed = needs.total[name];
    if (needed <= 0) continue;
    let best: KnownAgent | undefined;
    for (const known of agents) {
      if (best === undefined || known.capacity.amounts[name] > best.capacity.amounts[name]) best = known;
    }
    if (best === undefined || best.capacity.amounts[name] >= needed) continue;
    return (
      `An instance needs ${quantity(name, needed)}; the most that any of ${counted(agents.length, 'known agent')} ` +
      `has is ${quantity(name, best.capacity.amounts[name])} (${best.agent.host}).`
    );
  }
  return undefined;
}

/** Instances that an empty agent has room for; with fixed ports one at most. */
function roomOn({ capacity }: KnownAgent, needs: AppNeeds): number {
  let room = Number.POSITIVE_INFINITY;
  for (const name of scalarNames) {
    const needed = needs.total[name];
    if (needed > 0) room = Math.min(room, Math.floor(capacity.amounts[name] / needed));
  }
  let any = 0;
  let hasFixed = false;
  for (const port of needs.ports) {
    if (port === undefined) continue;
    if (port === 0) any += 1;
    else {
      hasFixed = true;
      if (!capacity.ports.some(({ begin, end }) => port >= begin && port <= end)) return 0;
    }
  }
  if (hasFixed) return Math.min(room, 1);
  if (any > 0) {
    const ports = capacity.ports.reduce((sum, { begin, end }) => sum + end - begin + 1, 0);
    room = Math.min(room, Math.floor(ports / any));
  }
  return room;
}

/** Operators that depend on where other instances are; the others look at the agent alone. */
const counting: ReadonlySet<string> = new Set(['UNIQUE', 'MAX_PER', 'GROUP_BY', 'CLUSTER']);

const isCounting = ([, operator, value]: Constraint): boolean =>
  counting.has(operator) && (operator !== 'CLUSTER' || value === undefined || value === '');

interface Candidate {
  readonly view: AgentView;
  readonly room: number;
}

function countWarnings(
  app: AppDefinition,
  needs: AppNeeds,
  agents: readonly KnownAgent[],
  settings: MatchSettings,
  spare: number,
): readonly PlacementWarning[] {
  const suitable = suitableAgents(app, needs, agents, settings);
  const candidates = suitable.flatMap((known) => {
    const room = roomOn(known, needs);
    return room > 0 ? [{ view: known.view, room }] : [];
  });
  if (candidates.length === 0)
    return [{ code: 'noSuitableAgent', message: noneSuitable(app, needs, suitable, agents) }];
  const counts = app.constraints.filter(isCounting);
  const all = candidates.reduce((sum, { room }) => sum + room, 0);
  let most = all;
  let limit: Constraint | undefined;
  for (const constraint of counts) {
    const bound = boundOf(constraint, candidates, app.instances);
    if (bound < most) {
      most = bound;
      limit = constraint;
    }
  }
  const known = counted(agents.length, 'known agent');
  if (most < app.instances) {
    const cause = limit === undefined ? 'for want of room' : `because of ${constraintText(limit)}`;
    return [
      { code: 'tooMany', message: `At most ${most} of ${app.instances} instances can run on ${known}, ${cause}.` },
    ];
  }
  if (spare <= app.instances) return none;
  if (all < spare) {
    return [
      {
        code: 'noRoomToUpgrade',
        message:
          `${known} have room for no more than the ${app.instances} instances: an upgrade with minimumHealthCapacity ` +
          `${app.upgradeStrategy.minimumHealthCapacity} cannot start a new one before an old one is gone, and waits for ever.`,
      },
    ];
  }
  return spareHostWarning(app, counts, candidates);
}

/** Agents that satisfy everything that the agent alone decides. */
function suitableAgents(
  app: AppDefinition,
  needs: AppNeeds,
  agents: readonly KnownAgent[],
  settings: MatchSettings,
): readonly KnownAgent[] {
  // With nothing placed, the operators that count refuse only agents that lack the field.
  const judge = judgeOf(app, []);
  return agents.filter((known) => !isForeignRegion(known.agent, needs, settings) && judge.accepts(known.view));
}

function noneSuitable(
  app: AppDefinition,
  needs: AppNeeds,
  suitable: readonly KnownAgent[],
  agents: readonly KnownAgent[],
): string {
  const known = counted(agents.length, 'known agent');
  if (suitable.length > 0) {
    const fixed = needs.ports.filter((port) => port !== undefined && port > 0);
    const ports =
      fixed.length === 0 ? '' : ` and host port${fixed.length === 1 ? '' : 's'} ${fixed.slice(0, 5).join(', ')}`;
    return `None of ${known} that satisfy the constraints has all resources${ports}.`;
  }
  const culprit = app.constraints.find((constraint) => {
    const alone = judgeOf({ ...app, constraints: [constraint] }, []);
    return !agents.some(({ view }) => alone.accepts(view));
  });
  if (culprit === undefined) return `None of ${known} satisfies all constraints at once.`;
  return `None of ${known} satisfies ${constraintText(culprit)}${valuesText(culprit[0], agents)}.`;
}

/** Values of a field that a message lists. */
const maxValuesNamed = 5;

function valuesText(field: string, agents: readonly KnownAgent[]): string {
  const values = new Set<string>();
  for (const { view } of agents) {
    const value = view.valueOf(field);
    if (value !== undefined) values.add(value);
  }
  if (values.size === 0) return ` (none has ${field})`;
  const shown = [...values].slice(0, maxValuesNamed).join(', ');
  return ` (${field} is ${shown}${values.size > maxValuesNamed ? ', …' : ''})`;
}

/** An upper bound for the instances that one counting constraint lets run on empty agents. */
function boundOf(
  [field, operator, value = '']: Constraint,
  candidates: readonly Candidate[],
  instances: number,
): number {
  const roomOf = new Map<string, number>();
  for (const { view, room } of candidates) {
    const at = view.valueOf(field);
    if (at !== undefined) roomOf.set(at, (roomOf.get(at) ?? 0) + room);
  }
  const rooms = [...roomOf.values()].sort((a, b) => b - a);
  const capped = (groups: readonly number[], cap: number): number =>
    groups.reduce((sum, room) => sum + Math.min(room, cap), 0);
  switch (operator) {
    case 'UNIQUE':
      return rooms.length;
    case 'MAX_PER':
      return capped(rooms, Math.max(0, Number(value) || 0));
    case 'CLUSTER':
      return rooms[0] ?? 0;
    case 'GROUP_BY': {
      const groups = value === 'inf' ? Number.MAX_SAFE_INTEGER : Number(value) || 0;
      // Without a count, values that were never used hold nobody up: the largest group may be filled before the next one is opened.
      if (groups < 1) return Number.POSITIVE_INFINITY;
      const share = Math.floor(instances / groups);
      const taking = rooms.slice(0, groups);
      return capped(taking, share) + Math.min(instances % groups, taking.filter((room) => room > share).length);
    }
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/**
 * Old instances do not count for the constraints of new ones (behaviour §2.3), so with UNIQUE and no host left an upgrade works, but
 * puts new ones beside old ones. Who wants UNIQUE may not expect that.
 */
function spareHostWarning(
  app: AppDefinition,
  counts: readonly Constraint[],
  candidates: readonly Candidate[],
): readonly PlacementWarning[] {
  const unique = counts.find(([, operator]) => operator === 'UNIQUE');
  if (unique === undefined) return none;
  const places = boundOf(unique, candidates, app.instances);
  if (places > app.instances) return none;
  const [field] = unique;
  const room = Math.min(...candidates.map((candidate) => candidate.room));
  const twice = room >= 2 ? '' : ', and not every agent has room for two';
  return [
    {
      code: 'noSpareHost',
      message:
        `${constraintText(unique)} takes all ${counted(places, `known value`)} of ${field}, and minimumHealthCapacity is ` +
        `${app.upgradeStrategy.minimumHealthCapacity}: an upgrade starts each new instance beside an old one${twice}.`,
    },
  ];
}
