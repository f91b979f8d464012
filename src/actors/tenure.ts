/** One leadership, from the loaded store to its end: the journal, the connection to Mesos, and the scheduler with everything below. */
import type { LoadedJournal } from '../core/journal/batch.ts';
import { callbacksBehaviour } from './callbacks.ts';
import { perform } from './effects.ts';
import { journalBehaviour } from './journal.ts';
import type { Congestion } from './journal-backlog.ts';
import { type Decode, type LoadedState, loadState } from './load.ts';
import type { OrchestratorOptions } from './orchestrator-options.ts';
import type { Clock, Ids, JournalStore, Logger, MesosEvent, MesosLink, Prober } from './ports.ts';
import type { CallbacksMessage, EventsMessage, JournalWrite, SchedulerMessage } from './protocol.ts';
import type { ActorRef, Runtime, StopReason } from './runtime/types.ts';
import type { Services } from './services.ts';
import type { SchedulerSettings } from './settings.ts';
import { subtreeBehaviour } from './subtree.ts';
import type { Views } from './views.ts';

export interface TenureOptions {
  readonly runtime: Runtime;
  readonly store: JournalStore;
  /** It asks before each SUBSCRIBE whether this server still leads (design §5.10). */
  readonly createLink: (beforeSubscribe: () => Promise<boolean>) => MesosLink;
  readonly prober: Prober;
  readonly callbacks?: OrchestratorOptions['callbacks'];
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly settings: SchedulerSettings;
  readonly views: Views;
  readonly congestion: Congestion;
  readonly events: ActorRef<EventsMessage>;
  readonly decode: Decode;
  readonly journalInboxLimit: number;
  /** Called once, unless `end` came first: fenced, or an actor failed. */
  readonly onEnded: (reason: string) => void;
}

/** Longest wait for a commit that proves the epoch. */
const proofTimeoutMs = 5_000;
/** Released batches that may wait for the callbacks. */
const callbacksInboxLimit = 1_000_000;
/** One message of each task and instance may wait. */
const schedulerInboxLimit = 5_000_000;

export class Tenure {
  /** The actors; undefined if they could not even be spawned. */
  readonly services: Services | undefined;
  readonly sinceMs: number;
  readonly #options: TenureOptions;
  readonly #link: MesosLink;
  readonly #journal: ActorRef<JournalWrite>;
  readonly #scheduler: ActorRef<SchedulerMessage>;
  readonly #callbacks: ActorRef<CallbacksMessage> | undefined;
  #frameworkId: string | undefined;
  #mesosMaster: string | undefined;
  #isOver = false;

