/** What tests of snapshots in a real ZooKeeper stand on. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { EncodedEvent, EncodedRecord } from '../../../src/core/journal/batch.ts';
import { manifestPath, snapshotPath } from '../../../src/infra/zk-journal/layout.ts';
import { decodeManifest, type Manifest } from '../../../src/infra/zk-journal/manifest.ts';
import type { ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentMetrics, type SilentMetrics } from '../../support/null-observers.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { Leader, put } from './leader.ts';
import type { Seen } from './meddler.ts';
import { type StoreOptions, zooKeeperStore } from './zookeeper-harness.ts';

/** A snapshot after every tenth batch. */
export const often = { dueBatches: 10, minPauseMs: 0 };

let ensemble: Ensemble;
export let direct: ZooKeeperSession;
let opened: JournalStore[];
export let metrics: SilentMetrics;
let path: string;
let count = 0;

/** Gives every test of a file a store of its own. */
export function prepareSnapshots(name: string): void {
  beforeAll(async () => {
    if (!zooKeeperMissing) ensemble = await startEnsemble(1);
  });
  beforeEach(async () => {
    opened = [];
    metrics = createSilentMetrics();
    path = `/${name}-${++count}`;
    if (!zooKeeperMissing) direct = await openTestSession(ensemble.url(path));
  });
  afterEach(async () => {
    for (const one of opened) await one.close();
    await direct?.close();
  });
  afterAll(() => ensemble?.close());
}

export function store(options: StoreOptions = {}): JournalStore {
  const one = zooKeeperStore(ensemble.url(path), options);
  opened.push(one);
  return one;
}

/** Its snapshots are counted by `metrics`. */
export const lead = (options: StoreOptions = {}): Promise<Leader> =>
  Leader.of(store({ journalLimits: often, metrics, ...options }));

export const event = (n: number): EncodedEvent => ({ type: 'status_update_event', json: JSON.stringify({ n }) });
export const manifest = async (): Promise<Manifest> => decodeManifest((await direct.get(manifestPath)).data);
export const compacted = (times: number): Promise<unknown> =>
  eventually(`${times} snapshots`, () => metrics.counted('journal.compactions') >= times);
export const byKey = (records: Iterable<EncodedRecord>): Readonly<Record<string, unknown>> =>
  Object.fromEntries([...records].map(({ key, json }) => [key, JSON.parse(json ?? 'null')]));
export const entries = async (): Promise<readonly number[]> =>
  (await direct.children('/state/journal')).map(Number).sort((a, b) => a - b);
export const chunks = async (): Promise<ReadonlySet<string>> =>
  new Set((await direct.children(snapshotPath)).map((name) => name.slice(0, name.lastIndexOf('.'))));
export const isSwap = ({ operations }: Seen): boolean =>
  operations.some((one) => one.type === 'setData' && one.path === manifestPath);
export const isChunk = (one: Seen): boolean => one.operations.some(({ path: at }) => at.startsWith(`${snapshotPath}/`));

export async function fill(leader: Leader, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++)
    expect(await leader.commit([put(`k${i}`, i)], [event(i)])).toEqual({ type: 'committed' });
}

/** Something that waits until the test lets it go on. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
