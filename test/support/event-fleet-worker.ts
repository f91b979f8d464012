/** Some of the readers of a trial, in a process of their own, told what to do over IPC. */
import { FrameBook, type ReaderKind } from './event-parser.ts';
import { EventReader } from './event-reader.ts';
import { Ledger } from './event-sequence.ts';
import { randomFrom } from './random.ts';

export interface FleetOrder {
  readonly urls: readonly string[];
  /** All begin behind this event. */
  readonly since: string;
  readonly types: readonly string[];
  readonly seed: number;
  readonly readers: readonly { readonly kind: ReaderKind; readonly temper: 'steady' | 'rough' }[];
}

export type FleetCommand =
  | ({ readonly type: 'read' } & FleetOrder)
  /** Answered by `state`. */
  | { readonly type: 'ask' }
  | { readonly type: 'calm' }
  /** Answered by `result`. */
  | { readonly type: 'end' };

export interface FleetState {
  readonly type: 'state';
  /** Number that the last of them waits for. */
  readonly slowestNext: number;
  /** Readers that never had a stream yet. */
  readonly waiting: number;
}

export interface FleetResult {
  readonly type: 'result';
  /** One for each different sequence, with how many readers had it. */
  readonly sequences: Readonly<Record<string, number>>;
  /** Readers whose sequence is not what they should have got. */
  readonly wrong: number;
  readonly faults: readonly string[];
  readonly gaps: number;
  readonly connects: number;
  /** Readers that never came back. */
  readonly neverLeft: number;
  readonly count: number;
  readonly cpuMs: number;
}

class Fleet {
  readonly #readers: readonly EventReader[];

  constructor({ urls, since, types, seed, readers }: FleetOrder) {
    const ledger = new Ledger(since);
    const book = new FrameBook();
    const below = randomFrom(seed);
    const random = (): number => below(2 ** 32) / 2 ** 32;
    this.#readers = readers.map((one) => new EventReader({ ...one, urls, types, random, ledger, book }));
  }

  state(): FleetState {
    const all = this.#readers.map(({ sequence }) => sequence.next);
    const waiting = this.#readers.filter(({ connects }) => connects === 0).length;
    return { type: 'state', slowestNext: Math.min(...all), waiting };
  }

  calm(): void {
    for (const reader of this.#readers) reader.calm();
  }

  end(): FleetResult {
    const sequences: Record<string, number> = {};
    const faults: string[] = [];
    let [wrong, gaps, connects, neverLeft, count] = [0, 0, 0, 0, 0];
    for (const reader of this.#readers) {
      reader.stop();
      const { sequence } = reader;
      const digest = `${sequence.count} ${sequence.digest()}`;
      sequences[digest] = (sequences[digest] ?? 0) + 1;
      if (sequence.digest() !== sequence.expected()) wrong += 1;
      faults.push(...sequence.faults);
      gaps += sequence.gaps.length;
      connects += reader.connects;
      if (reader.connects < 2) neverLeft += 1;
      count = Math.max(count, sequence.count);
    }
    const { user, system } = process.cpuUsage();
    const cpuMs = (user + system) / 1_000;
    return { type: 'result', sequences, wrong, faults: faults.slice(0, 20), gaps, connects, neverLeft, count, cpuMs };
  }
}

if (process.send) {
  let fleet: Fleet | undefined;
  process.on('message', (command: FleetCommand) => {
    if (command.type === 'read') fleet = new Fleet(command);
    else if (command.type === 'ask') process.send?.(fleet?.state());
    else if (command.type === 'calm') fleet?.calm();
    else process.send?.(fleet?.end());
  });
  process.on('disconnect', () => process.exit());
}
