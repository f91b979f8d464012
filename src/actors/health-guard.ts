/**
 * Nobody is killed for a failed health check without the guard's word: the circuit breaker (design §8) and the kill budget. Who may not be
 * killed yet waits in order; the instance itself looks again whether it still deserves it.
 */
import type { Breaker } from '../core/health/breaker.ts';
import { closedBreaker, nextBreaker, windowMs } from '../core/health/breaker.ts';
import { HealthCensus } from '../core/health/census.ts';
import { alarmEvent } from '../core/health/events.ts';
import type { Bucket } from '../core/health/kill-budget.ts';
import { appAllowance, isForgotten, takeOne } from '../core/health/kill-budget.ts';
import type { AppId, InstanceId, TaskId } from '../core/ids.ts';
import type { HealthGuardMessage } from './protocol.ts';
import type { Behaviour, Context } from './runtime/types.ts';
import type { LeaderServices } from './services.ts';

type KillDue = Extract<HealthGuardMessage, { type: 'killDue' }>;
type Ctx = Context<HealthGuardMessage>;

/** Mutable on purpose: it follows every flip, and nothing of it leaves the actor. */
interface GuardState {
  readonly census: HealthCensus;
  /** In order of arrival; at most one entry for each instance. */
  readonly waiting: Map<InstanceId, KillDue>;
  /** Allowed to be killed, and not gone yet: a repetition is no second kill. */
  readonly granted: Map<InstanceId, TaskId>;
  readonly buckets: Map<AppId, Bucket>;
  bucket: Bucket | undefined;
  breaker: Breaker;
  laggedAtMs: number | undefined;
}

/** While somebody waits or the breaker is open the guard looks again this often. */
const lookAgainMs = 1_000;

/** The guard of health kills. */
export function healthGuardBehaviour(
  services: Pick<LeaderServices, 'journal' | 'settings' | 'views'>,
): Behaviour<GuardState, HealthGuardMessage> {
  return {
    initial: (context) => {
      const state: GuardState = {
        census: new HealthCensus(windowMs),
        waiting: new Map(),
        granted: new Map(),
        buckets: new Map(),
        bucket: undefined,
        breaker: closedBreaker,
        laggedAtMs: undefined,
      };
      context.metrics.gauge('health-checks.kills.waiting', () => state.waiting.size);
      context.metrics.gauge('health-checks.kills.suspended', () => Number(state.breaker.type === 'open'));
      return state;
    },
    receive: (state, message, context) => {
      receive(state, message, services, context);
      return state;
    },
    onFailure: () => 'stop',
  };
}

type GuardServices = Pick<LeaderServices, 'journal' | 'settings' | 'views'>;

function receive(state: GuardState, message: HealthGuardMessage, services: GuardServices, context: Ctx): void {
  switch (message.type) {
    case 'healthy':
      state.census.healthy(message.instanceId, message.appId);
      release(state, message.instanceId);
      return;
    case 'failing':
      state.census.failing(message.instanceId, context.clock.monotonic());
      look(state, services, context);
      return;
    case 'forget':
      state.census.forget(message.instanceId);
      release(state, message.instanceId);
      return;
    case 'lagged':
      state.laggedAtMs = context.clock.monotonic();
      look(state, services, context);
      return;
    case 'killDue':
      if (state.granted.get(message.instanceId) === message.taskId) {
        grant(state, message);
        return;
      }
      state.waiting.set(message.instanceId, message);
      look(state, services, context);
      if (state.breaker.type === 'closed') tryKill(state, message, services, context);
      return;
    case 'lookAgain':
      look(state, services, context);
      if (state.breaker.type === 'closed') killWaiting(state, services, context);
      sweep(state, context.clock.monotonic());
      return;
  }
}

function release(state: GuardState, id: InstanceId): void {
  state.waiting.delete(id);
  state.granted.delete(id);
}

/** Moves the breaker on and tells of it, and sees to it that somebody looks again. */
function look(state: GuardState, { journal, settings, views }: GuardServices, context: Ctx): void {
  if (settings.healthKills.hasBreaker) {
    const nowMs = context.clock.monotonic();
    const facts = { ...state.census.facts(nowMs, deploying(views)), laggedAtMs: state.laggedAtMs };
    const next = nextBreaker(state.breaker, facts, nowMs);
    if (next.type !== state.breaker.type) {
      const fields = { tasks: facts.tasks, failing: facts.failing, waiting: state.waiting.size };
      if (next.type === 'open') {
        context.metrics.count('health-checks.kills.suspensions');
        context.logger.error('health.kills-suspended', { reason: next.reason, ...fields });
      } else context.logger.info('health.kills-resumed', fields);
      const event = alarmEvent(next, facts, context.clock.now());
      journal.tell({ type: 'write', records: [], events: [event], effects: [] });
    }
    state.breaker = next;
  }
  const isNeeded = state.waiting.size > 0 || state.breaker.type === 'open' || state.buckets.size > 0;
  if (isNeeded && !context.timers.has('look')) context.timers.set('look', lookAgainMs, { type: 'lookAgain' });
}

/** Apps that get a new version right now: their failures say nothing about the world (design §8). */
function* deploying(views: GuardServices['views']): Iterable<AppId> {
  for (const { steps } of views.deployments()) {
    for (const { action, app } of steps.flatMap(({ actions }) => actions)) {
      if (action === 'RestartApplication' || action === 'StartApplication') yield app;
    }
  }
}

function killWaiting(state: GuardState, services: GuardServices, context: Ctx): void {
  for (const due of [...state.waiting.values()]) {
    if (tryKill(state, due, services, context) === 'spentForAll') return;
  }
}

function tryKill(
  state: GuardState,
  due: KillDue,
  { settings }: GuardServices,
  context: Ctx,
): 'done' | 'spent' | 'spentForAll' {
  const { healthKills } = settings;
  const nowMs = context.clock.monotonic();
  const left = takeOne(state.bucket, healthKills.budget.perMinute, nowMs);
  if (!left) return 'spentForAll';
  const ofApp = takeOne(state.buckets.get(due.appId), appAllowance(healthKills.budget, due.instances), nowMs);
  if (!ofApp) return 'spent';
  state.bucket = left;
  state.buckets.set(due.appId, ofApp);
  state.waiting.delete(due.instanceId);
  state.granted.set(due.instanceId, due.taskId);
  context.metrics.count('health-checks.kills.granted');
  grant(state, due);
  return 'done';
}

function grant(state: GuardState, { ref, taskId, check, instanceId }: KillDue): void {
  state.waiting.delete(instanceId);
  ref.tell({ type: 'killUnhealthy', taskId, check });
}

/** An app that is at peace costs nothing. */
function sweep(state: GuardState, nowMs: number): void {
  for (const [appId, bucket] of state.buckets) if (isForgotten(bucket, nowMs)) state.buckets.delete(appId);
}
