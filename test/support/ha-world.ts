/** Several servers in virtual time: one store, one Mesos, one ensemble; servers crash, freeze, and are cut off from either. */
import { expect } from 'vitest';
import { createOrchestrator, type Orchestrator } from '../../src/actors/orchestrator.ts';
import type { Clock, JournalStore, MesosEvent, MesosLink } from '../../src/actors/ports.ts';
import { defaultSchedulerSettings } from '../../src/actors/settings.ts';
import type { CommitOutcome } from '../../src/core/journal/batch.ts';
import { ClaimLost, StoreAway } from '../../src/core/journal/store-errors.ts';
import { createMemoryJournal, type MemoryJournal } from '../../src/infra/memory-journal.ts';
import { FakeElection, FakeEnsemble } from './fake-ensemble.ts';
import { FakeMesos } from './fake-mesos.ts';
import { createFakeProber, type FakeProber } from './fake-prober.ts';
import { createSilentLogger, createSilentMetrics, type SilentLogger, type SilentMetrics } from './null-observers.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
import { seededRandom } from './world.ts';

/** One step of time; sessions are a hundred times longer. */
const stepMs = 50;

export interface HaServer {
  readonly name: string;
  readonly orchestrator: Orchestrator;
  readonly election: FakeElection;
  readonly prober: FakeProber;
  readonly logger: SilentLogger;
  readonly metrics: SilentMetrics;
  /** Epochs under which it committed something. */
  readonly epochs: Set<number>;
  /** What stands between it and the store. */
  fault: 'none' | 'away' | 'losesAnswers' | 'unusable';
  isDead: boolean;
  isFrozen: boolean;
  /** Whether a Mesos master answers it. */
  reachesMesos: boolean;
}

interface Gate {
  /** Runs now, or when the server thaws; never when it is dead. */
  readonly pass: (what: () => void) => void;
  readonly thaw: () => void;
}

