/** Reading stored events back, from the chunks of the snapshot and from the journal behind it (design §5.9). */
import type { EncodedEvent } from '../../core/journal/batch.ts';
import type { EventChunk } from '../../core/journal/retention.ts';
import type { ZooKeeperSession } from '../zookeeper/session.ts';
import { eventsOf } from './blocks.ts';
import { eventBytesOf } from './entry.ts';
import type { Image } from './image.ts';
import { eventsPath } from './layout.ts';
import { readBatchEntries, readChunk } from './reading.ts';

/** Events from number `from` on, at most `limit`, and the oldest number that is still kept. */
export async function readStoredEvents(
  session: ZooKeeperSession,
  image: Image,
  from: number,
  limit: number,
): Promise<{ readonly first: number; readonly events: readonly EncodedEvent[] }> {
  const first = image.firstEvent;
  const start = Math.max(first, from);
  const end = Math.min(image.nextEvent, start + Math.max(0, limit));
  const events: EncodedEvent[] = [];
  const take = (chunk: EventChunk, texts: readonly EncodedEvent[]): void => {
    for (const event of texts.slice(Math.max(0, start - chunk.first), Math.max(0, end - chunk.first)))
      events.push(event);
  };
  const isWanted = (chunk: EventChunk): boolean => chunk.first < end && chunk.first + chunk.count > start;
  for (const chunk of image.manifest.events.filter(isWanted)) {
    take(chunk, eventsOf((await readChunk(session, eventsPath, chunk)).toString()));
  }
  for (const batch of image.tail.filter(isWanted)) {
    const { header, parts } = await readBatchEntries(session, batch);
    take(batch, eventsOf((await eventBytesOf(header, parts)).toString()));
  }
  return { first, events };
}
