/**
 * What is left of one offer while a pass takes pieces from it. Amounts are counted in thousandths, as Mesos does itself
 * (mesos-v1 §3.4), so that ten times 0.1 is exactly 1.
 */
import type { Offer, Range, Resource } from '../mesos/types.ts';

export const scalarNames = ['cpus', 'mem', 'disk', 'gpus'] as const;
export type ScalarName = (typeof scalarNames)[number];

/** Amounts in thousandths of the unit of the name (CPUs, MiB, GPUs). */
export type Amounts = Readonly<Record<ScalarName, number>>;

export interface ScalarPiece {
  readonly role: string;
  readonly resource: Resource;
  milli: number;
  /** What was taken last: launches of one app take the same amount again and may share the object. */
  last: { readonly milli: number; readonly resource: Resource } | undefined;
}

export interface PortsPiece {
  readonly role: string;
  readonly resource: Resource;
  /** Sorted and disjoint. */
  ranges: Range[];
}

/** The usable remainder of an offer. Mutable: it belongs to the one pass that made it. */
export interface Supply {
  readonly scalars: Readonly<Record<ScalarName, ScalarPiece[]>>;
  readonly ports: PortsPiece[];
  /** Roles of the usable resources of any name: `*` for unreserved ones. */
  readonly roles: readonly string[];
  /** GPUs of the agent that no app may take, but that count as scarce (behaviour §2.8). */
  readonly lockedGpusMilli: number;
}

/** The amount in Mesos' fixed point: thousandths, rounded. */
export const toMilli = (amount: number): number => Math.round(amount * 1000);

/** The role that a resource is reserved for in either form of the wire, `*` if for none (mesos-v1 §3.4). */
const resourceRole = (resource: Resource): string => resource.reservations?.at(-1)?.role ?? resource.role ?? '*';

const reservationLabels = ['marathon_framework_id', 'marathon_task_id'] as const;

/** Reserved for one particular instance of some Marathon (behaviour §2.4). */
function isReservedForAnInstance(resource: Resource): boolean {
  const reservations = resource.reservations ?? (resource.reservation ? [resource.reservation] : []);
  return reservations.some(({ labels }) =>
    reservationLabels.every((key) => labels?.labels?.some((label) => label.key === key)),
  );
}

const isUsable = (resource: Resource): boolean =>
  resource.revocable === undefined &&
  resource.shared === undefined &&
  resource.disk?.persistence === undefined &&
  resource.disk?.source === undefined &&
  !isReservedForAnInstance(resource);

const isScalarName = (name: string): name is ScalarName => (scalarNames as readonly string[]).includes(name);

/**
 * Sorts the resources of an offer into what ordinary launches may take: no persistent volumes and no disks but the
 * root disk (behaviour §2.6), nothing revocable or shared, nothing reserved for an instance. Reserved pieces come
 * before unreserved ones, so that what nobody else can use goes first.
 */
export function supplyOf(offer: Offer): Supply {
  const scalars: Record<ScalarName, ScalarPiece[]> = { cpus: [], mem: [], disk: [], gpus: [] };
  const ports: PortsPiece[] = [];
  const roles: string[] = [];
  let lockedGpusMilli = 0;
  for (const resource of offer.resources) {
    const { name } = resource;
    if (!isUsable(resource)) {
      if (name === 'gpus') lockedGpusMilli += toMilli(resource.scalar?.value ?? 0);
      continue;
    }
    const role = resourceRole(resource);
    if (!roles.includes(role)) roles.push(role);
    if (name === 'ports' && resource.ranges) {
      const ranges = [...(resource.ranges.range ?? [])].sort((a, b) => a.begin - b.begin);
      addByRole(ports, { role, resource, ranges });
    } else if (isScalarName(name) && resource.scalar) {
      addByRole(scalars[name], { role, resource, milli: toMilli(resource.scalar.value), last: undefined });
    }
  }
  return { scalars, ports, roles, lockedGpusMilli };
}

function addByRole<Piece extends { readonly role: string }>(pieces: Piece[], piece: Piece): void {
  if (piece.role === '*') pieces.push(piece);
  else pieces.unshift(piece);
}

/** Thousandths that the roles may take from the pieces. */
export function availableMilli(pieces: readonly ScalarPiece[], roles: readonly string[]): number {
  let sum = 0;
  for (const piece of pieces) if (roles.includes(piece.role)) sum += piece.milli;
  return sum;
}

/** Thousandths of every role together. */
export function totalMilli(pieces: readonly ScalarPiece[]): number {
  let sum = 0;
  for (const piece of pieces) sum += piece.milli;
  return sum;
}

/**
 * Takes the amounts out of the supply and appends the consumed resources to `into`, with role, reservations and
 * allocation as offered. The caller has seen that they fit.
 */
export function takeScalars(supply: Supply, roles: readonly string[], needs: Amounts, into: Resource[]): void {
  for (const name of scalarNames) {
    let missing = needs[name];
    if (missing <= 0) continue;
    for (const piece of supply.scalars[name]) {
      if (piece.milli <= 0 || !roles.includes(piece.role)) continue;
      const milli = Math.min(missing, piece.milli);
      piece.milli -= milli;
      missing -= milli;
      if (piece.last?.milli !== milli) {
        piece.last = { milli, resource: { ...piece.resource, scalar: { value: milli / 1000 } } };
      }
      into.push(piece.last.resource);
      if (missing === 0) break;
    }
  }
}
