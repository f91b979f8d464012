/** Reading stored events back, from the chunks of the snapshot and from the journal behind it (design §5.9). */
import type { EncodedEvent } from '../../core/journal/batch.ts';
import type { EventChunk } from '../../core/journal/retention.ts';
import { invariant } from '../../core/result.ts';
import type { ZooKeeperSession } from '../zookeeper/session.ts';
import { eventsOf } from './blocks.ts';
import type { Image } from './image.ts';
import { eventsPath } from './layout.ts';
import { followWindow, groupsOf, inWindow, readChunk, readEventBytes } from './reading.ts';

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
  // Both before the first wait: a snapshot that is finished meanwhile moves batches from the one to the other.
  const [chunks, batches] = [image.manifest.events.filter(isWanted), image.tail.filter(isWanted)];
  for (const chunk of chunks) take(chunk, eventsOf((await readChunk(session, eventsPath, chunk)).toString()));
  for (const group of groupsOf(batches)) {
    const texts = await inWindow(group, followWindow, (batch) => readEventBytes(session, batch));
    for (const [i, batch] of group.entries()) take(batch, eventsOf((texts[i] as Buffer).toString()));
  }
  invariant(events.length === Math.max(0, end - start), 'stored events are numbered without gaps');
  return { first, events };
}
