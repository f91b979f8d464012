/** Who may write, and what became of a write (design §5.2–§5.5, §5.14), in a real ZooKeeper. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { CommitOutcome } from '../../../src/core/journal/batch.ts';
import { ClaimLost, StoreAway, StoreUnusable } from '../../../src/core/journal/store-errors.ts';
import { decodeHeader, encodeBatch, encodeMark } from '../../../src/infra/zk-journal/entry.ts';
import { entryPath, epochPath, manifestPath } from '../../../src/infra/zk-journal/layout.ts';
import { eventually } from '../../support/eventually.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { breakNextTransaction, cutPoints, type Tap, tapFrames } from '../../support/zookeeper-wire.ts';
import { Leader, put } from './leader.ts';
import { createMeddler, entryOf, type Meddling } from './meddler.ts';
import type { StoreOptions } from './zookeeper-harness.ts';
import { direct, giveEachTestAPlace, nextPath, relay, store as storeAt } from './zookeeper-place.ts';

let tap: Tap;
giveEachTestAPlace('fence');
beforeEach(() => {
  if (!zooKeeperMissing) tap = tapFrames(relay);
});

/** Through the relay. */
const store = (options: StoreOptions = {}): JournalStore => storeAt(options, relay.address);

const lead = (options: StoreOptions = {}): Promise<Leader> => Leader.of(store(options));

const jsonOf = async (from: JournalStore): Promise<readonly string[]> =>
  [...(await from.read()).records].map(({ key, json }) => `${key}=${json}`).sort();

const names = async (): Promise<readonly string[]> => [...(await direct.children('/state/journal'))].sort();

const errorOf = (request: Promise<unknown>): Promise<unknown> => request.catch((error: unknown) => error);

describe.skipIf(zooKeeperMissing)('the epoch', () => {
  it("design §5.2: is the version that ZooKeeper gave to the leader's own write, 1 for the very first one", async () => {
    const first = await lead();
    expect(first.loaded.epoch).toBe(1);
    expect((await direct.exists(epochPath))?.version).toBe(1);
    const second = await lead();
    expect(second.loaded.epoch).toBe(2);
    expect((await direct.exists(epochPath))?.version).toBe(2);
  });

  it('design §5.2: bumped from outside, it refuses the next commit, also of the very first leader', async () => {
    for (const epoch of [1, 3]) {
      const meddler = createMeddler();
      const leader = await lead({ openSession: meddler.openSession });
      expect(leader.loaded.epoch).toBe(epoch);
      expect(await leader.commit([put('before', epoch)])).toEqual({ type: 'committed' });
      const before = await names();
      await direct.setData(epochPath, Buffer.from('outside'), 'any');
      expect(await leader.commit([put('after', epoch)])).toMatchObject({
        type: 'fenced',
        reason: `epoch ${epoch} is over: another leader has taken the store`,
      });
      expect(await names()).toEqual(before);
      const checks = meddler.seen.flatMap(({ operations }) => operations.filter((one) => one.path === epochPath));
      expect(checks.filter(({ type }) => type === 'check').length).toBeGreaterThan(0);
      for (const one of checks) if (one.type === 'check') expect(one.version).toBe(epoch);
    }
  });

  it('design §5.3: is taken only while the claim is there, and nothing is changed without it', async () => {
    const claim = '/election/a-n_0000000001';
    expect(await errorOf(store().open(claim))).toBeInstanceOf(ClaimLost);
    await direct.ensurePath('/election');
    await direct.create(claim, Buffer.alloc(0), 'ephemeral');
    const first = store();
    expect((await first.open(claim)).epoch).toBe(1);
    await direct.remove(claim, 'any');
    const other = store();
    expect(await errorOf(other.open(claim))).toBeInstanceOf(ClaimLost);
    expect((await direct.exists(epochPath))?.version).toBe(1);
    // The one that holds it is not disturbed.
    const loaded = { epoch: 1, nextBatch: 1, nextEvent: 1 };
    const outcome = await new Promise<CommitOutcome>((resolve) =>
      first.commit({ number: 1, id: 'x', epoch: 1, records: [], firstEvent: loaded.nextEvent, events: [] }, resolve),
    );
    expect(outcome).toEqual({ type: 'committed' });
  });

  it('design §5.3: everything is read again behind the write that takes it, on the same session', async () => {
    const before = await lead();
    await before.commit([put('a', 1)]);
    const meddler = createMeddler();
    let isLate = false;
    meddler.meddle(async ({ operations }): Promise<Meddling> => {
      // The old leader commits once more at the last moment.
      if (operations.some(({ type, path: at }) => type === 'setData' && at === epochPath) && !isLate) {
        isLate = true;
        await before.commit([put('b', 2)]);
      }
      return 'pass';
    });
    const next = await lead({ openSession: meddler.openSession });
    expect([...next.loaded.records].map(({ key }) => key).sort()).toEqual(['a', 'b']);
    const taken = meddler.seen.findIndex(({ operations }) => operations.some(({ type }) => type === 'setData'));
    const readAfter = meddler.seen.slice(taken + 1).map(({ path: at }) => at);
    expect(readAfter).toContain(manifestPath);
    expect(readAfter).toContain(entryPath(3));
    expect(meddler.sessions.length).toBe(1);
  });
});

