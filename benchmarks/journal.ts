/**
 * The journal's figures (design §9), one JSON line each: commits one after another, and launches through the journal actor, LMDB
 * below it. A launch is four small writes of about 600 bytes of JSON each, with two events. `npm run bench -- journal`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalStore } from '../src/actors/ports.ts';
import { openLmdbJournal } from '../src/infra/lmdb-journal.ts';
import { createMemoryJournal } from '../src/infra/memory-journal.ts';
import {
  clock,
  event,
  ids,
  instance,
  launches,
  loading,
  logger,
  mainThreadMs,
  metrics,
  oneByOne,
  say,
} from './support/journal-load.ts';

async function withStore(run: (store: JournalStore) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'journal-benchmark-'));
  const store = openLmdbJournal({ directory, clock, ids, logger, metrics });
  await run(store);
  await store.close();
  await rm(directory, { recursive: true });
}

/** What the benchmark itself costs: making the objects. It is contained in the figures of `launches`. */
async function making(): Promise<void> {
  const count = 50_000;
  const begun = await mainThreadMs();
  let sink = 0;
  for (let n = 0; n < count; n++) {
    for (let step = 0; step < 4; step++)
      sink += Object.keys(instance(n, step)).length + (step % 2 ? event(n).eventType.length : 0);
  }
  if (sink === 0) throw new Error('nothing was made');
  say('journal', 'making-objects', { mainThreadMicrosPerLaunch: (((await mainThreadMs()) - begun) * 1_000) / count });
}

await making();
await withStore((store) => oneByOne(store, 'journal', 4_000));
for (const perTurn of [10, 50])
  await withStore((store) => launches(store, 'journal', `lmdb-launches-${perTurn}-a-turn`, perTurn));
await withStore(async (store) => {
  await launches(store, 'journal', 'lmdb-launches-100-a-turn', 100);
  await loading(store, 'journal');
});
await launches(createMemoryJournal(), 'journal', 'memory-launches-50-a-turn', 50);
