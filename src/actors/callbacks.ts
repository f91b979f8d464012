/**
 * HTTP callbacks (rest-api §6A.5, §10.5): posts every event to every subscriber, each in order and at its own pace. Runs with a leadership.
 * Subscriptions and how far each one got are stored, so that the next leader goes on there: an event may come twice, but none is left out.
 */

import type { EventType, LoggedEvent, MarathonEvent } from '../core/events.ts';
import { isMarathonType } from '../core/events.ts';
import {
  alsoMissed,
  isRefusal,
  judgePost,
  type MissedEvents,
  maxSubscriptions,
  type PostResult,
  type Subscription,
} from '../core/events-callback.ts';
import type { EncodedEvent, RecordWrite } from '../core/journal/batch.ts';
import { eventNumber, formatEventId } from '../core/journal/event-id.ts';
import { invalid } from '../core/refusal.ts';
import { err, ok } from '../core/result.ts';
import { timestamp } from '../core/time.ts';
import { CallbackQueue } from './callback-queue.ts';
import { perform, tell } from './effects.ts';
import type { LogPosition } from './front.ts';
import type { CallbackPoster, JournalStore } from './ports.ts';
import type { CallbacksMessage, JournalWrite } from './protocol.ts';
import type { ActorRef, Behaviour, Context } from './runtime/types.ts';

export interface CallbackSettings {
  /** `--http_endpoints`. */
  readonly endpoints: readonly string[];
  /** `--http_event_request_timeout`. */
  readonly requestTimeoutMs: number;
  /** `--http_event_callback_slow_consumer_timeout`. */
  readonly slowMs: number;
}

export interface CallbacksProps {
  readonly poster: CallbackPoster;
  readonly settings: CallbackSettings;
  readonly journal: ActorRef<JournalWrite>;
  readonly store: Pick<JournalStore, 'readEvents'>;
  readonly subscriptions: readonly Subscription[];
  readonly position: LogPosition;
}

/** How often places are stored, in ms: so much may be posted again by the next leader. */
export const savePauseMs = 5_000;
/** Events read from the store in one go. */
const readLimit = 256;

interface Subscriber {
  readonly url: string;
  /** Tells answers to this subscription from those to one that was given up. */
  readonly session: number;
  readonly secret: string | undefined;
  readonly queue: CallbackQueue;
  isPosting: boolean;
  isReading: boolean;
  /** In a row. */
  failures: number;
  /** Of the event at the head of the queue. */
  refusals: number;
  /** What the store knows of `queue.next`. */
  saved: number;
  /** Is told with the next event that arrives. */
  missed: MissedEvents | undefined;
}

interface CallbacksState {
  readonly subscribers: Map<string, Subscriber>;
  /** Every subscription that is stored or on its way there. */
  readonly wanted: Map<string, Subscription>;
  /** Number of the next event that will be released. */
  head: number;
  sessions: number;
}

type Own = Context<CallbacksMessage>;

/** The callbacks of one leadership. */
export function callbacksBehaviour(props: CallbacksProps): Behaviour<CallbacksState, CallbacksMessage> {
  return {
    initial: (context) => begin(props, context),
    receive: (state, message, context) => {
      const found = 'url' in message ? state.subscribers.get(message.url) : undefined;
      const isOld = found && 'session' in message && message.session !== found.session;
      const subscriber = isOld ? undefined : found;
      switch (message.type) {
        case 'subscribe':
          subscribe(state, message, props, context);
          break;
        case 'unsubscribe':
          unsubscribe(state, message, props, context);
          break;
        case 'subscribed':
          start(state, message.url, props, context);
          break;
        case 'released':
          released(state, message.events, props, context);
          break;
        case 'posted':
          if (subscriber) posted(subscriber, message.result, state, props, context);
          break;
        case 'retry':
          if (subscriber) proceed(subscriber, state, props, context);
          break;
        case 'read':
          if (subscriber) taken(subscriber, message, state, props, context);
          break;
        case 'save':
          save(state, props, context);
          break;
      }
      return state;
    },
    // A subscriber that trips it must not take the scheduler with it.
    onFailure: () => 'resume',
  };
}

function begin(props: CallbacksProps, context: Own): CallbacksState {
  const { subscriptions, position, settings, journal } = props;
  const state: CallbacksState = { subscribers: new Map(), wanted: new Map(), head: position.next, sessions: 0 };
  const all = (): readonly Subscriber[] => [...state.subscribers.values()];
  context.metrics.gauge('events.callbacks.subscribers', () => state.subscribers.size);
  context.metrics.gauge('events.callbacks.failing', () => all().filter((each) => each.failures > 0).length);
  context.metrics.gauge('events.callbacks.waiting', () =>
    all().reduce((sum, { queue }) => sum + state.head - queue.next, 0),
  );
  for (const subscription of subscriptions) {
    state.wanted.set(subscription.url, subscription);
    start(state, subscription.url, props, context);
  }
  for (const url of settings.endpoints) {
    if (state.wanted.has(url)) continue;
    const subscription = { url, next: { generation: position.generation, number: position.next } };
    state.wanted.set(url, subscription);
    const effects = [tell(context.self, { type: 'subscribed', url })];
    journal.tell({ type: 'write', records: [record(subscription)], events: [], effects });
  }
  context.timers.set('save', savePauseMs, { type: 'save' });
  return state;
}

