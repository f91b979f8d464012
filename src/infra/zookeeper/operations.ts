/** The requests of a session, checked before the library sees them. */
import type { Stat } from 'node-zookeeper-client';
import { ZkError } from './errors.ts';

export type ZkVersion = number | 'any';

export type ZkOperation =
  | { readonly type: 'check'; readonly path: string; readonly version: ZkVersion }
  | {
      readonly type: 'create';
      readonly path: string;
      readonly data: Buffer;
      readonly mode?: 'persistent' | 'ephemeral';
    }
  | { readonly type: 'setData'; readonly path: string; readonly data: Buffer; readonly version: ZkVersion }
  | { readonly type: 'remove'; readonly path: string; readonly version: ZkVersion };

/** What an operation of a transaction led to. */
export interface ZkResult {
  /** Of `create`. */
  readonly path?: string;
  /** Of `setData`. */
  readonly stat?: ZkStat;
}

export interface ZkStat {
  readonly version: number;
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** Servers drop the connection of a client that sends a megabyte; this leaves room for headers (dependencies §5, fault 7). */
export const maxRequestBytes = 1_000_000;
/** What an operation costs beside path and data: lengths, versions, the access list. */
const overheadBytes = 128;

/** 64-bit members come as buffers (dependencies §5, fault 12). */
export const statOf = (stat: Stat): ZkStat => ({
  version: stat.version,
  czxid: stat.czxid.readBigInt64BE(),
  mzxid: stat.mzxid.readBigInt64BE(),
  ctimeMs: Number(stat.ctime.readBigInt64BE()),
  mtimeMs: Number(stat.mtime.readBigInt64BE()),
  ephemeralOwner: stat.ephemeralOwner.readBigInt64BE(),
  dataLength: stat.dataLength,
  numChildren: stat.numChildren,
});

/**
 * A version for the library. It turns 0 into "any version" (dependencies §5, fault 15), so that a check against 0 would never
 * fail: 0 is refused here, and whoever wants any version must say so.
 */
export function libraryVersion(version: ZkVersion): number {
  if (version === 'any') return -1;
  if (Number.isInteger(version) && version >= 1) return version;
  throw new ZkError('BAD_ARGUMENT', `a version must be 1 or more, or 'any', not ${version}`);
}

/** Refuses a request that the server would answer by dropping the connection. */
export function checkSize(operations: readonly { readonly path: string; readonly data?: Buffer }[]): void {
  let bytes = 0;
  for (const { path, data } of operations) bytes += Buffer.byteLength(path) + (data?.length ?? 0) + overheadBytes;
  if (bytes <= maxRequestBytes) return;
  throw new ZkError('TOO_LARGE', `a request of ${bytes} bytes is over the limit of ${maxRequestBytes}`);
}
