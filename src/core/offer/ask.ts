/** One question of a pass: does an app take a launch from an offer, and if not, why? (behaviour §2.4) */
import { taskIdOf } from '../ids.ts';
import type { Offer, Resource } from '../mesos/types.ts';
import type { MatchSettings, PlannedLaunch } from './demand.ts';
import { isForeignRegion, isTooScarce } from './eligibility.ts';
import { type AgentView, agentOf, viewOf } from './fields.ts';
import type { AppState, Lane, Ring, Shape } from './lanes.ts';
import { choosePorts, type PortRequest, takePorts } from './ports.ts';
import { type ReasonSet, type RefusalRoom, reasonBit } from './refusals.ts';
import { availableMilli, type ScalarName, type Supply, supplyOf, takeScalars, totalMilli } from './resources.ts';
import { buildTaskInfo } from './task-info.ts';

/** What a pass knows about the offer at hand. */
export interface OfferState {
  readonly offer: Offer;
  readonly number: number;
  readonly supply: Supply;
  readonly view: AgentView;
  readonly isUnavailable: boolean;
  readonly launches: PlannedLaunch[];
  /** Shapes of the ring that the offer is too small for. */
  deadShapes: number;
}

export interface Pass {
  readonly settings: MatchSettings;
  readonly random: () => number;
  readonly room: RefusalRoom;
  readonly rings: ReadonlyMap<string, Ring>;
  /** Launches that the pass may still make. */
  left: number;
}

/** Opens an offer for a pass. */
export const openOffer = (offer: Offer, number: number, unavailable: boolean): OfferState => ({
  offer,
  number,
  supply: supplyOf(offer),
  view: viewOf(agentOf(offer)),
  isUnavailable: unavailable,
  launches: [],
  deadShapes: 0,
});

/** True if the lane has instances left to launch. */
export const isOpen = (lane: Lane): boolean => lane.taken < lane.waiting.length;

/**
 * Asks one lane for one launch. True if it took one and wants another from this offer; a grouped app lets the other
 * agents go first, so that it does not fill up the first one it meets.
 */
export function ask(pass: Pass, ring: Ring, lane: Lane, offer: OfferState): boolean {
  const { state, shape } = lane;
  const { room } = pass;
  let reasons = tooSmall(shape, offer);
  if (reasons === 0 || room.isLeft) reasons |= unsuitable(pass, state, offer);
  const ports =
    reasons === 0 ? choosePorts(state.needs.ports, offer.supply.ports, shape.roles, pass.random) : undefined;
  const instance = lane.waiting[lane.taken];
  if (ports === undefined || instance === undefined) {
    room.note(state.refusals, offer.offer, reasons === 0 ? insufficientPorts : reasons);
    return false;
  }
  const taskId = taskIdOf(instance.instanceId, instance.incarnation);
  offer.launches.push(launch(pass, lane, offer, { ...instance, taskId }, ports));
  pass.left -= 1;
  state.judge().place(offer.view);
  lane.taken += 1;
  state.open -= 1;
  ring.passTurn(lane);
  if (state.open === 0) room.forget(state.refusals);
  if (isOpen(lane)) return !state.needs.isGrouped;
  ring.remove(lane);
  return false;
}

const unfulfilledRole = reasonBit('UnfulfilledRole');
const unfulfilledConstraint = reasonBit('UnfulfilledConstraint');
const noReservation = reasonBit('NoCorrespondingReservationFound');
const agentMaintenance = reasonBit('AgentMaintenance');
const insufficientPorts = reasonBit('InsufficientPorts');
const scarceResources = reasonBit('DeclinedScarceResources');
const insufficient: readonly (readonly [ScalarName, ReasonSet])[] = [
  ['cpus', reasonBit('InsufficientCpus')],
  ['mem', reasonBit('InsufficientMemory')],
  ['disk', reasonBit('InsufficientDisk')],
  ['gpus', reasonBit('InsufficientGpus')],
];

/** Roles and amounts. What is left of an offer only shrinks, so a shape that did not fit once never will. */
function tooSmall(shape: Shape, offer: OfferState): ReasonSet {
  if (shape.deadOffer === offer.number) return shape.deadReasons;
  const { supply } = offer;
  let reasons = 0;
  if (!supply.roles.some((role) => shape.roles.includes(role))) reasons |= unfulfilledRole;
  for (const [name, reason] of insufficient) {
    const needed = shape.needs[name];
    if (needed > 0 && availableMilli(supply.scalars[name], shape.roles) < needed) reasons |= reason;
  }
  if (reasons !== 0) {
    shape.deadOffer = offer.number;
    shape.deadReasons = reasons;
    offer.deadShapes += 1;
  }
  return reasons;
}

/**
 * Everything about the agent that is no amount: constraints, region, maintenance, GPUs, reservations (behaviour
 * §2.4).
 */
function unsuitable({ settings }: Pass, state: AppState, offer: OfferState): ReasonSet {
  const { needs, demand } = state;
  const { supply, view } = offer;
  let reasons = 0;
  if (isForeignRegion(view.agent, needs, settings)) reasons |= unfulfilledConstraint;
  if (!state.judge().accepts(view)) reasons |= unfulfilledConstraint;
  if (offer.isUnavailable) reasons |= unfulfilledConstraint | agentMaintenance;
  if (needs.isResident) reasons |= noReservation;
  if (isTooScarce(demand.app, totalMilli(supply.scalars.gpus) + supply.lockedGpusMilli, settings)) {
    reasons |= scarceResources;
  }
  return reasons;
}

type Launching = Pick<PlannedLaunch, 'instanceId' | 'taskId' | 'incarnation'>;

/** Takes the resources out of the offer and writes the launch. */
function launch(
  { settings, random }: Pass,
  { state, shape }: Lane,
  { supply, view: { agent } }: OfferState,
  { instanceId, taskId, incarnation }: Launching,
  hostPorts: readonly PortRequest[],
): PlannedLaunch {
  const { needs, demand } = state;
  const resources: Resource[] = [];
  const executorResources: Resource[] = [];
  takeScalars(supply, shape.roles, needs.task, resources);
  if (needs.executor !== undefined) takeScalars(supply, shape.roles, needs.executor, executorResources);
  takePorts(supply.ports, shape.roles, hostPorts, resources);
  const enforceGroupRole = demand.enforceGroupRole ?? false;
  return {
    app: demand.app,
    instanceId,
    taskId,
    incarnation,
    agent,
    hostPorts: hostPorts.filter((port) => port !== undefined),
    task: buildTaskInfo({
      app: demand.app,
      taskId,
      agent,
      resources,
      executorResources,
      hostPorts,
      settings,
      enforceGroupRole,
      random,
    }),
  };
}