const record = (subscription: Subscription): RecordWrite => ({
  kind: 'subscription',
  key: subscription.url,
  value: subscription,
});

type Subscribe = Extract<CallbacksMessage, { type: 'subscribe' }>;
type Unsubscribe = Extract<CallbacksMessage, { type: 'unsubscribe' }>;

/** The second subscription of a URL only changes its secret, and is no event. */
function subscribe(state: CallbacksState, message: Subscribe, props: CallbacksProps, context: Own): void {
  const { url, secret, clientIp, replyTo } = message;
  const at = timestamp(context.clock.now());
  const event: MarathonEvent = { eventType: 'subscribe_event', clientIp, callbackUrl: url, timestamp: at };
  const known = state.wanted.get(url);
  if (!known && state.wanted.size >= maxSubscriptions) {
    const errors = [`there are ${maxSubscriptions} subscriptions already`];
    replyTo.tell(err(invalid([{ path: '/callbackUrl', errors }])));
    return;
  }
  const answer = tell(replyTo, ok(event));
  if (known && known.secret === secret) {
    props.journal.tell({ type: 'write', records: [], events: [], effects: [answer] });
    return;
  }
  const running = state.subscribers.get(url);
  const number = running?.queue.next ?? known?.next.number ?? state.head;
  const next = { generation: props.position.generation, number };
  const subscription: Subscription = { url, ...(secret === undefined ? {} : { secret }), next };
  state.wanted.set(url, subscription);
  props.journal.tell({
    type: 'write',
    records: [record(subscription)],
    events: known ? [] : [event],
    effects: [tell(context.self, { type: 'subscribed', url }), answer],
  });
}

function unsubscribe(state: CallbacksState, message: Unsubscribe, props: CallbacksProps, context: Own): void {
  const { url, clientIp, replyTo } = message;
  const at = timestamp(context.clock.now());
  const event: MarathonEvent = { eventType: 'unsubscribe_event', clientIp, callbackUrl: url, timestamp: at };
  const isKnown = state.wanted.delete(url);
  state.subscribers.delete(url);
  context.timers.cancel(url);
  props.journal.tell({
    type: 'write',
    records: isKnown ? [{ kind: 'subscription', key: url, value: undefined }] : [],
    events: isKnown ? [event] : [],
    effects: [tell(replyTo, ok(event))],
  });
}

/** What is stored may be posted to. A place of another generation says nothing: that state is no more. */
function start(state: CallbacksState, url: string, props: CallbacksProps, context: Own): void {
  const subscription = state.wanted.get(url);
  if (!subscription) return;
  const { secret, next } = subscription;
  const before = state.subscribers.get(url);
  const isOfNow = next.generation === props.position.generation;
  if (!isOfNow) context.logger.warn('events.callback.replaced', { url: shown(url), since: next.number });
  const subscriber: Subscriber = {
    url,
    session: before?.session ?? ++state.sessions,
    secret,
    queue: before?.queue ?? new CallbackQueue(isOfNow ? next.number : state.head),
    isPosting: before?.isPosting ?? false,
    isReading: before?.isReading ?? false,
    failures: before?.failures ?? 0,
    refusals: before?.refusals ?? 0,
    saved: next.number,
    missed: before?.missed,
  };
  if (!before && !isOfNow) {
    const to = formatEventId(props.position.generation, state.head - 1);
    subscriber.missed = { from: formatEventId(next.generation, next.number), to };
  }
  state.subscribers.set(url, subscriber);
  proceed(subscriber, state, props, context);
}

function released(state: CallbacksState, events: readonly LoggedEvent[], props: CallbacksProps, context: Own): void {
  const known = events.filter(({ type }) => isMarathonType(type));
  const last = events.findLast(({ id }) => id !== undefined)?.id;
  for (const subscriber of state.subscribers.values()) {
    const { queue } = subscriber;
    if (queue.end === state.head) queue.offer(known);
  }
  if (last !== undefined) state.head = eventNumber(last) + 1;
  for (const subscriber of state.subscribers.values()) proceed(subscriber, state, props, context);
}

