/** Keeps one subscription alive: which master, when to try again, and what the end of a stream means (mesos-v1 C-7 to C-20). */
import type { MesosEvent, TimerHandle } from '../../actors/ports.ts';
import { type Backoff, createBackoff } from './backoff.ts';
import { describeAnswer } from './call-channel.ts';
import { encodeSubscribe } from './calls.ts';
import { hostAndPort, type MasterAddress } from './detector.ts';
import { toMesosEvent, type WireEvent } from './events.ts';
import type { LinkSettings } from './link-options.ts';
import { openSubscription, type Subscription, type SubscriptionEnd } from './subscription.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;
/** Two leaders that take the id from each other in turn must not do so in step, nor often. */
const FAILED_OVER_RETRY_MS = 2_000;

const FRAMEWORK_REMOVED = 'Framework has been removed';
const FAILED_OVER = 'Framework failed over';
/** Known, and of no use to us: nothing follows from an inverse offer that is gone, and no operation of ours has an id. */
const UNUSED_EVENTS: ReadonlySet<string> = new Set(['HEARTBEAT', 'RESCIND_INVERSE_OFFER', 'UPDATE_OPERATION_STATUS']);

export interface SubscriberEvents {
  readonly emit: (event: MesosEvent) => void;
  /** A stream begins; called before `subscribed` is emitted. */
  readonly opened: (
    frameworkId: string,
    stream: { readonly address: MasterAddress; readonly streamId: string },
  ) => void;
  /** The master would like to have these machines back. */
  readonly inverseOffers: (ids: readonly string[]) => void;
  /** The stream is over; called before `disconnected` is emitted. */
  readonly closed: (reason: string) => void;
}

export interface Subscriber {
  /** Gives up the current stream and subscribes anew. */
  readonly renew: (reason: string) => void;
  /** Ends for good, without an event. With `keepStream` the stream stays open, but nothing of it is reported any more. */
  readonly stop: (how?: { readonly keepStream: boolean }) => void;
}

interface Stream {
  readonly address: MasterAddress;
  readonly sentId: string | undefined;
  subscription: Subscription | undefined;
  /** Monotonic; undefined before SUBSCRIBED. */
  subscribedAt: number | undefined;
}

type RetryPace = 'backoff' | 'slow' | 'failedOver';

/** Begins to subscribe at once. `frameworkId` is the stored one; later streams use the one the master gave. */
export function createSubscriber(
  settings: LinkSettings,
  frameworkId: string | undefined,
  events: SubscriberEvents,
): Subscriber {
  return new StreamKeeper(settings, frameworkId, events);
}

class StreamKeeper implements Subscriber {
  readonly #settings: LinkSettings;
  readonly #events: SubscriberEvents;
  readonly #backoff: Backoff;
  #frameworkId: string | undefined;
  #current: Stream | undefined;
  /** Open until the answer to TEARDOWN has come. */
  #kept: Stream | undefined;
  #timer: TimerHandle | undefined;
  #isStopped = false;
  /** Grows with each attempt: an answer of `beforeSubscribe` counts only for the attempt that asked. */
  #attempts = 0;