describe.skipIf(zooKeeperMissing)('a batch', () => {
  it('design §5.4: is one transaction of two checks and a create; its number is the leader’s own', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    for (let n = 1; n <= 3; n++) await leader.commit([put('a', n)]);
    const batches = meddler.seen.filter((one) => entryOf(one) !== undefined && entryOf(one) !== 0);
    expect(batches.map(({ operations }) => operations.map((one) => ({ ...one, data: undefined })))).toEqual(
      [1, 2, 3].map((n) => [
        { type: 'check', path: epochPath, version: 1 },
        { type: 'check', path: entryPath(n - 1), version: 'any' },
        { type: 'create', path: entryPath(n) },
      ]),
    );
    expect(await names()).toEqual([0, 1, 2, 3].map((n) => entryPath(n).slice('/state/journal/'.length)));
  });

  it('design §5.4: at most 4 are in flight, and they arrive and are answered in order', async () => {
    const leader = await lead();
    expect(leader.store.maxInFlight).toBe(4);
    const unanswered = new Set<number>();
    let most = 0;
    tap.judge(({ isTransaction, xid }) => {
      if (isTransaction) unanswered.add(xid);
      else unanswered.delete(xid);
      most = Math.max(most, unanswered.size);
      return 'pass';
    });
    const batches = Array.from({ length: 12 }, (_, i) => leader.batch([put('a', i)]));
    const outcomes = batches.map((batch) => leader.send(batch));
    expect(await Promise.all(outcomes)).toEqual(batches.map(() => ({ type: 'committed' })));
    expect(most).toBe(4);
    expect(leader.answered).toEqual(batches.map(({ number }) => number));
  });

  it('design §5.4: in the place of which another one lies is fenced, and not mistaken for its own', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    const batch = leader.batch([put('a', 2)]);
    // The same number, epoch and content under another id.
    const [foreign] = await encodeBatch({ ...batch, id: 'foreign' }, Date.now());
    await direct.create(entryPath(2), foreign as Buffer);
    expect(await leader.send(batch)).toMatchObject({ type: 'fenced', reason: expect.stringContaining('entry 2') });
    expect(await leader.commit([put('a', 3)])).toMatchObject({ type: 'fenced' });
    expect(await names()).toEqual(['0000000000', '0000000001', '0000000002']);
  });

  it('design §5.4: whose predecessor is missing stops the leader', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    await direct.remove(entryPath(1), 'any');
    expect(await leader.commit([put('a', 2)])).toMatchObject({
      type: 'fenced',
      reason: 'entry 1, the one before, is missing',
    });
    expect(await names()).toEqual(['0000000000']);
  });

  it.each(cutPoints)('design §5.5: whose connection breaks at %s is there once, and nothing else is', async (point) => {
    const leader = await lead();
    await leader.commit([put('a', 0)]);
    const batches = Array.from({ length: 4 }, (_, i) => leader.batch([put('a', i + 1), put(`k${i}`, i)]));
    const broken = breakNextTransaction([tap], point);
    const outcomes = batches.map((batch) => leader.send(batch));
    await broken;
    expect(await Promise.all(outcomes)).toEqual(batches.map(() => ({ type: 'committed' })));
    expect(leader.answered).toEqual([1, 2, 3, 4, 5]);
    expect((await names()).length).toBe(6);
    const again = await lead();
    expect([...again.loaded.records].map(({ key, json }) => `${key}=${json}`).sort()).toEqual([
      'a=4',
      'k0=0',
      'k1=1',
      'k2=2',
      'k3=3',
    ]);
    expect(again.loaded.nextBatch).toBe(6);
  });

  it.each(['loseRequest', 'loseAnswer'] as const)(
    'design §5.5: %s: the same bytes are sent again, and nothing overtakes',
    async (how) => {
      const meddler = createMeddler();
      const leader = await lead({ openSession: meddler.openSession });
      let losses = 3;
      meddler.meddle((one) => (entryOf(one) === 1 && losses-- > 0 ? how : 'pass'));
      expect(await leader.commit([put('a', 1)])).toEqual({ type: 'committed' });
      const sent = meddler.seen.filter((one) => entryOf(one) === 1);
      expect(sent.length).toBe(4);
      for (const one of sent) expect(one.operations).toEqual(sent[0]?.operations);
      expect(await leader.commit([put('a', 2)])).toEqual({ type: 'committed' });
    },
  );

  it('design §5.5: is not answered while it is unknown, and the store says that it is stalled', async () => {
    const meddler = createMeddler();
    const leader = await lead({ openSession: meddler.openSession });
    let isLosing = true;
    const triedMs: number[] = [];
    meddler.meddle((one) => {
      if (entryOf(one) === 1) triedMs.push(performance.now());
      return isLosing && entryOf(one) !== undefined ? 'loseRequest' : 'pass';
    });
    const outcome = leader.commit([put('a', 1)]);
    await eventually('stalled', () => leader.store.status().type === 'stalled');
    await eventually('tried again', () => triedMs.length >= 4);
    expect(leader.answered).toEqual([]);
    // Not in a loop without rest: what is lost each time may be itself what breaks the connection.
    const [, second = 0, third = 0, fourth = 0] = triedMs;
    expect(third - second).toBeGreaterThan(45);
    expect(fourth - third).toBeGreaterThan(90);
    isLosing = false;
    expect(await outcome).toEqual({ type: 'committed' });
    expect(leader.store.status()).toEqual({ type: 'ready' });
  });

  it('design §5.5: that is unknown when another leader takes over is fenced or there, never both lost and committed', async () => {
    for (const how of ['loseRequest', 'loseAnswer'] as const) {
      nextPath();
      const meddler = createMeddler();
      const leader = await lead({ openSession: meddler.openSession });
      let isLosing = true;
      meddler.meddle((one) => (isLosing && entryOf(one) !== undefined ? how : 'pass'));
      const outcome = leader.commit([put('a', 1)]);
      await eventually('sent', () => meddler.seen.some((one) => entryOf(one) === 1));
      const next = await lead();
      isLosing = false;
      expect(await outcome).toMatchObject({ type: 'fenced' });
      expect([...next.loaded.records].length).toBe(how === 'loseAnswer' ? 1 : 0);
      expect(await next.commit([put('b', 1)])).toEqual({ type: 'committed' });
    }
  });

  it('is stalled without a connection and goes on by itself when it comes back, on the same session or a new one', async () => {
    const leader = await lead({ sessionTimeoutMs: 1_500 });
    for (const kind of ['reset', 'blackHole'] as const) {
      relay.cut(kind);
      const outcome = leader.commit([put('a', kind)]);
      await eventually('stalled', () => leader.store.status().type === 'stalled');
      relay.heal();
      expect(await outcome).toEqual({ type: 'committed' });
      await eventually('ready', () => leader.store.status().type === 'ready');
    }
    expect(await jsonOf(store())).toEqual(['a="blackHole"']);
  });

  it('that waits for an answer when the store is closed is answered all the same', async () => {
    const leader = await lead({ sessionTimeoutMs: 900 });
    relay.cut('blackHole');
    const outcome = leader.commit([put('a', 1)]);
    await leader.store.close();
    expect(await outcome).toMatchObject({ type: 'fenced', reason: expect.stringContaining('closed') });
    relay.heal();
    await eventually('no connection', () => relay.connections() === 0);
  });
});

