/** What state subscriptions know of their connection. */
import { constants, deflateRawSync } from 'node:zlib';
import { textFrame } from '../frames.ts';
import type { StreamConnection } from '../reader.ts';

/** Smaller texts gain nothing by compression. */
const minDeflatedBytes = 4 * 1024;

export interface LiveConnection extends StreamConnection {
  /** The client agreed to permessage-deflate, without context between messages, so that bytes can be shared. */
  readonly canInflate: boolean;
}

/** One text in the forms that connections need, each built at most once. */
export class SharedText {
  readonly #text: string;
  #plain: Buffer | undefined;
  #deflated: Buffer | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  frameFor({ canInflate }: LiveConnection): Buffer {
    if (canInflate && this.#text.length >= minDeflatedBytes) {
      this.#deflated ??= textFrame(deflated(this.#text), true);
      return this.#deflated;
    }
    this.#plain ??= textFrame(this.#text);
    return this.#plain;
  }
}

/** A message of its own, whose last four bytes the other side puts there itself (RFC 7692 §7.2.1). */
function deflated(text: string): Buffer {
  const all = deflateRawSync(text, { level: 1, finishFlush: constants.Z_SYNC_FLUSH });
  return all.subarray(0, -4);
}