  constructor(settings: LinkSettings, frameworkId: string | undefined, events: SubscriberEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#frameworkId = frameworkId;
    this.#backoff = createBackoff(settings.ids, FIRST_RETRY_MS, LONGEST_RETRY_MS);
    settings.detector.start(() => this.#leaderChanged());
    this.#attempt();
  }

  renew(reason: string): void {
    if (this.#isStopped || this.#current === undefined) return;
    this.#giveUp(this.#current, reason);
    this.#retry('backoff');
  }

  stop(how?: { readonly keepStream: boolean }): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#settings.detector.stop();
    this.#kept ??= this.#current;
    this.#current = undefined;
    if (how?.keepStream === true) return;
    this.#kept?.subscription?.close();
    this.#kept = undefined;
  }

  #retry(pace: RetryPace): void {
    if (this.#isStopped) return;
    const spread = 0.5 + this.#settings.ids.random() / 2;
    const quickMs = this.#backoff.next();
    const slowMs = pace === 'slow' ? LONGEST_RETRY_MS : FAILED_OVER_RETRY_MS;
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.after(pace === 'backoff' ? quickMs : slowMs * spread, () => this.#attempt());
  }

  #attempt(): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#attempts += 1;
    const mine = this.#attempts;
    const { beforeSubscribe, logger } = this.#settings;
    if (beforeSubscribe === undefined) {
      this.#connect();
      return;
    }
    beforeSubscribe().then(
      (may) => this.#proceed(mine, may),
      (error: unknown) => {
        logger.error('mesos.subscribe.gate', {}, error);
        this.#proceed(mine, false);
      },
    );
  }

  #proceed(mine: number, may: boolean): void {
    if (this.#isStopped || mine !== this.#attempts) return;
    if (may) this.#connect();
    else this.#retry('backoff');
  }

  #connect(): void {
    const { detector, authorizationFor, tls, clock, subscribeTimeoutMs, missedHeartbeats } = this.#settings;
    const address = detector.candidate();
    if (address === undefined) {
      this.#retry('backoff');
      return;
    }
    const stream: Stream = { address, sentId: this.#frameworkId, subscription: undefined, subscribedAt: undefined };
    this.#current = stream;
    stream.subscription = openSubscription({
      address,
      body: encodeSubscribe(this.#settings.framework, this.#frameworkId),
      authorization: authorizationFor(address),
      tls,
      clock,
      subscribeTimeoutMs,
      missedHeartbeats,
      event: (event, streamId) => {
        if (this.#current === stream) this.#take(stream, event, streamId);
      },
      ended: (end) => {
        if (this.#current === stream) this.#over(stream, end);
      },
    });
  }

  #take(stream: Stream, wire: WireEvent, streamId: string): void {
    if (wire.type === 'SUBSCRIBED') this.#begin(stream, wire.subscribed, streamId);
    else if (wire.type === 'ERROR') this.#refusedByEvent(stream, wire.error?.message ?? 'no message');
    else if (wire.type === 'INVERSE_OFFERS') this.#askedBack(stream, wire);
    else this.#pass(stream, wire);
  }

  #askedBack(stream: Stream, wire: WireEvent): void {
    if (stream.subscribedAt === undefined) return;
    const ids = (wire.inverse_offers?.inverse_offers ?? []).flatMap(({ id }) => (id === undefined ? [] : [id.value]));
    if (ids.length > 0) this.#events.inverseOffers(ids);
  }

  #pass(stream: Stream, wire: WireEvent): void {
    const { metrics } = this.#settings;
    const event = toMesosEvent(wire);
    if (event === undefined) {
      if (!UNUSED_EVENTS.has(wire.type ?? '')) metrics.count('mesos.events.ignored');
    } else if (stream.subscribedAt === undefined) {
      // Nothing may come before `subscribed`; a master does not send it either.
      metrics.count('mesos.events.ignored');
    } else {
      if (event.type === 'offers') metrics.count('mesos.offers.incoming', event.offers.length);
      this.#events.emit(event);
    }
  }

  #begin(stream: Stream, body: WireEvent['subscribed'], streamId: string): void {
    const { clock, detector, logger } = this.#settings;
    const frameworkId = body?.framework_id?.value;
    if (frameworkId === undefined || stream.subscribedAt !== undefined) {
      this.#over(stream, { type: 'broken', reason: 'a SUBSCRIBED that makes no sense' });
      return;
    }
    stream.subscribedAt = clock.monotonic();
    this.#frameworkId = frameworkId;
    detector.succeeded(stream.address);
    const masterAddress = hostAndPort(stream.address);
    const isNew = frameworkId !== stream.sentId;
    logger.info('mesos.subscribed', { master: masterAddress, frameworkId, isNew });
    this.#events.opened(frameworkId, { address: stream.address, streamId });
    this.#events.emit({ type: 'subscribed', frameworkId, master: body?.master_info, masterAddress, isNew });
  }

