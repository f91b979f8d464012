/**
 * Asks new instances whether they are ready, on behalf of the apps that a deployment waits for (behaviour §4.5): one question after
 * the other for each, never more at once in all than allowed. Nothing of this is stored: a new leader asks again.
 */
import type { AppDefinition, ReadinessCheck } from '../core/app/definition.ts';
import {
  maxKeptBody,
  type ReadinessAnswer,
  readinessAddress,
  readinessDelayMs,
  readinessResult,
} from '../core/health/readiness.ts';
import type { InstanceId, TaskId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import type { ProbeResult, Prober } from './ports.ts';
import type { AppMessage, ReadinessMessage } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';
import type { Views } from './views.ts';

interface Watched {
  readonly app: AppDefinition;
  readonly check: ReadinessCheck;
  readonly taskId: TaskId;
  readonly ref: ActorRef<AppMessage>;
  instance: Instance;
  hasAnswered: boolean;
  unanswered: number;
}

interface ReadinessState {
  readonly watched: Map<InstanceId, Watched>;
  /** Due, but no place free; in order, each once. */
  readonly waiting: Set<InstanceId>;
  inFlight: number;
}

type Ctx = Context<ReadinessMessage>;

/** The schedule of readiness checks. */
export function readinessBehaviour(
  prober: Prober,
  views: Views,
  maxConcurrent: number,
): Behaviour<ReadinessState, ReadinessMessage> {
  return {
    initial: (context) => {
      const state: ReadinessState = { watched: new Map(), waiting: new Set(), inFlight: 0 };
      context.metrics.gauge('readiness-checks.active', () => state.watched.size);
      context.metrics.gauge('readiness-checks.inflight', () => state.inFlight);
      context.metrics.gauge('readiness-checks.waiting', () => state.waiting.size);
      return state;
    },
    receive: (state, message, context) => {
      switch (message.type) {
        case 'watch':
          watch(state, message);
          break;
        case 'forget':
          for (const id of message.instanceIds) forget(state, id, views, context);
          break;
        case 'due':
          if (state.watched.has(message.instanceId)) state.waiting.add(message.instanceId);
          break;
        case 'answered':
          state.inFlight--;
          answered(state, message, views, context);
          break;
      }
      for (const id of state.waiting) {
        if (state.inFlight >= maxConcurrent) break;
        state.waiting.delete(id);
        ask(state, id, prober, context);
      }
      return state;
    },
    onFailure: () => 'stop',
  };
}

function watch(state: ReadinessState, message: Extract<ReadinessMessage, { type: 'watch' }>): void {
  const { instance, app, ref } = message;
  const taskId = instance.tasks[0]?.id;
  const check = app.readinessChecks[0];
  if (taskId === undefined || !check) return;
  const known = state.watched.get(instance.id);
  if (known?.taskId === taskId && known.app === app) {
    known.instance = instance;
    return;
  }
  state.watched.set(instance.id, { app, check, taskId, ref, instance, hasAnswered: false, unanswered: 0 });
  // Asked at once: it runs, and the deployment waits for nothing else.
  state.waiting.add(instance.id);
}

function forget(state: ReadinessState, id: InstanceId, views: Views, context: Ctx): void {
  const known = state.watched.get(id);
  state.watched.delete(id);
  state.waiting.delete(id);
  context.timers.cancel(id);
  if (known) views.putReadiness(known.instance.appId, id, undefined);
}

function ask(state: ReadinessState, instanceId: InstanceId, prober: Prober, context: Ctx): void {
  const watched = state.watched.get(instanceId);
  if (!watched) return;
  const { app, check, taskId, instance } = watched;
  const address = readinessAddress(app, check, instance);
  if (!address) {
    // No address yet: nothing to ask, and nothing to say.
    again(watched, context);
    return;
  }
  state.inFlight++;
  context.metrics.count('readiness-checks.probes');
  prober.probe(
    {
      protocol: check.protocol,
      host: address.host,
      port: address.port,
      path: check.path.startsWith('/') ? check.path : `/${check.path}`,
      timeoutMs: check.timeoutSeconds * 1000,
      ...(check.preserveLastResponse ? { bodyBytes: maxKeptBody } : {}),
    },
    (result) => context.self.tell({ type: 'answered', instanceId, taskId, answer: answerOf(result) }),
  );
}

const answerOf = (result: ProbeResult): ReadinessAnswer =>
  result.type === 'answered'
    ? { type: 'answered', status: result.status ?? 0, contentType: result.contentType ?? '', body: result.body ?? '' }
    : { type: 'failed', cause: 'cause' in result ? result.cause : 'not asked' };

function answered(
  state: ReadinessState,
  { instanceId, taskId, answer }: Extract<ReadinessMessage, { type: 'answered' }>,
  views: Views,
  context: Ctx,
): void {
  const watched = state.watched.get(instanceId);
  // The answer of an earlier task, or to a question that nobody has any more.
  if (watched?.taskId !== taskId) return;
  if (answer.type === 'answered') watched.hasAnswered = true;
  watched.unanswered = watched.hasAnswered ? 0 : watched.unanswered + 1;
  const result = readinessResult(watched.check, instanceId, answer);
  views.putReadiness(watched.instance.appId, instanceId, result);
  // Whoever is ready is not asked again, but stays visible until the deployment is done with its app.
  if (result.ready) watched.ref.tell({ type: 'ready', instanceId, taskId });
  else again(watched, context);
}

const again = ({ check, instance, unanswered }: Watched, context: Ctx): void =>
  context.timers.set(instance.id, readinessDelayMs(check, unanswered), { type: 'due', instanceId: instance.id });
