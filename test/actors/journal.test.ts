import { afterEach, describe, expect, it } from 'vitest';
import { type Effect, perform, tell } from '../../src/actors/effects.ts';
import { type JournalMessage, journalBehaviour, type ReleasedBatch } from '../../src/actors/journal.ts';
import { createCongestion, maxBatchItems } from '../../src/actors/journal-backlog.ts';
import { createRuntime } from '../../src/actors/runtime/runtime.ts';
import type { ActorRef, Runtime } from '../../src/actors/runtime/types.ts';
import type { MarathonEvent } from '../../src/core/events.ts';
import type { RecordWrite } from '../../src/core/journal/batch.ts';
import { createMemoryJournal, type MemoryJournal } from '../../src/infra/memory-journal.ts';
import { createSilentLogger, createSilentMetrics } from '../support/null-observers.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const put = (key: string, value: object = { key }): RecordWrite => ({ kind: 'instance', key, value });
const terminated = (appId: string): MarathonEvent => ({ eventType: 'app_terminated_event', timestamp: 't', appId });
const attached: MarathonEvent = { eventType: 'event_stream_attached', timestamp: 't', remoteAddress: 'r' };

describe('the journal actor', () => {
  let runtime: Runtime | undefined;
  afterEach(() => runtime?.shutdown());

  const start = async (options: { store?: MemoryJournal; inboxLimit?: number; onDurable?: () => void } = {}) => {
    const store = options.store ?? createMemoryJournal({ generation: 'g' });
    const metrics = createSilentMetrics();
    const logger = createSilentLogger();
    const clock = createVirtualClock();
    const congestion = createCongestion();
    const log: string[] = [];
    const released: ReleasedBatch[] = [];
    const ended: string[] = [];
    const stopped: string[] = [];
    let ids = 0;
    const own = createRuntime({ name: 'test', clock, logger, metrics });
    runtime = own;
    const behaviour = journalBehaviour({
      store,
      loaded: await store.open(),
      ids: { uuid: () => `batch-${++ids}`, timeUuid: () => '', random: () => 0 },
      onDurable: (batch) => {
        options.onDurable?.();
        released.push(batch);
        log.push(`durable ${batch.number ?? '-'}`);
      },
      onFenced: (reason) => ended.push(reason),
      congestion,
    });
    const journal: ActorRef<JournalMessage> = own.spawn(behaviour, 'journal', {
      inboxLimit: options.inboxLimit ?? 1_000_000,
      onStopped: (reason) => stopped.push(reason.type),
    });
    const note = (text: string): Effect => perform(text, () => log.push(text));
    const write = (
      records: readonly RecordWrite[],
      effects: readonly Effect[] = [],
      events: readonly MarathonEvent[] = [],
    ) => void journal.tell({ type: 'write', records, effects, events });
    /** Everything has been handled that can be without the store answering. */
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await own.idle();
    };
    return {
      store,
      metrics,
      logger,
      clock,
      congestion,
      log,
      released,
      ended,
      stopped,
      journal,
      note,
      write,
      settle,
      runtime: own,
    };
  };

  it('sends all writes of one turn as one batch and releases what waits for them in order', async () => {
    const { store, log, note, write, settle } = await start();
    write([put('a')], [note('1'), note('2')]);
    write([put('b')], [note('3')]);
    write([put('c')], [note('4')]);
    await settle();
    expect(store.batches.map((batch) => batch.records.map((record) => record.key))).toEqual([['a', 'b', 'c']]);
    expect(log).toEqual(['durable 1', '1', '2', '3', '4']);
  });

  it('releases nothing before the batch is durable', async () => {
    const { store, log, note, write, settle } = await start();
    store.hold();
    write([put('a')], [note('acknowledge')]);
    await settle();
    expect({ sent: store.batches.length, log }).toEqual({ sent: 1, log: [] });
    store.release();
    await settle();
    expect(log).toEqual(['durable 1', 'acknowledge']);
  });

  it('stores the last write of a record within a batch, and hands out the very object', async () => {
    const { store, released, write, settle } = await start();
    const last = { v: 2 };
    write([put('a', { v: 1 }), put('b', { v: 1 })]);
    write([put('a', last), { kind: 'instance', key: 'b', value: undefined }]);
    await settle();
    expect(store.batches[0]?.records).toEqual([
      { kind: 'instance', key: 'a', format: 1, json: '{"v":2}' },
      { kind: 'instance', key: 'b', format: 1, json: undefined },
    ]);
    expect(released[0]?.records[0]?.value).toBe(last);
  });

  it('numbers durable events without gaps, and hands transient ones out in their place without an id', async () => {
    const { store, released, write, settle } = await start();
    write([], [], [terminated('/a'), attached]);
    write([put('x')], [], [terminated('/b')]);
    await settle();
    write([], [], [terminated('/c')]);
    await settle();
    expect(released.flatMap((batch) => batch.events.map(({ id, type }) => [id, type]))).toEqual([
      ['g.1', 'app_terminated_event'],
      [undefined, 'event_stream_attached'],
      ['g.2', 'app_terminated_event'],
      ['g.3', 'app_terminated_event'],
    ]);
    expect((await store.readEvents(1, 9)).events).toEqual(
      ['/a', '/b', '/c'].map((id) => ({ type: 'app_terminated_event', json: JSON.stringify(terminated(id)) })),
    );
  });

  it('has at most as many batches in flight as the store takes, and collects the rest into one', async () => {
    const { store, log, note, write, settle, metrics } = await start({
      store: createMemoryJournal({ maxInFlight: 2 }),
    });
    store.hold();
    for (let i = 1; i <= 6; i++) {
      write([put(`k${i}`)], [note(`${i}`)]);
      await settle();
    }
    expect(store.batches.length).toBe(2);
    expect(metrics.gauged('journal.inflight')).toBe(2);
    store.release();
    await settle();
    expect(store.batches.map((batch) => batch.records.length)).toEqual([1, 1, 4]);
    expect(log).toEqual(['durable 1', '1', 'durable 2', '2', 'durable 3', '3', '4', '5', '6']);
  });

  it('lets effects without a write go behind unreleased batches, and at once when there are none', async () => {
    const { store, log, note, write, settle } = await start();
    write([], [note('free')]);
    await settle();
    expect({ log: [...log], sent: store.batches.length }).toEqual({ log: ['free'], sent: 0 });
    store.hold();
    write([put('a')], [note('a')]);
    await settle();
    write([], [note('after a')], [attached]);
    await settle();
    expect(log).toEqual(['free']);
    store.release();
    await settle();
    expect(log).toEqual(['free', 'durable 1', 'a', 'durable -', 'after a']);
    expect(store.batches.length).toBe(1);
  });

  it('cuts what is collected into batches of bounded size, and never splits one write', async () => {
    const { store, log, note, write, settle } = await start();
    const many = (name: string, count: number) => Array.from({ length: count }, (_, i) => put(`${name}${i}`));
    write(many('a', maxBatchItems - 1), [note('a')]);
    write(many('b', 2), [note('b')]);
    write(many('c', maxBatchItems * 2), [note('c')]);
    await settle();
    expect(store.batches.map((batch) => batch.records.length)).toEqual([maxBatchItems - 1, 2, maxBatchItems * 2]);
    expect(log).toEqual(['durable 1', 'a', 'durable 2', 'b', 'durable 3', 'c']);
  });

  it.each([
    ['fenced', (store: MemoryJournal) => store.fence()],
    ['failed', (store: MemoryJournal) => store.failNext('disk full')],
  ])('says so once when it is %s, releases nothing more and drops what comes after', async (type, fault) => {
    const { store, log, ended, note, write, settle, metrics } = await start();
    write([put('a')], [note('a')]);
    await settle();
    store.hold();
    fault(store);
    for (let i = 0; i < 3; i++) {
      write([put('b')], [note('b')]);
      await settle();
    }
    store.release();
    await settle();
    write([put('c')], [note('c')]);
    write([], [note('d')]);
    await settle();
    expect(ended.length).toBe(1);
    expect(ended[0]).toMatch(new RegExp(`^${type}: .`));
    expect(log).toEqual(['durable 1', 'a']);
    expect(store.batches.length).toBe(1);
    expect(metrics.counted('journal.dropped')).toBe(5);
    expect(metrics.gauged('journal.inflight')).toBe(0);
  });

  it('performs the other effects when one throws', async () => {
    const { log, logger, metrics, note, write, settle } = await start();
    const broken = perform('decline', () => {
      throw new Error('broken');
    });
    write([put('a')], [note('1'), broken, note('2')]);
    await settle();
    expect(log).toEqual(['durable 1', '1', '2']);
    expect(metrics.counted('journal.effects.failed')).toBe(1);
    expect(logger.of('effectFailed').map((line) => line.fields['what'])).toEqual(['decline']);
  });

  it('tells actors', async () => {
    const { log, write, settle, runtime: own } = await start();
    const listener = own.spawn<null, { readonly text: string }>(
      {
        initial: () => null,
        receive: (state, { text }) => {
          log.push(text);
          return state;
        },
      },
      'listener',
    );
    write([put('a')], [tell(listener, { text: 'told' })]);
    await settle();
    expect(log).toEqual(['durable 1', 'told']);
  });

  it('keeps its order under answers, writes and holds at random', async () => {
    const { store, log, note, write, settle } = await start({ store: createMemoryJournal({ maxInFlight: 3 }) });
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let i = 0; i < 600; i++) {
      if (random(4) === 0) store.hold();
      if (random(3) === 0) store.release(random(3));
      if (random(5) === 0) store.release();
      write(random(3) === 0 ? [] : [put(`k${random(5)}`, { i })], [note(`${i}`)]);
      if (random(2) === 0) await runtime?.idle();
    }
    store.release();
    await settle();
    expect(log.filter((text) => !text.startsWith('durable'))).toEqual(Array.from({ length: 600 }, (_, i) => String(i)));
  });

  it('shows that it cannot keep up, until half of the backlog is gone', async () => {
    const { store, congestion, write, settle, metrics } = await start({
      store: createMemoryJournal({ maxInFlight: 1 }),
    });
    store.hold();
    write([put('first')]);
    await settle();
    const group = Array.from({ length: 50_000 }, (_, i) => put(`k${i}`));
    for (let i = 0; i < 5; i++) write(group);
    await settle();
    expect(congestion.isCongested).toBe(true);
    expect(metrics.gauged('journal.congested')).toBe(1);
    store.release();
    await settle();
    await settle();
    expect(congestion.isCongested).toBe(false);
    expect(metrics.gauged('journal.collected')).toBe(0);
  });

  it('loses neither an answer nor a flush when its inbox is full, and says so when a write does not fit', async () => {
    const { store, log, note, write, settle, runtime: own, journal } = await start({ inboxLimit: 2 });
    store.hold();
    write([put('a')], [note('a')]);
    await settle();
    // The inbox is full at the moment of the answer.
    journal.tell({ type: 'write', records: [put('b')], effects: [note('b')], events: [] });
    journal.tell({ type: 'write', records: [put('c')], effects: [note('c')], events: [] });
    expect(journal.tell({ type: 'write', records: [put('d')], effects: [], events: [] })).toBe(false);
    store.release();
    await own.idle();
    await settle();
    expect(log.filter((text) => !text.startsWith('durable'))).toEqual(['a', 'b', 'c']);
  });

  it('stops when the read model throws, since readers would see holes', async () => {
    const { stopped, log, note, write, settle } = await start({
      onDurable: () => {
        throw new Error('read model broken');
      },
    });
    write([put('a')], [note('a')]);
    await settle();
    expect(stopped).toEqual(['failed']);
    expect(log).toEqual([]);
  });
});
