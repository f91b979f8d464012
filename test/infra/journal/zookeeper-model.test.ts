/**
 * Random interleavings against a model: commits of all sizes, requests that are lost, answered to nobody or late, sessions that end,
 * leaders that are fenced by others, snapshots, sweeping, replacements and reopenings. What was acknowledged is there, in order, and
 * nothing else but what was sent and never answered.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { Batch, CommitOutcome, EncodedEvent, EncodedRecord } from '../../../src/core/journal/batch.ts';
import { eventually } from '../../support/eventually.ts';
import { randomFrom } from '../../support/random.ts';
import { isLong } from '../../support/stack.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { incompressible } from './incompressible.ts';
import { drop, Leader, put } from './leader.ts';
import { createMeddler, type Meddler, type Meddling } from './meddler.ts';
import { shiftedClock, zooKeeperStore } from './zookeeper-harness.ts';

const seeds = isLong ? 300 : 30;
const steps = 14;
const openTries = 40;

/** ZooKeeper has all its data in memory, some MiB of each seed: after so many another one takes its place. */
const seedsPerEnsemble = 60;

let ensemble: Ensemble | undefined;
afterEach(() => ensemble?.close());

async function ensembleFor(seed: number): Promise<Ensemble> {
  if (ensemble !== undefined && seed % seedsPerEnsemble !== 0) return ensemble;
  await ensemble?.close();
  ensemble = await startEnsemble(1);
  return ensemble;
}

/** What must be there. */
class Model {
  /** Everything that was sent and may be there, by number. */
  readonly sent = new Map<number, Batch>();
  readonly acknowledged = new Set<number>();
  generation = '';
  /** Where the batches of this generation begin, and what was there before them. */
  first = 1;
  base: readonly EncodedRecord[] = [];
  firstEvent = 1;

  /** A leader has opened it, and found this to be the next batch: what was sent beyond was never done. */
  settle(nextBatch: number): void {
    for (const number of this.sent.keys()) {
      if (number < nextBatch) continue;
      expect(this.acknowledged.has(number), `batch ${number} was acknowledged and is lost`).toBe(false);
      this.sent.delete(number);
    }
    for (let number = this.first; number < nextBatch; number++) {
      expect(this.sent.has(number), `batch ${number} was never sent`).toBe(true);
    }
  }

  records(): readonly string[] {
    const all = new Map<string, string>();
    const apply = ({ key, json }: EncodedRecord): void => {
      if (json === undefined) all.delete(key);
      else all.set(key, json);
    };
    for (const record of this.base) apply(record);
    for (const batch of this.inOrder()) batch.records.forEach(apply);
    return [...all].map(([key, json]) => `${key}=${json}`).sort();
  }

  events(): readonly EncodedEvent[] {
    return this.inOrder().flatMap((batch) => batch.events);
  }

  inOrder(): readonly Batch[] {
    return [...this.sent.values()].sort((a, b) => a.number - b.number);
  }

  replaced(loaded: Leader['loaded'], records: readonly EncodedRecord[]): void {
    this.sent.clear();
    this.acknowledged.clear();
    this.generation = loaded.generation;
    this.first = loaded.nextBatch;
    this.firstEvent = loaded.nextEvent;
    this.base = records;
  }
}

interface Meddled {
  readonly store: JournalStore;
  readonly meddler: Meddler;
}

class World {
  readonly #url: string;
  readonly #random: (below: number) => number;
  readonly #model = new Model();
  readonly #clock = shiftedClock();
  readonly #stores: Meddled[] = [];
  readonly log: string[] = [];
  #lossPercent = 0;
  #leader: Leader | undefined;
  #outcomes: Promise<unknown>[] = [];

  constructor(url: string, random: (below: number) => number) {
    this.#url = url;
    this.#random = random;
  }

