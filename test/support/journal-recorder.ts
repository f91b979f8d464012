/** Collects every entry that the journal of a store ever has, by looking again and again: old ones stay for a minute at least. */
import { setTimeout as delay } from 'node:timers/promises';
import { decodeHeader } from '../../src/infra/zk-journal/entry.ts';
import type { ZooKeeperSession } from '../../src/infra/zookeeper/session.ts';
import { eventually } from './eventually.ts';
import type { SeenEntry } from './journal-check.ts';
import { openTestSession } from './zookeeper-session.ts';

export interface JournalRecorder {
  /** Everything seen so far. An entry that was seen with two contents is there twice. */
  readonly entries: () => readonly SeenEntry[];
  /** Waits until all that is there now has been seen. */
  readonly catchUp: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const lookPauseMs = 500;
const catchUpLimitMs = 60_000;
const parallelReads = 32;

/** Starts to collect. The ensemble may come and go. */
export function recordJournal(zkUrl: string): JournalRecorder {
  const seen = new Map<string, SeenEntry>();
  let isOver = false;
  let looks = 0;
  let session: ZooKeeperSession | undefined;
  const loop = (async () => {
    while (!isOver) {
      try {
        session ??= await openTestSession(zkUrl);
        if (session.state() === 'ended') session = undefined;
        else {
          await look(session, seen);
          looks++;
        }
      } catch {
        // The ensemble is away or on its way: that is what these tests do to it.
      }
      await delay(lookPauseMs);
    }
    await session?.close().catch(() => {});
  })();
  return {
    entries: () => [...seen.values()],
    catchUp: async () => {
      // The look that is under way may have begun before.
      const wanted = looks + 2;
      await eventually('the whole journal', () => looks >= wanted, catchUpLimitMs);
    },
    close: async () => {
      isOver = true;
      await loop;
    },
  };
}

async function look(session: ZooKeeperSession, seen: Map<string, SeenEntry>): Promise<void> {
  const names = [...(await session.children('/state/journal'))].sort();
  const missing = names.filter((name) => !seen.has(name));
  for (let i = 0; i < missing.length; i += parallelReads) {
    await Promise.all(
      missing.slice(i, i + parallelReads).map(async (name) => {
        const { data } = await session.get(`/state/journal/${name}`);
        seen.set(name, seenEntry(Number(name), data));
      }),
    );
  }
}

function seenEntry(entry: number, data: Buffer): SeenEntry {
  const header = decodeHeader(data);
  const isWhole = header.type === 'batch' && header.part === header.parts;
  return { entry, epoch: header.epoch, batch: isWhole ? { number: header.number, id: header.id } : undefined };
}