  /** Spawns everything from what the store holds; the read model shows it when this returns. */
  constructor(options: TenureOptions, journal: LoadedJournal) {
    this.#options = options;
    const { runtime, store, ids, settings, prober, clock, views, congestion, logger } = options;
    this.sinceMs = clock.monotonic();
    const loaded = loadState(journal.records, views, settings.app, options.decode);
    this.#frameworkId = loaded.frameworkId;
    options.events.tell({ type: 'began', position: { generation: journal.generation, next: journal.nextEvent } });
    this.#journal = runtime.spawn(
      journalBehaviour({
        store,
        loaded: journal,
        ids,
        congestion,
        onDurable: ({ records, events }) => {
          views.apply(records);
          if (events.length === 0) return;
          options.events.tell({ type: 'released', events });
          this.#callbacks?.tell({ type: 'released', events });
        },
        onFenced: (reason) => this.#ended(reason),
      }),
      'journal',
      { inboxLimit: options.journalInboxLimit, onStopped: (reason) => this.#childEnded('journal', reason) },
    );
    this.#link = this.#observed(options.createLink(() => this.prove(proofTimeoutMs)));
    this.#callbacks = this.#startCallbacks(journal, loaded);
    const { versions } = loaded;
    const leader = {
      journal: this.#unfailing(this.#journal),
      link: this.#link,
      ids,
      settings,
      views,
      versions,
      callbacks: this.#callbacks,
    };
    let ready: Services | undefined;
    const onReady = (services: Services): void => {
      ready = services;
    };
    this.#scheduler = runtime.spawn(subtreeBehaviour({ leader, loaded, prober, onReady }), 'scheduler', {
      inboxLimit: schedulerInboxLimit,
      onStopped: (reason) => this.#childEnded('scheduler', reason),
    });
    this.services = ready;
    logger.info('leadership.started', {
      epoch: journal.epoch,
      apps: loaded.tree.size,
      deployments: loaded.deployments.length,
    });
  }

  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  /** `host:port` of the Mesos master. */
  get mesosMaster(): string | undefined {
    return this.#mesosMaster;
  }

  isConnected(): boolean {
    return this.#link.isConnected();
  }

  /** True once a commit under this leadership's epoch has succeeded that was made now (design §5.10). */
  prove(timeoutMs: number): Promise<boolean> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMs, () => resolve(false));
      const done = perform('prove', () => {
        timer.cancel();
        resolve(!this.#isOver);
      });
      const proof: JournalWrite = { type: 'write', records: [], events: [], effects: [done], mustStore: true };
      if (this.#isOver || !this.#journal.tell(proof)) {
        timer.cancel();
        resolve(false);
      }
    });
  }

  /** Stores something on behalf of the guardian. */
  write(records: JournalWrite['records']): void {
    this.#unfailing(this.#journal).tell({ type: 'write', records, events: [], effects: [] });
  }

  /** Drops the actors with their unreleased effects, at once. The link ends when the promise resolves. */
  async end(how: { readonly teardown: boolean }): Promise<void> {
    this.#isOver = true;
    const { runtime } = this.#options;
    runtime.stop(this.#scheduler);
    if (this.#callbacks) runtime.stop(this.#callbacks);
    runtime.stop(this.#journal);
    this.#options.events.tell({ type: 'ended' });
    await this.#link.stop(how.teardown);
  }

  #startCallbacks(journal: LoadedJournal, loaded: LoadedState): ActorRef<CallbacksMessage> | undefined {
    const { callbacks, runtime, store } = this.#options;
    if (!callbacks) return undefined;
    const behaviour = callbacksBehaviour({
      ...callbacks,
      journal: this.#unfailing(this.#journal),
      store,
      subscriptions: loaded.subscriptions,
      position: { generation: journal.generation, next: journal.nextEvent },
    });
    return runtime.spawn(behaviour, 'callbacks', {
      inboxLimit: callbacksInboxLimit,
      onStopped: (reason) => this.#childEnded('callbacks', reason),
    });
  }

  /** Keeps what the read model shows of the connection. */
  #observed(link: MesosLink): MesosLink {
    const observe = (event: MesosEvent): void => {
      if (event.type !== 'subscribed') return;
      this.#frameworkId = event.frameworkId;
      this.#mesosMaster = event.masterAddress;
    };
    return {
      ...link,
      start: (frameworkId, listener) =>
        link.start(frameworkId, (event) => {
          observe(event);
          listener(event);
        }),
    };
  }

  /** A write that the journal did not take leaves the working state ahead of the store for ever: all of it is rebuilt. */
  #unfailing(journal: ActorRef<JournalWrite>): ActorRef<JournalWrite> {
    return {
      path: journal.path,
      tell: (write) => {
        const isTaken = journal.tell(write);
        if (!isTaken) this.#ended('the journal took no write');
        return isTaken;
      },
    };
  }

  #childEnded(name: string, reason: StopReason): void {
    if (this.#isOver) return;
    const error = reason.type === 'failed' ? reason.error : undefined;
    this.#options.logger.error('leadership.actor-failed', { actor: name }, error);
    this.#ended(`${name} failed`);
  }

  #ended(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onEnded(reason);
  }
}
