/**
 * The guardian: opens the store, spawns what a leader runs, and rebuilds all of it from the store when it fails or is fenced. The
 * process itself goes on whatever happens in here.
 */
import type { MarathonEvent } from '../core/events.ts';
import type { LoadedJournal } from '../core/journal/batch.ts';
import { createControl } from './control.ts';
import { eventHub, eventsBehaviour } from './events.ts';
import type { ClusterView, Control, EventHub, ReadModel } from './front.ts';
import { journalBehaviour } from './journal.ts';
import { createCongestion } from './journal-backlog.ts';
import { loadState } from './load.ts';
import type { Clock, Ids, JournalStore, Logger, MesosEvent, MesosLink, Metrics, Prober } from './ports.ts';
import type { EventsMessage, JournalWrite, SchedulerMessage } from './protocol.ts';
import { createRuntime } from './runtime/runtime.ts';
import type { ActorRef, AnyRef, Runtime } from './runtime/types.ts';
import type { Services } from './services.ts';
import type { SchedulerSettings } from './settings.ts';
import { subtreeBehaviour } from './subtree.ts';
import { Views } from './views.ts';

export interface OrchestratorOptions {
  readonly store: JournalStore;
  /** A fresh link for each leadership. */
  readonly createLink: () => MesosLink;
  readonly prober: Prober;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly settings: SchedulerSettings;
  /** `host:port` under which this server is reached; what `/v2/leader` names. */
  readonly advertisedAddress: () => string;
  /** Writes that may wait for the journal; one more and everything is rebuilt from the store. */
  readonly journalInboxLimit?: number;
}

export interface Orchestrator {
  readonly read: ReadModel;
  readonly control: Control;
  readonly events: EventHub;
  readonly runtime: Runtime;
  /** Resolves once the store is loaded and the actors stand; rejects with a one-line reason if the store cannot be used. */
  readonly start: () => Promise<void>;
  /** Stops leaves first. With `teardown` the tasks are killed, otherwise they go on. */
  readonly stop: (teardown: boolean) => Promise<void>;
}

/** Pause before the first rebuild; doubles up to the longest, and is forgotten after a quiet minute. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;
const quietMs = 60_000;
/** The front refuses changes long before so many writes wait. */
const journalInboxLimit = 5_000_000;
/** How often the store may drop what nobody needs any more. */
const compactIntervalMs = 60_000;

/** The parts of one leadership. */
interface Leadership {
  readonly link: MesosLink;
  readonly journal: AnyRef;
  readonly scheduler: ActorRef<SchedulerMessage>;
  services: Services | undefined;
}

/** Wires the actors. Nothing runs before `start`. */
export function createOrchestrator(options: OrchestratorOptions): Orchestrator {
  const guardian = new Guardian(options);
  return {
    read: guardian.views,
    control: guardian.control,
    events: guardian.hub,
    runtime: guardian.runtime,
    start: () => guardian.start(),
    stop: (teardown) => guardian.stop(teardown),
  };
}

class Guardian {
  readonly views: Views;
  readonly control: Control;
  readonly hub: EventHub;
  readonly runtime: Runtime;
  readonly #options: OrchestratorOptions;
  readonly #events: ActorRef<EventsMessage>;
  readonly #congestion = createCongestion();
  #leadership: Leadership | undefined;
  #frameworkId: string | undefined;
  #mesosMaster: string | undefined;
  #isStopping = false;
  #isRebuilding = false;
  #pauseMs = firstPauseMs;
  #leadingSinceMs = 0;

