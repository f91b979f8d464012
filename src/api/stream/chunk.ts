/** Frames of events that follow each other as one piece of memory, of which every reader of a kind gets the part that it needs. */
import type { LoggedEvent } from '../../core/events.ts';
import type { EventFilter } from './filter.ts';
import type { EventFormat } from './frames.ts';
import type { Reader } from './reader.ts';

export interface Chunk {
  readonly bytes: Buffer;
  /** Where each event begins, and at last the end. An event that the filter leaves out takes no bytes. */
  readonly offsets: Uint32Array;
}

/** Joins the frames of the events that the filter accepts. */
export function chunkOf(events: readonly LoggedEvent[], { frame }: EventFormat, { accepts }: EventFilter): Chunk {
  const frames: Buffer[] = [];
  const offsets = new Uint32Array(events.length + 1);
  let at = 0;
  for (const [i, event] of events.entries()) {
    offsets[i] = at;
    if (!accepts(event)) continue;
    const bytes = frame(event);
    frames.push(bytes);
    at += bytes.length;
  }
  offsets[events.length] = at;
  const [only] = frames;
  return { bytes: frames.length === 1 && only ? only : Buffer.concat(frames, at), offsets };
}

/** Bytes of chunks that are kept for the next reader; the newest one is kept however large it is. */
export const maxChunkBytes = 16 * 1024 * 1024;

interface Kept {
  readonly chunk: Chunk;
  readonly end: number;
}

/**
 * Chunks of the log that were built for readers that are behind. They outlive the turn: of a thousand readers that come back, hardly
 * any two are served in the same one, and most of them want the same.
 */
export class Chunks {
  /** By first number, format and filter; oldest use first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #built = 0;

  /** Of all that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Chunks that had to be built, ever. */
  get built(): number {
    return this.#built;
  }

  /** Frames of the events `start` (inclusive) to `end` (exclusive), which always begin alike for the same `start`. */
  get(reader: Reader, start: number, end: number, events: () => readonly LoggedEvent[]): Chunk {
    const { key, options } = reader;
    const place = `${start} ${key}`;
    const kept = this.#kept.get(place);
    this.#drop(place);
    // The newest one grows; what was built of it before is of no more use.
    if (kept && kept.end === end) return this.#keep(place, kept);
    this.#built += 1;
    const chunk = chunkOf(events(), options.format, options.filter);
    return options.filter.isFixed ? this.#keep(place, { chunk, end }) : chunk;
  }

  /** Another generation begins: its numbers mean other events. */
  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  #keep(place: string, kept: Kept): Chunk {
    this.#kept.set(place, kept);
    this.#bytes += sizeOf(kept.chunk);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= maxChunkBytes || this.#kept.size === 1) break;
      this.#drop(oldest);
    }
    return kept.chunk;
  }

  #drop(place: string): void {
    const kept = this.#kept.get(place);
    if (!kept) return;
    this.#kept.delete(place);
    this.#bytes -= sizeOf(kept.chunk);
  }
}

const sizeOf = ({ bytes, offsets }: Chunk): number => bytes.length + offsets.byteLength;
