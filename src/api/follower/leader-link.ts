/** The connections to one leader. */
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../../actors/ports.ts';
import type { ProxyConfig } from '../dependencies.ts';
import { Reach } from './reach.ts';

/** Forwarded event streams and WebSockets that may be open at once; each has a connection of its own. */
export const maxForwardedStreams = 1_000;

/** `request`: counted against the limit of connections by its caller. `stream`: stays open for long. */
export type Lane = 'request' | 'stream';

export interface LinkOptions extends Pick<ProxyConfig, 'connectTimeoutMs' | 'maxConnections' | 'sslIgnoreHostname'> {
  /** PEM texts that are trusted besides the usual authorities. */
  readonly ca: string | undefined;
}

export class LeaderLink {
  /** `http(s)://host:port`, without a slash at the end. */
  readonly url: string;
  readonly reach = new Reach();
  readonly #lanes: Readonly<Record<Lane, Pool>>;
  readonly #onRetired = new Set<() => void>();
  #isRetired = false;

  constructor(url: string, options: LinkOptions) {
    this.url = url.replace(/\/+$/, '');
    const pool = (connections: number): Pool =>
      new Pool(this.url, {
        connections,
        pipelining: 1,
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: options.connectTimeoutMs,
          allowHalfOpen: true,
          ...(this.url.startsWith('https:') ? trust(options) : {}),
        },
      });
    this.#lanes = { request: pool(options.maxConnections), stream: pool(maxForwardedStreams) };
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Open connections, upgraded ones apart. */
  get connections(): number {
    return this.#lanes.request.stats.connected + this.#lanes.stream.stats.connected;
  }

  dispatch(lane: Lane, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#lanes[lane].dispatch(options, handler);
  }

  /** Calls back once when this is no longer the leader's link. Returns how to be forgotten. */
  onRetired(callback: () => void): () => void {
    this.#onRetired.add(callback);
    return () => this.#onRetired.delete(callback);
  }

  /** Takes no new requests. Those under way may end within `graceMs`; then their connections are cut. */
  retire(clock: Clock, graceMs: number, onClosed: () => void): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    for (const callback of [...this.#onRetired]) callback();
    const timer = clock.after(graceMs, () => this.destroy());
    const closed = (): void => {
      timer.cancel();
      onClosed();
    };
    Promise.all([this.#lanes.request.close(), this.#lanes.stream.close()]).then(closed, closed);
  }

  /** Cuts everything; requests under way hear an error. */
  destroy(): void {
    this.#isRetired = true;
    for (const pool of Object.values(this.#lanes)) {
      // It rejects only if it was destroyed before.
      pool.destroy().catch(() => {});
    }
  }
}

/** The authorities that come with Node, and `ca`. */
function trust({ ca, sslIgnoreHostname }: LinkOptions): {
  readonly secureContext: SecureContext;
  readonly checkServerIdentity?: () => undefined;
} {
  const secureContext = createSecureContext({ ca: [...rootCertificates, ...(ca === undefined ? [] : [ca])] });
  return { secureContext, ...(sslIgnoreHostname ? { checkServerIdentity: () => undefined } : {}) };
}
