/**
 * What becomes of status updates on their way through a relay: whole records are lost, doubled, held back or overtaken by the
 * next one, and a connection is broken in the middle of a record or of a call. Works on any master that sends a record a chunk.
 */
import type { Relay, Verdict } from '../relay.ts';

/** Chances from 0 to 1 for each update, asked in this order; the first that falls decides. */
export interface Chances {
  readonly lose?: number;
  readonly double?: number;
  /** Comes later, at most `longestDelayMs`. */
  readonly delay?: number;
  /** Comes behind the next record. */
  readonly swap?: number;
}

export type Tally = Readonly<Record<'passed' | 'lost' | 'doubled' | 'delayed' | 'swapped' | 'cut', number>>;

export interface Meddler {
  /** From now on; `{}` ends it. */
  readonly meddle: (chances: Chances) => void;
  /** Breaks the connection of the next record in its middle. */
  readonly cutNextRecord: () => void;
  /** Breaks the connection of the next call in the middle of its body, or where the piece that holds it ends. */
  readonly cutNextCall: () => void;
  /** Neither meddles nor cuts any more. */
  readonly stop: () => void;
  readonly tally: () => Tally;
}

export const longestDelayMs = 1_000;
/** A record waits so long to be overtaken. */
const longestSwapMs = 400;
/** A head beyond this is not from a master. */
const maxHeadBytes = 64 * 1024;

interface Stream {
  kind: 'unknown' | 'events' | 'other';
  rest: Buffer;
  held: Buffer | undefined;
}

const everything: Verdict = 'pass';

/** Sits down at a relay between a scheduler and a master; replaces its inspector. `random` gives numbers below its argument. */
export function meddleWith(relay: Relay, random: (below: number) => number): Meddler {
  const streams = new Map<number, Stream>();
  const tally = { passed: 0, lost: 0, doubled: 0, delayed: 0, swapped: 0, cut: 0 };
  let chances: Chances = {};
  let cutsRecord = false;
  let cutsCall = false;
  const falls = (chance = 0): boolean => random(1_000) < chance * 1_000;

  function fate(connection: number, stream: Stream, chunk: Buffer): readonly Buffer[] {
    const before = stream.held;
    stream.held = undefined;
    const behind = before === undefined ? [] : [before];
    if (!isUpdate(chunk)) return [chunk, ...behind];
    if (falls(chances.lose)) {
      tally.lost++;
      return behind;
    }
    if (falls(chances.double)) {
      tally.doubled++;
      return [chunk, ...behind, chunk];
    }
    if (falls(chances.delay)) {
      tally.delayed++;
      setTimeout(() => relay.inject(connection, 'toClient', chunk), random(longestDelayMs)).unref();
      return behind;
    }
    if (falls(chances.swap)) {
      tally.swapped++;
      stream.held = chunk;
      setTimeout(() => {
        if (stream.held !== chunk) return;
        stream.held = undefined;
        relay.inject(connection, 'toClient', chunk);
      }, longestSwapMs).unref();
      return behind;
    }
    tally.passed++;
    return [chunk, ...behind];
  }

  function events(connection: number, stream: Stream): Verdict {
    const out: Buffer[] = [];
    for (let next = takeChunk(stream); next !== undefined; next = takeChunk(stream)) {
      if (cutsRecord && next.length > 20) {
        cutsRecord = false;
        tally.cut++;
        streams.delete(connection);
        return { pass: Buffer.concat([...out, next.subarray(0, next.length >> 1)]), thenBreak: true };
      }
      out.push(...fate(connection, stream, next));
    }
    return { pass: Buffer.concat(out), thenBreak: false };
  }

  function toClient(connection: number, data: Buffer): Verdict {
    const stream = streams.get(connection) ?? { kind: 'unknown' as const, rest: Buffer.alloc(0), held: undefined };
    streams.set(connection, stream);
    if (stream.kind === 'other') return everything;
    stream.rest = stream.rest.length === 0 ? data : Buffer.concat([stream.rest, data]);
    if (stream.kind === 'events') return events(connection, stream);
    const end = stream.rest.indexOf('\r\n\r\n');
    if (end < 0 && stream.rest.length < maxHeadBytes) return { pass: Buffer.alloc(0), thenBreak: false };
    const head = stream.rest.subarray(0, end < 0 ? stream.rest.length : end + 4);
    stream.rest = stream.rest.subarray(head.length);
    stream.kind = /\r\nmesos-stream-id: /i.test(head.toString('latin1')) ? 'events' : 'other';
    if (stream.kind === 'other') return { pass: Buffer.concat([head, stream.rest]), thenBreak: false };
    const first = events(connection, stream);
    return first === 'pass' ? first : { ...first, pass: Buffer.concat([head, first.pass]) };
  }

  relay.inspect(({ connection, direction, data }) => {
    if (direction === 'toClient') return toClient(connection, data);
    if (!cutsCall || !/"type":"(?!SUBSCRIBE)/.test(data.toString('latin1'))) return everything;
    cutsCall = false;
    tally.cut++;
    return { pass: data.subarray(0, data.length - 1 - random(data.length >> 1)), thenBreak: true };
  });
  return {
    meddle: (next) => {
      chances = next;
    },
    cutNextRecord: () => {
      cutsRecord = true;
    },
    cutNextCall: () => {
      cutsCall = true;
    },
    stop: () => {
      chances = {};
      cutsRecord = false;
      cutsCall = false;
    },
    tally: () => ({ ...tally }),
  };
}

const isUpdate = (chunk: Buffer): boolean => chunk.subarray(0, 48).includes('{"type":"UPDATE"');

/** The next whole HTTP chunk with its frame, if all of it is there. */
function takeChunk(stream: Stream): Buffer | undefined {
  const lineEnd = stream.rest.indexOf('\r\n');
  if (lineEnd < 0) return undefined;
  const size = Number.parseInt(stream.rest.toString('latin1', 0, lineEnd), 16);
  const end = lineEnd + 2 + size + 2;
  if (!(stream.rest.length >= end)) return undefined;
  const chunk = stream.rest.subarray(0, end);
  stream.rest = stream.rest.subarray(end);
  return chunk;
}
