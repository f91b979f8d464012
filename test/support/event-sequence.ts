/**
 * What a reader of events got, held against what the others got. Each event is compared byte by byte with the first copy that anybody
 * got of it; at the end the whole sequence is hashed. A fault is told at once, with the number at which it happened.
 */
import { createHash } from 'node:crypto';

const digestBytes = 32;
/** Faults of one reader that are told; one mistake tends to be followed by others. */
const maxFaults = 10;

/** The first copy of each event of one generation that any of its readers got, as a digest. */
export class Ledger {
  readonly generation: string;
  /** Number of the first event. */
  readonly first: number;
  #digests = Buffer.alloc(1_024 * digestBytes);
  #isKnown: boolean[] = [];

  /** Events behind `since`. */
  constructor(since: string) {
    const { generation, number } = parse(since);
    this.generation = generation;
    this.first = number + 1;
  }

  /** Its digest as it was first, and whether this copy is the same. */
  learn(number: number, json: Buffer): { readonly digest: Buffer; readonly isSame: boolean } {
    const digest = createHash('sha256').update(`${this.generation}.${number} `).update(json).digest();
    const place = number - this.first;
    if (place < 0) return { digest, isSame: false };
    const at = place * digestBytes;
    if (this.#isKnown[place]) return { digest, isSame: digest.equals(this.#digests.subarray(at, at + digestBytes)) };
    while (at + digestBytes > this.#digests.length) this.#digests = Buffer.concat([this.#digests, this.#digests]);
    digest.copy(this.#digests, at);
    this.#isKnown[place] = true;
    return { digest, isSame: true };
  }

  /** The digests of `from` (inclusive) to `to` (exclusive), one behind the other. */
  slice(from: number, to: number): Buffer {
    return this.#digests.subarray((from - this.first) * digestBytes, (to - this.first) * digestBytes);
  }
}

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** What one reader got, in the order in which it came. */
export class Sequence {
  readonly faults: string[] = [];
  readonly gaps: Gap[] = [];
  count = 0;
  /** The number that must come now. */
  next: number;
  readonly #ledger: Ledger;
  /** Runs of events that are those of the ledger, and digests of what should not have come. */
  readonly #pieces: (readonly [from: number, to: number] | Buffer)[] = [];
  #runFrom: number;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.next = ledger.first;
    this.#runFrom = ledger.first;
  }

  /** The id of the last event that it has, from which it goes on. */
  get lastId(): string {
    return `${this.#ledger.generation}.${this.next - 1}`;
  }

  /** The event that must come now has come, with the bytes that the others got. */
  same(): void {
    this.count += 1;
    this.next += 1;
  }

  take(id: string, json: Buffer): void {
    const { generation, number } = parse(id);
    if (generation !== this.#ledger.generation) {
      this.#fault(`${id} is of another generation`);
      return;
    }
    const { digest, isSame } = this.#ledger.learn(number, json);
    if (number === this.next && isSame) {
      this.same();
      return;
    }
    if (number > this.next) this.#fault(`${this.next} to ${number - 1} are missing before ${number}`);
    else if (number < this.next) this.#fault(`${number} came again, or too late, before ${this.next}`);
    if (!isSame) this.#fault(`${number} is not what the others got`);
    this.#endRun();
    this.#pieces.push(digest);
    this.count += 1;
    this.next = Math.max(this.next, number + 1);
    this.#runFrom = this.next;
  }

  /** A gap event. It must name what comes next as missing; `replaced` never happens where nothing is restored. */
  gap(gap: Gap): void {
    this.gaps.push(gap);
    const [from, to] = [parse(gap.from), parse(gap.to)];
    const isOurs = from.generation === this.#ledger.generation && to.generation === from.generation;
    if (!isOurs || gap.reason !== 'expired' || from.number !== this.next || to.number < from.number) {
      this.#fault(`a gap ${gap.from} to ${gap.to} (${gap.reason}) before ${this.next}`);
      return;
    }
    this.#endRun();
    this.next = to.number + 1;
    this.#runFrom = this.next;
  }

  /** Anything else that should not have come. */
  trouble(text: string): void {
    this.#fault(text);
  }

  /** Hash of everything that came. */
  digest(): string {
    const hash = createHash('sha256');
    const last = [this.#runFrom, this.next] as const;
    for (const piece of [...this.#pieces, last]) {
      hash.update(Buffer.isBuffer(piece) ? piece : this.#ledger.slice(piece[0], piece[1]));
    }
    return hash.digest('hex');
  }

  /** Hash of what should have come, which is all but what gap events named. */
  expected(): string {
    const hash = createHash('sha256');
    let from = this.#ledger.first;
    for (const gap of this.gaps) {
      hash.update(this.#ledger.slice(from, Math.max(from, parse(gap.from).number)));
      from = parse(gap.to).number + 1;
    }
    return hash.update(this.#ledger.slice(from, Math.max(from, this.next))).digest('hex');
  }

  #endRun(): void {
    if (this.next > this.#runFrom) this.#pieces.push([this.#runFrom, this.next]);
  }

  #fault(text: string): void {
    if (this.faults.length < maxFaults) this.faults.push(text);
  }
}

/** Parts of an id as events.md has it. */
export function parse(id: string): { readonly generation: string; readonly number: number } {
  const dot = id.lastIndexOf('.');
  const number = Number(id.slice(dot + 1));
  if (dot < 1 || !Number.isSafeInteger(number)) throw new Error(`${JSON.stringify(id)} is no event id`);
  return { generation: id.slice(0, dot), number };
}
