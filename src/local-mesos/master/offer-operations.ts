/** RESERVE, UNRESERVE, CREATE and DESTROY: resources of an agent become others (mesos-v1 §4.4, recordings 11 and 11c). */
import type { Resource } from '../../core/mesos/types.ts';
import { addToBag, type Bag, bagContains, bagOf, formatBag, takeFromBag } from '../resources/bag.ts';
import { effectiveRole, reservationsOf } from '../resources/reservations.ts';
import { refuseResource } from '../resources/wire.ts';
import type { OfferOperation } from './calls.ts';
import type { Agent, Framework } from './model.ts';

export interface OperationContext {
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** What is left of the accepted offers. */
  readonly available: Bag;
}

/** What is taken and what it becomes. */
interface Conversion {
  readonly from: Resource;
  readonly to: Resource;
}

type Convert = (resource: Resource, context: OperationContext) => Conversion | string;

const conversions: Readonly<Record<string, Convert>> = {
  RESERVE: reserve,
  UNRESERVE: unreserve,
  CREATE: create,
  DESTROY: destroy,
};

/** Whether an operation is one of these. */
export const isConversion = (type: string | undefined): boolean =>
  type !== undefined && Object.hasOwn(conversions, type);

/**
 * Applies an operation to what is available and to what the agent has in all, or changes nothing and says why not. Gives what has
 * come into being.
 */
export function convertResources(
  operation: OfferOperation,
  context: OperationContext,
): { made: Bag } | { refusal: string } {
  const convert = conversions[operation.type ?? ''];
  const resources = resourcesOf(operation);
  if (convert === undefined || resources === undefined) return { refusal: 'Operation without its body' };
  if (resources.length === 0) return { refusal: 'No resources specified' };
  const taken: Bag = [];
  const made: Bag = [];
  for (const resource of resources) {
    const fault = refuseResource(resource);
    if (fault !== undefined) return { refusal: `Invalid resources: ${fault}` };
    const converted = convert(resource, context);
    if (typeof converted === 'string') return { refusal: `${converted}; on agent ${context.agent.id}` };
    addToBag(taken, bagOf([converted.from]));
    addToBag(made, bagOf([converted.to]));
  }
  const { available, agent, role } = context;
  if (!bagContains(available, taken)) {
    return { refusal: `${formatBag(available, role)} does not contain ${formatBag(taken, role)}` };
  }
  for (const bag of [available, agent.total]) {
    takeFromBag(bag, taken);
    addToBag(bag, made);
  }
  if (operation.type === 'DESTROY') {
    for (const { role: of, volumeId } of taken) if (volumeId !== undefined) agent.runner.destroyVolume(of, volumeId);
  }
  return { made };
}

function resourcesOf(operation: OfferOperation): readonly Resource[] | undefined {
  const { reserve, unreserve: given, create: made, destroy: gone } = operation;
  return reserve?.resources ?? given?.resources ?? made?.volumes ?? gone?.volumes;
}

/** The same resource with other reservations, in the new form. */
function withReservations(resource: Resource, reservations: ReturnType<typeof reservationsOf>): Resource {
  const { role: _role, reservation: _reservation, reservations: _old, ...rest } = resource;
  return { ...rest, reservations };
}

function reserve(resource: Resource, { framework, role }: OperationContext): Conversion | string {
  const stack = reservationsOf(resource);
  const top = stack.at(-1);
  if (top === undefined || top.type !== 'DYNAMIC') return 'Resource must be dynamically reserved';
  const reservedFor = effectiveRole(stack);
  if (reservedFor !== role) {
    return `A reserve operation was attempted for a resource with role '${reservedFor}', but the resource was allocated to role '${role}'`;
  }
  const principal = framework.info.principal;
  if (principal !== undefined && top.principal !== principal) {
    return `A reserve operation was attempted by authenticated principal '${principal}', which does not match a reserved resource in the request with principal '${top.principal ?? ''}'`;
  }
  if (resource.disk?.persistence !== undefined) return 'A persistent volume cannot be reserved';
  return { from: withReservations(resource, stack.slice(0, -1)), to: withReservations(resource, stack) };
}

function unreserve(resource: Resource): Conversion | string {
  const stack = reservationsOf(resource);
  if (stack.at(-1)?.type !== 'DYNAMIC') return 'Resource is not dynamically reserved';
  if (resource.disk?.persistence !== undefined)
    return 'A dynamically reserved persistent volume cannot be unreserved directly';
  return { from: withReservations(resource, stack), to: withReservations(resource, stack.slice(0, -1)) };
}

function create(resource: Resource, { framework, agent }: OperationContext): Conversion | string {
  const persistence = resource.disk?.persistence;
  const stack = reservationsOf(resource);
  if (resource.name !== 'disk' || persistence === undefined) return 'Resource is not a persistent volume';
  if (stack.length === 0) return 'Persistent volumes cannot be created from unreserved resources';
  if (resource.disk?.volume === undefined) return "Expecting 'volume' to be set for persistent volume";
  const principal = framework.info.principal;
  if (principal !== undefined && persistence.principal !== principal) {
    return `A create volume operation was attempted by principal '${principal}', which does not match 'DiskInfo.Persistence.principal'`;
  }
  const role = effectiveRole(stack);
  const isTaken = agent.total.some(
    (entry) => entry.volumeId === persistence.id && entry.role === role && !isNothing(entry),
  );
  if (isTaken) return `Persistence ID '${persistence.id}' is not unique`;
  return { from: withoutVolume(resource), to: withReservations(resource, stack) };
}

function destroy(resource: Resource): Conversion | string {
  if (resource.disk?.persistence === undefined) return 'Resource is not a persistent volume';
  return { from: withReservations(resource, reservationsOf(resource)), to: withoutVolume(resource) };
}

const isNothing = (entry: Bag[number]): boolean => entry.kind === 'SCALAR' && entry.milli <= 0;

/** The disk under a volume. */
function withoutVolume(resource: Resource): Resource {
  const { disk, ...rest } = resource;
  const plain = withReservations(rest, reservationsOf(resource));
  return disk?.source === undefined ? plain : { ...plain, disk: { source: disk.source } };
}
