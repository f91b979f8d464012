import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EncodedRecord } from '../../../src/core/journal/batch.ts';
import { chunksOf } from '../../../src/infra/lmdb/event-chunk.ts';
import { type JournalHarness, journalContract } from './contract.ts';
import { Leader, put } from './leader.ts';
import { lmdbStore } from './lmdb-store.ts';

journalContract('LMDB', async (): Promise<JournalHarness> => {
  const directory = await mkdtemp(join(tmpdir(), 'journal-'));
  let nowMs = 1_000_000;
  return {
    store: (retention) => lmdbStore(directory, { now: () => nowMs, ...(retention ? { retention } : {}) }),
    fence: async () => {
      const other = lmdbStore(directory);
      await other.open();
      await other.close();
    },
    advance: (ms) => {
      nowMs += ms;
    },
    dispose: () => rm(directory, { recursive: true }),
  };
});

describe('LMDB journal', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'journal-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const rewriteHeader = async (change: (header: Record<string, unknown>) => object): Promise<void> => {
    const root = open<string, string>({ path: join(directory, 'journal'), overlappingSync: false, maxDbs: 4 });
    const meta = root.openDB<string, string>({ name: 'meta', encoding: 'string' });
    await meta.put('header', JSON.stringify(change(JSON.parse(meta.get('header') ?? '{}'))));
    await root.close();
  };
  const seeded = async (): Promise<void> => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit([put('a', 1)]);
    await leader.store.close();
  };

  it('gives each new store a generation of its own', async () => {
    const [one, two] = [lmdbStore(join(directory, '1')), lmdbStore(join(directory, '2'))];
    expect((await one.open()).generation).not.toBe((await two.open()).generation);
    await one.close();
    await two.close();
  });

  it('refuses a store with records of a newer format, naming kind and versions', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit([{ ...put('a', 1, 'app'), format: 7 }]);
    await leader.store.close();
    const store = lmdbStore(directory);
    await expect(store.open()).rejects.toThrow(/"app" records of format 7.*only up to 1$/);
    await store.close();
  });

  it('refuses a store with records of a kind it does not know', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit([put('a', 1, 'pod' as EncodedRecord['kind'])]);
    await leader.store.close();
    const store = lmdbStore(directory);
    await expect(store.open()).rejects.toThrow(/"pod"/);
    await store.close();
  });

  it('refuses a store of another layout and leaves it as it is', async () => {
    await seeded();
    await rewriteHeader((header) => ({ ...header, layout: 3 }));
    const store = lmdbStore(directory);
    await expect(store.open()).rejects.toThrow(/layout 3.*only layout 2$/);
    await store.close();
    await rewriteHeader((header) => ({ ...header, layout: 2 }));
    const leader = await Leader.of(lmdbStore(directory));
    expect([...leader.loaded.records]).toEqual([put('a', 1)]);
    await leader.store.close();
  });

  it('reads what layout 1 wrote, and goes on from there in layout 2', async () => {
    const old = Array.from({ length: 200 }, (_, i) => ({
      type: 't',
      json: JSON.stringify({ i, pad: 'x'.repeat(50) }),
    }));
    const root = open<string, string>({ path: join(directory, 'journal'), overlappingSync: false, maxDbs: 4 });
    const events = root.openDB<string, number>({ name: 'events', encoding: 'string' });
    for (const [first, chunk] of chunksOf(1, old, 0)) await events.put(first, chunk);
    const meta = root.openDB<string, string>({ name: 'meta', encoding: 'string' });
    const header = { layout: 1, epoch: 1, nextBatch: 2, nextEvent: 201, generation: 'g', formats: {} };
    await meta.put('header', JSON.stringify(header));
    await root.close();
    const leader = await Leader.of(lmdbStore(directory));
    expect((await leader.store.readEvents(1, 500)).events).toEqual(old);
    const added = old.map(({ type, json }) => ({ type, json: json.toUpperCase() }));
    await leader.commit([put('a', 1)], added);
    await leader.store.close();
    const again = await Leader.of(lmdbStore(directory));
    expect((await again.store.readEvents(1, 500)).events).toEqual([...old, ...added]);
    await again.store.close();
    await rewriteHeader((written) => {
      expect(written['layout']).toBe(2);
      return written;
    });
  });

  it('keeps events in much less room than they have as text, and maps its file once however it grows', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    const pad = 'the same words as in every other event '.repeat(10);
    for (let n = 0; n < 40; n++) {
      const json = (i: number): string => JSON.stringify({ eventType: 'status_update_event', id: `${n}-${i}`, pad });
      const events = Array.from({ length: 1_000 }, (_, i) => ({ type: 't', json: json(i) }));
      await leader.commit([put(`a${n}`, 'y'.repeat(20_000))], events);
    }
    const file = join(directory, 'journal', 'data.mdb');
    // 17 MB of text.
    expect(statSync(file).size).toBeLessThan(6_000_000);
    expect((await leader.store.readEvents(39_999, 10)).events.length).toBe(2);
    if (process.platform === 'linux') {
      const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
      expect(maps.filter((line) => line.endsWith(file)).length).toBe(1);
    }
    await leader.store.close();
  });

  it('rejects with one line when the directory cannot be used', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const store = lmdbStore(file);
    await expect(store.open()).rejects.toThrow(/^cannot open the store in [^\n]*file[^\n]*: [^\n]*$/);
    await store.close();
  });

  it('lets a second store of the same directory join, and the first one go on reading', async () => {
    const first = await Leader.of(lmdbStore(directory));
    await first.commit([put('a', 1)], [{ type: 't', json: '1' }]);
    const second = await Leader.of(lmdbStore(directory));
    expect([...second.loaded.records]).toEqual([put('a', 1)]);
    await second.store.close();
    expect((await first.store.readEvents(0, 1)).events.length).toBe(1);
    await first.store.close();
  });

  it('throws instead of reading when records are read after the last store was closed', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit([put('a', 1)]);
    await leader.store.close();
    expect(() => [...leader.loaded.records]).toThrow(/closed/);
  });

  it('can be opened again while it is still closing', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    const answer = leader.commit([put('a', 1)]);
    const closing = leader.store.close();
    const next = await Leader.of(lmdbStore(directory));
    expect(await answer).toEqual({ type: 'committed' });
    await closing;
    expect([...next.loaded.records]).toEqual([put('a', 1)]);
    await next.store.close();
  });

  it('grows while its records are being read', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    const batchOf = (n: number) => Array.from({ length: 5_000 }, (_, i) => put(`${n}-${i}`, 'x'.repeat(1_000)));
    await leader.commit(batchOf(0));
    const records = leader.loaded.records[Symbol.iterator]();
    records.next();
    for (let n = 1; n < 6; n++) expect(await leader.commit(batchOf(n))).toEqual({ type: 'committed' });
    let count = 1;
    while (records.next().done !== true) count++;
    expect(count).toBe(30_000);
    await leader.store.close();
  });

  it('gives a snapshot that is read once, and throws instead of reading once the store is closed', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit(Array.from({ length: 3_000 }, (_, i) => put(`${i}`, i)));
    const content = await leader.store.read();
    expect([...content.records].length).toBe(3_000);
    expect(() => [...content.records]).toThrow(/once/);
    const left = await leader.store.read();
    const records = left.records[Symbol.iterator]();
    records.next();
    await leader.store.close();
    expect(() => {
      while (records.next().done !== true);
    }).toThrow(/closed/);
  });

  it('refuses to be read by more than 8 at a time, and gives the place of a reader who left early to the next', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit([put('a', 1), put('b', 1)]);
    for (let i = 0; i < 20; i++)
      for (const record of (await leader.store.read()).records) if (record.key === 'a') break;
    const open = await Promise.all(Array.from({ length: 8 }, () => leader.store.read()));
    await expect(leader.store.read()).rejects.toThrow(/8 readers/);
    expect([...(open[0]?.records ?? [])].length).toBe(2);
    expect([...(await leader.store.read()).records].length).toBe(2);
    await leader.store.close();
  });

  it('keeps the order of commits and a replacement that are handed in together', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    const before = leader.commit([put('a', 1)], [{ type: 't', json: '1' }]);
    const replacing = leader.store.replace({ records: [put('restored', 1)] });
    const after = leader.commit([put('a', 2)]);
    expect(await before).toEqual({ type: 'committed' });
    await replacing;
    expect(await after).toMatchObject({ type: 'fenced' });
    expect([...(await leader.store.read()).records]).toEqual([put('restored', 1)]);
    await leader.store.close();
    const again = await Leader.of(lmdbStore(directory));
    expect([...again.loaded.records]).toEqual([put('restored', 1)]);
    expect(again.loaded.nextEvent).toBe(2);
    await again.store.close();
  });

  it('may be replaced by older content although it holds what only a newer version can read', async () => {
    const leader = await Leader.of(lmdbStore(directory));
    await leader.commit([{ ...put('a', 1, 'app'), format: 7 }]);
    await expect(leader.store.read()).rejects.toThrow(/format 7/);
    await leader.store.replace({ records: [put('a', 1, 'app')] });
    expect([...(await leader.store.read()).records]).toEqual([put('a', 1, 'app')]);
    await leader.store.close();
  });
});
