/** The newest batches of a journal and those who follow it, for stores whose only readers live in this process. */
import type { Batch } from '../core/journal/batch.ts';

/** How far back a follower can begin without reading everything anew. */
export const recentBatchLimit = 2_000;
/** The same in UTF-16 units of JSON: who follows gets each batch in the turn that it came, and needs no more than the last few. */
export const recentSizeLimit = 1_048_576;

interface Follower {
  next: number;
  isActive: boolean;
  isScheduled: boolean;
  readonly apply: (batch: Batch) => void;
  readonly reload: () => void;
}

export interface RecentBatches {
  /** Hands a durable batch to everybody. Numbers must come in order. */
  readonly publish: (batch: Batch) => void;
  /** Everything was replaced: whoever follows must reload. `nextBatch` is the number of the next batch. */
  readonly restart: (nextBatch: number) => void;
  /** As `JournalStore.follow`. Nothing is called before this has returned. */
  readonly follow: (from: number, apply: (batch: Batch) => void, reload: () => void) => () => void;
}

/** `nextBatch` is the number of the first batch that will be published. An error thrown by a follower ends it and is reported. */
export function createRecentBatches(nextBatch: number, onError: (error: unknown) => void): RecentBatches {
  const kept = new Map<number, { readonly batch: Batch; readonly size: number }>();
  const followers = new Set<Follower>();
  let first = nextBatch;
  let next = nextBatch;
  let size = 0;

  const deliver = (follower: Follower): void => {
    follower.isScheduled = false;
    try {
      while (follower.isActive && follower.next < next) {
        const entry = kept.get(follower.next);
        if (entry === undefined) {
          end(follower);
          follower.reload();
          return;
        }
        follower.next++;
        follower.apply(entry.batch);
      }
    } catch (error) {
      end(follower);
      onError(error);
    }
  };
  const schedule = (follower: Follower): void => {
    if (follower.isScheduled) return;
    follower.isScheduled = true;
    queueMicrotask(() => deliver(follower));
  };
  const end = (follower: Follower): void => {
    follower.isActive = false;
    followers.delete(follower);
  };

  return {
    publish(batch) {
      const entry = { batch, size: sizeOf(batch) };
      kept.set(batch.number, entry);
      next = batch.number + 1;
      size += entry.size;
      // The newest one always stays, whatever its size: those who have kept up must never have to reload.
      while (first < batch.number && (kept.size > recentBatchLimit || size > recentSizeLimit)) {
        size -= kept.get(first)?.size ?? 0;
        kept.delete(first++);
      }
      for (const follower of followers) schedule(follower);
    },
    restart(nextBatch) {
      kept.clear();
      size = 0;
      first = nextBatch;
      next = nextBatch;
      for (const follower of followers) schedule(follower);
    },
    follow(from, apply, reload) {
      const follower: Follower = { next: from, isActive: true, isScheduled: false, apply, reload };
      followers.add(follower);
      schedule(follower);
      return () => end(follower);
    },
  };
}

function sizeOf(batch: Batch): number {
  let size = 0;
  for (const record of batch.records) size += record.key.length + (record.json?.length ?? 0);
  for (const event of batch.events) size += event.json.length;
  return size;
}
