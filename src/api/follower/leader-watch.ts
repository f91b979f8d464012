/** Who leads, as this server sees it, and what follows when that changes. */
import type { ReadModel } from '../../actors/front.ts';
import type { Clock, Logger, Metrics, TimerHandle } from '../../actors/ports.ts';
import type { ProxyConfig } from '../dependencies.ts';
import { LeaderLink } from './leader-link.ts';
import { type Waited, WaitingRoom } from './waiting-room.ts';

/** Pause between two looks at the election while no request asks: streams end within this time after the lead was lost. */
const watchEveryMs = 200;

/** Where a request belongs at this moment. */
export type Place =
  | { readonly type: 'here' }
  | { readonly type: 'there'; readonly link: LeaderLink }
  /** `leader`: somebody is named, but does not serve yet. */
  | { readonly type: 'nowhere'; readonly reason: string; readonly leader: string | undefined };

export interface WatchOptions {
  readonly read: Pick<ReadModel, 'cluster'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly proxy: ProxyConfig;
  /** PEM texts of this server's own certificate. */
  readonly ownCertificate: string | undefined;
  /** This server led and does not any more. */
  readonly onLost: () => void;
}

export class LeaderWatch {
  readonly #options: WatchOptions;
  readonly room: WaitingRoom;
  #link: LeaderLink | undefined;
  /** Links of former leaders whose last requests are under way. */
  readonly #retired = new Set<LeaderLink>();
  #wasElected = false;
  #timer: TimerHandle | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.room = new WaitingRoom(options.clock);
    options.metrics.gauge('http.proxy.waiting', () => this.room.size);
    options.metrics.gauge('http.proxy.connections', () =>
      [...this.#retired, ...(this.#link ? [this.#link] : [])].reduce((sum, link) => sum + link.connections, 0),
    );
    this.#watch();
  }

  /** True if this server leads and can prove it (design §5.11). */
  isElected(): boolean {
    const { elected } = this.#options.read.cluster();
    if (elected !== this.#wasElected) this.#changed(elected);
    return elected;
  }

  place(): Place {
    if (this.isElected()) {
      this.#use(undefined);
      return { type: 'here' };
    }
    const { leader, leaderUrl, notServing } = this.#options.read.cluster();
    this.#use(leaderUrl);
    if (this.#link) return { type: 'there', link: this.#link };
    return { type: 'nowhere', reason: notServing ?? 'there is no leader at the moment', leader };
  }

  /** Waits until it is known where a request belongs. */
  untilKnown(untilMs: number, isGone: () => boolean): Promise<Waited> {
    return this.room.wait({ holds: () => this.place().type !== 'nowhere', untilMs, isGone });
  }

  /** Waits, but not beyond `untilMs`, before a place that turned the request away is asked again. */
  pause(pauseMs: number, untilMs: number, isGone: () => boolean): Promise<Waited> {
    const { clock } = this.#options;
    const dueMs = clock.monotonic() + pauseMs;
    return this.room.wait({ holds: () => clock.monotonic() >= dueMs, untilMs, isGone });
  }

  /** Cuts all connections and lets nobody wait on. */
  close(): void {
    this.#timer?.cancel();
    this.room.close();
    this.#link?.destroy();
    for (const link of this.#retired) link.destroy();
    this.#retired.clear();
  }

  #watch(): void {
    this.place();
    this.#timer = this.#options.clock.after(watchEveryMs, () => this.#watch());
  }

  #changed(elected: boolean): void {
    this.#wasElected = elected;
    if (!elected) this.#options.onLost();
    this.room.look();
  }

  #use(url: string | undefined): void {
    const current = this.#link;
    if (current?.url === url?.replace(/\/+$/, '')) return;
    const { proxy, clock, logger, ownCertificate } = this.#options;
    this.#link = url === undefined ? undefined : new LeaderLink(url, { ...proxy, ca: proxy.ca ?? ownCertificate });
    logger.info('http.proxy.leader', { from: current?.url, to: url });
    if (current) {
      this.#retired.add(current);
      current.retire(clock, proxy.readTimeoutMs, () => this.#retired.delete(current));
    }
    this.room.look();
  }
}
