/** Backup and restore with a store in ZooKeeper: moving there and back, and what a running leader notices of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JournalStore } from '../../src/actors/ports.ts';
import { runBackup, runRestore } from '../../src/backup/command.ts';
import type { EncodedRecord } from '../../src/core/journal/batch.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { systemIds } from '../../src/infra/ids.ts';
import { openSession, type ZooKeeperSession } from '../../src/infra/zookeeper/session.ts';
import { parseZkUrl } from '../../src/infra/zookeeper/zk-url.ts';
import { openZooKeeperJournal } from '../../src/infra/zookeeper-journal.ts';
import { Leader, put } from '../infra/journal/leader.ts';
import { lmdbStore } from '../infra/journal/lmdb-store.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../support/zookeeper.ts';

const nothing = (): void => {};
const surroundings = {
  clock: systemClock,
  ids: systemIds,
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  metrics: { count: nothing, gauge: nothing, time: nothing },
  // No test here is about a session that ends.
  sessionTimeoutMs: 60_000,
  connectTimeoutMs: 60_000,
};

let ensemble: Ensemble;
let folder: string;
let url: string;
let count = 0;
let opened: (JournalStore | ZooKeeperSession)[] = [];
let out: string;
let complaints: string;

beforeAll(async () => {
  if (!zooKeeperMissing) ensemble = await startEnsemble(1);
});
afterAll(() => ensemble?.close());
beforeEach(() => {
  if (zooKeeperMissing) return;
  folder = mkdtempSync(join(tmpdir(), 'backup-'));
  url = ensemble.url(`/backup-${++count}`);
  out = '';
  complaints = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of opened) await one.close();
  opened = [];
  if (!zooKeeperMissing) rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const serversOf = (text: string) => {
  const servers = parseZkUrl(text);
  if (!servers.ok) throw new Error(servers.error);
  return servers.value;
};
const zooKeeperStore = (): JournalStore => {
  const store = openZooKeeperJournal({ servers: serversOf(url), ...surroundings });
  opened.push(store);
  return store;
};
const contentOf = async (store: JournalStore): Promise<readonly string[]> => {
  const records: readonly EncodedRecord[] = [...(await store.read()).records];
  return records.map((record) => JSON.stringify(record)).sort();
};
const records: readonly EncodedRecord[] = [
  put('frameworkId', { frameworkId: 'f-1' }, 'meta'),
  put('/a', { id: '/a', env: { NAME: 'ünïcode \u{1f600}' } }, 'app'),
  put('d-1', { plan: 'x'.repeat(700_000) }, 'deployment'),
  ...Array.from({ length: 3_000 }, (_, i) => put(`a.${i}`, { appId: '/a', i })),
];

describe.skipIf(zooKeeperMissing)('a store in ZooKeeper', () => {
  it('takes over everything of an embedded one, framework id and instances too, and gives it back', async () => {
    const embedded = await Leader.of(lmdbStore(at('from')));
    expect(await embedded.commit(records)).toEqual({ type: 'committed' });
    const before = await contentOf(embedded.store);
    await embedded.store.close();
    const amount = '1 app, 3000 instances and 1 deployment';
    expect(await runBackup(['--data_dir', at('from'), '--file', at('f')])).toBe(0);
    expect(await runRestore(['--zk', url, '--file', at('f')])).toBe(0);
    expect(complaints).toBe('');
    expect(await contentOf(zooKeeperStore())).toEqual(before);
    const leader = await Leader.of(zooKeeperStore());
    expect(await leader.commit([put('a.9999', { appId: '/a' })])).toEqual({ type: 'committed' });
    expect(await runBackup(['--zk', url, '--file', at('g')])).toBe(0);
    expect(await runRestore(['--data_dir', at('to'), '--file', at('g')])).toBe(0);
    expect(out.split('\n').map((line) => /(1 app, .* deployment) /.exec(line)?.[1])).toEqual([
      amount,
      amount,
      amount.replace('3000', '3001'),
      amount.replace('3000', '3001'),
      undefined,
    ]);
    const back = lmdbStore(at('to'));
    opened.push(back);
    expect(await contentOf(back)).toEqual([...before, JSON.stringify(put('a.9999', { appId: '/a' }))].sort());
  });

  it('is backed up without disturbing its leader, as one state although commits go on', async () => {
    const leader = await Leader.of(zooKeeperStore());
    await leader.commit(Array.from({ length: 2_000 }, (_, i) => put(`${i}`, { n: 0 })));
    let isDone = false;
    const backing = runBackup(['--zk', url, '--file', at('f')]).finally(() => {
      isDone = true;
    });
    for (let n = 1; !isDone; n++)
      expect(await leader.commit(Array.from({ length: 2_000 }, (_, i) => put(`${i}`, { n })))).toEqual({
        type: 'committed',
      });
    expect(await backing).toBe(0);
    expect(await leader.commit([put('after', 1)])).toEqual({ type: 'committed' });
    expect(await runRestore(['--data_dir', at('to'), '--file', at('f')])).toBe(0);
    const restored = lmdbStore(at('to'));
    opened.push(restored);
    const values = [...(await restored.read()).records].map((record) => record.json);
    expect(values).toHaveLength(2_000);
    expect(new Set(values).size).toBe(1);
  });

  it('refuses a restore while servers run, unless by force: then their leader is fenced and starts anew from the backup', async () => {
    const leader = await Leader.of(zooKeeperStore());
    await leader.commit([put('/a', { id: '/a' }, 'app')]);
    expect(await runBackup(['--zk', url, '--file', at('f')])).toBe(0);
    await leader.commit([put('/later', {}, 'app')]);
    const session = await openSession({ servers: serversOf(url), ...surroundings, name: 'candidate' });
    opened.push(session);
    await session.ensurePath('/election');
    await session.create('/election/guid-n_', Buffer.from('{}'), 'ephemeralSequential');
    expect(await runRestore(['--zk', url, '--file', at('f')])).toBe(1);
    expect(complaints).toMatch(/^ultramarathon: a server runs on zk:[^\n]*--force[^\n]*nothing was changed\n$/);
    expect(await leader.commit([put('/more', {}, 'app')])).toEqual({ type: 'committed' });
    expect(await runRestore(['--zk', url, '--file', at('f'), '--force'])).toBe(0);
    expect(await leader.commit([put('/lost', {}, 'app')])).toMatchObject({ type: 'fenced' });
    const loaded = await leader.store.open();
    expect([...loaded.records]).toEqual([put('/a', { id: '/a' }, 'app')]);
    expect(loaded.generation).not.toBe(leader.loaded.generation);
  });

  it('refuses a restore over what is there, unless by force', async () => {
    const leader = await Leader.of(zooKeeperStore());
    await leader.commit([put('/a', {}, 'app')]);
    expect(await runBackup(['--zk', url, '--file', at('f')])).toBe(0);
    await leader.commit([put('/b', {}, 'app')]);
    await leader.store.close();
    expect(await runRestore(['--zk', url, '--file', at('f')])).toBe(1);
    expect(complaints).toMatch(/^ultramarathon: zk:\S* is not empty: give --force [^\n]*nothing was changed\n$/);
    expect(await contentOf(zooKeeperStore())).toHaveLength(2);
    expect(await runRestore(['--zk', url, '--file', at('f'), '--force'])).toBe(0);
    expect(await contentOf(zooKeeperStore())).toEqual([JSON.stringify(put('/a', {}, 'app'))]);
  });

  it('is opened with its credentials alone, and tells them to nobody', async () => {
    const path = `/secret-${count}`;
    const embedded = lmdbStore(at('from'));
    await embedded.replace({ records });
    await embedded.close();
    expect(await runBackup(['--data_dir', at('from'), '--file', at('f')])).toBe(0);
    expect(await runRestore(['--zk', ensemble.url(path, 'operator:topsecret'), '--file', at('f')])).toBe(0);
    expect(await runBackup(['--zk', ensemble.url(path, 'operator:topsecret'), '--file', at('g')])).toBe(0);
    expect(await runBackup(['--zk', ensemble.url(path, 'operator:othersecret'), '--file', at('h')])).toBe(1);
    expect(await runBackup(['--zk', ensemble.url(path), '--file', at('h')])).toBe(1);
    expect(complaints).toMatch(/^(ultramarathon: [^\n]+\n){2}$/);
    expect(out + complaints).not.toMatch(/secret:|topsecret|othersecret/);
  });
});
