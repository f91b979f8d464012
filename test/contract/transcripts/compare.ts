/** Compares what was recorded with what the local cluster says, member by member, but for the exceptions. */
import type { Bindings } from './bindings.ts';
import { anyOrder, type Exception, exceptionFor } from './exceptions.ts';

type Pairs = [recorded: string, live: string][];

/**
 * The differences, one sentence each; ids that agree are bound when there are none. `path` begins with the kind of thing that is
 * compared, such as `UPDATE` or `GET /master/state`.
 */
export function compare(
  recorded: unknown,
  live: unknown,
  path: string,
  bindings: Bindings,
  recording: string,
): readonly string[] {
  const differences: string[] = [];
  const pairs: Pairs = [];
  walk(recorded, live, path);
  if (differences.length === 0) for (const [token, id] of pairs) bindings.bind(token, id);
  return differences;

  function walkByName(a: readonly unknown[], b: readonly unknown[], at: string): void {
    const rest = [...b];
    for (const item of a) {
      const name = bindings.text(nameOf(item));
      const i = rest.findIndex((other) => nameOf(other) === name);
      if (i < 0) differences.push(`${at}: recorded ${name} is missing`);
      else walk(item, rest.splice(i, 1)[0], `${at}[]`);
    }
    for (const item of rest) differences.push(`${at}: live ${nameOf(item)} was not recorded`);
  }

  function walk(a: unknown, b: unknown, at: string): void {
    const exception = exceptionFor(at, recording);
    if (exception !== undefined) {
      const fault = faultOf(exception, a, b);
      if (fault !== undefined) differences.push(`${at}: ${fault}`);
      return;
    }
    if (typeof a === 'string' && typeof b === 'string') {
      if (bindings.isId(a)) {
        const twin = pairs.find(([token]) => token === a);
        if (twin === undefined ? bindings.fits(a, b) : twin[1] === b) pairs.push([a, b]);
        else differences.push(`${at}: recorded id ${a} stands for ${bindings.text(a)}, not for ${b}`);
      } else if (a !== b && bindings.text(a) !== b) differences.push(`${at}: recorded ${show(a)}, live ${show(b)}`);
    } else if (Array.isArray(a) && Array.isArray(b)) {
      const isUnordered = anyOrder.some((one) => one.recording === recording && one.at.test(at));
      if ((isByName(at) || isUnordered) && [...a, ...b].every(isObject)) {
        walkByName(a, b, at);
        return;
      }
      if (a.length !== b.length) differences.push(`${at}: recorded ${a.length} items, live ${b.length}`);
      for (let i = 0; i < Math.min(a.length, b.length); i++) walk(a[i], b[i], `${at}[]`);
    } else if (isObject(a) && isObject(b)) {
      const recorded = Object.fromEntries(Object.entries(a).map(([name, member]) => [bindings.text(name), member]));
      const names = new Set([...Object.keys(recorded), ...Object.keys(b)]);
      for (const name of names) walk(recorded[name], b[name], `${at}.${name}`);
    } else if (a !== b) differences.push(`${at}: recorded ${show(a)}, live ${show(b)}`);
  }
}

/** Lists whose order is that of a hash table in Mesos, and resources, which are added up in an order of their own. */
const isByName = (at: string): boolean =>
  (/\.(\w*tasks|frameworks|slaves|(completed_)?executors|containers|(\w+_)?resources(_full)?(\.\w+)?)$/.test(at) ||
    /\/(containers|statistics)$/.test(at)) &&
  !at.includes('/master/tasks');

interface Named {
  readonly id?: string;
  readonly container_id?: string | { readonly value: string };
  readonly name?: string;
  readonly task_id?: { readonly value: string };
  readonly executor_id?: string | { readonly value: string };
  readonly executor_info?: { readonly executor_id?: { readonly value: string } };
  readonly role?: string;
  readonly reservations?: readonly { readonly role?: string; readonly type?: string }[];
  readonly disk?: { readonly persistence?: { readonly id?: string } };
}

/** What a member of such a list is called: tasks by id, resources by kind. */
function nameOf(item: unknown): string {
  const { id, container_id, task_id, name, role, reservations, disk, executor_id, executor_info } = item as Named;
  if (container_id !== undefined) return typeof container_id === 'string' ? container_id : container_id.value;
  const executor = executor_info?.executor_id ?? (id === undefined && task_id === undefined ? executor_id : undefined);
  if (executor !== undefined) return typeof executor === 'string' ? executor : executor.value;
  if (id !== undefined || task_id !== undefined) return id ?? task_id?.value ?? '';
  const reserved = (reservations ?? []).map((one) => `${one.type} ${one.role}`).join();
  return [name, role ?? '', reserved, disk?.persistence?.id ?? ''].join('|');
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function faultOf(exception: Exception, a: unknown, b: unknown): string | undefined {
  if (exception.rule === 'ignore') return undefined;
  return typeof a === typeof b ? undefined : `recorded ${show(a)}, live ${show(b)}`;
}

const maxShown = 160;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
