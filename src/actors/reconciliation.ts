/** Asking Mesos what became of our tasks: after each subscription, and from time to time (behaviour §1.9; transcripts 05, 16). */
import type { SchedulerMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import type { SchedulerState } from './scheduler-state.ts';

type Ctx = Context<SchedulerMessage>;

/** First wait for answers; doubles each round up to the longest. A restarted master answers nothing until its agents are back. */
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/**
 * Tasks that are asked for and not answered, at most: the answers of 100,000 at once would stand before every offer, and nothing could be
 * launched until the last of them was taken in.
 */
export const reconcileWindow = 4_000;
/** The same while somebody waits for a launch: each of its round trips (offers, ACCEPT, first update) stands behind so many answers. */
export const reconcileWindowInDemand = 1_000;
/** Calls that a window is made of. */
const callsInWindow = 4;
/** Without answers the next ones are asked for after this long; a master may have nothing to say of those before. */
const stalledMs = 250;

/** A round of questions that is under way. */
export interface ReconcileRound {
  /** Goes over what is unreconciled; what is added meanwhile comes last. */
  readonly rest: Iterator<string>;
  /** Asked for and not answered. */
  open: number;
  /** An answer has come since the last look whether they come at all. */
  isHeard: boolean;
  /** Ends with the question for whatever else there is. */
  readonly isAll: boolean;
}

/**
 * Explicitly every task that we know, then implicitly whatever else there is. In a running session those are left out whose ACCEPT
 * may still be on its way: Mesos would call them unknown, and they would be launched a second time.
 */
export function reconcileAll(state: SchedulerState, context: Ctx, isNewSession: boolean): void {
  if (!state.isConnected) return;
  state.unreconciled.clear();
  const nowMs = context.clock.monotonic();
  for (const { taskId, appId, instanceId } of state.tasks.tasks()) {
    if (isNewSession || !state.demand.isLaunching(appId, instanceId, nowMs)) state.unreconciled.add(taskId);
  }
  state.reconcileRound = 0;
  begin(state, context, true);
  context.timers.set('reconcileAll', state.services.settings.reconciliationIntervalMs, {
    type: 'reconcileDue',
    isAll: true,
  });
}

/** Those that have not been answered yet, again. A round that is under way comes to them by itself. */
export function reconcileRest(state: SchedulerState, context: Ctx): void {
  if (state.isConnected && !state.reconciling) begin(state, context, false);
}

function begin(state: SchedulerState, context: Ctx, isAll: boolean): void {
  state.reconciling = { rest: state.unreconciled.values(), open: 0, isHeard: false, isAll };
  askMore(state, context);
}

/** If answers have been waited for in vain: on with the round. Those that come slowly must not be joined by more. */
export function reconcileStalled(state: SchedulerState, context: Ctx): void {
  const { reconciling: round } = state;
  if (!round || !state.isConnected) return;
  if (round.isHeard) {
    watchForStall(round, context);
    return;
  }
  round.open = 0;
  askMore(state, context);
}

function watchForStall(round: ReconcileRound, context: Ctx): void {
  round.isHeard = false;
  context.timers.set('reconcileStalled', stalledMs, { type: 'reconcileStalled' });
}

/** How many may be open. */
const windowOf = ({ demand }: SchedulerState): number => (demand.size > 0 ? reconcileWindowInDemand : reconcileWindow);

/**
 * Every stored instance has its actor. Only now Mesos is asked for their tasks: each answer would want an actor at once, and the launches of
 * those who wait are not held up by all that.
 */
export function takenUp(state: SchedulerState, context: Ctx): void {
  state.isTakenUp = true;
  if (!state.reconciling) return;
  state.reconciling.open = 0;
  askMore(state, context);
}

function askMore(state: SchedulerState, context: Ctx): void {
  const { reconciling: round } = state;
  if (!round || !state.isTakenUp) return;
  const most = windowOf(state);
  const chunk = most / callsInWindow;
  let isDone = false;
  while (!isDone && round.open < most) {
    const asked = askChunk(state, round, chunk);
    round.open += asked;
    isDone = asked < chunk;
  }
  if (isDone) endRound(state, round, context);
  else watchForStall(round, context);
}

/** How many it asked for; fewer than a chunk when there are no more. */
function askChunk({ services, tasks, unreconciled }: SchedulerState, { rest }: ReconcileRound, chunk: number): number {
  const batch: { taskId: string; agentId: string | undefined }[] = [];
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    const placed = tasks.get(next.value);
    if (!placed) {
      unreconciled.delete(next.value);
      continue;
    }
    batch.push({ taskId: next.value, agentId: placed.agent.agentId });
    if (batch.length >= chunk) break;
  }
  if (batch.length > 0) services.link.reconcile(batch);
  return batch.length;
}

function endRound(state: SchedulerState, { isAll }: ReconcileRound, context: Ctx): void {
  state.reconciling = undefined;
  context.timers.cancel('reconcileStalled');
  if (isAll) state.services.link.reconcile([]);
  if (state.unreconciled.size === 0) return;
  const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** state.reconcileRound);
  state.reconcileRound++;
  context.timers.set('reconcileRest', waitMs, { type: 'reconcileDue', isAll: false });
}

/** Mesos has spoken of this task on the present session. */
export function answered(state: SchedulerState, taskId: string, context: Ctx): void {
  if (state.unreconciled.size === 0 || !state.unreconciled.delete(taskId)) return;
  const { reconciling: round } = state;
  if (!round) return;
  round.open -= 1;
  round.isHeard = true;
  const most = windowOf(state);
  if (round.open <= most - most / callsInWindow) askMore(state, context);
}
