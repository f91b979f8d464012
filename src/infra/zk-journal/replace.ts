/** Everything is replaced in one step (restore): chunks first, then under a new epoch one transaction that swaps the manifest. */
import type { EncodedRecord } from '../../core/journal/batch.ts';
import { unreadableFormat, type WrittenFormats, withFormats } from '../../core/journal/formats.ts';
import { StoreAway, StoreUnusable } from '../../core/journal/store-errors.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZkOperation, ZooKeeperSession } from '../zookeeper/session.ts';
import { recordLine } from './blocks.ts';
import { writeChunk } from './compactor.ts';
import { decodeHeader, encodeMark } from './entry.ts';
import { chunkPath, entryPath, epochPath, manifestPath, snapshotPath } from './layout.ts';
import { type ChunkRef, encodeManifest, type Manifest } from './manifest.ts';
import { inWindow, loadWindow, readManifest } from './reading.ts';
import { takeEpoch } from './tree.ts';

const chunkChars = 1_000_000;

/**
 * The tree must be laid. Resolves with the new manifest. Until the new epoch is taken nothing is changed but for chunks that nobody
 * names; if it breaks off after that, the old content stays and its leader has to open it again.
 */
export async function replaceAll(
  session: ZooKeeperSession,
  records: Iterable<EncodedRecord>,
  generation: string,
  newId: () => string,
): Promise<Manifest> {
  const chunks: ChunkRef[] = [];
  try {
    const formats = await writeRecords(session, records, newId, chunks);
    const epoch = await takeEpoch(session, undefined);
    return await swap(session, epoch, { generation, formats, records: chunks });
  } catch (error) {
    if (!(error instanceof SwapUnknown)) await dropChunks(session, chunks);
    throw error;
  }
}

async function writeRecords(
  session: ZooKeeperSession,
  records: Iterable<EncodedRecord>,
  newId: () => string,
  chunks: ChunkRef[],
): Promise<WrittenFormats> {
  let formats: WrittenFormats = {};
  let lines: string[] = [];
  let chars = 0;
  const flush = async (): Promise<void> => {
    const text = lines.join('');
    lines = [];
    chars = 0;
    if (text !== '') chunks.push(await writeChunk(session, snapshotPath, newId(), text, []));
  };
  for (const record of records) {
    if (record.json === undefined) continue;
    formats = withFormats(formats, [record]);
    const line = recordLine(record);
    lines.push(line);
    chars += line.length;
    if (chars >= chunkChars) await flush();
  }
  await flush();
  const unreadable = unreadableFormat(formats);
  if (unreadable !== undefined) throw new StoreUnusable(`the new content cannot be used: ${unreadable}`);
  return formats;
}

/** A batch number is left out, so that nobody takes what comes next for the continuation of the old content. */
async function swap(
  session: ZooKeeperSession,
  epoch: number,
  content: Pick<Manifest, 'generation' | 'formats' | 'records'>,
): Promise<Manifest> {
  const end = await journalEnd(session);
  const manifest: Manifest = {
    ...content,
    entry: end.entry + 1,
    nextBatch: end.nextBatch + 1,
    nextEvent: end.nextEvent,
    firstEvent: end.nextEvent,
    events: [],
  };
  const mark = encodeMark('restart', epoch, content.generation);
  const transaction: readonly ZkOperation[] = [
    { type: 'check', path: epochPath, version: epoch },
    { type: 'check', path: entryPath(end.entry - 1), version: 'any' },
    { type: 'create', path: entryPath(end.entry), data: mark },
    { type: 'setData', path: manifestPath, data: encodeManifest(manifest), version: 'any' },
  ];
  await untilKnown(session, transaction, entryPath(end.entry), mark);
  return manifest;
}

/** Nobody knows whether the new content stands. Its chunks must stay. */
class SwapUnknown extends StoreAway {}

/** The identical transaction again until it is done or cannot be; `mark` at `path` says that it was done (design §5.5). */
async function untilKnown(
  session: ZooKeeperSession,
  transaction: readonly ZkOperation[],
  path: string,
  mark: Buffer,
): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      await session.multi(transaction);
      return;
    } catch (error) {
      const isLost = isZkError(error, 'CONNECTION_LOSS', 'TIMEOUT', 'SESSION_ENDED');
      if (isLost && session.state() !== 'ended') {
        await connectedAgain(session);
        continue;
      }
      if (isLost)
        throw new SwapUnknown('the connection was lost: nobody knows whether the content was replaced', {
          cause: error,
        });
      // A refusal of the second try says nothing about the first.
      if (!isFirst && (await isMarked(session, path, mark))) return;
      throw error;
    }
  }
}

async function isMarked(session: ZooKeeperSession, path: string, mark: Buffer): Promise<boolean> {
  try {
    return (await session.get(path)).data.equals(mark);
  } catch (error) {
    if (isZkError(error, 'NO_NODE')) return false;
    throw new SwapUnknown('the connection was lost: nobody knows whether the content was replaced', { cause: error });
  }
}

/** Resolves once the session is connected or has ended. */
function connectedAgain(session: ZooKeeperSession): Promise<void> {
  if (session.state() !== 'suspended') return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const off = session.onState(() => {
      off();
      resolve();
    });
  });
}

/** Where the journal ends: headers alone are read, so that content which this version does not know can be replaced as well. */
async function journalEnd(
  session: ZooKeeperSession,
): Promise<{ readonly entry: number; readonly nextBatch: number; readonly nextEvent: number }> {
  const manifest = await readManifest(session);
  let { entry, nextBatch, nextEvent } = manifest;
  for (;;) {
    const entries = Array.from({ length: loadWindow }, (_, i) => entry + i);
    const found = await inWindow(entries, loadWindow, async (one) => {
      try {
        return decodeHeader((await session.get(entryPath(one))).data);
      } catch (error) {
        if (isZkError(error, 'NO_NODE')) return undefined;
        throw error;
      }
    });
    for (const header of found) {
      if (header === undefined) return { entry, nextBatch, nextEvent };
      entry++;
      if (header.type !== 'batch' || header.part < header.parts) continue;
      nextBatch = header.number + 1;
      nextEvent = header.firstEvent + header.events;
    }
  }
}

async function dropChunks(session: ZooKeeperSession, chunks: readonly ChunkRef[]): Promise<void> {
  for (const { id, parts } of chunks) {
    for (let part = 0; part < parts; part++) {
      // What stays behind is swept away by the next leader.
      await session.remove(chunkPath(snapshotPath, id, part), 'any').catch(() => undefined);
    }
  }
}
