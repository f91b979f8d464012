/** What a link needs to know, and what it assumes where it is not told. */
import type { Clock, FrameworkSettings, Ids, Logger, Metrics } from '../../actors/ports.ts';
import { parseZkUrl } from '../zookeeper/zk-url.ts';
import { createListDetector, type MasterAddress, type MasterDetector, parseMasters } from './detector.ts';
import { defaultSenderLimits, type SenderLimits, type TlsSettings } from './sender.ts';
import { createZooKeeperDetector } from './zookeeper-detector.ts';

export interface MesosLinkOptions {
  /** `host:port`, `http(s)://host:port[/prefix]`, several with commas between, or `zk://…`. Not read when there is a `detector`. */
  readonly master: string;
  readonly detector?: MasterDetector;
  readonly framework: FrameworkSettings;
  /**
   * Asked when the master has removed the framework, and with it its tasks: true registers a new one. Otherwise the link ends:
   * whoever has instances must not forget them unasked (mesos-v1 C-18).
   */
  readonly mayRegisterAnew?: () => boolean;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** HTTP basic authentication. Neither may hold a colon (mesos-v1 §1.10). */
  readonly credentials?: { readonly principal: string; readonly secret: string };
  readonly tls?: TlsSettings;
  /** Sends the credentials also to masters that only a redirect has named. */
  readonly trustRedirects?: boolean;
  /** Heartbeat intervals without a byte before the stream counts as dead. */
  readonly missedHeartbeats?: number;
  /** From the attempt to SUBSCRIBED. */
  readonly subscribeTimeoutMs?: number;
  /** A stream that lived so long makes the next retry quick again. */
  readonly stableAfterMs?: number;
  readonly acknowledgeConnections?: number;
  readonly senderLimits?: Partial<SenderLimits>;
  /**
   * Asked before each SUBSCRIBE, for instance to prove one's epoch with a commit (design §5.10). False or a rejection: this
   * attempt is not made, and the next one comes after the backoff.
   */
  readonly beforeSubscribe?: () => Promise<boolean>;
}

export interface LinkSettings {
  readonly detector: MasterDetector;
  /** Its roles may change while the link lives. */
  framework: FrameworkSettings;
  readonly mayRegisterAnew: () => boolean;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tls: TlsSettings | undefined;
  readonly missedHeartbeats: number;
  readonly subscribeTimeoutMs: number;
  readonly stableAfterMs: number;
  readonly acknowledgeConnections: number;
  readonly senderLimits: SenderLimits;
  readonly beforeSubscribe: (() => Promise<boolean>) | undefined;
  /** The value of the Authorization header for a master, if it may have one. */
  readonly authorizationFor: (address: MasterAddress) => string | undefined;
}

/** Options that the command line should have refused. */
export class MesosOptionsError extends Error {
  readonly code = 'MESOS_OPTIONS';
}

/** What finds the leading master of a `--master` address. Throws `MesosOptionsError`. */
export function createMasterDetector(
  options: Pick<MesosLinkOptions, 'master' | 'clock' | 'ids' | 'logger' | 'metrics' | 'tls' | 'trustRedirects'>,
): MasterDetector {
  if (/^zk:\/\//i.test(options.master.trim())) {
    const { clock, ids, logger, metrics } = options;
    const servers = parseZkUrl(options.master);
    if (!servers.ok) throw new MesosOptionsError(servers.error);
    return createZooKeeperDetector({
      servers: servers.value,
      tls: options.tls !== undefined,
      clock,
      ids,
      logger,
      metrics,
    });
  }
  const masters = parseMasters(options.master);
  if (!masters.ok) throw new MesosOptionsError(masters.error);
  return createListDetector(masters.value, options.trustRedirects ?? false);
}

/** Value of the Authorization header. Throws `MesosOptionsError`. */
export function basicAuthorization(credentials: MesosLinkOptions['credentials']): string | undefined {
  if (credentials === undefined) return undefined;
  const { principal, secret } = credentials;
  if (principal.includes(':') || secret.includes(':')) {
    throw new MesosOptionsError('principal and secret must not hold a colon');
  }
  return `Basic ${Buffer.from(`${principal}:${secret}`).toString('base64')}`;
}

/** Fills in the defaults. Throws `MesosOptionsError`. */
export function completeOptions(options: MesosLinkOptions): LinkSettings {
  const { framework, clock, ids, logger, metrics } = options;
  const authorization = basicAuthorization(options.credentials);
  return {
    detector: options.detector ?? createMasterDetector(options),
    mayRegisterAnew: options.mayRegisterAnew ?? (() => false),
    framework,
    clock,
    ids,
    logger,
    metrics,
    tls: options.tls,
    missedHeartbeats: options.missedHeartbeats ?? 5,
    subscribeTimeoutMs: options.subscribeTimeoutMs ?? 15_000,
    stableAfterMs: options.stableAfterMs ?? 10_000,
    acknowledgeConnections: options.acknowledgeConnections ?? 1,
    senderLimits: { ...defaultSenderLimits, ...options.senderLimits },
    beforeSubscribe: options.beforeSubscribe,
    authorizationFor: (address) => (address.trusted ? authorization : undefined),
  };
}