  constructor(options: OrchestratorOptions) {
    const { clock, logger, metrics } = options;
    this.#options = options;
    this.runtime = createRuntime({ name: 'ultramarathon', clock, logger, metrics });
    this.views = new Views(() => this.#cluster());
    this.#events = this.runtime.spawn(eventsBehaviour(), 'events', { inboxLimit: 1_000_000 });
    this.hub = eventHub(this.#events, (event) => this.#publish(event));
    this.control = createControl({
      runtime: this.runtime,
      views: this.views,
      congestion: this.#congestion,
      services: () => this.#leadership?.services ?? 'This server is not leading',
    });
    this.#registerGauges();
  }

  async start(): Promise<void> {
    this.#lead(await this.#options.store.open());
    this.#compactLater();
  }

  async stop(teardown: boolean): Promise<void> {
    this.#isStopping = true;
    const link = this.#leadership?.link;
    await this.#retire(false);
    if (link) await link.stop(teardown);
    await this.runtime.shutdown();
    await this.#options.store.close();
  }

  #lead(journal: LoadedJournal): void {
    const { store, ids, settings, prober, createLink, clock, logger } = this.#options;
    const loaded = loadState(journal.records, this.views, settings.app);
    this.#frameworkId = loaded.frameworkId;
    const journalRef = this.runtime.spawn(
      journalBehaviour({
        store,
        loaded: journal,
        ids,
        congestion: this.#congestion,
        onDurable: ({ records, events }) => {
          this.views.apply(records);
          if (events.length > 0) this.#events.tell({ type: 'released', events });
        },
        onFenced: (reason) => this.#rebuildSoon(reason),
      }),
      'journal',
      {
        inboxLimit: this.#options.journalInboxLimit ?? journalInboxLimit,
        onStopped: (reason) => this.#ended('journal', reason.type === 'failed' ? reason.error : undefined),
      },
    );
    const link = this.#observed(createLink());
    const { versions } = loaded;
    const leader = { journal: this.#unfailing(journalRef), link, ids, settings, views: this.views, versions };
    let ready: Services | undefined;
    const scheduler = this.runtime.spawn(
      subtreeBehaviour({
        leader,
        loaded,
        prober,
        onReady: (services) => {
          ready = services;
        },
      }),
      'scheduler',
      {
        inboxLimit: 5_000_000,
        onStopped: (reason) => this.#ended('scheduler', reason.type === 'failed' ? reason.error : undefined),
      },
    );
    this.#leadership = { link, journal: journalRef, scheduler, services: ready };
    this.#leadingSinceMs = clock.monotonic();
    logger.info('leadership.started', {
      epoch: journal.epoch,
      apps: loaded.tree.size,
      deployments: loaded.deployments.length,
    });
  }

  /** Keeps what the read model shows of the connection. */
  #observed(link: MesosLink): MesosLink {
    const observe = (event: MesosEvent): void => {
      if (event.type === 'subscribed') {
        this.#frameworkId = event.frameworkId;
        this.#mesosMaster = event.masterAddress;
      }
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
        if (!isTaken) this.#rebuildSoon('the journal took no write');
        return isTaken;
      },
    };
  }

  /** Transient events go straight to the readers. */
  #publish(event: MarathonEvent): void {
    this.#events.tell({ type: 'released', events: [{ type: event.eventType, json: JSON.stringify(event) }] });
  }

  #ended(name: string, error: unknown): void {
    if (this.#isStopping || this.#isRebuilding) return;
    const { logger } = this.#options;
    logger.error('leadership.actor-failed', { actor: name }, error);
    this.#rebuildSoon(`${name} failed`);
  }

  #rebuildSoon(reason: string): void {
    if (this.#isStopping || this.#isRebuilding) return;
    this.#isRebuilding = true;
    const { clock, logger, metrics } = this.#options;
    if (clock.monotonic() - this.#leadingSinceMs > quietMs) this.#pauseMs = firstPauseMs;
    metrics.count('leadership.rebuilds');
    logger.error('leadership.rebuild', { reason, pauseMs: this.#pauseMs });
    // At once: whoever is fenced must not act any more, least of all on Mesos.
    const retired = this.#retire(true).catch((error: unknown) => logger.error('mesos.link-stop-failed', {}, error));
    clock.after(this.#pauseMs, () => {
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
      this.#rebuild(retired).catch((error: unknown) => {
        this.#isRebuilding = false;
        this.#rebuildSoon(error instanceof Error ? error.message : String(error));
      });
    });
  }

  async #rebuild(retired: Promise<void>): Promise<void> {
    await retired;
    // What failed while it was being built was not there to be retired then.
    await this.#retire(true);
    if (this.#isStopping) return;
    const journal = await this.#options.store.open();
    if (this.#isStopping) return;
    this.views.clear();
    this.#isRebuilding = false;
    this.#lead(journal);
  }

  /** Drops the subtree with its unreleased effects. */
  async #retire(alsoLink: boolean): Promise<void> {
    const leadership = this.#leadership;
    this.#leadership = undefined;
    if (!leadership) return;
    this.runtime.stop(leadership.scheduler);
    this.runtime.stop(leadership.journal);
    if (alsoLink) await leadership.link.stop(false);
  }

  #cluster(): ClusterView {
    const isLeading = this.#leadership?.services !== undefined;
    return {
      elected: isLeading,
      leader: isLeading ? this.#options.advertisedAddress() : undefined,
      frameworkId: this.#frameworkId,
      mesosConnected: this.#leadership?.link.isConnected() ?? false,
      mesosMaster: this.#mesosMaster,
    };
  }

  #compactLater(): void {
    const { clock, store, logger } = this.#options;
    clock.after(compactIntervalMs, () => {
      if (this.#isStopping) return;
      store
        .compact()
        .catch((error: unknown) => logger.error('journal.compact-failed', {}, error))
        .finally(() => this.#compactLater());
    });
  }

  #registerGauges(): void {
    const { metrics, clock } = this.#options;
    const startedMs = clock.monotonic();
    metrics.gauge('uptime', () => (clock.monotonic() - startedMs) / 1000);
    metrics.gauge('leadership.duration', () =>
      this.#leadership ? (clock.monotonic() - this.#leadingSinceMs) / 1000 : 0,
    );
    metrics.gauge('instances.running', () => this.views.countInstances().running);
    metrics.gauge('instances.staged', () => this.views.countInstances().staged);
  }
}