describe.skipIf(zooKeeperMissing)('a store that is not ours to use', () => {
  // deviation(missing): taking over the state of a Marathon
  //   here: a path in ZooKeeper that holds it is refused
  it.each([['leader-curator'], ['state/apps'], ['state/framework-id']])(
    "design §5.14: with Marathon's own %s is refused in one line, and nothing is changed",
    async (node) => {
      await direct.ensurePath(`/${node}`);
      const before = await direct.children('/');
      for (const use of [() => store().open(), () => store().replace({ records: [] })]) {
        const error = await errorOf(use());
        expect(error).toBeInstanceOf(StoreUnusable);
        expect((error as Error).message).toMatch(/^[^\n]*Marathon[^\n]*operations\.md[^\n]*$/);
      }
      expect(await direct.children('/')).toEqual(before);
      expect(await direct.exists(epochPath)).toBeUndefined();
    },
  );

  it('with a node named "state" that somebody has made is refused, and not waited for', async () => {
    await direct.ensurePath('/state');
    const error = await errorOf(store().open());
    expect(error).toBeInstanceOf(StoreUnusable);
    expect((error as Error).message).toMatch(/^[^\n]*"state" that is not ours$/);
  });

  it('with wrong credentials says so in one line that does not show them', async () => {
    const own = storeAt({}, `user:secret@${relay.address}`);
    await own.open();
    for (const credentials of ['user:wrong@', '']) {
      const other = storeAt({}, `${credentials}${relay.address}`);
      const error = await errorOf(other.open());
      expect(error).toBeInstanceOf(StoreUnusable);
      expect((error as Error).message).toMatch(/^[^\n]*credentials[^\n]*$/);
      expect((error as Error).message).not.toMatch(/wrong|secret/);
    }
    expect(await errorOf(own.open())).toMatchObject({ epoch: 2 });
  });

  it('of a newer record format, in the snapshot or behind it, is refused before the epoch is taken', async () => {
    const leader = await lead();
    await leader.commit([{ ...put('a', 1), format: 9 }]);
    const error = await errorOf(store().open());
    expect(error).toBeInstanceOf(StoreUnusable);
    expect((error as Error).message).toMatch(/^[^\n]*format 9[^\n]*$/);
    expect(await leader.commit([put('b', 1)])).toEqual({ type: 'committed' });
    await leader.store.compact();
    expect((await direct.exists(epochPath))?.version).toBe(1);
  });

  it('of a newer layout or with newer entries is refused likewise, and damage is named', async () => {
    const leader = await lead();
    await leader.commit([put('a', 1)]);
    const { data } = await direct.get(manifestPath);
    for (const [text, message] of [
      [data.toString().replace('"layout":1', '"layout":2'), 'layout 2'],
      ['null', 'manifest is empty'],
      ['{', 'manifest is no JSON'],
    ] as const) {
      await direct.setData(manifestPath, Buffer.from(text), 'any');
      expect(await errorOf(store().open())).toMatchObject({
        code: 'STORE_UNUSABLE',
        message: expect.stringContaining(message),
      });
      expect(await errorOf(store().read())).toMatchObject({ code: 'STORE_UNUSABLE' });
    }
    await direct.setData(manifestPath, data, 'any');
    const entry = await direct.get(entryPath(1));
    for (const [bytes, message] of [
      [Buffer.from(entry.data.toString('latin1').replace('"v":1', '"v":2'), 'latin1'), 'format 2'],
      [Buffer.from('garbage'), 'no header'],
      [entry.data.subarray(0, entry.data.length - 1), 'damaged'],
    ] as const) {
      await direct.setData(entryPath(1), bytes, 'any');
      expect(await errorOf(store().open())).toMatchObject({
        code: 'STORE_UNUSABLE',
        message: expect.stringContaining(message),
      });
    }
    await direct.setData(entryPath(1), entry.data, 'any');
    expect((await direct.exists(epochPath))?.version).toBe(1);
    expect((await store().open()).nextBatch).toBe(2);
  });

  it('that is away says so, and whoever asks again later gets it', async () => {
    relay.cut('reset');
    const one = store({ openSession: createMeddler({ connectTimeoutMs: 500 }).openSession });
    expect(await errorOf(one.open())).toBeInstanceOf(StoreAway);
    expect(await errorOf(one.read())).toBeInstanceOf(StoreAway);
    relay.heal();
    expect((await one.open()).epoch).toBe(1);
  });

  it('fault 16: is read only behind a request that passed the majority', async () => {
    await (await lead()).commit([put('a', 1)]);
    const meddler = createMeddler();
    expect(await jsonOf(store({ openSession: meddler.openSession }))).toEqual(['a=1']);
    expect(meddler.seen[0]).toMatchObject({ verb: 'multi', operations: [{ type: 'check', path: epochPath }] });
    nextPath();
    const empty = createMeddler();
    expect(await store({ openSession: empty.openSession }).read()).toEqual({
      generation: '',
      nextEvent: 1,
      records: [],
    });
    expect(empty.seen[0]?.verb).toBe('multi');
  });
});

describe('an entry', () => {
  it('says what it is in its first line', () => {
    expect(decodeHeader(encodeMark('discard', 3, 'id'))).toEqual({ v: 1, type: 'discard', epoch: 3, id: 'id' });
  });
});
