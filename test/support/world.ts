/**
 * The production orchestrator in a world that stands still between two steps: memory journal, virtual clock, seeded ids, a fake
 * Mesos and a fake prober. `crash` leaves it as `kill -9` would; `restart` opens the same journal with a new epoch.
 */
import { expect } from 'vitest';
import type { AppsChanged } from '../../src/actors/front.ts';
import type { Orchestrator, OrchestratorOptions } from '../../src/actors/orchestrator.ts';
import { createOrchestrator } from '../../src/actors/orchestrator.ts';
import type { Clock, Ids, JournalStore, LogFields } from '../../src/actors/ports.ts';
import type { SchedulerSettings } from '../../src/actors/settings.ts';
import { defaultSchedulerSettings } from '../../src/actors/settings.ts';
import type { AppChange } from '../../src/core/app/change.ts';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { AppId } from '../../src/core/ids.ts';
import { parseTaskId } from '../../src/core/ids.ts';
import type { Instance } from '../../src/core/instance/instance.ts';
import type { Refusal } from '../../src/core/refusal.ts';
import type { Result } from '../../src/core/result.ts';
import { createMemoryJournal, type MemoryJournal } from '../../src/infra/memory-journal.ts';
import { FakeMesos } from './fake-mesos.ts';
import { createFakeProber, type FakeProber } from './fake-prober.ts';
import { createSilentLogger, createSilentMetrics, type SilentLogger, type SilentMetrics } from './null-observers.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface WorldOptions {
  readonly journalInboxLimit?: number;
  /** Agents at the start. Default 3. */
  readonly agents?: number;
  readonly settings?: Partial<SchedulerSettings>;
  readonly seed?: number;
  readonly callbacks?: NonNullable<OrchestratorOptions['callbacks']>;
  /** Called instead of the first `start`: the test starts by itself. */
  readonly isStopped?: boolean;
}

export interface SeenEvent {
  readonly eventType: string;
  readonly [member: string]: unknown;
}

