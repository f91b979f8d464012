/** Resources on their way to and from the wire: the JSON of offers, and the checks on what clients send. */
import type { Resource } from '../../core/mesos/types.ts';
import { type Bag, type BagEntry, isEmptyEntry } from './bag.ts';
import { toWireRanges } from './ranges.ts';
import { oldReservation, reservationJson } from './reservations.ts';

/** How a framework wants to see resources (mesos-v1 §3.3). */
export interface ResourceForm {
  /** MULTI_ROLE: `allocation_info` in every resource. */
  readonly withAllocation: boolean;
  /** RESERVATION_REFINEMENT: `reservations[]`, otherwise `role`. */
  readonly withReservations: boolean;
}

/** The JSON array of a bag's resources, as an offer to `role` carries it. */
export function encodeBag(bag: Bag, role: string, form: ResourceForm): string {
  let out = '';
  for (const entry of bag) {
    if (isEmptyEntry(entry)) continue;
    out += `${out === '' ? '[' : ','}{"name":${JSON.stringify(entry.name)},"type":"${entry.kind}",${amountOf(entry)}`;
    out += reservationJson(entry.reservations, form.withReservations);
    if (form.withAllocation) out += `,"allocation_info":{"role":${JSON.stringify(role)}}`;
    if (entry.disk !== undefined) out += `,"disk":${JSON.stringify(entry.disk)}`;
    out += '}';
  }
  return out === '' ? '[]' : `${out}]`;
}

function amountOf(entry: BagEntry): string {
  switch (entry.kind) {
    case 'SCALAR':
      return `"scalar":{"value":${entry.milli / 1000}}`;
    case 'RANGES':
      return `"ranges":{"range":${JSON.stringify(toWireRanges(entry.ranges))}}`;
    case 'SET':
      return `"set":{"item":${JSON.stringify(entry.items)}}`;
  }
}

/** A resource in both forms at once, as /slaves shows it. */
export function fullResource(entry: BagEntry, allocatedRole?: string): object {
  const form = { withAllocation: allocatedRole !== undefined, withReservations: true };
  const [resource] = JSON.parse(encodeBag([entry], allocatedRole ?? '', form)) as [Record<string, unknown>];
  const top = entry.reservations.at(-1);
  const old = top === undefined ? '' : oldReservation(top);
  return { ...resource, role: entry.role, ...(JSON.parse(`{${old.slice(1)}}`) as object) };
}

/** Why one resource of a task is not valid, in Mesos' words (mesos-v1 §3.4), or undefined. */
export function refuseResource(resource: Resource): string | undefined {
  const detail = resource.name === '' ? 'Empty resource name' : (refuseAmount(resource) ?? refuseDisk(resource));
  return detail === undefined ? undefined : `Resource '${describe(resource)}' is invalid: ${detail}`;
}

const refuseDisk = ({ name, disk }: Resource): string | undefined =>
  name !== 'disk' && disk !== undefined ? `DiskInfo should not be set for ${name} resource` : undefined;

/** Why resources that are valid one by one are not together: GPUs come whole. */
export function refuseDivided(resources: readonly Resource[]): string | undefined {
  const gpus = resources.reduce((sum, { name, scalar }) => sum + (name === 'gpus' ? (scalar?.value ?? 0) : 0), 0);
  return Math.trunc(gpus * 1000) % 1000 === 0
    ? undefined
    : "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer";
}

function refuseAmount(resource: Resource): string | undefined {
  switch (resource.type) {
    case 'SCALAR': {
      if (resource.scalar === undefined) return 'Invalid scalar resource';
      const milli = Math.round(resource.scalar.value * 1000);
      // Nothing at all may be asked for; what would be rounded to it may not.
      const isRight = resource.scalar.value === 0 || (Number.isFinite(milli) && milli > 0);
      return isRight ? undefined : 'Invalid scalar resource: value <= 0';
    }
    case 'RANGES':
      return refuseRanges(resource);
    case 'SET': {
      const items = resource.set?.item ?? [];
      return new Set(items).size === items.length ? undefined : 'Invalid set resource: duplicated elements';
    }
    default:
      return 'Unsupported resource type';
  }
}

function refuseRanges(resource: Resource): string | undefined {
  const ranges = resource.ranges?.range;
  if (ranges === undefined) return 'Invalid ranges resource';
  if (ranges.some(({ begin, end }) => begin > end)) return 'Invalid ranges resource: begin > end';
  const sorted = [...ranges].sort((a, b) => a.begin - b.begin);
  const overlap = sorted.some((range, i) => i > 0 && range.begin <= (sorted[i - 1]?.end ?? -1));
  return overlap ? 'Invalid ranges resource: overlapping ranges' : undefined;
}

function describe(resource: Resource): string {
  if (resource.type === 'SCALAR') return `${resource.name}:${Math.round((resource.scalar?.value ?? 0) * 1000) / 1000}`;
  const ranges = (resource.ranges?.range ?? []).map(({ begin, end }) => `${begin}-${end}`);
  return `${resource.name}:[${ranges.join(', ')}]`;
}
