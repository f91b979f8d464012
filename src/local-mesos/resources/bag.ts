/**
 * Amounts of resources. Scalars are counted in thousandths, so that sums never drift (ten times 0.1 of 1 leaves 0). Two
 * resources are of one class, and thus one entry, when everything but the amount is equal: name, reservation, disk.
 */
import type { Resource } from '../../core/mesos/types.ts';
import {
  addRanges,
  containsRanges,
  countRanges,
  formatRanges,
  normaliseRanges,
  type Ranges,
  subtractRanges,
} from './ranges.ts';

import {
  effectiveRole,
  formatReservations,
  type Reservations,
  reservationKey,
  reservationsOf,
  unreserved,
} from './reservations.ts';

interface ResourceClass {
  /** Equal for resources of one class. */
  readonly key: string;
  readonly name: string;
  /** `*` when unreserved. */
  readonly role: string;
  readonly reservations: Reservations;
  /** Of a persistent volume. */
  readonly volumeId: string | undefined;
  /** As it stands on the wire. */
  readonly disk: Resource['disk'];
}

export type BagEntry = ResourceClass &
  (
    | { readonly kind: 'SCALAR'; readonly milli: number }
    | { readonly kind: 'RANGES'; readonly ranges: Ranges }
    | { readonly kind: 'SET'; readonly items: readonly string[] }
  );

/**
 * One entry for each class, in the order in which they were added: a handful, so that searching beats hashing. An entry that
 * has run empty stays in its place and does not count.
 */
export type Bag = BagEntry[];

const unreservedClasses = new Map<string, ResourceClass>();
const commonScalars = new Map<string, BagEntry>();
/** Both tables begin anew when they hold this many entries. */
const maxShared = 2_000;

function share<T>(table: Map<string, T>, key: string, make: () => T): T {
  let value = table.get(key);
  if (value === undefined) {
    if (table.size >= maxShared) table.clear();
    value = make();
    table.set(key, value);
  }
  return value;
}

/** The class of a resource as it stands on the wire, in either the old or the `reservations` form (mesos-v1 §3.4). */
function classOf(resource: Resource): ResourceClass {
  const { name, disk, revocable } = resource;
  const reservations = reservationsOf(resource);
  const role = effectiveRole(reservations);
  if (reservations.length === 0 && disk === undefined && revocable === undefined) {
    const plain = { key: name, name, role, reservations: unreserved, volumeId: undefined, disk: undefined };
    return share(unreservedClasses, name, () => plain);
  }
  const volumeId = disk?.persistence?.id;
  const volume = volumeId === undefined ? (disk?.source?.type ?? '') : `#${volumeId}`;
  const key = `${name}${reservationKey(reservations)}${volume}${revocable === undefined ? '' : '~'}`;
  return { key, name, role, reservations, volumeId, disk };
}

/** Adds up resources of the wire. They must have passed `refuseResource`. */
export function bagOf(resources: readonly Resource[]): Bag {
  const bag: Bag = [];
  for (const resource of resources) addEntry(bag, entryOf(resource));
  return bag;
}

function entryOf(resource: Resource): BagEntry {
  const cls = classOf(resource);
  if (resource.type === 'RANGES') {
    return { ...cls, kind: 'RANGES', ranges: normaliseRanges(resource.ranges?.range ?? []) };
  }
  if (resource.type === 'SET') return { ...cls, kind: 'SET', items: resource.set?.item ?? [] };
  const milli = Math.round((resource.scalar?.value ?? 0) * 1000);
  // Thousands of tasks ask for the same amounts: they share the entries.
  return share(commonScalars, `${milli} ${cls.key}`, () => ({ ...cls, kind: 'SCALAR', milli }));
}

function addEntry(bag: Bag, entry: BagEntry): void {
  for (let i = 0; i < bag.length; i++) {
    const old = bag[i];
    if (old?.key !== entry.key) continue;
    bag[i] = sum(old, entry);
    return;
  }
  bag.push(entry);
}

function find(bag: Bag, key: string): BagEntry | undefined {
  for (const entry of bag) if (entry.key === key) return entry;
  return undefined;
}

function sum(a: BagEntry, b: BagEntry): BagEntry {
  if (a.kind === 'SCALAR' && b.kind === 'SCALAR') return { ...a, milli: a.milli + b.milli };
  if (a.kind === 'RANGES' && b.kind === 'RANGES') return { ...a, ranges: addRanges(a.ranges, b.ranges) };
  if (a.kind === 'SET' && b.kind === 'SET') return { ...a, items: [...new Set([...a.items, ...b.items])] };
  return a;
}

function difference(a: BagEntry, b: BagEntry): BagEntry {
  if (a.kind === 'SCALAR' && b.kind === 'SCALAR') return { ...a, milli: a.milli - b.milli };
  if (a.kind === 'RANGES' && b.kind === 'RANGES') return { ...a, ranges: subtractRanges(a.ranges, b.ranges) };
  if (a.kind === 'SET' && b.kind === 'SET') return { ...a, items: a.items.filter((item) => !b.items.includes(item)) };
  return a;
}

