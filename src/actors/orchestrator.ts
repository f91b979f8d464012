/**
 * The guardian: stands for election if there are several servers, opens the store, spawns what a leader runs, and rebuilds all of it
 * from the store when it fails or is fenced. The process itself goes on whatever happens in here.
 */
import type { MarathonEvent } from '../core/events.ts';
import type { EncodedRecord, LoadedJournal } from '../core/journal/batch.ts';
import { createControl } from './control.ts';
import { eventHub, eventsBehaviour } from './events.ts';
import type { ClusterView, Control, EventHub } from './front.ts';
import { compactRegularly, registerGauges } from './housekeeping.ts';
import { createCongestion } from './journal-backlog.ts';
import { Lease } from './lease.ts';
import { maintenanceDone, openMaintained } from './maintenance.ts';
import { MesosReach } from './mesos-reach.ts';
import type { Orchestrator, OrchestratorOptions } from './orchestrator-options.ts';
import type { Candidate, Election, ElectionEvent, TimerHandle } from './ports.ts';
import type { EventsMessage } from './protocol.ts';
import { RecordDecoder } from './record-decoder.ts';
import { createRuntime } from './runtime/runtime.ts';
import type { ActorRef, Runtime } from './runtime/types.ts';
import type { Services } from './services.ts';
import { Tenure } from './tenure.ts';
import { Views } from './views.ts';

export type { Orchestrator, OrchestratorOptions } from './orchestrator-options.ts';

