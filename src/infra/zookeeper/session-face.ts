/** What a session with ZooKeeper offers, and what it is made of. */
import type { Clock, Logger, Metrics } from '../../actors/ports.ts';
import type { ZkOperation, ZkResult, ZkStat, ZkVersion } from './operations.ts';
import type { RequestLimits } from './requests.ts';
import type { ZkServers } from './zk-url.ts';

export type SessionState = 'connected' | 'suspended' | 'ended';
export type ZkCreateMode = 'persistent' | 'ephemeral' | 'ephemeralSequential' | 'persistentSequential';

export interface ZooKeeperSession {
  /** Negotiated with the ensemble. */
  readonly timeoutMs: number;
  /** `suspended`: no connection at the moment, but the session may live. */
  readonly state: () => SessionState;
  /** Monotonic ms at which the newest answered request was *sent*: some server answers us. */
  readonly provenAtMs: () => number;
  /**
   * The same for *writes* alone. A server that is cut off from its leader still answers reads while the ensemble forgets the session:
   * only what went through the majority proves that the session lives.
   */
  readonly writtenAtMs: () => number;
  readonly inFlight: () => number;
  readonly onState: (listener: (state: SessionState, reason: string) => void) => () => void;
  readonly create: (path: string, data: Buffer, mode?: ZkCreateMode) => Promise<string>;
  /** Watches fire once, when the node changes or when the session ends. */
  readonly get: (path: string, onChange?: () => void) => Promise<{ readonly data: Buffer; readonly stat: ZkStat }>;
  readonly exists: (path: string, onChange?: () => void) => Promise<ZkStat | undefined>;
  readonly children: (path: string, onChange?: () => void) => Promise<readonly string[]>;
  readonly setData: (path: string, data: Buffer, version: ZkVersion) => Promise<ZkStat>;
  readonly remove: (path: string, version: ZkVersion) => Promise<void>;
  /** All or nothing. A `ZkError` says which operation failed and why. */
  readonly multi: (operations: readonly ZkOperation[]) => Promise<readonly ZkResult[]>;
  /** Creates the node and those above it, persistent and empty, as far as they are missing. */
  readonly ensurePath: (path: string) => Promise<void>;
  /** Ends the session, so that its ephemeral nodes go at once; gives up after a moment if nobody answers. */
  readonly close: () => Promise<void>;
}

export interface SessionOptions {
  readonly servers: ZkServers;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Says in logs whose session it is. */
  readonly name: string;
  readonly random?: () => number;
  readonly limits?: RequestLimits;
  /** After so many requests the session ends: the library's counter does not wrap (fault 9). */
  readonly maxRequests?: number;
  /** Gives up connecting when it is aborted; means nothing once there is a session. */
  readonly signal?: AbortSignal;
}
