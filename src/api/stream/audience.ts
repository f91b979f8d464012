/**
 * The live readers, those of one kind together: what all of them get is decided and built once, and who wants nothing of what
 * happened is not even looked at.
 */
import type { Reader, ReaderOptions } from './reader.ts';

export interface Party {
  readonly options: Pick<ReaderOptions, 'format' | 'filter'>;
  readonly readers: ReadonlySet<Reader>;
}

export class Audience {
  readonly #parties = new Map<string, { readonly options: ReaderOptions; readonly readers: Set<Reader> }>();
  /** Rounds that have begun. */
  round = 0;

  /** From the next round on it gets what is published. */
  enter(reader: Reader): void {
    reader.isLive = true;
    reader.liveSince = this.round;
    const party = this.#parties.get(reader.key);
    if (party) party.readers.add(reader);
    else this.#parties.set(reader.key, { options: reader.options, readers: new Set([reader]) });
  }

  leave(reader: Reader): void {
    reader.isLive = false;
    const party = this.#parties.get(reader.key);
    party?.readers.delete(reader);
    if (party?.readers.size === 0) this.#parties.delete(reader.key);
  }

  parties(): Iterable<Party> {
    return this.#parties.values();
  }
}
