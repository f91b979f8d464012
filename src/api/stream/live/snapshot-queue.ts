/** Snapshots, part by part: one subscription after another, a few milliseconds in a turn, never faster than a client takes them. */
import type { Clock } from '../../../actors/ports.ts';
import { SharedText } from './live-connection.ts';
import type { StateGroup, StateSubscription } from './state-feed.ts';
import type { ObjectKey, StateObjects } from './state-objects.ts';

/** Time in a turn of the loop for all snapshots. */
const turnBudgetMs = 4;
/** A client gets the next part only while less than this is unsent. */
const maxBacklogBytes = 256 * 1024;
/** Text of one part, in UTF-16 units, and objects looked at for it: both bound the time that it takes. */
const maxPartSize = 128 * 1024;
const maxLooked = 2_000;

export interface SnapshotQueueOptions {
  readonly objects: StateObjects;
  readonly clock: Clock;
  readonly newestId: () => string | undefined;
  readonly isSelected: (group: StateGroup, key: ObjectKey) => boolean;
}

interface Progress {
  readonly rest: Iterator<ObjectKey>;
  part: number;
}

export class SnapshotQueue {
  readonly #options: SnapshotQueueOptions;
  readonly #open = new Map<StateSubscription, Progress>();
  readonly #ready = new Set<StateSubscription>();
  #isScheduled = false;

  constructor(options: SnapshotQueueOptions) {
    this.#options = options;
  }

  /** Snapshots that are not complete. */
  get size(): number {
    return this.#open.size;
  }

  /** Begins a snapshot, or begins it anew. */
  add(subscription: StateSubscription): void {
    const rest = this.#options.objects.all(subscription.group.topics)[Symbol.iterator]();
    this.#open.set(subscription, { rest, part: 0 });
    this.#wake(subscription);
  }

  drop(subscription: StateSubscription): void {
    this.#open.delete(subscription);
    this.#ready.delete(subscription);
  }

  #wake(subscription: StateSubscription): void {
    if (!this.#open.has(subscription)) return;
    this.#ready.add(subscription);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    const untilMs = this.#options.clock.monotonic() + turnBudgetMs;
    for (const subscription of [...this.#ready]) {
      if (this.#options.clock.monotonic() >= untilMs) break;
      this.#ready.delete(subscription);
      const progress = this.#open.get(subscription);
      if (progress) this.#advance(subscription, progress);
    }
    const [next] = this.#ready;
    if (next) this.#wake(next);
  }

  #advance(subscription: StateSubscription, progress: Progress): void {
    const { connection, group, sub } = subscription;
    if (connection.backlogBytes() > maxBacklogBytes) {
      connection.whenDrained(() => this.#wake(subscription));
      return;
    }
    const objects: string[] = [];
    let size = 0;
    let isLast = false;
    for (let looked = 0; size < maxPartSize && looked < maxLooked; looked += 1) {
      const { value: key, done } = progress.rest.next();
      if (done) {
        isLast = true;
        break;
      }
      if (!this.#options.isSelected(group, key)) continue;
      const text = this.#options.objects.json(key);
      if (text === undefined) continue;
      group.held?.add(`${key.topic} ${key.id}`);
      objects.push(text);
      size += text.length;
    }
    // From its first part on, patches tell of what changes behind the snapshot's back.
    subscription.phase = 'following';
    if (objects.length > 0 || isLast) {
      const id = JSON.stringify(this.#options.newestId() ?? '');
      const head = `{"op":"snapshot","sub":${JSON.stringify(sub)},"id":${id},"part":${progress.part},"last":${isLast}`;
      connection.write(new SharedText(`${head},"objects":[${objects.join()}]}`).frameFor(connection));
      progress.part += 1;
    }
    if (isLast) this.drop(subscription);
    else this.#wake(subscription);
  }
}
