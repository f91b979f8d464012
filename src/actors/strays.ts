/**
 * Asking Mesos for tasks that were given up and may live: explicitly, since the question for all there is must be rare (mesos-v1 C-38). What
 * is alive is killed like any other unknown task.
 */
import type { Condition } from '../core/instance/instance.ts';
import type { Offer, TaskStatus } from '../core/mesos/types.ts';
import { type Stray, strayForgotten, strayNews, strayRecords } from '../core/task/stray.ts';
import type { SchedulerMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import type { SchedulerState } from './scheduler-state.ts';

type Ctx = Context<SchedulerMessage>;

/** Strays in one call. */
const chunk = 1_000;
/** Between two calls: the answers of thousands would stand before every offer. */
const pauseMs = 250;

/** An instance was given up and its record says so already, or an unknown task went out of sight. */
export function noteStray(state: SchedulerState, stray: Stray, isStored: boolean, context: Ctx): void {
  const { strays, services } = state;
  const dropped = strays.add(stray, context.clock.monotonic());
  if (dropped) context.metrics.count('instances.strays.dropped');
  const records = [
    ...(isStored ? [] : strayRecords(stray)),
    ...(dropped === undefined ? [] : [strayForgotten(dropped.taskId)]),
  ];
  if (records.length > 0) services.journal.tell({ type: 'write', records, events: [], effects: [] });
  awaitNext(state, context);
}

/** Another master may lead. */
export function straysAnew(state: SchedulerState, context: Ctx): void {
  state.strays.sessionBegan(context.clock.monotonic());
  awaitNext(state, context);
}

/** Agents that offer something are known to the master, with everything that runs there. */
export function agentsSeen(state: SchedulerState, offers: readonly Offer[], context: Ctx): void {
  const { strays } = state;
  if (strays.size === 0) return;
  const nowMs = context.clock.monotonic();
  let isDue = false;
  for (const { agent_id: agentId } of offers) if (strays.agentSeen(agentId.value, nowMs)) isDue = true;
  if (isDue) awaitNext(state, context);
}

/** Asks for those that are due, and forgets those that have been asked for long enough. */
export function straysDue(state: SchedulerState, context: Ctx): void {
  const { strays, services, isConnected } = state;
  const expired = strays.takeExpired(context.clock.now());
  if (expired.length > 0) {
    context.metrics.count('instances.strays.expired', expired.length);
    const records = expired.map(({ taskId }) => strayForgotten(taskId));
    services.journal.tell({ type: 'write', records, events: [], effects: [] });
  }
  // The next session begins anew.
  if (!isConnected) return;
  const due = strays.takeDue(context.clock.monotonic(), chunk);
  if (due.length > 0) services.link.reconcile(due.map(({ taskId, agentId }) => ({ taskId, agentId })));
  awaitNext(state, context);
}

/**
 * Takes in what Mesos says of a stray. True if nobody else need hear of it: the answer to our own question that it can still not be seen, which
 * may come many times.
 */
export function strayHeard(state: SchedulerState, status: TaskStatus, condition: Condition): boolean {
  const { strays, services } = state;
  const taskId = status.task_id.value;
  if (!strays.has(taskId)) return false;
  switch (strayNews(condition)) {
    case 'over':
      strays.remove(taskId);
      services.journal.tell({ type: 'write', records: [strayForgotten(taskId)], events: [], effects: [] });
      return false;
    case 'alive':
      return false;
    case 'unseen':
      if (status.reason !== 'REASON_RECONCILIATION' || status.uuid !== undefined) return false;
      services.kills.tell({ type: 'ended', taskId });
      return true;
  }
}

function awaitNext({ strays }: SchedulerState, { timers, clock }: Ctx): void {
  const dueMs = strays.nextDueMs();
  if (dueMs === undefined) timers.cancel('strays');
  else timers.set('strays', Math.max(pauseMs, dueMs - clock.monotonic()), { type: 'straysDue' });
}
