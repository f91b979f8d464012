/** All health checks that the leader runs itself: when to ask whom, never more at once than allowed. */
import type { AppDefinition, HealthCheck } from '../core/app/definition.ts';
import { checkAddress, isRunByLeader } from '../core/health/address.ts';
import { graceLeftMs, probeDelayMs } from '../core/health/cadence.ts';
import type { CheckResult } from '../core/health/verdict.ts';
import { judgeHttpStatus } from '../core/health/verdict.ts';
import type { InstanceId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import type { ProbeResult, Prober } from './ports.ts';
import type { InstanceMessage, ProbesMessage } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';

interface Watched {
  readonly instance: Instance;
  readonly app: AppDefinition;
  readonly check: HealthCheck;
  readonly index: number;
  readonly ref: ActorRef<InstanceMessage>;
  /** Tells answers for this watch from those for an earlier task of the instance. */
  readonly key: string;
  probes: number;
  /** Monotonic time at which the last question was due: the interval counts from there, however late it was or the answer came. */
  dueAtMs: number;
  isProven: boolean;
}

interface ProbesState {
  readonly watched: Map<string, Watched>;
  readonly keysOf: Map<InstanceId, string[]>;
  /** Due, but no place free; in order, each once. */
  readonly waiting: Set<string>;
  inFlight: number;
}

type Ctx = Context<ProbesMessage>;

/** The prober's schedule. */
export function probesBehaviour(
  prober: Prober,
  maxConcurrent: number,
  /** Called when a probe came to its turn later than half of its time-out: this loop lags. */
  onLag: () => void,
): Behaviour<ProbesState, ProbesMessage> {
  return {
    initial: (context) => {
      const state: ProbesState = { watched: new Map(), keysOf: new Map(), waiting: new Set(), inFlight: 0 };
      context.metrics.gauge('health-checks.active', () => state.watched.size);
      context.metrics.gauge('health-checks.inflight', () => state.inFlight);
      context.metrics.gauge('health-checks.waiting', () => state.waiting.size);
      return state;
    },
    receive: (state, message, context) => {
      switch (message.type) {
        case 'watch':
          watch(state, message, context);
          return state;
        case 'forget':
          forget(state, message.instanceId, context);
          return state;
        case 'due': {
          const watched = state.watched.get(message.key);
          if (!watched) break;
          state.waiting.add(message.key);
          if (context.clock.monotonic() - watched.dueAtMs > watched.check.timeoutSeconds * 500) onLag();
          break;
        }
        case 'answered':
          state.inFlight--;
          answered(state, message.key, message.result, context);
          break;
      }
      for (const key of state.waiting) {
        if (state.inFlight >= maxConcurrent) break;
        state.waiting.delete(key);
        ask(state, key, prober, context);
      }
      return state;
    },
    onFailure: () => 'stop',
  };
}

function watch(state: ProbesState, message: Extract<ProbesMessage, { type: 'watch' }>, context: Ctx): void {
  const { instance, app, ref } = message;
  forget(state, instance.id, context);
  const keys: string[] = [];
  app.healthChecks.forEach((check, index) => {
    if (!isRunByLeader(check)) return;
    const key = `${instance.tasks[0]?.id ?? instance.id}#${index}`;
    const isProven = instance.healthy === true;
    const delayMs = probeDelayMs(check, 0, false, graceLeftMs(check, instance, context.clock.now()));
    const dueAtMs = context.clock.monotonic() + delayMs;
    state.watched.set(key, { instance, app, check, index, ref, key, probes: 0, dueAtMs, isProven });
    keys.push(key);
    context.timers.set(key, delayMs, { type: 'due', key });
  });
  if (keys.length > 0) state.keysOf.set(instance.id, keys);
}

function forget(state: ProbesState, id: InstanceId, context: Ctx): void {
  for (const key of state.keysOf.get(id) ?? []) {
    state.watched.delete(key);
    state.waiting.delete(key);
    context.timers.cancel(key);
  }
  state.keysOf.delete(id);
}

function ask(state: ProbesState, key: string, prober: Prober, context: Ctx): void {
  const watched = state.watched.get(key);
  if (!watched) return;
  const { check, app, instance } = watched;
  watched.probes++;
  const address = checkAddress(app, check, instance);
  if (!address) {
    // No address yet: not counted, asked again on the schedule.
    again(watched, context);
    return;
  }
  const path = check.path ?? '/';
  state.inFlight++;
  context.metrics.count('health-checks.probes');
  prober.probe(
    {
      protocol: check.protocol === 'TCP' ? 'TCP' : check.protocol === 'HTTPS' ? 'HTTPS' : 'HTTP',
      host: address.host,
      port: address.port,
      path: path.startsWith('/') ? path : `/${path}`,
      timeoutMs: check.timeoutSeconds * 1000,
    },
    (result) => {
      if (result.type === 'notAsked') context.metrics.count('health-checks.not-asked');
      context.self.tell({ type: 'answered', key, result: judge(check, result) });
    },
  );
}

function judge(check: HealthCheck, result: ProbeResult): CheckResult {
  if (result.type === 'notAsked') return { type: 'ignored' };
  if (result.type === 'failed') return { type: 'unhealthy', cause: result.cause };
  return result.status === undefined ? { type: 'healthy' } : judgeHttpStatus(check, result.status);
}

function answered(state: ProbesState, key: string, result: CheckResult, context: Ctx): void {
  const watched = state.watched.get(key);
  if (!watched) return;
  if (result.type === 'healthy') watched.isProven = true;
  const taskId = watched.instance.tasks[0]?.id;
  if (taskId) watched.ref.tell({ type: 'probed', taskId, check: watched.index, result });
  again(watched, context);
}

function again(watched: Watched, context: Ctx): void {
  const { check, instance, probes, isProven, dueAtMs } = watched;
  const nowMs = context.clock.monotonic();
  const sinceMs = nowMs - dueAtMs;
  const graceMs = graceLeftMs(check, instance, context.clock.now()) + sinceMs;
  // Late by more than a period: asked at once, and what was missed stays missed.
  const delayMs = Math.max(0, probeDelayMs(check, probes, isProven, graceMs) - sinceMs);
  watched.dueAtMs = nowMs + delayMs;
  context.timers.set(watched.key, delayMs, { type: 'due', key: watched.key });
}
