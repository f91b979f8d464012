/** The stored events: reading them back, and dropping the oldest. */
import type { EncodedEvent } from '../../core/journal/batch.ts';
import { type EventRetention, isExpired } from '../../core/journal/retention.ts';
import { StoreUnusable } from '../../core/journal/store-errors.ts';
import type { LmdbEnvironment } from './environment.ts';
import { decodeChunk, describeChunk } from './event-chunk.ts';

/** Entries dropped in one transaction, so that commits are never held up for long. */
const trimSlice = 100;

/** Events from number `from` on, at most `limit`, and the oldest number that is still kept. */
export function readStoredEvents(
  environment: LmdbEnvironment,
  from: number,
  limit: number,
): { readonly first: number; readonly events: readonly EncodedEvent[] } {
  if (!environment.isOpen) throw new StoreUnusable('the journal is closed');
  const first = oldest(environment);
  const start = Math.max(first, from);
  const chunks = environment.databases.events;
  // The chunk that holds `start` may begin before it.
  const [holder] = [...chunks.getKeys({ start, reverse: true, limit: 1 })];
  const events: EncodedEvent[] = [];
  if (limit > 0) {
    for (const { key, value } of chunks.getRange({ start: holder ?? start })) {
      const decoded = decodeChunk(value);
      for (let i = Math.max(0, start - key); i < decoded.length && events.length < limit; i++) {
        const event = decoded[i];
        if (event !== undefined) events.push(event);
      }
      if (events.length >= limit) break;
    }
  }
  return { first, events };
}

const oldest = (environment: LmdbEnvironment): number => {
  const [first] = [...environment.databases.events.getKeys({ limit: 1 })];
  return first ?? environment.header.nextEvent;
};

/** Drops what the rule no longer keeps, slice by slice. Resolves with the number of events dropped; rejects if the disk fails. */
export async function trimStoredEvents(
  environment: LmdbEnvironment,
  now: () => number,
  retention: EventRetention,
): Promise<number> {
  let dropped = 0;
  for (;;) {
    const expired: number[] = [];
    if (!environment.isOpen) return dropped;
    for (const { key, value } of environment.databases.events.getRange({ limit: trimSlice })) {
      const chunk = describeChunk(key, value);
      if (!isExpired(chunk, environment.header.nextEvent, now(), retention)) break;
      expired.push(key);
      dropped += chunk.count;
    }
    if (expired.length === 0) return dropped;
    await drop(environment, expired);
  }
}

const drop = (environment: LmdbEnvironment, keys: readonly number[]): Promise<void> =>
  new Promise((resolve, reject) => {
    environment.write({
      apply: (header, { events }) => {
        for (const key of keys) void events.remove(key);
        return header;
      },
      done: (outcome) => (outcome.type === 'failed' ? reject(new StoreUnusable(outcome.reason)) : resolve()),
    });
  });
