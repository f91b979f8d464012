/** Kills: a bounded number at once, repeated until confirmed, for ever (behaviour §7). Mesos drops kill calls easily. */
import type { KillsMessage } from './protocol.ts';
import type { Behaviour, Context } from './runtime/types.ts';
import type { LeaderServices } from './services.ts';

interface Pending {
  readonly taskId: string;
  readonly agentId: string | undefined;
}

interface KillsState {
  /** Sent and not confirmed, with the time of the last call. */
  readonly inFlight: Map<string, Pending & { sentAtMs: number; attempts: number }>;
  /** Waiting for a place, in order of arrival; each task once. */
  readonly waiting: Map<string, Pending>;
}

type Ctx = Context<KillsMessage>;

/** Who asks again after this time has had news of the task since the last call, which then has not reached it. */
const askedAgainAfterMs = 1_000;

/** The kill service. Every waiting task is one of ours or of Mesos', which bounds the queue. */
export function killsBehaviour({
  link,
  settings,
}: Pick<LeaderServices, 'link' | 'settings'>): Behaviour<KillsState, KillsMessage> {
  const send = (state: KillsState, pending: Pending, context: Ctx): void => {
    const attempts = (state.inFlight.get(pending.taskId)?.attempts ?? 0) + 1;
    state.inFlight.set(pending.taskId, { ...pending, sentAtMs: context.clock.monotonic(), attempts });
    context.metrics.count('instances.kill-calls');
    link.kill(pending.taskId, pending.agentId);
    if (!context.timers.has('retry')) context.timers.set('retry', settings.killRetryTimeoutMs, { type: 'retry' });
  };
  /** The timer follows the oldest call; there are never more than a chunk of them. */
  const awaitNext = (state: KillsState, context: Ctx): void => {
    if (state.inFlight.size === 0) return;
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { sentAtMs } of state.inFlight.values()) oldestMs = Math.min(oldestMs, sentAtMs);
    const dueMs = oldestMs + settings.killRetryTimeoutMs;
    context.timers.set('retry', Math.max(0, dueMs - context.clock.monotonic()), { type: 'retry' });
  };
  const refill = (state: KillsState, context: Ctx): void => {
    for (const pending of state.waiting.values()) {
      if (state.inFlight.size >= settings.killChunkSize) return;
      state.waiting.delete(pending.taskId);
      send(state, pending, context);
    }
  };
  return {
    initial: (context) => {
      const state: KillsState = { inFlight: new Map(), waiting: new Map() };
      context.metrics.gauge('instances.inflight-kills', () => state.inFlight.size);
      context.metrics.gauge('instances.waiting-kills', () => state.waiting.size);
      context.metrics.gauge('instances.inflight-kill-attempts', () =>
        [...state.inFlight.values()].reduce((sum, k) => sum + k.attempts, 0),
      );
      return state;
    },
    receive: (state, message, context) => {
      switch (message.type) {
        case 'kill': {
          const { taskId, agentId, reason } = message;
          const sent = state.inFlight.get(taskId);
          if (sent && context.clock.monotonic() - sent.sentAtMs >= askedAgainAfterMs) send(state, sent, context);
          if (sent || state.waiting.has(taskId)) return state;
          context.logger.info('task.kill', { task: taskId, reason });
          state.waiting.set(taskId, { taskId, agentId });
          refill(state, context);
          return state;
        }
        case 'ended':
          state.waiting.delete(message.taskId);
          if (state.inFlight.delete(message.taskId)) refill(state, context);
          return state;
        case 'connected':
          for (const pending of [...state.inFlight.values()]) send(state, pending, context);
          return state;
        case 'retry': {
          const dueMs = context.clock.monotonic() - settings.killRetryTimeoutMs;
          for (const pending of [...state.inFlight.values()])
            if (pending.sentAtMs <= dueMs) send(state, pending, context);
          awaitNext(state, context);
          return state;
        }
      }
    },
    onFailure: () => 'stop',
  };
}
