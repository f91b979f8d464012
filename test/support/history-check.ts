/**
 * Finds lost and invented writes in a history. Each key is a register; a history is right if there is one order of its operations
 * that a single register could have seen, in which each operation lies between its start and its end (linearizability). An
 * unknown operation may have happened once at any time after its start, or never; a refused one never happened.
 */
import { describeOperation, type Operation } from './history.ts';

/** More states than this say that the history is too wild to judge, which counts as a violation. */
const maxStates = 200_000;

/** One text for each violation; empty if the history is right. */
export function checkHistory(operations: readonly Operation[]): readonly string[] {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) byKey.set(operation.key, [...(byKey.get(operation.key) ?? []), operation]);
  return [...byKey].flatMap(([key, all]) => {
    const strange = strangeReads(all);
    return strange.length > 0 ? strange : orderOf(key, all);
  });
}

/** Reads of what nobody wrote, of what was refused, or of what was written only later. */
function strangeReads(operations: readonly Operation[]): readonly string[] {
  const writers = new Map<number, Operation>();
  for (const operation of operations) {
    if (operation.kind === 'read' || operation.kind === 'delete' || operation.value === undefined) continue;
    if (writers.has(operation.value)) throw new Error(`${operation.key}: ${operation.value} is written twice`);
    writers.set(operation.value, operation);
  }
  return operations.flatMap((read) => {
    if (read.kind !== 'read' || read.outcome !== 'ok' || read.value === undefined) return [];
    const writer = writers.get(read.value);
    if (writer === undefined) return [`invented value: ${describeOperation(read)}`];
    const both = `${describeOperation(read)}\n  written by ${describeOperation(writer)}`;
    if (writer.outcome === 'refused') return [`refused write seen: ${both}`];
    return read.endMs < writer.startMs ? [`seen before it was written: ${both}`] : [];
  });
}

/** A place in the search for an order. */
interface State {
  /** All completed operations before this one have their place. */
  readonly next: number;
  /** Completed ones from `next` on that have their place as well. */
  readonly beyond: ReadonlySet<number>;
  /** Unknown ones that have a place. */
  readonly happened: ReadonlySet<number>;
  readonly value: number | undefined;
}

interface Search {
  readonly completed: readonly Operation[];
  readonly unknown: readonly Operation[];
}

function orderOf(key: string, operations: readonly Operation[]): readonly string[] {
  const search = searchOf(operations);
  const seen = new Set<string>();
  const stack: State[] = [{ next: 0, beyond: new Set(), happened: new Set(), value: undefined }];
  let deepest = stack[0] as State;
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    if (state.next === search.completed.length) return [];
    const name = `${state.next}|${[...state.beyond].sort()}|${[...state.happened].sort()}|${state.value}`;
    if (seen.has(name)) continue;
    seen.add(name);
    if (seen.size > maxStates) return [`${key}: no order found in ${maxStates} states`];
    if (placed(state) > placed(deepest)) deepest = state;
    // The best candidates last: they are taken first.
    stack.push(...followers(search, state).toReversed());
  }
  return [`no order explains ${key}: ${explain(search, deepest)}`];
}

const placed = (state: State): number => state.next + state.beyond.size;

function searchOf(operations: readonly Operation[]): Search {
  const byStart = (a: Operation, b: Operation): number => a.startMs - b.startMs;
  const observed = new Set(operations.filter(isSeen).map((read) => read.value));
  // Whether something was there is seen by deletes too, not only by reads.
  const hasDeletes = operations.some(({ kind, outcome }) => kind === 'delete' && outcome === 'ok');
  return {
    completed: operations.filter(({ outcome }) => outcome === 'ok').sort(byStart),
    unknown: operations
      .filter(({ kind, outcome, value }) => {
        if (outcome !== 'unknown' || kind === 'read') return false;
        return kind === 'delete' || hasDeletes || observed.has(value);
      })
      .sort(byStart),
  };
}

const isSeen = ({ kind, outcome }: Operation): boolean => kind === 'read' && outcome === 'ok';

/** What may come next: operations that began before any other one without a place had ended. */
function followers(search: Search, state: State): readonly State[] {
  const candidates: number[] = [];
  let firstEndMs = Number.POSITIVE_INFINITY;
  for (let i = state.next; i < search.completed.length; i++) {
    const operation = search.completed[i] as Operation;
    if (operation.startMs > firstEndMs) break;
    if (state.beyond.has(i)) continue;
    candidates.push(i);
    firstEndMs = Math.min(firstEndMs, operation.endMs);
  }
  const found: State[] = [];
  for (const i of candidates) {
    const operation = search.completed[i] as Operation;
    const after = effect(operation, state.value);
    if (after === undefined) continue;
    const following = withPlace(state, i, after.value);
    // A read of the present value fits now as well as ever: no other way needs to be tried.
    if (operation.kind === 'read') return [following];
    found.push(following);
  }
  for (const [i, operation] of search.unknown.entries()) {
    if (operation.startMs > firstEndMs) break;
    if (state.happened.has(i)) continue;
    const after = effect(operation, state.value);
    if (after !== undefined) found.push({ ...state, happened: new Set([...state.happened, i]), value: after.value });
  }
  return found;
}

function withPlace(state: State, i: number, value: number | undefined): State {
  const beyond = new Set(state.beyond).add(i);
  let next = state.next;
  while (beyond.delete(next)) next++;
  return { next, beyond, happened: state.happened, value };
}

/** What an operation makes of the register; undefined if it could not have happened so. */
function effect(operation: Operation, value: number | undefined): { readonly value: number | undefined } | undefined {
  switch (operation.kind) {
    case 'read':
      return operation.value === value ? { value } : undefined;
    case 'put':
      return { value: operation.value };
    case 'create':
      return value === undefined ? { value: operation.value } : undefined;
    case 'delete':
      return value === undefined ? undefined : { value: undefined };
  }
}

function explain(search: Search, state: State): string {
  const rest = search.completed.map((operation, i) => ({ operation, i })).slice(state.next);
  const next = rest.filter(({ i }) => !state.beyond.has(i)).slice(0, 3);
  const before = search.completed.slice(Math.max(0, state.next - 4), state.next);
  const open = search.unknown.filter((_, i) => !state.happened.has(i)).slice(-4);
  const lines = (operations: readonly Operation[]): string =>
    operations.map((operation) => `\n    ${describeOperation(operation)}`).join('');
  return [
    `the register held ${state.value ?? 'nothing'} and none of these fits:${lines(next.map((one) => one.operation))}`,
    `  before them:${lines(before)}`,
    `  unknown and not seen:${lines(open)}`,
  ].join('\n');
}
