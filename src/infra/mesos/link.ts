/** The connection to Mesos: subscribes, stays subscribed, and carries the calls (design §6, behaviour §2.11, mesos-v1 §7.2). */
import type { Clock, MesosEvent, MesosLink } from '../../actors/ports.ts';
import type { TaskInfo } from '../../core/mesos/types.ts';
import { type Call, type CallChannel, openCallChannel, type Refusal } from './call-channel.ts';
import { type CallEncoder, createCallEncoder, type TaskReference } from './calls.ts';
import type { MasterAddress } from './detector.ts';
import { completeOptions, type LinkSettings, type MesosLinkOptions } from './link-options.ts';
import { createSubscriber, type Subscriber } from './subscriber.ts';

export type { MesosLinkOptions } from './link-options.ts';

/** How long `stop(true)` waits for the answer to TEARDOWN. */
export const TEARDOWN_TIMEOUT_MS = 5_000;

interface Calls {
  readonly channel: CallChannel;
  readonly encoder: CallEncoder;
}

/**
 * Creates a link; nothing is sent before `start`. Throws `MesosOptionsError` when the options cannot be used.
 *
 * Guarantees: `disconnected` is the last event of a stream and comes once, after an `acceptFailed` for each ACCEPT that was
 * unanswered, and an `acceptRefused` for one that was found wrong; calls that fail while the stream goes on leave an `offersInDoubt` for each ACCEPT and lost DECLINE; nothing of an old stream comes after the next `subscribed`; no ACCEPT is ever sent twice; nothing at all comes
 * after `stop` was called. Mesos sends heartbeats over HTTP, so a master is not made to answer by made-up reconciliations.
 */
export function createMesosLink(options: MesosLinkOptions): MesosLink {
  return new Link(completeOptions(options));
}

/** Its functions are members of the object itself, so that they can be handed on one by one. */
class Link implements MesosLink {
  readonly #settings: LinkSettings;
  #listener: ((event: MesosEvent) => void) | undefined;
  #calls: Calls | undefined;
  #subscriber: Subscriber | undefined;
  /** Roles that the present stream was told to get no offers for. */
  readonly #suppressed = new Set<string>();

  constructor(settings: LinkSettings) {
    this.#settings = settings;
    const { metrics } = settings;
    metrics.gauge('mesos.connected', () => (this.isConnected() ? 1 : 0));
    metrics.gauge('mesos.calls.queued', () => this.#calls?.channel.queued() ?? 0);
    metrics.gauge('mesos.calls.unanswered', () => this.#calls?.channel.unanswered() ?? 0);
  }

  readonly start = (frameworkId: string | undefined, listener: (event: MesosEvent) => void): void => {
    this.#subscriber?.stop();
    this.#closeCalls('the link was started again');
    this.#listener = listener;
    this.#subscriber = createSubscriber(this.#settings, frameworkId, {
      emit: (event) => this.#emit(event),
      opened: (id, stream) => this.#openCalls(id, stream),
      inverseOffers: (ids) => {
        this.#send(DECLINE_INVERSE_OFFERS, (encoder) => encoder.declineInverseOffers(ids, INVERSE_REFUSE_SECONDS));
      },
      closed: (reason) => this.#closeCalls(reason),
    });
  };

  readonly isConnected = (): boolean => this.#calls !== undefined;

