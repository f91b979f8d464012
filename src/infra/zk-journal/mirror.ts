/** A warm copy of what is stored. A standby keeps it up to date; a leader goes on from it (design §5.3, §5.8). */
import type { Clock, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import { StoreAway } from '../../core/journal/store-errors.ts';
import { invariant } from '../../core/result.ts';
import { createRecentBatches, type RecentBatches } from '../recent-batches.ts';
import type { ZooKeeperSession } from '../zookeeper/session.ts';
import type { Image } from './image.ts';
import { entryPath } from './layout.ts';
import { Preparation, type Prepare } from './preparation.ts';
import { catchUp, followWindow, loadSnapshot, loadWindow, maxLoadTries, readManifest } from './reading.ts';
import type { DataSessions } from './sessions.ts';

/** A standby looks at least so often, whatever its watch says. */
const lookEveryMs = 2_000;
/** While batches come, it looks again after so long instead of setting a watch for each. */
const quietMs = 20;
/**
 * A watch is left behind when the entry came just before it was set: it stays until that entry is swept away. With so many of them no
 * more are set, and it looks every `pollMs` (dependencies §5, fault 8).
 */
const maxLeftWatches = 32;
const pollMs = 100;
const firstPauseMs = 200;
const longestPauseMs = 5_000;

export interface MirrorOptions {
  readonly sessions: DataSessions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Mirror {
  readonly recent: RecentBatches;
  readonly #options: MirrorOptions;
  #image: Image | undefined;
  /** Runs while this is set; a loop of before ends when it is another one. */
  #following: object | undefined;
  #loop: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};
  /** How often it was told that there may be more. */
  #signals = 0;
  /** The entry whose creation is being watched for. */
  #watched: string | undefined;
  /** Watches that were left behind. */
  #left = 0;
  #whenLoaded: (() => void)[] = [];
  #isUsed = false;
  #prepare: Prepare | undefined;
  #preparation: Preparation | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    const { metrics, logger } = options;
    this.recent = createRecentBatches(1, (error) => logger.error('journalFollowerFailed', {}, error));
    metrics.gauge('journal.mirror.records', () => this.#image?.size ?? 0);
    metrics.gauge('journal.mirror.prepared', () => this.#preparation?.size ?? 0);
    metrics.gauge('journal.mirror.watches', () => this.#left + (this.#watched === undefined ? 0 : 1));
  }

  /** What is known; undefined before anything was loaded. */
  get image(): Image | undefined {
    return this.#image;
  }

  /** Calls `ready` once something was loaded. */
  whenLoaded(ready: () => void): void {
    if (this.#image) ready();
    else this.#whenLoaded.push(ready);
  }

  /** Keeps up with the journal until `rest`, and decodes by `prepare`. Safe to call twice. */
  follow(prepare?: Prepare): void {
    this.#prepare = prepare ?? this.#prepare;
    if (this.#preparation) this.#preparation.start();
    else if (this.#image) this.#watch(this.#image);
    if (this.#following) return;
    const mine = {};
    this.#following = mine;
    this.#loop = this.#loop.then(() => this.#run(mine));
  }

  /** Resolves when nothing of it is under way any more. */
  rest(): Promise<void> {
    this.#following = undefined;
    this.#preparation?.stop();
    this.#signal();
    return this.#loop;
  }

  /** What was decoded while following, of what is there now. It is not kept up to date any more. */
  takePrepared(): Prepare | undefined {
    const preparation = this.#preparation;
    preparation?.stop();
    this.#preparation = undefined;
    if (this.#image) this.#image.watcher = undefined;
    return preparation && ((record) => preparation.take(record));
  }

  /** Has the records of an image decoded by and by. */
  #watch(image: Image): void {
    this.#preparation?.stop();
    this.#preparation = this.#prepare && new Preparation(this.#prepare, this.#options.clock);
    image.watcher = this.#preparation;
    if (this.#preparation) for (const record of image.records()) this.#preparation.put(record, undefined);
  }

  /** Reads to the end, from the snapshot on if it must be. Nothing else may use the mirror meanwhile: entries would be applied twice. */
  async bring(session: ZooKeeperSession): Promise<Image> {
    return this.#use(() => this.#bring(session));
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    invariant(!this.#isUsed, 'a mirror is used by one at a time');
    this.#isUsed = true;
    try {
      return await work();
    } finally {
      this.#isUsed = false;
    }
  }

  async #bring(session: ZooKeeperSession): Promise<Image> {
    for (let tries = 0; tries < maxLoadTries; tries++) {
      const image = this.#image ?? (await this.#load(session));
      if (!(await this.#isStale(session, image))) {
        const end = await catchUp(session, image, loadWindow, this.recent.publish);
        // Entries may have been swept away since the manifest was read.
        if (end === 'end' && !(await this.#isStale(session, image))) return image;
      }
      this.#image = undefined;
    }
    throw new StoreAway('the journal has a hole, or is swept faster than it can be read');
  }

  async #load(session: ZooKeeperSession): Promise<Image> {
    const { clock, metrics, logger } = this.#options;
    const startedMs = clock.monotonic();
    const image = await loadSnapshot(session);
    // Readers get what the snapshot holds by reloading, and nothing of it as batches.
    this.recent.restart(image.nextBatch);
    this.#image = image;
    if (this.#following) this.#watch(image);
    else this.#preparation = undefined;
    const durationMs = clock.monotonic() - startedMs;
    metrics.time('journal.load', durationMs);
    logger.info('journal.loaded', { records: image.size, entry: image.nextEntry, durationMs: Math.round(durationMs) });
    for (const ready of this.#whenLoaded.splice(0)) ready();
    return image;
  }

  /** True if the journal no longer leads on from where the image is. */
  async #isStale(session: ZooKeeperSession, image: Image): Promise<boolean> {
    const manifest = await readManifest(session);
    if (manifest.generation !== image.generation || manifest.entry > image.nextEntry) return true;
    if (manifest.entry >= image.manifest.entry) image.rest(manifest);
    return false;
  }

  async #run(mine: object): Promise<void> {
    const { sessions, logger, ...rest } = this.#options;
    let pauseMs = firstPauseMs;
    while (this.#following === mine) {
      try {
        const session = await sessions.get();
        if (this.#following !== mine) return;
        await this.#use(() => this.#keepUp(session, mine));
        pauseMs = firstPauseMs;
      } catch (error) {
        if (this.#following !== mine) return;
        // Half of an applied batch cannot be: whole ones are applied without waiting in between.
        logger.warn('journal.follow-interrupted', { reason: error instanceof Error ? error.message : String(error) });
        await this.#sleep(rest.clock, pauseMs, this.#signals);
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
      }
    }
  }

  async #keepUp(session: ZooKeeperSession, mine: object): Promise<void> {
    this.#watched = undefined;
    let image = await this.#bring(session);
    let lookedMs = this.#options.clock.monotonic();
    const { clock } = this.#options;
    while (this.#following === mine) {
      const before = image.nextEntry;
      const end = await catchUp(session, image, followWindow, this.recent.publish);
      const isDue = clock.monotonic() - lookedMs >= lookEveryMs;
      if (end === 'reload' || (isDue && (await this.#isStale(session, image)))) {
        this.#image = undefined;
        image = await this.#bring(session);
      }
      if (isDue) lookedMs = clock.monotonic();
      if (this.#following !== mine) return;
      const seen = this.#signals;
      if (image.nextEntry !== before) await this.#sleep(clock, quietMs, seen);
      else if (!(await this.#isThere(session, image, seen)))
        await this.#sleep(clock, this.#watched === undefined ? pollMs : lookEveryMs, seen);
    }
  }

  /** Whether the next entry is there; if not, its creation is a signal, unless there are too many watches already. */
  async #isThere(session: ZooKeeperSession, image: Image, seen: number): Promise<boolean> {
    const path = entryPath(image.nextEntry);
    if (this.#watched === path) return false;
    this.#watched = undefined;
    if (this.#left >= maxLeftWatches) return (await session.exists(path)) !== undefined;
    let isLeft = false;
    const stat = await session.exists(path, () => {
      if (isLeft) this.#left--;
      if (this.#watched === path) this.#watched = undefined;
      this.#signal();
    });
    if (stat !== undefined) {
      isLeft = true;
      this.#left++;
      return true;
    }
    // It may have been created already, and the watch is gone then.
    if (this.#signals === seen) this.#watched = path;
    return false;
  }

  #signal(): void {
    this.#signals++;
    this.#wake();
  }

  /** Ends early at a signal, also at one that came since `seen` was read. */
  #sleep(clock: Clock, delayMs: number, seen: number): Promise<void> {
    if (this.#signals !== seen) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: TimerHandle | undefined;
      const wake = (): void => {
        timer?.cancel();
        this.#wake = () => {};
        resolve();
      };
      timer = clock.after(delayMs, wake);
      this.#wake = wake;
    });
  }
}