  /** An ERROR is the last word of a stream. */
  #refusedByEvent(stream: Stream, message: string): void {
    const { logger } = this.#settings;
    if (message === FRAMEWORK_REMOVED) {
      const isAnew = this.#settings.mayRegisterAnew();
      const remedy = isAnew
        ? 'nothing was running: registering as a new framework'
        : 'its tasks were killed by the master; start with --register_anew to go on as a new framework';
      logger.error('mesos.framework.removed', { frameworkId: this.#frameworkId, remedy });
      this.#giveUp(stream, message);
      if (isAnew) {
        this.#frameworkId = undefined;
        this.#retry('backoff');
        return;
      }
      this.stop();
      this.#events.emit({ type: 'frameworkRemoved', reason: message });
      return;
    }
    logger.error('mesos.error', { message });
    this.#giveUp(stream, message);
    this.#retry(message === FAILED_OVER ? 'failedOver' : 'slow');
  }

  /** Forgets the stream, and tells so if it had begun. */
  #giveUp(stream: Stream, reason: string): void {
    const { clock, logger, stableAfterMs } = this.#settings;
    this.#current = undefined;
    stream.subscription?.close();
    if (stream.subscribedAt === undefined) return;
    if (clock.monotonic() - stream.subscribedAt >= stableAfterMs) this.#backoff.reset();
    logger.warn('mesos.disconnected', { master: hostAndPort(stream.address), reason });
    this.#events.closed(reason);
    this.#events.emit({ type: 'disconnected', reason });
  }

  #over(stream: Stream, end: SubscriptionEnd): void {
    if (end.type === 'redirected') {
      this.#redirected(stream, end.location);
    } else if (end.type === 'refused') {
      this.#refusedByStatus(stream, end.status, end.body);
    } else {
      // After a stream that had begun the same master is tried first: most often only the connection broke.
      if (stream.subscribedAt === undefined) this.#failed(stream, end.reason);
      this.#giveUp(stream, end.reason);
      this.#retry('backoff');
    }
  }

  #failed(stream: Stream, reason: string): void {
    const { detector, logger } = this.#settings;
    logger.warn('mesos.subscribe.failed', { master: hostAndPort(stream.address), reason });
    detector.failed(stream.address);
  }

  #redirected(stream: Stream, location: string): void {
    const { detector } = this.#settings;
    this.#giveUp(stream, 'redirected');
    if (detector.redirected(stream.address, location)) {
      this.#attempt();
      return;
    }
    this.#failed(stream, `a redirect that is not followed: ${location}`);
    this.#retry('backoff');
  }

  #refusedByStatus(stream: Stream, status: number, body: string): void {
    const reason = describeAnswer(status, body);
    // A wrong request or wrong credentials stay wrong: said loudly, repeated slowly (C-12).
    const isOurs = status >= 400 && status < 500 && status !== 404;
    if (isOurs) {
      const { logger, authorizationFor } = this.#settings;
      logger.error('mesos.subscribe.refused', {
        reason,
        withCredentials: authorizationFor(stream.address) !== undefined,
      });
    }
    this.#failed(stream, reason);
    this.#giveUp(stream, reason);
    this.#retry(isOurs ? 'slow' : 'backoff');
  }

  #leaderChanged(): void {
    if (this.#isStopped) return;
    // The pauses were meant for masters that did not answer, not for the one that leads now.
    this.#backoff.reset();
    const leader = this.#settings.detector.candidate();
    const current = this.#current?.address;
    if (current === undefined) this.#attempt();
    else if (leader?.host !== current.host || leader.port !== current.port) this.renew('another master leads');
  }
}
