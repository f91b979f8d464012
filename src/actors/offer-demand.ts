/** REVIVE and SUPPRESS: Mesos sends offers exactly while somebody can use them (behaviour §2.9; throttle of design §8). */
import type { SchedulerMessage } from './protocol.ts';
import type { Context } from './runtime/types.ts';
import type { SchedulerState } from './scheduler-state.ts';

type Ctx = Context<SchedulerMessage>;

/** Delay before the first repetition of a revive, which may have been lost or overtaken by a decline. */
const repeatDelayMs = 1_000;
/** As long as no offer at all comes it is repeated, after delays that double up to this one: each of the calls may be lost. */
const longestRepeatDelayMs = 60_000;

/**
 * Notes that somebody's wants changed; they are looked at once, behind everything that is in the inbox. `fresh`: roles in which somebody
 * began to wait, so filters that hold their offers back must go.
 */
export function noteDemand(state: SchedulerState, context: Ctx, fresh: Iterable<string> = []): void {
  for (const role of fresh) state.fresh.add(role);
  if (state.isReviewDue) return;
  state.isReviewDue = true;
  context.self.tell({ type: 'reviewDemand' });
}

/** Decides between REVIVE, SUPPRESS and nothing, role by role. */
export function reviewDemand(state: SchedulerState, context: Ctx): void {
  const { services, demand, told, fresh, toRevive } = state;
  state.isReviewDue = false;
  if (!state.isConnected) return;
  const nowMs = context.clock.now();
  const wanted = demand.wantedRoles(nowMs);
  scheduleNextDue(state, context, nowMs);
  // Offers at hand are matched first; what they do not satisfy is asked for when they are gone.
  for (const role of wanted) if (fresh.has(role) || told.get(role) !== 'offers') toRevive.add(role);
  fresh.clear();
  if (wanted.size === 0) {
    toRevive.clear();
    state.revived.clear();
    context.timers.cancel('revive');
    context.timers.cancel('repeat');
  } else if (toRevive.size > 0) askForOffers(state, context);
  if (!services.settings.suppressOffers) return;
  // Who waits for the end of a back-off needs no offers until then.
  for (const role of [services.settings.app.mesosRole, ...told.keys()]) {
    if (wanted.has(role) || told.get(role) === 'nothing') continue;
    told.set(role, 'nothing');
    services.link.suppress([role]);
  }
}

/** Wakes up when the next back-off ends. */
function scheduleNextDue(state: SchedulerState, context: Ctx, nowMs: number): void {
  const dueMs = state.demand.nextDueMs(nowMs);
  if (dueMs === undefined) context.timers.cancel('backoff');
  else context.timers.set('backoff', dueMs - nowMs, { type: 'backoffEnded' });
}

/** A revive now, or as soon as the throttle allows. */
function askForOffers(state: SchedulerState, context: Ctx): void {
  const waitMs = state.revivedAtMs + state.services.settings.minReviveOffersIntervalMs - context.clock.monotonic();
  if (waitMs <= 0) reviveDue(state, context, false);
  else if (!context.timers.has('revive')) context.timers.set('revive', waitMs, { type: 'reviveDue', isRepeat: false });
}

/**
 * A revive goes out, since the throttle allows it, or is repeated: once in any case, and on as long as no offers come. One call for each
 * role: Mesos drops a call as a whole if it does not know the framework in one of its roles.
 */
export function reviveDue(state: SchedulerState, context: Ctx, isRepeat: boolean): void {
  const { services, demand, told, toRevive, revived } = state;
  if (!state.isConnected) return;
  if (isRepeat && state.revives > 1 && state.isOffered) {
    revived.clear();
    return;
  }
  const roles = isRepeat ? revived : toRevive;
  const wanted = demand.wantedRoles(context.clock.now());
  const due = [...roles].filter((role) => wanted.has(role));
  roles.clear();
  if (due.length === 0) return;
  state.revivedAtMs = context.clock.monotonic();
  state.isOffered = false;
  for (const role of due) {
    told.set(role, 'offers');
    services.link.revive([role]);
    revived.add(role);
  }
  // A first repetition that waits already serves these, too: wants that come all the time must not put it off.
  const isServed = !isRepeat && state.revives === 1 && context.timers.has('repeat');
  state.revives = isRepeat ? state.revives + 1 : 1;
  if (isServed) return;
  const delayMs = Math.min(longestRepeatDelayMs, repeatDelayMs * 2 ** (state.revives - 1));
  context.timers.set('repeat', delayMs, { type: 'reviveDue', isRepeat: true });
}