  readonly accept = (offerIds: readonly string[], tasks: readonly TaskInfo[], refuseSeconds: number): void => {
    if (tasks.length === 0) {
      this.decline(offerIds, refuseSeconds);
      return;
    }
    const taskIds = tasks.map((task) => task.task_id.value);
    const wasConnected = this.isConnected();
    const { metrics } = this.#settings;
    if (
      this.#send({ type: 'ACCEPT', taskIds, offerIds }, (encoder) => encoder.accept(offerIds, tasks, refuseSeconds))
    ) {
      metrics.count('mesos.offers.used', offerIds.length);
      metrics.count('mesos.offer-operations.launch', tasks.length);
    } else if (wasConnected) {
      // Not within the call: the caller has not finished with what made it call.
      const event: MesosEvent = { type: 'acceptFailed', taskIds, reason: 'too many calls are waiting' };
      queueMicrotask(() => this.#emit(event));
    }
  };

  readonly decline = (offerIds: readonly string[], refuseSeconds: number): void => {
    const isSent = this.#send({ type: 'DECLINE', offerIds }, (encoder) => encoder.decline(offerIds, refuseSeconds));
    if (isSent) this.#settings.metrics.count('mesos.offers.declined', offerIds.length);
  };

  readonly kill = (taskId: string, agentId: string | undefined): void => {
    this.#send(KILL, (encoder) => encoder.kill({ taskId, agentId }));
  };

  readonly acknowledge = (taskId: string, agentId: string, uuid: string): void => {
    const calls = this.#calls;
    const isSent = calls?.channel.acknowledge(calls.encoder.acknowledge(taskId, agentId, uuid)) ?? false;
    if (!isSent) this.#settings.metrics.count('mesos.calls.dropped');
  };

  readonly reconcile = (tasks: readonly TaskReference[]): void => {
    this.#send(RECONCILE, (encoder) => encoder.reconcile(tasks));
  };

  /** A role that an app brought is subscribed to first: Mesos would drop the call as a whole (mesos-v1 §2.2). */
  readonly revive = (roles: readonly string[]): void => {
    const { roles: known = [] } = this.#settings.framework;
    const added = roles.filter((role) => !known.includes(role));
    if (added.length > 0) this.updateRoles([...known, ...added]);
    if (!this.#send(REVIVE, (encoder) => encoder.revive(roles))) return;
    this.#settings.metrics.count('mesos.calls.revive');
    for (const role of roles.length === 0 ? [...this.#suppressed] : roles) this.#suppressed.delete(role);
  };

  readonly suppress = (roles: readonly string[]): void => {
    if (!this.#send(SUPPRESS, (encoder) => encoder.suppress(roles))) return;
    this.#settings.metrics.count('mesos.calls.suppress');
    for (const role of roles.length === 0 ? (this.#settings.framework.roles ?? []) : roles) this.#suppressed.add(role);
  };

  /** On the present stream at once, and on every later one. */
  readonly updateRoles = (roles: readonly string[]): void => {
    const settings = this.#settings;
    const { roles: now = [] } = settings.framework;
    if (now.length === roles.length && roles.every((role) => now.includes(role))) return;
    settings.framework = { ...settings.framework, roles: [...roles] };
    if (!this.isConnected()) return;
    const added = roles.filter((role) => !now.includes(role));
    const suppressed = roles.filter((role) => this.#suppressed.has(role));
    this.#send({ type: 'UPDATE_FRAMEWORK', added }, (encoder) =>
      encoder.updateFramework(settings.framework, suppressed),
    );
  };

  readonly stop = async (teardown: boolean): Promise<void> => {
    const ending = this.#subscriber;
    this.#listener = undefined;
    if (teardown && ending !== undefined) await this.#tearDown(ending);
    ending?.stop();
    // Whoever started the link anew meanwhile keeps what is theirs.
    if (this.#subscriber !== ending) return;
    this.#subscriber = undefined;
    this.#closeCalls('the link was stopped');
  };

  #emit(event: MesosEvent): void {
    this.#listener?.(event);
  }

  #send(call: Call, encode: (encoder: CallEncoder) => string): boolean {
    const calls = this.#calls;
    const isSent = calls?.channel.send(encode(calls.encoder), call) ?? false;
    if (!isSent) this.#settings.metrics.count('mesos.calls.dropped');
    return isSent;
  }

  /** The calls of a new stream; those of the old one have failed before. */
  #openCalls(frameworkId: string, stream: { readonly address: MasterAddress; readonly streamId: string }): void {
    const { clock, ids, logger, tls, senderLimits, acknowledgeConnections, authorizationFor } = this.#settings;
    const channel = openCallChannel({
      ...stream,
      authorization: authorizationFor(stream.address),
      tls,
      limits: senderLimits,
      acknowledgeConnections,
      clock,
      ids,
      refused: (call, refusal) => this.#refused(call, refusal),
      lost: (call, reason) => this.#lost(call, reason),
      stale: (reason) => this.#subscriber?.renew(`the stream is stale: ${reason}`),
      trouble: (reason, lostCalls) => {
        if (lostCalls > 0) logger.warn('mesos.calls.connection', { reason, lostCalls });
        else logger.info('mesos.calls.connection', { reason });
      },
    });
    this.#suppressed.clear();
    this.#calls = { channel, encoder: createCallEncoder(frameworkId) };
  }

  #closeCalls(reason: string): void {
    const closing = this.#calls;
    this.#calls = undefined;
    closing?.channel.close(reason);
  }

  /**
   * The stream may go on without the call, whose effect nobody else makes up for: the offers of a call that was not taken are ours
   * still. What was refused would be refused again at once, so a new stream, which comes after a pause, takes the place of another
   * try. Nobody knows what became of a call that is answered with 500 and more.
   */
  #refused(call: Call, { reason, status, isStale }: Refusal): void {
    this.#settings.logger.warn('mesos.call.refused', { call: call.type, reason });
    const isWrong = status === 400 && !isStale;
    this.#told(call, reason, isWrong ? 'wrong' : 'refused');
    if (isStale || this.#calls === undefined) return;
    if (call.type === 'ACCEPT') this.#emit({ type: 'offersInDoubt', offerIds: call.offerIds });
    else if (call.type === 'DECLINE') this.#renewSoon(`offers cannot be given back: ${reason}`);
    else if (call.type === 'UPDATE_FRAMEWORK') this.#rolesRefused(call.added, status, reason);
  }

  /**
   * What the master does not want in an update it would not want in a subscription either, and refuse that as a whole: such roles are
   * given up until somebody asks for them again. Only of the user and of checkpointing it keeps what it has when we subscribe.
   */
  #rolesRefused(added: readonly string[], status: number, reason: string): void {
    const settings = this.#settings;
    if (status >= 500 || status === 409 || SUBSCRIBING_HELPS.test(reason)) {
      this.#renewSoon(`roles in doubt: ${reason}`);
      return;
    }
    const roles = (settings.framework.roles ?? []).filter((role) => !added.includes(role));
    settings.framework = { ...settings.framework, roles };
    settings.logger.error('mesos.roles.refused', { roles: added.join(','), reason });
  }

  /** Lost calls are many at a time: the connection that lost them is logged, with their number. */
  #lost(call: Call, reason: string): void {
    this.#told(call, reason, 'lost');
    // The end of the stream is the end of its offers.
    if (this.#calls === undefined) return;
    if (call.type === 'ACCEPT' || call.type === 'DECLINE') {
      this.#emit({ type: 'offersInDoubt', offerIds: call.offerIds });
    } else if (call.type === 'UPDATE_FRAMEWORK') this.#renewSoon(`roles in doubt: ${reason}`);
  }

  /** `wrong`: the master read the call and did nothing of it. */
  #told(call: Call, reason: string, how: 'wrong' | 'refused' | 'lost'): void {
    this.#settings.metrics.count(how === 'lost' ? 'mesos.calls.lost' : 'mesos.calls.refused');
    if (call.type === 'TEARDOWN') call.settled(reason);
    else if (call.type === 'ACCEPT') {
      this.#emit({ type: how === 'wrong' ? 'acceptRefused' : 'acceptFailed', taskIds: call.taskIds, reason });
    }
  }

  /** When all calls that failed together have been told of: `disconnected` comes last. */
  #renewSoon(reason: string): void {
    const calls = this.#calls;
    queueMicrotask(() => {
      if (this.#calls === calls) this.#subscriber?.renew(reason);
    });
  }

  /** The master ends the stream before it answers, so the end of the stream must not end the calls. */
  async #tearDown(ending: Subscriber): Promise<void> {
    const { clock, logger } = this.#settings;
    ending.stop({ keepStream: true });
    const reason = await answerToTeardown(clock, (settled) =>
      this.#send({ type: 'TEARDOWN', settled }, (encoder) => encoder.teardown()),
    );
    if (reason === undefined) logger.info('mesos.teardown');
    else logger.warn('mesos.teardown.failed', { reason });
  }
}

/** Tasks are not moved away from a machine before its maintenance: the operator hears so, and not every few seconds. */
const INVERSE_REFUSE_SECONDS = 300;

const DECLINE_INVERSE_OFFERS: Call = { type: 'DECLINE_INVERSE_OFFERS' };
/** What a subscription may bring, and an update may not: the master leaves it as it was. */
const SUBSCRIBING_HELPS = /Updating 'FrameworkInfo\.(user|checkpoint)' is unsupported/;
const KILL: Call = { type: 'KILL' };
const RECONCILE: Call = { type: 'RECONCILE' };
const REVIVE: Call = { type: 'REVIVE' };
const SUPPRESS: Call = { type: 'SUPPRESS' };

/** Resolves with nothing when the master took TEARDOWN, otherwise with why that is not known. */
function answerToTeardown(
  clock: Clock,
  send: (settled: (reason: string | undefined) => void) => boolean,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(TEARDOWN_TIMEOUT_MS, () => resolve('no answer in time'));
    const settled = (reason: string | undefined): void => {
      timer.cancel();
      resolve(reason);
    };
    if (!send(settled)) settled('not subscribed');
  });
}