export class HaWorld {
  readonly clock: VirtualClock = createVirtualClock();
  readonly store: MemoryJournal = createMemoryJournal();
  readonly ensemble: FakeEnsemble = new FakeEnsemble(this.clock);
  readonly mesos: FakeMesos;
  readonly servers: HaServer[] = [];
  readonly random: () => number;
  /** Violations of what must hold at every moment. */
  readonly violations: string[] = [];
  readonly #gates = new Map<HaServer, Gate>();
  #ids = 0;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.mesos = new FakeMesos(this.clock);
    for (let i = 0; i < 3; i++) this.mesos.addAgent();
  }

  async add(name: string): Promise<HaServer> {
    const state = { isDead: false, isFrozen: false };
    const gate = gateOf(state);
    const clock = gatedClock(this.clock, gate);
    const election = new FakeElection(this.ensemble, clock, () => state.isFrozen);
    const address = `${name}:8080`;
    const [logger, metrics, prober] = [createSilentLogger(), createSilentMetrics(), createFakeProber()];
    const server: HaServer = Object.assign(state, {
      name,
      election,
      prober,
      logger,
      metrics,
      epochs: new Set<number>(),
      fault: 'none' as const,
      reachesMesos: true,
      orchestrator: undefined as unknown as Orchestrator,
    });
    const orchestrator = createOrchestrator({
      store: this.#storeOf(server, gate),
      election,
      candidate: () => ({ address, url: `http://${address}`, version: 'test', reachesMesos: true }),
      createLink: (before) => this.#linkOf(server, gate, before),
      probeMesos: () => Promise.resolve(server.reachesMesos),
      prober,
      clock,
      ids: this.#idSource(),
      logger,
      metrics,
      settings: defaultSchedulerSettings,
      advertisedAddress: () => address,
    });
    Object.assign(server, { orchestrator });
    this.servers.push(server);
    this.#gates.set(server, gate);
    await orchestrator.start();
    await this.settle();
    return server;
  }

  /** Servers that say they lead. */
  serving(): readonly HaServer[] {
    return this.servers.filter((s) => !s.isDead && !s.isFrozen && s.orchestrator.read.cluster().elected);
  }

  /** The only one that leads. */
  get leader(): HaServer {
    const [only, ...rest] = this.serving();
    if (!only || rest.length > 0) throw new Error(`${rest.length + (only ? 1 : 0)} servers lead`);
    return only;
  }

  kill(server: HaServer): void {
    server.isDead = true;
    server.election.die();
  }

  freeze(server: HaServer): void {
    server.isFrozen = true;
  }

  async thaw(server: HaServer): Promise<void> {
    server.isFrozen = false;
    this.#gates.get(server)?.thaw();
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 10_000; round++) {
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
      let moved = this.mesos.pump();
      for (const { prober, isFrozen, isDead } of this.servers) {
        if (!isFrozen && !isDead && prober.pump()) moved = true;
      }
      if (!moved && this.#isQuiet()) return;
    }
    throw new Error('the world does not come to rest');
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await this.settle();
      this.#check();
    }
  }

  /** Advances until it holds, at most `limitMs`. */
  async until(what: string, holds: () => boolean, limitMs = 60_000): Promise<void> {
    for (let passed = 0; !holds(); passed += stepMs) {
      if (passed > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      await this.advance(stepMs);
    }
  }

  /** What must be true at the end, whatever happened. */
  expectSane(): void {
    expect(this.violations).toEqual([]);
    expect(this.mesos.violations).toEqual([]);
    const epochs = this.store.batches.map((b) => b.epoch);
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
  }

  #check(): void {
    const serving = this.serving();
    if (serving.length > 1) this.violations.push(`${serving.map((s) => s.name)} lead at ${this.clock.monotonic()}`);
  }

  /** Messages that wait in a paused server do not count: they wait for time to pass. */
  #isQuiet(): boolean {
    return this.servers.every((s) => {
      const { queued } = s.orchestrator.runtime.stats();
      const before = this.#queued.get(s);
      this.#queued.set(s, queued);
      return queued === 0 || s.isDead || s.isFrozen || queued === before;
    });
  }

  readonly #queued = new Map<HaServer, number>();

  #storeOf(server: HaServer, gate: Gate): JournalStore {
    const { store, ensemble } = this;
    return {
      ...store,
      open: async (claim) => {
        if (server.fault === 'away') throw new StoreAway('the ensemble is away');
        if (server.fault === 'unusable') throw Object.assign(new Error('too new'), { code: 'STORE_UNUSABLE' });
        if (!ensemble.holds(claim)) throw new ClaimLost('the candidature is gone');
        return store.open(claim);
      },
      status: () => (server.fault === 'none' ? { type: 'ready' } : { type: 'stalled', reason: 'the ensemble is away' }),
      commit: (batch, done) => {
        if (server.isDead || server.isFrozen) return;
        server.epochs.add(batch.epoch);
        // An answer that is lost leaves the batch in the store; nobody hears of it.
        const answer = (outcome: CommitOutcome): void => gate.pass(() => done(outcome));
        store.commit(batch, server.fault === 'none' ? answer : () => {});
      },
      standBy: () => {},
      close: async () => {},
    };
  }

  /** A link that asks before it subscribes, as the real one does. */
  #linkOf(server: HaServer, gate: Gate, beforeSubscribe: () => Promise<boolean>): MesosLink {
    const link = this.mesos.createLink(() => !server.isDead && !server.isFrozen);
    let isStopped = false;
    const connect = (frameworkId: string | undefined, listener: (event: MesosEvent) => void): void => {
      if (isStopped || server.isDead) return;
      beforeSubscribe().then(
        (may) => {
          if (isStopped || server.isDead) return;
          if (may && server.reachesMesos) link.start(frameworkId, (event) => gate.pass(() => listener(event)));
          else gatedClock(this.clock, gate).after(1_000, () => connect(frameworkId, listener));
        },
        (error: unknown) => this.violations.push(String(error)),
      );
    };
    return {
      ...link,
      start: connect,
      stop: async (teardown) => {
        isStopped = true;
        await link.stop(teardown);
      },
    };
  }

  #idSource() {
    const id = (kind: string) => `${String(++this.#ids).padStart(8, '0')}-0000-${kind}000-8000-000000000000`;
    return { uuid: () => id('4'), timeUuid: () => id('1'), random: this.random };
  }
}

function gateOf(state: { readonly isDead: boolean; readonly isFrozen: boolean }): Gate {
  const waiting: (() => void)[] = [];
  return {
    pass: (what) => {
      if (state.isDead) return;
      if (state.isFrozen) waiting.push(what);
      else what();
    },
    thaw: () => {
      for (const what of waiting.splice(0)) what();
    },
  };
}

const gatedClock = (clock: Clock, gate: Gate): Clock => ({
  now: clock.now,
  monotonic: clock.monotonic,
  after: (delayMs, fire) => {
    let isCancelled = false;
    const handle = clock.after(delayMs, () =>
      gate.pass(() => {
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
});
