/** Which instances GROUP_BY gives up on scale-down (behaviour §3.4). */
import type { AppDefinition } from '../app/definition.ts';
import type { AgentInfo } from '../instance/instance.ts';
import { fieldValue } from './fields.ts';

export interface ScaleDownCandidate<Id extends string> {
  readonly id: Id;
  readonly agent: AgentInfo;
}

/** The members of one value of one GROUP_BY field that are still to live. */
interface Group {
  size: number;
}

interface Distribution {
  /** Group size → number of groups of that size; emptied groups count, with size 0. */
  readonly groupsOfSize: Map<number, number>;
  readonly originalSpread: number;
  largest: number;
  smallest: number;
}

/** Candidates that share the group in every distribution: any of them is as good as the others, so the first goes. */
interface Cell<Id extends string> {
  /** One for each distribution. */
  readonly groups: readonly Group[];
  readonly members: { readonly id: Id; readonly rank: number }[];
  next: number;
}

/**
 * Ids of at most `count` candidates whose loss leaves every GROUP_BY distribution as even as can be; the caller
 * chooses the rest by the general order. Among equally good ones, the earlier candidate is taken. Without GROUP_BY
 * nobody is chosen, unless all must go (V49–V52). Costs O(count × combinations of groups).
 */
export function constraintVictims<Id extends string>(
  app: AppDefinition,
  candidates: readonly ScaleDownCandidate<Id>[],
  count: number,
): readonly Id[] {
  if (count >= candidates.length) return candidates.map(({ id }) => id);
  const fields = app.constraints.filter(([, operator]) => operator === 'GROUP_BY').map(([field]) => field);
  if (fields.length === 0 || count <= 0) return [];
  const { cells, distributions } = arrange(candidates, fields);
  const victims: Id[] = [];
  while (victims.length < count) {
    const cell = nextCell(cells, distributions, 0) ?? nextCell(cells, distributions, 1);
    const member = cell?.members[cell.next];
    if (cell === undefined || member === undefined) break;
    victims.push(member.id);
    cell.next += 1;
    cell.groups.forEach((group, i) => {
      const distribution = distributions[i];
      if (distribution) shrink(distribution, group);
    });
  }
  return victims;
}

function arrange<Id extends string>(candidates: readonly ScaleDownCandidate<Id>[], fields: readonly string[]) {
  const groupsByValue = fields.map(() => new Map<string | undefined, Group>());
  const cellByKey = new Map<string, Cell<Id>>();
  candidates.forEach(({ id, agent }, rank) => {
    const values = fields.map((field) => fieldValue(agent, field));
    const groups = values.map((value, i) => groupOf(groupsByValue[i], value));
    for (const group of groups) group.size += 1;
    const key = JSON.stringify(values.map((value) => value ?? null));
    const cell = cellByKey.get(key);
    if (cell) cell.members.push({ id, rank });
    else cellByKey.set(key, { groups, members: [{ id, rank }], next: 0 });
  });
  return {
    cells: [...cellByKey.values()],
    distributions: groupsByValue.map((groups) => distributionOf([...groups.values()])),
  };
}

function groupOf(groups: Map<string | undefined, Group> | undefined, value: string | undefined): Group {
  const group = groups?.get(value) ?? { size: 0 };
  groups?.set(value, group);
  return group;
}

function distributionOf(groups: readonly Group[]): Distribution {
  const groupsOfSize = new Map<number, number>();
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const { size } of groups) {
    groupsOfSize.set(size, (groupsOfSize.get(size) ?? 0) + 1);
    largest = Math.max(largest, size);
    smallest = Math.min(smallest, size);
  }
  return { groupsOfSize, largest, smallest, originalSpread: largest - smallest };
}

/** The most uneven distribution says first from which groups; if none of these will do, any cell may serve. */
function nextCell<Id extends string>(
  cells: readonly Cell<Id>[],
  distributions: readonly Distribution[],
  slack: Slack,
): Cell<Id> | undefined {
  const uneven = distributions
    .map((distribution, index) => ({ distribution, index }))
    .filter(({ distribution: { largest, smallest } }) => largest > smallest)
    .sort(
      (a, b) => b.distribution.largest - b.distribution.smallest - (a.distribution.largest - a.distribution.smallest),
    );
  for (const { distribution, index } of uneven) {
    const cell = earliest(cells, distributions, slack, (c) => c.groups[index]?.size === distribution.largest);
    if (cell) return cell;
  }
  return earliest(cells, distributions, slack, () => true);
}

/** The cell with the earliest candidate of those that pass the filter and whose loss every distribution can bear. */
function earliest<Id extends string>(
  cells: readonly Cell<Id>[],
  distributions: readonly Distribution[],
  slack: Slack,
  isWanted: (cell: Cell<Id>) => boolean,
): Cell<Id> | undefined {
  let best: Cell<Id> | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const cell of cells) {
    const rank = cell.members[cell.next]?.rank;
    if (rank === undefined || rank > bestRank || !isWanted(cell)) continue;
    if (distributions.every((distribution, i) => canLose(distribution, cell.groups[i], slack))) {
      best = cell;
      bestRank = rank;
    }
  }
  return best;
}

/**
 * 0: the spread after a loss must be at most 1, or smaller than it was at the beginning. 1: it may be as it was. Only
 * if nobody passes the first test the second one is tried: of sizes 3, 3, 1 the smallest should not have to suffer
 * because one loss cannot make the others even.
 */
type Slack = 0 | 1;

function canLose(distribution: Distribution, group: Group | undefined, slack: Slack): boolean {
  const { largest, smallest, groupsOfSize, originalSpread } = distribution;
  if (group === undefined) return false;
  const isOnlyLargest = group.size === largest && groupsOfSize.get(largest) === 1;
  const spread = (isOnlyLargest ? largest - 1 : largest) - Math.min(smallest, group.size - 1);
  return spread <= 1 || spread < originalSpread + slack;
}

function shrink(distribution: Distribution, group: Group): void {
  const { groupsOfSize } = distribution;
  const before = group.size;
  group.size = before - 1;
  const left = (groupsOfSize.get(before) ?? 1) - 1;
  if (left === 0) groupsOfSize.delete(before);
  else groupsOfSize.set(before, left);
  groupsOfSize.set(group.size, (groupsOfSize.get(group.size) ?? 0) + 1);
  if (left === 0 && before === distribution.largest) distribution.largest = group.size;
  distribution.smallest = Math.min(distribution.smallest, group.size);
}