/** Pause before the first rebuild; doubles up to the longest, and is forgotten after a quiet minute. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;
const quietMs = 60_000;
/** A winner that cannot open the store for so many session time-outs lets another one try. */
const openPatience = 2;
/** A server that cannot read the store stands again after so long: it may have been repaired. */
const withdrawnMs = 30_000;
/** The front refuses changes long before so many writes wait. */
const journalInboxLimit = 5_000_000;
/** The answer to an abdication has so long to leave (rest-api §6A.2). */
const stepAsideMs = 500;
/** Longest wait for what is under way when this server gives the lead up. */
const drainTimeoutMs = 2_000;

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
  readonly #decoder = new RecordDecoder();
  readonly #prepare = (record: EncodedRecord): object | undefined => this.#decoder.decode(record);
  readonly #lease: Lease | undefined;
  readonly #reach: MesosReach | undefined;
  #tenure: Tenure | undefined;
  /** What the election gave us; undefined while another one leads. */
  #claim: string | undefined;
  /** The oldest candidate, which may be this server. */
  #leader: Candidate | undefined;
  /** Why this server does not lead although it might. */
  #trouble: string | undefined;
  #isStopping = false;
  #isOpening = false;
  #isLeaving = false;
  /** Set while a rebuild waits. */
  #pause: TimerHandle | undefined;
  #pauseMs = firstPauseMs;
  /** When opening the store began to fail. */
  #awaySinceMs: number | undefined;
  #stopCompacting: () => void = () => {};
  /** Ends of connections that were given up. */
  #retired: Promise<void> = Promise.resolve();

  constructor(options: OrchestratorOptions) {
    const { clock, logger, metrics, election } = options;
    this.#options = options;
    this.runtime = createRuntime({ name: 'ultramarathon', clock, logger, metrics });
    this.views = new Views(() => this.#cluster());
    this.#events = this.runtime.spawn(eventsBehaviour(), 'events', { inboxLimit: 1_000_000 });
    this.hub = eventHub(
      this.#events,
      (event) => this.#publish(event),
      (from, limit) => options.store.readEvents(from, limit),
    );
    this.control = createControl({
      runtime: this.runtime,
      views: this.views,
      congestion: this.#congestion,
      services: () => this.#servicesOrWhyNot(),
      stepAside: () => this.#stepAsideSoon(),
      badUri: (uri) => options.backups?.badUri(uri) ?? (options.backups ? undefined : 'backups are not available'),
    });
    if (election) {
      const onLost = (reason: string): void => this.#giveUp(reason);
      this.#lease = new Lease({ election, runtime: this.runtime, clock, logger, metrics, onLost });
      this.#reach = this.#watchMesos(election);
    }
    registerGauges(options, this.views, () => this.#tenure?.sinceMs);
  }

  async start(): Promise<void> {
    const { election, candidate, store } = this.#options;
    if (election && candidate) {
      store.standBy(this.#prepare);
      election.start(candidate(), (event) => this.#elected(event));
      this.#reach?.start();
    } else {
      await this.#openAndLead(undefined);
    }
    this.#stopCompacting = compactRegularly(this.#options, () => this.#tenure !== undefined);
  }

  async stop(teardown: boolean): Promise<void> {
    const { election, store } = this.#options;
    if (election) await this.#drain();
    this.#isStopping = true;
    this.#stopCompacting();
    this.#pause?.cancel();
    this.#reach?.stop();
    this.#retire(teardown);
    await this.#retired;
    await election?.stop();
    await this.runtime.shutdown();
    await store.close();
  }

  #elected(event: ElectionEvent): void {
    if (this.#isStopping) return;
    const { logger } = this.#options;
    switch (event.type) {
      case 'leader':
        this.#leader = event.leader;
        this.views.touch();
        return;
      case 'elected':
        logger.info('leadership.elected', {});
        this.#claim = event.claim;
        this.#attempt();
        return;
      case 'lost':
        logger.warn('leadership.lost', { reason: event.reason });
        this.#standDown();
        return;
    }
  }

  /** Opens the store and leads, unless that is under way, must wait, or is not ours to do. */
  #attempt(): void {
    const isFree = !this.#isStopping && !this.#isOpening && !this.#pause && !this.#tenure;
    const claim = this.#claim;
    if (!isFree || (this.#options.election && claim === undefined)) return;
    this.#isOpening = true;
    this.#openAndLead(claim).then(
      () => this.#opened(claim),
      (error: unknown) => {
        this.#opened(claim);
        if (claim === this.#claim && !this.#isStopping) this.#openFailed(error);
      },
    );
  }

  /** The election may have moved on meanwhile. */
  #opened(claim: string | undefined): void {
    this.#isOpening = false;
    if (claim === this.#claim || this.#isStopping) return;
    if (this.#claim === undefined) this.#options.store.standBy(this.#prepare);
    else this.#attempt();
  }

  async #openAndLead(claim: string | undefined): Promise<void> {
    await this.#retired;
    const isOver = (): boolean => this.#isStopping || claim !== this.#claim;
    if (isOver()) return;
    const { journal, request } = await openMaintained(this.#options, claim, isOver);
    if (isOver()) return;
    this.#lead(journal);
    if (request) this.#tenure?.write([maintenanceDone]);
  }

  #lead(journal: LoadedJournal): void {
    this.views.clear();
    this.#trouble = undefined;
    this.#awaySinceMs = undefined;
    this.#isLeaving = false;
    let ended: string | undefined;
    this.#lease?.begin();
    const tenure: Tenure = new Tenure(
      {
        ...this.#options,
        runtime: this.runtime,
        views: this.views,
        congestion: this.#congestion,
        events: this.#events,
        decode: (record) => journal.prepared?.(record) ?? this.#decoder.decode(record),
        journalInboxLimit: this.#options.journalInboxLimit ?? journalInboxLimit,
        onEnded: (reason) => {
          if (this.#tenure === tenure) this.#rebuildSoon(reason);
          else ended = reason;
        },
      },
      journal,
    );
    this.#tenure = tenure;
    this.#decoder.forget();
    // What fails while it is being built has nobody to tell yet.
    if (ended !== undefined) this.#rebuildSoon(ended);
  }

  #openFailed(error: unknown): void {
    const { election, logger, clock } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    this.#trouble = reason;
    this.#lease?.end();
    logger.error('leadership.open-failed', { reason }, error);
    const code = (error as { readonly code?: unknown } | undefined)?.code;
    if (election && code === 'CLAIM_LOST') {
      this.#resign(election);
    } else if (election && code === 'STORE_UNUSABLE') {
      this.#withdraw(election, reason);
    } else {
      this.#awaySinceMs ??= clock.monotonic();
      const isHopeless = election && clock.monotonic() - this.#awaySinceMs > openPatience * election.sessionTimeoutMs;
      if (isHopeless) this.#resign(election);
      this.#pauseThenAttempt();
    }
  }

  /** The actors failed or were fenced. Whether we still lead is for the claim to say, when the store is opened again. */
  #rebuildSoon(reason: string): void {
    if (this.#isStopping) return;
    const { clock, logger, metrics } = this.#options;
    if (this.#tenure && clock.monotonic() - this.#tenure.sinceMs > quietMs) this.#pauseMs = firstPauseMs;
    metrics.count('leadership.rebuilds');
    logger.error('leadership.rebuild', { reason, pauseMs: this.#pauseMs });
    this.#trouble = reason;
    // At once: whoever is fenced must not act any more, least of all on Mesos.
    this.#retire(false);
    this.#pauseThenAttempt();
  }

  #pauseThenAttempt(): void {
    this.#pause?.cancel();
    this.#pause = this.#options.clock.after(this.#pauseMs, () => {
      this.#pause = undefined;
      this.#attempt();
    });
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
  }

  /** Another one leads, or nobody: forget everything and follow. */
  #standDown(): void {
    this.#claim = undefined;
    this.#awaySinceMs = undefined;
    this.#pauseMs = firstPauseMs;
    this.#retire(false);
    this.views.clear();
    if (!this.#isOpening) this.#options.store.standBy(this.#prepare);
  }

  /** This server stops leading by its own decision, and stands again behind the others. */
  #giveUp(reason: string): void {
    const { election, logger } = this.#options;
    if (!election || this.#isStopping) return;
    logger.warn('leadership.given-up', { reason });
    this.#trouble = reason;
    this.#resign(election);
  }

  #resign(election: Election): void {
    this.#standDown();
    election.resign().catch((error: unknown) => this.#options.logger.error('election.resign-failed', {}, error));
  }

  /** A newer format, a foreign tree: others may be able to use it. */
  #withdraw(election: Election, reason: string): void {
    this.#claim = undefined;
    election.withdraw(reason);
    this.#options.clock.after(withdrawnMs, () => {
      if (!this.#isStopping) election.withdraw(undefined);
    });
  }

  /** Drops the actors with their unreleased effects. */
  #retire(teardown: boolean): void {
    const tenure = this.#tenure;
    this.#tenure = undefined;
    if (!tenure) return;
    const { logger } = this.#options;
    const ended = tenure.end({ teardown });
    this.#lease?.end();
    const before = this.#retired;
    this.#retired = ended
      .catch((error: unknown) => logger.error('mesos.link-stop-failed', {}, error))
      .then(() => before);
  }

  /** Nothing new is decided any more; what is under way may become durable and be answered. */
  async #drain(): Promise<void> {
    const tenure = this.#tenure;
    this.#isLeaving = true;
    if (tenure && !(await tenure.prove(drainTimeoutMs))) this.#options.logger.warn('leadership.not-drained', {});
  }

  #stepAsideSoon(): void {
    const { clock, logger } = this.#options;
    const tenure = this.#tenure;
    clock.after(stepAsideMs, () => {
      if (tenure !== this.#tenure || this.#isStopping) return;
      this.#drain()
        .then(() => {
          if (tenure !== this.#tenure || this.#isStopping) return;
          if (this.#options.election) this.#giveUp('abdicated');
          else this.#rebuildSoon('abdicated');
        })
        .catch((error: unknown) => logger.error('leadership.abdication-failed', {}, error));
    });
  }

  #servicesOrWhyNot(): Services | string {
    const services = this.#tenure?.services;
    if (!services) return this.#trouble ?? 'This server is not leading';
    if (this.#isLeaving) return 'this server is about to give up the lead';
    if (!this.#mayAct()) return 'this server cannot prove at the moment that it leads';
    const status = this.#options.store.status();
    return status.type === 'ready' ? services : status.reason;
  }

  #mayAct(): boolean {
    return this.#lease?.isGood() ?? true;
  }

  #cluster(): ClusterView {
    const { advertisedAddress, election } = this.#options;
    const own = advertisedAddress();
    const isServing = this.#tenure?.services !== undefined && this.#mayAct();
    const other = !isServing && this.#leader?.address !== own ? this.#leader : undefined;
    const mesosConnected = this.#tenure?.isConnected() ?? false;
    return {
      elected: isServing,
      leader: isServing ? own : election ? this.#leader?.address : undefined,
      leaderUrl: other?.url,
      notServing: isServing || other ? undefined : this.#whyNotServing(),
      frameworkId: this.#tenure?.frameworkId,
      mesosConnected,
      mesosMaster: this.#tenure?.mesosMaster,
    };
  }

  #whyNotServing(): string {
    if (this.#trouble !== undefined) return this.#trouble;
    if (this.#tenure) return 'this server cannot prove at the moment that it leads';
    return this.#claim === undefined
      ? 'there is no leader at the moment'
      : 'this server leads and is loading the state';
  }

  #watchMesos(election: Election): MesosReach {
    const { clock, logger, probeMesos, advertisedAddress } = this.#options;
    return new MesosReach({
      election,
      clock,
      logger,
      isConnected: () => this.#tenure?.isConnected(),
      probe: probeMesos ?? (() => Promise.resolve(false)),
      ownAddress: advertisedAddress,
      handOver: (reason) => this.#giveUp(reason),
    });
  }

  /** Transient events go straight to the readers. */
  #publish(event: MarathonEvent): void {
    this.#events.tell({ type: 'released', events: [{ type: event.eventType, json: JSON.stringify(event) }] });
  }
}