/** Whether nothing of the entry is left. */
export function isEmptyEntry(entry: BagEntry): boolean {
  switch (entry.kind) {
    case 'SCALAR':
      return entry.milli <= 0;
    case 'RANGES':
      return entry.ranges.length === 0;
    case 'SET':
      return entry.items.length === 0;
  }
}

/** True if nothing in it has an amount. */
export function isEmptyBag(bag: Bag): boolean {
  for (const entry of bag) if (!isEmptyEntry(entry)) return false;
  return true;
}

/** Puts `more` into `bag`. */
export function addToBag(bag: Bag, more: Bag): void {
  for (const entry of more) if (!isEmptyEntry(entry)) addEntry(bag, entry);
}

/** Takes `part` out of `bag`, which must contain it. */
export function takeFromBag(bag: Bag, part: Bag): void {
  for (const entry of part) {
    const i = bag.findIndex(({ key }) => key === entry.key);
    const old = bag[i];
    if (old !== undefined) bag[i] = difference(old, entry);
  }
}

/** Whether `part` can be served from `whole`. */
export function bagContains(whole: Bag, part: Bag): boolean {
  for (const wanted of part) {
    if (isEmptyEntry(wanted)) continue;
    const have = find(whole, wanted.key);
    if (have === undefined || !entryContains(have, wanted)) return false;
  }
  return true;
}

function entryContains(have: BagEntry, wanted: BagEntry): boolean {
  if (have.kind === 'SCALAR' && wanted.kind === 'SCALAR') return have.milli >= wanted.milli;
  if (have.kind === 'RANGES' && wanted.kind === 'RANGES') return containsRanges(have.ranges, wanted.ranges);
  if (have.kind === 'SET' && wanted.kind === 'SET') return wanted.items.every((item) => have.items.includes(item));
  return false;
}

/** The thousandths of a scalar over all reservations. */
export function milliOf(bag: Bag, name: string): number {
  let milli = 0;
  for (const entry of bag) if (entry.kind === 'SCALAR' && entry.name === name) milli += entry.milli;
  return milli;
}

/** The part of `bag` that a role may use: what is unreserved and what is reserved for it or for a role above it. */
export function partForRole(bag: Bag, role: string): Bag {
  return bag.filter((entry) => mayUse(role, entry.role) && !isEmptyEntry(entry));
}

const mayUse = (role: string, reservedFor: string): boolean =>
  reservedFor === '*' || reservedFor === role || role.startsWith(`${reservedFor}/`);

/** The text of error messages: `cpus(allocated: *):3.9; ports(allocated: *):[31000-32000]`. */
export function formatBag(bag: Bag, allocatedRole: string | undefined): string {
  const parts: string[] = [];
  for (const entry of bag) {
    if (isEmptyEntry(entry)) continue;
    const allocated = allocatedRole === undefined ? '' : `(allocated: ${allocatedRole})`;
    const reserved = formatReservations(entry.reservations);
    const volume = entry.volumeId === undefined ? '' : `[${entry.volumeId}:${pathOf(entry.disk)}]`;
    parts.push(`${entry.name}${allocated}${reserved}${volume}:${formatAmount(entry)}`);
  }
  return parts.length === 0 ? '{}' : parts.join('; ');
}

const pathOf = (disk: Resource['disk']): string =>
  (disk?.volume as { readonly container_path?: string } | undefined)?.container_path ?? '';

function formatAmount(entry: BagEntry): string {
  switch (entry.kind) {
    case 'SCALAR':
      return String(entry.milli / 1000);
    case 'RANGES':
      return formatRanges(entry.ranges);
    case 'SET':
      return `{${entry.items.join(', ')}}`;
  }
}

/** The object of the read endpoints: `{"disk":0,"mem":32,"gpus":0,"cpus":0.1,"ports":"[31001-31002]"}` (mesos-v1 §6.3). */
export function summariseBag(bag: Bag): Record<string, number | string> {
  const out: Record<string, number | string> = { disk: 0, mem: 0, gpus: 0, cpus: 0 };
  const ranges = new Map<string, Ranges>();
  for (const entry of bag) {
    if (entry.kind === 'SCALAR') {
      const before = out[entry.name];
      out[entry.name] = ((typeof before === 'number' ? before * 1000 : 0) + entry.milli) / 1000;
    } else if (entry.kind === 'RANGES' && countRanges(entry.ranges) > 0) {
      ranges.set(entry.name, addRanges(ranges.get(entry.name) ?? [], entry.ranges));
    } else if (entry.kind === 'SET' && entry.items.length > 0) out[entry.name] = `{${entry.items.join(', ')}}`;
  }
  for (const [name, flat] of ranges) out[name] = formatRanges(flat);
  return out;
}