  async run(): Promise<void> {
    await this.#lead();
    const followed = this.#follow();
    for (let i = 0; i < steps; i++) await this.#step();
    this.#lossPercent = 0;
    await Promise.all(this.#outcomes);
    await this.#lead();
    await followed.check();
    await this.close();
  }

  async close(): Promise<void> {
    this.#lossPercent = 0;
    for (const { store } of this.#stores.splice(0)) await store.close();
  }

  async #step(): Promise<void> {
    const does = this.#random(100);
    this.#lossPercent = this.#random(3) === 0 ? 30 : 0;
    this.log.push(`${does} with ${this.#lossPercent} % lost`);
    if (does < 50) await this.#commit();
    else if (does < 60) await this.#endSession();
    else if (does < 70) await this.#reopen();
    else if (does < 80) await this.#fence();
    else if (does < 92) await this.#compact();
    else await this.#replace();
  }

  #store(): Meddled {
    const meddler = createMeddler();
    meddler.meddle(({ verb }): Meddling => {
      if (verb !== 'multi' || this.#random(100) >= this.#lossPercent) return 'pass';
      return (['loseRequest', 'loseAnswer', { lateMs: this.#random(40) }] as const)[this.#random(3)] as Meddling;
    });
    const store = zooKeeperStore(this.#url, {
      clock: this.#clock,
      openSession: meddler.openSession,
      journalLimits: { dueBatches: 6, minPauseMs: 0 },
      sessionTimeoutMs: 1_500,
    });
    const one = { store, meddler };
    this.#stores.push(one);
    return one;
  }

  /** Some store takes the lead; everything that it finds must be what the model says. */
  async #lead(): Promise<void> {
    const { store } = this.#random(2) === 0 && this.#stores.length > 0 ? this.#any() : this.#store();
    for (let tries = 0; ; tries++) {
      try {
        await this.#take(await Leader.of(store));
        return;
      } catch (error) {
        if (tries > openTries || (error as { code?: string }).code !== 'STORE_AWAY') throw error;
        if (tries > 5) this.#lossPercent = 0;
        await delay(10);
      }
    }
  }

  async #take(leader: Leader): Promise<void> {
    const model = this.#model;
    // Read at once: it is a live view.
    const found = [...leader.loaded.records].map(({ key, json }) => `${key}=${json}`).sort();
    model.generation ||= leader.loaded.generation;
    expect(leader.loaded.generation).toBe(model.generation);
    await Promise.all(this.#outcomes);
    model.settle(leader.loaded.nextBatch);
    expect(found).toEqual(model.records());
    const events = model.events();
    expect(leader.loaded.nextEvent).toBe(model.firstEvent + events.length);
    this.#lossPercent = 0;
    expect(await leader.store.readEvents(0, 100_000)).toEqual({ first: model.firstEvent, events });
    this.#leader = leader;
  }

  #any(): Meddled {
    return this.#stores[this.#random(this.#stores.length)] as Meddled;
  }

  async #commit(): Promise<void> {
    const leader = this.#leader as Leader;
    const batches = Array.from({ length: 1 + this.#random(4) }, () => leader.batch(this.#records(), this.#events()));
    const outcomes = batches.map(async (batch): Promise<CommitOutcome> => {
      this.#model.sent.set(batch.number, batch);
      const outcome = await leader.send(batch);
      if (outcome.type === 'committed') this.#model.acknowledged.add(batch.number);
      return outcome;
    });
    this.#outcomes.push(...outcomes);
    if (this.#random(4) === 0) return;
    // Whoever was fenced by a request that came late is fenced for good.
    const all = await Promise.all(outcomes);
    if (all.some(({ type }) => type !== 'committed')) await this.#lead();
  }

  #records(): readonly EncodedRecord[] {
    return Array.from({ length: this.#random(4) }, () => {
      const key = `k${this.#random(12)}`;
      if (this.#random(4) === 0) return drop(key);
      return put(key, this.#random(10) === 0 ? incompressible(400_000) : this.#random(1_000_000));
    });
  }

  #events(): readonly EncodedEvent[] {
    return Array.from({ length: this.#random(3) }, () => ({
      type: 'status_update_event',
      json: JSON.stringify({ n: this.#random(1_000_000) }),
    }));
  }

  async #endSession(): Promise<void> {
    await this.#any().meddler.sessions.at(-1)?.close();
  }

  async #reopen(): Promise<void> {
    const leader = this.#leader as Leader;
    await leader.store.close();
    this.#stores.splice(
      this.#stores.findIndex(({ store }) => store === leader.store),
      1,
    );
    await this.#lead();
  }

  /** Another one takes over while the leader knows nothing of it and goes on committing. */
  async #fence(): Promise<void> {
    const before = this.#leader as Leader;
    const racing = this.#commit();
    const { store } = this.#store();
    this.#lossPercent = 0;
    const next = await Leader.of(store).catch((): undefined => undefined);
    // Whatever it says, it cannot be done after the other one has read everything.
    const late = before.send(before.batch([put('late', 1)]));
    await racing;
    if (next !== undefined) expect(await late).not.toEqual({ type: 'committed' });
    if (this.#leader === before || next === undefined) await this.#lead();
  }

  async #compact(): Promise<void> {
    if (this.#random(3) === 0) this.#clock.advance(61_000);
    await (this.#leader as Leader).store.compact().catch(() => {});
  }

  async #replace(): Promise<void> {
    const { store } = this.#any();
    const records = [put('restored', this.#random(1_000)), put('k1', 'restored')];
    const before = this.#model.generation;
    // Nobody else must be writing: what they are told would not be known before.
    await Promise.all(this.#outcomes);
    await store.replace({ records }).catch(() => undefined);
    this.#lossPercent = 0;
    const leader = await Leader.of(this.#store().store);
    if (leader.loaded.generation === before) await this.#take(leader);
    else {
      this.#model.replaced(leader.loaded, records);
      expect([...leader.loaded.records].map(({ key, json }) => `${key}=${json}`).sort()).toEqual(this.#model.records());
      this.#leader = leader;
    }
  }

  /** A standby that must see every batch of the last generation once and in order, or be told to reload. */
  #follow(): { readonly check: () => Promise<void> } {
    const { store } = this.#store();
    const seen: Batch[] = [];
    let isOver = false;
    const start = (from: number): void => {
      store.follow(
        from,
        (batch) => seen.push(batch),
        () => {
          seen.length = 0;
          // What is there now is for the next leader to say.
          setTimeout(() => isOver || start((this.#leader as Leader).nextBatch), 20);
        },
      );
    };
    start((this.#leader as Leader).loaded.nextBatch);
    // It only follows, and is never chosen to lead.
    const [own] = this.#stores.splice(this.#stores.length - 1, 1);
    return {
      check: async () => {
        const leader = this.#leader as Leader;
        this.#model.sent.set(leader.nextBatch, leader.batch([put('last', 1)]));
        const last = this.#model.inOrder().at(-1) as Batch;
        expect(await leader.send(last)).toEqual({ type: 'committed' });
        await eventually('the last batch', () => seen.at(-1)?.number === last.number || seen.length === 0);
        for (const batch of seen.filter(({ number }) => number >= this.#model.first)) {
          expect(batch).toEqual(this.#model.sent.get(batch.number));
        }
        for (const [i, batch] of seen.entries())
          if (i > 0) expect(batch.number).toBe((seen[i - 1] as Batch).number + 1);
        isOver = true;
        await own?.store.close();
      },
    };
  }
}

describe.skipIf(zooKeeperMissing)('the journal in ZooKeeper', () => {
  it(`keeps what it acknowledged and nothing else, whatever happens: ${seeds} seeds`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const world = new World((await ensembleFor(seed)).url(`/model-${seed}`), randomFrom(seed));
      try {
        await world.run();
      } catch (error) {
        throw new Error(`seed ${seed}: ${world.log.join('; ')}`, { cause: error });
      } finally {
        await world.close();
      }
    }
  });
});
