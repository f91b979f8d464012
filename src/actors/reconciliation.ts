/** Asking Mesos what became of our tasks: after each subscription, and from time to time (behaviour §1.9; transcripts 05, 16). */
import type { SchedulerMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import type { SchedulerState } from './scheduler-state.ts';

type Ctx = Context<SchedulerMessage>;

/** First wait for answers; doubles each round up to the longest. A restarted master answers nothing until its agents are back. */
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** Tasks in one call. */
const chunk = 1_000;

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
  ask(state, context);
  state.services.link.reconcile([]);
  context.timers.set('reconcileAll', state.services.settings.reconciliationIntervalMs, {
    type: 'reconcileDue',
    isAll: true,
  });
}

/** Those that have not been answered yet, again. */
export function reconcileRest(state: SchedulerState, context: Ctx): void {
  if (state.isConnected) ask(state, context);
}

function ask(state: SchedulerState, context: Ctx): void {
  const { link } = state.services;
  let batch: { taskId: string; agentId: string | undefined }[] = [];
  for (const taskId of state.unreconciled) {
    const placed = state.tasks.get(taskId);
    if (!placed) {
      state.unreconciled.delete(taskId);
      continue;
    }
    batch.push({ taskId, agentId: placed.agent.agentId });
    if (batch.length >= chunk) {
      link.reconcile(batch);
      batch = [];
    }
  }
  if (batch.length > 0) link.reconcile(batch);
  if (state.unreconciled.size === 0) return;
  const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** state.reconcileRound);
  state.reconcileRound++;
  context.timers.set('reconcileRest', waitMs, { type: 'reconcileDue', isAll: false });
}

/** Mesos has spoken of this task on the present session. */
export function answered(state: SchedulerState, taskId: string): void {
  if (state.unreconciled.size > 0) state.unreconciled.delete(taskId);
}