/** Posts the next event, or fetches it, unless something is under way or the subscriber has a pause. */
function proceed(subscriber: Subscriber, state: CallbacksState, props: CallbacksProps, context: Own): void {
  const { url, session, secret, queue, missed } = subscriber;
  if (subscriber.isPosting || context.timers.has(url)) return;
  const event = queue.first;
  if (event) {
    subscriber.isPosting = true;
    context.metrics.count('events.callbacks.posts');
    const request = { url, event, secret, missed, timeoutMs: props.settings.requestTimeoutMs };
    props.poster.post(request, (result) => context.self.tell({ type: 'posted', url, session, result }));
  } else if (queue.end < state.head && !subscriber.isReading) {
    subscriber.isReading = true;
    const from = queue.end;
    props.store.readEvents(from, readLimit).then(
      ({ first, events }) => context.self.tell({ type: 'read', url, session, from, first, events }),
      (error: unknown) => {
        context.logger.error('events.callback.log-unreadable', { url: shown(url) }, error);
        context.self.tell({ type: 'read', url, session, from, first: from, events: undefined });
      },
    );
  }
}

type Read = Extract<CallbacksMessage, { type: 'read' }>;

function taken(
  subscriber: Subscriber,
  message: Read,
  state: CallbacksState,
  props: CallbacksProps,
  context: Own,
): void {
  const { queue, url } = subscriber;
  const { from, first, events } = message;
  subscriber.isReading = false;
  if (queue.end === from && queue.length === 0) {
    if (!events) {
      pause(subscriber, 'the event log cannot be read', context);
      return;
    }
    const start = Math.min(Math.max(first, from), state.head);
    // Not even the store has them any more, or it has lost them.
    const found = events.length > 0 ? start : state.head;
    if (found > from) {
      context.metrics.count('events.callbacks.missed', found - from);
      context.logger.warn('events.callback.missed', { url: shown(url), from, to: found - 1 });
      const { generation } = props.position;
      const gap = { from: formatEventId(generation, from), to: formatEventId(generation, found - 1) };
      subscriber.missed = alsoMissed(subscriber.missed, gap);
      queue.skipTo(found);
    }
    queue.offer(toldOnes(events, start, state.head, props.position.generation));
  }
  proceed(subscriber, state, props, context);
}

/** The store may have more than was released: that is not for anybody yet. */
const toldOnes = (events: readonly EncodedEvent[], start: number, head: number, generation: string) =>
  events
    .slice(0, head - start)
    .map(
      ({ type, json }, i): LoggedEvent => ({ id: formatEventId(generation, start + i), type: type as EventType, json }),
    );

function posted(
  subscriber: Subscriber,
  result: PostResult,
  state: CallbacksState,
  props: CallbacksProps,
  context: Own,
): void {
  const { queue, url } = subscriber;
  subscriber.isPosting = false;
  const verdict = judgePost(result, subscriber, props.settings.slowMs);
  if (verdict.isDelivered) context.metrics.count('events.callbacks.delivered');
  else context.metrics.count('events.callbacks.failed');
  subscriber.failures = verdict.failures;
  subscriber.refusals = verdict.isOver ? 0 : subscriber.refusals + (isRefusal(result) ? 1 : 0);
  if (verdict.isDelivered) subscriber.missed = undefined;
  if (verdict.isOver) {
    if (!verdict.isDelivered) leftOut(subscriber, context);
    queue.shift();
  }
  if (verdict.trouble !== undefined) {
    const { failures, pauseMs } = verdict;
    context.logger.warn('events.callback.trouble', { url: shown(url), reason: verdict.trouble, failures, pauseMs });
    context.timers.set(url, pauseMs, { type: 'retry', url });
    return;
  }
  proceed(subscriber, state, props, context);
}

/** The subscriber refuses the event at the head of its queue for good. */
function leftOut(subscriber: Subscriber, context: Own): void {
  context.metrics.count('events.callbacks.missed');
  const id = subscriber.queue.first?.id;
  if (id !== undefined) subscriber.missed = alsoMissed(subscriber.missed, { from: id, to: id });
}

function pause(subscriber: Subscriber, reason: string, context: Own): void {
  const { url } = subscriber;
  const pauseMs = 1_000;
  context.logger.warn('events.callback.trouble', { url: shown(url), reason, failures: subscriber.failures, pauseMs });
  context.timers.set(url, pauseMs, { type: 'retry', url });
}

/** Without user and password, for the log. */
const shown = (url: string): string => url.replace(/^(https?:\/\/)[^/?#]*@/i, '$1');

/** Stores the places that have changed, all of them in one write. */
function save(state: CallbacksState, { journal, position }: CallbacksProps, context: Own): void {
  const records: RecordWrite[] = [];
  for (const subscriber of state.subscribers.values()) {
    const { url, queue } = subscriber;
    const wanted = state.wanted.get(url);
    // As long as it was not told what it misses, the next leader has to find that out anew.
    if (!wanted || subscriber.saved === queue.next || subscriber.missed) continue;
    subscriber.saved = queue.next;
    const moved = { ...wanted, next: { generation: position.generation, number: queue.next } };
    state.wanted.set(url, moved);
    records.push(record(moved));
  }
  if (records.length > 0) {
    const effects = [perform('places of callbacks stored', () => context.metrics.count('events.callbacks.saves'))];
    journal.tell({ type: 'write', records, events: [], effects });
  }
  context.timers.set('save', savePauseMs, { type: 'save' });
}