/** One orchestrator from its start to its crash. */
interface Life {
  readonly orchestrator: Orchestrator;
  isDead: boolean;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class World {
  readonly clock: VirtualClock = createVirtualClock();
  readonly store: MemoryJournal = createMemoryJournal();
  readonly prober: FakeProber = createFakeProber();
  readonly logger: SilentLogger = createSilentLogger();
  readonly metrics: SilentMetrics = createSilentMetrics();
  readonly mesos: FakeMesos;
  readonly random: () => number;
  /** What readers of the event stream got, over all lives. */
  readonly events: SeenEvent[] = [];
  /** Called before each commit and each call to Mesos; false crashes the process at that moment. */
  onStep: ((what: 'commit' | 'call') => boolean) | undefined;
  readonly #settings: SchedulerSettings;
  readonly #ids: Ids;
  readonly #limits: Pick<WorldOptions, 'journalInboxLimit' | 'callbacks'>;
  readonly #due = new Map<object, number>();
  readonly #timers: Clock;
  #storeFault: string | undefined;
  #life: Life | undefined;

  constructor(options: WorldOptions = {}) {
    this.random = seededRandom(options.seed ?? 1);
    const { journalInboxLimit, callbacks } = options;
    this.#limits = {
      ...(journalInboxLimit === undefined ? {} : { journalInboxLimit }),
      ...(callbacks ? { callbacks } : {}),
    };
    this.#settings = { ...defaultSchedulerSettings, ...options.settings };
    this.#timers = this.#tracked(() => true);
    this.mesos = new FakeMesos(this.#timers);
    for (let i = 0; i < (options.agents ?? 3); i++) this.mesos.addAgent();
    let number = 0;
    const id = (kind: string) => `${String(++number).padStart(8, '0')}-0000-${kind}000-8000-000000000000`;
    this.#ids = { uuid: () => id('4'), timeUuid: () => id('1'), random: this.random };
  }

  get orchestrator(): Orchestrator {
    if (!this.#life) throw new Error('nobody is running');
    return this.#life.orchestrator;
  }

  get read(): Orchestrator['read'] {
    return this.orchestrator.read;
  }

  get control(): Orchestrator['control'] {
    return this.orchestrator.control;
  }

  get isCrashed(): boolean {
    return this.#life === undefined || this.#life.isDead;
  }

  async start(): Promise<void> {
    const life = { isDead: false } as { isDead: boolean; orchestrator: Orchestrator };
    const { metrics, prober } = this;
    // What is torn down after a crash has nothing more to say.
    const say =
      (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, fields?: LogFields, cause?: unknown) => {
        if (!life.isDead) this.logger[level](event, fields, cause);
      };
    const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
    const step = (what: 'commit' | 'call'): boolean => {
      if (!life.isDead && this.onStep?.(what) === false) life.isDead = true;
      return !life.isDead;
    };
    life.orchestrator = createOrchestrator({
      store: this.#gatedStore(life, step),
      createLink: () => this.mesos.createLink(() => step('call')),
      prober,
      clock: this.#tracked(() => !life.isDead),
      ids: this.#ids,
      logger,
      metrics,
      settings: this.#settings,
      advertisedAddress: () => 'localhost:8080',
      ...this.#limits,
    });
    this.#life = life;
    life.orchestrator.events.attach({
      deliver: (events) => {
        if (life.isDead) return;
        for (const { json } of events) this.events.push(JSON.parse(json) as SeenEvent);
      },
    });
    await life.orchestrator.start();
    await this.settle();
  }

  /** The process is gone: nothing that it was about to do happens. */
  crash(): void {
    if (this.#life) this.#life.isDead = true;
    this.store.release();
  }

  /** The store cannot be opened any more. */
  breakStore(reason: string): void {
    this.#storeFault = reason;
  }

  /** A new process on the same journal. */
  async restart(): Promise<void> {
    this.crash();
    this.onStep = undefined;
    await this.#life?.orchestrator.runtime.shutdown();
    await this.start();
  }

  /** Until nothing happens any more without time passing. */
  async settle(): Promise<void> {
    for (let round = 0; round < 100_000; round++) {
      await this.#life?.orchestrator.runtime.idle();
      const moved = this.mesos.pump();
      if (!this.prober.pump() && !moved) return;
    }
    throw new Error('the world does not come to rest');
  }

  /** Time passes; everything that falls due happens at its time. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.monotonic() + ms;
    await this.settle();
    for (;;) {
      const nowMs = this.clock.monotonic();
      const next = Math.min(untilMs, ...this.#due.values());
      this.clock.advance(Math.max(0, next - nowMs));
      await this.settle();
      if (next >= untilMs) return;
    }
  }

  /** Asks for a change without waiting for the answer. */
  request(changes: readonly AppChange[], force = false): Promise<Result<AppsChanged, Refusal>> {
    return this.control.changeApps(changes, { force });
  }

  /** Asks for a change, lets everything happen, and gives the answer. */
  async change(changes: readonly AppChange[], force = false): Promise<Result<AppsChanged, Refusal>> {
    const answer = this.request(changes, force);
    await this.settle();
    return answer;
  }

  /** PUT of a complete app. */
  put(id: string, update: AppUpdate = {}, force = false): Promise<Result<AppsChanged, Refusal>> {
    return this.change([putOf(id, update)], force);
  }

  delete(id: string, force = true): Promise<Result<AppsChanged, Refusal>> {
    return this.change([{ type: 'delete', id: id as AppId }], force);
  }

  scale(id: string, instances: number, force = false): Promise<Result<AppsChanged, Refusal>> {
    return this.change([{ type: 'scale', id: id as AppId, instances, sentenced: [] }], force);
  }

  instances(id: string): readonly Instance[] {
    return [...this.read.instancesOf(id)];
  }

  running(id: string): readonly Instance[] {
    return this.instances(id).filter((i) => i.condition === 'Running' && i.goal === 'Running');
  }

  /** Ids of the app's tasks that are alive at Mesos. */
  tasksOf(id: string): readonly string[] {
    return this.mesos
      .alive()
      .map((t) => t.id)
      .filter((taskId) => parseTaskId(taskId)?.appId === id)
      .sort();
  }

  deploymentIds(): readonly string[] {
    return [...this.read.deployments()].map((d) => d.id);
  }

  eventsOf(type: string): readonly SeenEvent[] {
    return this.events.filter((e) => e.eventType === type);
  }

  /** Records of a kind in the store. */
  stored(kind: string): readonly { readonly key: string; readonly json: string | undefined }[] {
    return this.store.records().filter((r) => r.kind === kind);
  }

  /** What must be true whatever happened. */
  expectSane(): void {
    expect(this.mesos.violations).toEqual([]);
    const failures = this.logger.of('leadership.actor-failed');
    expect(failures.map((f) => String(f.cause))).toEqual([]);
  }

  /** A clock whose due times are known, so that time can go from one to the next. */
  #tracked(isAlive: () => boolean): Clock {
    const { clock } = this;
    return {
      now: clock.now,
      monotonic: clock.monotonic,
      after: (delayMs, fire) => {
        const key = {};
        this.#due.set(key, clock.monotonic() + Math.max(0, delayMs));
        const handle = clock.after(delayMs, () => {
          this.#due.delete(key);
          if (isAlive()) fire();
        });
        return {
          cancel: () => {
            this.#due.delete(key);
            handle.cancel();
          },
        };
      },
    };
  }

  #gatedStore(life: { readonly isDead: boolean }, step: (what: 'commit') => boolean): JournalStore {
    const { store } = this;
    return {
      ...store,
      open: () => (this.#storeFault === undefined ? store.open() : Promise.reject(new Error(this.#storeFault))),
      commit: (batch, done) => {
        if (!step('commit')) return;
        store.commit(batch, (outcome) => {
          if (!life.isDead) done(outcome);
        });
      },
      close: async () => {},
    };
  }
}

/** A PUT of a small app; `update` names what should differ. */
export const putOf = (id: string, update: AppUpdate = {}): AppChange => ({
  type: 'put',
  id: id as AppId,
  partial: false,
  update: { cmd: 'sleep 1000', cpus: 0.1, mem: 32, instances: 1, ...update },
});

/** A world with a running orchestrator that is connected to Mesos. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  if (!options.isStopped) await world.start();
  return world;
}
