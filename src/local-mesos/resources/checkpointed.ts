/** What an agent has to remember of its resources: dynamic reservations and persistent volumes (mesos-v1 §4.4). */
import type { Resource } from '../../core/mesos/types.ts';
import { addToBag, type Bag, type BagEntry, bagOf, isEmptyEntry, takeFromBag } from './bag.ts';
import { subtractRanges } from './ranges.ts';
import { type Reservations, reservationsOf } from './reservations.ts';
import { encodeBag, refuseResource } from './wire.ts';

const isDynamic = (reservations: Reservations): boolean => {
  const top = reservations.at(-1);
  return top !== undefined && top.type !== 'STATIC';
};

/** The part of an agent's resources that its flags do not tell, in the form of the wire. */
export function checkpointedOf(total: Bag): readonly Resource[] {
  const kept = total.filter(
    (entry) => !isEmptyEntry(entry) && (isDynamic(entry.reservations) || entry.volumeId !== undefined),
  );
  return JSON.parse(encodeBag(kept, '', { withAllocation: false, withReservations: true })) as Resource[];
}

/** The same resource before anybody reserved it or made a volume of it. */
function baseOf(resource: Resource): Resource {
  const { disk, role: _role, reservation: _old, reservations: _all, ...rest } = resource;
  let stack = [...reservationsOf(resource)];
  while (isDynamic(stack)) stack = stack.slice(0, -1);
  return {
    ...rest,
    ...(stack.length === 0 ? {} : { reservations: stack }),
    ...(disk?.source === undefined ? {} : { disk: { source: disk.source } }),
  };
}

/**
 * Makes of what the flags say what the agent has: reservations and volumes in place of free resources. A reservation outlives
 * flags that no longer offer so much. Gives one sentence, without its subject, for each that is not as it should be.
 */
export function applyCheckpointed(total: Bag, checkpointed: readonly Resource[]): readonly string[] {
  const remarks: string[] = [];
  for (const resource of checkpointed) {
    const fault = refuseResource(resource);
    if (fault !== undefined) {
      remarks.push(`forgets a reservation that makes no sense: ${fault}`);
      continue;
    }
    const base = bagOf([baseOf(resource)]);
    const missing = base.flatMap((entry) => missingIn(total, entry));
    if (missing.length > 0) remarks.push(`keeps reserved ${resource.name} that its flags no longer offer`);
    addToBag(total, missing);
    takeFromBag(total, base);
    addToBag(total, bagOf([resource]));
  }
  return remarks;
}

/** What of an entry the bag cannot give. */
function missingIn(bag: Bag, wanted: BagEntry): BagEntry[] {
  const have = bag.find(({ key }) => key === wanted.key);
  if (have === undefined) return [wanted];
  if (have.kind === 'SCALAR' && wanted.kind === 'SCALAR') {
    return have.milli >= wanted.milli ? [] : [{ ...wanted, milli: wanted.milli - have.milli }];
  }
  if (have.kind === 'RANGES' && wanted.kind === 'RANGES') {
    const ranges = subtractRanges(wanted.ranges, have.ranges);
    return ranges.length === 0 ? [] : [{ ...wanted, ranges }];
  }
  if (have.kind === 'SET' && wanted.kind === 'SET') {
    const items = wanted.items.filter((item) => !have.items.includes(item));
    return items.length === 0 ? [] : [{ ...wanted, items }];
  }
  return [wanted];
}
