/** What tests of snapshots in a real ZooKeeper stand on. */
import { beforeEach, expect } from 'vitest';
import type { EncodedRecord } from '../../../src/core/journal/batch.ts';
import { manifestPath, snapshotPath } from '../../../src/infra/zk-journal/layout.ts';
import { decodeManifest, type Manifest } from '../../../src/infra/zk-journal/manifest.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentMetrics, type SilentMetrics } from '../../support/null-observers.ts';
import { Leader, put } from './leader.ts';
import type { Meddler, Meddling, Seen } from './meddler.ts';
import type { StoreOptions } from './zookeeper-harness.ts';
import { direct, event, giveEachTestAPlace, store } from './zookeeper-place.ts';

/** A snapshot after every tenth batch. */
export const often = { dueBatches: 10, minPauseMs: 0 };

export let metrics: SilentMetrics;

/** Gives every test of a file a store of its own. */
export function prepareSnapshots(name: string): void {
  giveEachTestAPlace(name);
  beforeEach(() => {
    metrics = createSilentMetrics();
  });
}

/** Its snapshots are counted by `metrics`. */
export const lead = (options: StoreOptions = {}): Promise<Leader> =>
  Leader.of(store({ journalLimits: often, metrics, ...options }));

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

export interface Gate {
  readonly passed: Promise<void>;
  readonly open: () => void;
}

/** Something that waits until the test lets it go on. */
export function gate(): Gate {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

/** Requests of one kind wait: `reached` tells that the first is there, `held` lets all of them go on. */
export function holdUp(
  meddler: Meddler,
  isMeant: (one: Seen) => boolean,
): { readonly reached: Gate; readonly held: Gate } {
  const [reached, held] = [gate(), gate()];
  meddler.meddle(async (one): Promise<Meddling> => {
    if (isMeant(one)) {
      reached.open();
      await held.passed;
    }
    return 'pass';
  });
  return { reached, held };
}
