/**
 * Which apps changed behind which event, for polls with `since=` (design §7). Ids only: what an app looks like is read when it is asked for.
 *
 * A change is noted with the number of the next event that will be told of. Whoever holds event N has therefore seen every change with a
 * number up to N, and may see some again; nothing is ever left out.
 */
import type { EventHub, LogPosition, ReadModel, StateChange } from '../actors/front.ts';
import type { Metrics } from '../actors/ports.ts';
import { eventNumber, formatEventId, parseEventId } from '../core/journal/event-id.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';

/** Apps that are remembered; behind the oldest of them a poll gets everything. */
const maxRememberedApps = 20_000;

/** What a poll gets. */
export type Answered =
  /** Everything: what the caller has seen does not tell what it lacks. */
  | { readonly type: 'all' }
  /** Ids of apps that are, or were. */
  | { readonly type: 'changed'; readonly ids: readonly string[] };

export interface ChangedAppsOptions {
  readonly read: Pick<ReadModel, 'watch'>;
  readonly hub: Pick<EventHub, 'attach'>;
  readonly metrics: Metrics;
  /** Instead of `maxRememberedApps`. */
  readonly limit?: number;
}

interface Noted {
  readonly id: string;
  readonly number: number;
}

export class ChangedApps {
  readonly #limit: number;
  readonly #metrics: Metrics;
  #position: LogPosition | undefined;
  /** Oldest event that tells what its reader lacks. */
  #floor = 0;
  /** By number; an app's older entries stay until they are swept. */
  #log: Noted[] = [];
  readonly #latest = new Map<string, Noted>();

  constructor({ read, hub, metrics, limit = maxRememberedApps }: ChangedAppsOptions) {
    this.#limit = limit;
    this.#metrics = metrics;
    read.watch((change) => this.#note(change));
    hub.attach({
      began: (position) => {
        this.#position = position;
        this.#forget();
      },
      deliver: (events) => {
        const id = events.findLast((event) => event.id !== undefined)?.id;
        if (id !== undefined && this.#position) this.#position = { ...this.#position, next: eventNumber(id) + 1 };
      },
    });
    metrics.gauge('http.changed-apps.remembered', () => this.#latest.size);
  }

  /** Id of the newest event whose changes a reader sees now; undefined until there is one. */
  newestId(): string | undefined {
    const { generation = '', next = 0 } = this.#position ?? {};
    return next > 0 ? formatEventId(generation, next - 1) : undefined;
  }

  /** What changed behind an event. An empty id means that the caller has seen nothing; 400 for what is no id. */
  since(text: string): Result<Answered, Refusal> {
    const seen = text === '' ? undefined : parseEventId(text);
    if (text !== '' && !seen) {
      const shown = JSON.stringify(text.slice(0, 100));
      return err(refusal('badRequest', `${shown} is not an event id: ids look like "<generation>.<number>"`));
    }
    const { generation, next = 0 } = this.#position ?? {};
    if (!seen || seen.generation !== generation || seen.number < this.#floor || seen.number >= next) {
      if (seen) this.#metrics.count('http.changed-apps.not-reached');
      return ok({ type: 'all' });
    }
    const ids: string[] = [];
    for (let i = this.#firstBehind(seen.number); i < this.#log.length; i += 1) {
      const noted = this.#log[i];
      if (noted && this.#latest.get(noted.id) === noted) ids.push(noted.id);
    }
    return ok({ type: 'changed', ids });
  }

  #note(change: StateChange): void {
    switch (change.type) {
      case 'app':
        this.#noteApp(change.id);
        break;
      case 'instance':
        this.#noteApp(change.appId);
        break;
      case 'deployment':
        for (const id of change.apps) this.#noteApp(id);
        break;
      case 'everything':
        this.#forget();
        break;
    }
  }

  #noteApp(id: string): void {
    const number = this.#position?.next;
    if (number === undefined || this.#latest.get(id)?.number === number) return;
    const noted = { id, number };
    this.#latest.delete(id);
    this.#latest.set(id, noted);
    this.#log.push(noted);
    if (this.#latest.size > this.#limit) this.#dropOldest();
    if (this.#log.length > 2 * this.#limit) this.#sweep();
  }

  /** The state is another: only who has seen an event from now on can be told what changed. */
  #forget(): void {
    this.#floor = this.#position?.next ?? 0;
    this.#log = [];
    this.#latest.clear();
  }

  #dropOldest(): void {
    const [oldest] = this.#latest.values();
    if (!oldest) return;
    this.#latest.delete(oldest.id);
    this.#floor = Math.max(this.#floor, oldest.number);
  }

  #sweep(): void {
    this.#log = [...this.#latest.values()];
  }

  /** Place of the first entry behind an event; numbers never go down. */
  #firstBehind(number: number): number {
    let from = 0;
    let to = this.#log.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#log[middle]?.number ?? 0) > number) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
