/** One server of the simulation: the production orchestrator between a store, an election, a Mesos and a clock that may all fail it. */
import { createOrchestrator, type Orchestrator } from '../../src/actors/orchestrator.ts';
import type {
  Clock,
  Election,
  JournalStore,
  LogFields,
  Logger,
  ProbeRequest,
  ProbeResult,
  Prober,
} from '../../src/actors/ports.ts';
import { defaultSchedulerSettings } from '../../src/actors/settings.ts';
import type { LoggedEvent } from '../../src/core/events.ts';
import type { Batch, CommitOutcome } from '../../src/core/journal/batch.ts';
import { ClaimLost, StoreAway } from '../../src/core/journal/store-errors.ts';
import type { MemoryJournal } from '../../src/infra/memory-journal.ts';
import { FakeElection, type FakeEnsemble } from '../support/fake-ensemble.ts';
import { createSilentLogger, createSilentMetrics, type SilentLogger } from '../support/null-observers.ts';
import type { Dice } from './dice.ts';
import type { SimMesos } from './mesos.ts';
import type { LinkOwner } from './mesos-link.ts';
import type { Profile } from './profile.ts';

/** What a server tells those who watch over it. */
export interface ServerWatch {
  readonly opened: (server: SimServer, epoch: number, nextEvent: number) => void;
  readonly committed: (server: SimServer, batch: Batch) => void;
  readonly refused: (server: SimServer, batch: Batch, outcome: CommitOutcome) => void;
  readonly delivered: (server: SimServer, events: readonly LoggedEvent[]) => void;
  readonly acknowledging: (server: SimServer, taskId: string, uuid: string) => void;
  readonly accepting: LinkOwner['onAccept'];
  readonly killing: (server: SimServer, taskId: string) => void;
  readonly probed: (request: ProbeRequest) => ProbeResult;
  readonly logged: (server: SimServer, event: string, fields: LogFields | undefined) => void;
  readonly died: (server: SimServer) => void;
}

export interface ServerWorld {
  readonly clock: Clock;
  readonly store: MemoryJournal;
  /** Absent: this server is alone and always leads. */
  readonly ensemble: FakeEnsemble | undefined;
  readonly mesos: SimMesos;
  readonly profile: { value: Profile };
  readonly watch: ServerWatch;
  readonly nextId: () => number;
}

export class SimServer {
  readonly name: string;
  readonly orchestrator: Orchestrator;
  readonly election: FakeElection | undefined;
  readonly logger: SilentLogger = createSilentLogger();
  readonly dice: Dice;
  isDead = false;
  isFrozen = false;
  /** The store does not answer it. */
  isStoreAway = false;
  reachesMesos = true;
  /** What its wall clock is ahead of the world's. */
  skewMs = 0;
  /** The epoch that it took last; 0 before the first. */
  epoch = 0;
  /** Dies at the commit or call that makes this zero. */
  crashAt: { readonly what: 'commit' | 'call'; left: number } | undefined;
  /** Number of the next event that a reader on this server must get; undefined between leaderships. */
  nextEvent: number | undefined;
  readonly #world: ServerWorld;
  readonly #frozen: (() => void)[] = [];
  readonly #onWire: (() => void)[] = [];
  #commitDueMs = 0;
  #answerDueMs = 0;

  constructor(name: string, world: ServerWorld, dice: Dice) {
    this.name = name;
    this.dice = dice;
    this.#world = world;
    const clock = this.#clock();
    const address = `${name.replace(/\.\d+$/, '')}:8080`;
    this.election = world.ensemble && new FakeElection(world.ensemble, clock, () => this.isFrozen);
    const election: { readonly election?: Election } = this.election ? { election: this.election } : {};
    this.orchestrator = createOrchestrator({
      store: this.#store(),
      ...election,
      candidate: () => ({ address, url: `http://${address}`, version: 'sim', reachesMesos: true }),
      createLink: (beforeSubscribe) => world.mesos.createLink(this.#linkOwner(beforeSubscribe)),
      probeMesos: () => Promise.resolve(this.reachesMesos),
      prober: this.#prober(),
      clock,
      ids: this.#ids(),
      logger: this.#livingLogger(),
      metrics: createSilentMetrics(),
      settings: defaultSchedulerSettings,
      advertisedAddress: () => address,
    });
    this.orchestrator.events.attach({ deliver: (events) => world.watch.delivered(this, events) });
  }

  /** It runs, and may be asked. */
  get isUp(): boolean {
    return !this.isDead && !this.isFrozen;
  }

  get isServing(): boolean {
    return this.isUp && this.orchestrator.read.cluster().elected;
  }

  /** `kill -9`. */
  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.election?.die();
    this.#world.watch.died(this);
    // The actors of the dead must not keep the machine busy; nothing they do gets out.
    queueMicrotask(() => void this.orchestrator.runtime.shutdown());
  }

