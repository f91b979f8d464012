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
 * Notes that somebody's wants changed; they are looked at once, behind everything that is in the inbox. `isNew`: somebody began to
 * wait, so filters that hold offers back must go.
 */
export function noteDemand(state: SchedulerState, context: Ctx, isNew: boolean): void {
  if (state.review === 'none') context.self.tell({ type: 'reviewDemand' });
  if (isNew || state.review === 'none') state.review = isNew ? 'new' : 'changed';
}

/** Decides between REVIVE, SUPPRESS and nothing. */
export function reviewDemand(state: SchedulerState, context: Ctx): void {
  const isNew = state.review === 'new';
  state.review = 'none';
  if (!state.isConnected) return;
  const { services, demand } = state;
  const nowMs = context.clock.now();
  const isWanted = demand.hasEligible(nowMs);
  scheduleNextDue(state, context, nowMs);
  if (isWanted) {
    // Offers at hand are matched first; what they do not satisfy is asked for when they are gone.
    if (isNew || state.wants !== 'offers') askForOffers(state, context);
    return;
  }
  // Who waits for the end of a back-off needs no offers until then.
  if (state.wants === 'nothing' || !services.settings.suppressOffers) return;
  state.wants = 'nothing';
  context.timers.cancel('revive');
  context.timers.cancel('repeat');
  services.link.suppress([services.settings.app.mesosRole]);
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
  if (waitMs <= 0) revive(state, context, false);
  else if (!context.timers.has('revive')) context.timers.set('revive', waitMs, { type: 'reviveDue', isRepeat: false });
}

/** The throttle, or the time of a repetition, is over. */
export function reviveDue(state: SchedulerState, context: Ctx, isRepeat: boolean): void {
  const isOver = isRepeat && state.revives > 1 && state.isOffered;
  if (state.isConnected && !isOver && state.demand.hasEligible(context.clock.now())) revive(state, context, isRepeat);
}

function revive(state: SchedulerState, context: Ctx, isRepeat: boolean): void {
  const { services } = state;
  if (!isRepeat) state.revives = 0;
  state.revives++;
  state.isOffered = false;
  state.wants = 'offers';
  state.revivedAtMs = context.clock.monotonic();
  services.link.revive([services.settings.app.mesosRole]);
  const delayMs = Math.min(longestRepeatDelayMs, repeatDelayMs * 2 ** (state.revives - 1));
  context.timers.set('repeat', delayMs, { type: 'reviveDue', isRepeat: true });
}