  thaw(): void {
    this.isFrozen = false;
    for (const what of this.#frozen.splice(0)) this.pass(what);
  }

  /** The store answers again: what is on its way goes on. */
  storeIsBack(): void {
    this.isStoreAway = false;
    for (const arrive of this.#onWire.splice(0)) arrive();
  }

  /** Runs now, or when the process thaws; never once it is dead. */
  pass = (what: () => void): void => {
    if (this.isDead) return;
    if (this.isFrozen) this.#frozen.push(what);
    else what();
  };

  /** False if the process is gone, or goes at this very moment. */
  #step(what: 'commit' | 'call'): boolean {
    if (!this.isUp) return false;
    if (this.crashAt?.what === what && --this.crashAt.left <= 0) this.die();
    return !this.isDead;
  }

  #clock(): Clock {
    const { clock } = this.#world;
    return {
      now: () => clock.now() + this.skewMs,
      monotonic: clock.monotonic,
      after: (delayMs, fire) => {
        let isCancelled = false;
        const handle = clock.after(delayMs, () =>
          this.pass(() => {
            if (!isCancelled) fire();
          }),
        );
        return {
          cancel: () => {
            isCancelled = true;
            handle.cancel();
          },
        };
      },
    };
  }

  /** What is torn down after a crash has nothing more to say. */
  #livingLogger(): Logger {
    const { logger } = this;
    const say =
      (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, fields?: LogFields, cause?: unknown) => {
        if (this.isDead) return;
        logger[level](event, fields, cause);
        this.#world.watch.logged(this, event, fields);
      };
    return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  }

  #ids() {
    const id = (kind: string) => `${String(this.#world.nextId()).padStart(8, '0')}-0000-${kind}000-8000-000000000000`;
    return { uuid: () => id('4'), timeUuid: () => id('1'), random: this.dice.next };
  }

  #delay(): number {
    return this.dice.below(this.#world.profile.value.commitMs + 1);
  }

  #store(): JournalStore {
    const { store, ensemble, watch, clock } = this.#world;
    let prepare: Parameters<JournalStore['standBy']>[0];
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        clock.after(ms, () => this.pass(resolve));
      });
    return {
      ...store,
      open: async (claim) => {
        await wait(this.#delay());
        if (this.isStoreAway) throw new StoreAway('the ensemble is away');
        if (ensemble && !ensemble.holds(claim)) throw new ClaimLost('the candidature is gone');
        const loaded = await store.open(claim);
        this.epoch = loaded.epoch;
        this.nextEvent = loaded.nextEvent;
        watch.opened(this, loaded.epoch, loaded.nextEvent);
        await wait(this.#delay());
        let asked = 0;
        // A standby has got half of it ready.
        return { ...loaded, prepared: (record) => (asked++ % 2 === 0 ? prepare?.(record) : undefined) };
      },
      status: () => (this.isStoreAway ? { type: 'stalled', reason: 'the ensemble is away' } : { type: 'ready' }),
      commit: (batch, done) => this.#commit(batch, done),
      standBy: (how) => {
        prepare = how;
      },
      close: async () => {},
    };
  }

  /** A request that takes its time, arrives whatever becomes of its sender, and is answered in order. */
  #commit(batch: Batch, done: (outcome: CommitOutcome) => void): void {
    const { store, clock, watch } = this.#world;
    if (this.isFrozen) {
      this.pass(() => this.#commit(batch, done));
      return;
    }
    // What dies at this moment may just have sent it.
    if (this.isDead || (!this.#step('commit') && this.dice.chance(0.5))) return;
    const nowMs = clock.monotonic();
    this.#commitDueMs = Math.max(this.#commitDueMs, nowMs + this.#delay());
    const arrive = (): void => {
      if (this.isStoreAway) {
        this.#onWire.push(arrive);
        return;
      }
      const before = store.batches.length;
      store.commit(batch, (outcome) => this.#answer(() => done(outcome), batch, outcome));
      if (store.batches.length > before) watch.committed(this, batch);
    };
    clock.after(this.#commitDueMs - nowMs, arrive);
  }

  #answer(done: () => void, batch: Batch, outcome: CommitOutcome): void {
    const { clock, watch } = this.#world;
    if (outcome.type !== 'committed') watch.refused(this, batch, outcome);
    const nowMs = clock.monotonic();
    this.#answerDueMs = Math.max(this.#answerDueMs, nowMs + this.#delay());
    clock.after(this.#answerDueMs - nowMs, () => this.pass(done));
  }

  #linkOwner(beforeSubscribe: () => Promise<boolean>): LinkOwner {
    const { watch } = this.#world;
    return {
      name: this.name,
      mayCall: () => this.#step('call'),
      pass: this.pass,
      isDead: () => this.isDead,
      reachesMesos: () => this.reachesMesos,
      beforeSubscribe,
      onAcknowledge: (taskId, uuid) => watch.acknowledging(this, taskId, uuid),
      onAccept: watch.accepting,
      onKill: (taskId) => watch.killing(this, taskId),
    };
  }

  #prober(): Prober {
    const { clock, watch } = this.#world;
    return {
      probe: (request, done) => {
        const result = watch.probed(request);
        clock.after(this.dice.between(1, 200), () => this.pass(() => done(result)));
      },
      close: () => {},
    };
  }
}
