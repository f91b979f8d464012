/** Why a request to ZooKeeper failed, in the words that callers decide on. */
import { Exception } from 'node-zookeeper-client';

export type ZkErrorCode =
  | 'CONNECTION_LOSS'
  | 'TIMEOUT'
  | 'SESSION_ENDED'
  | 'AUTH_FAILED'
  | 'NO_AUTH'
  | 'NO_NODE'
  | 'NODE_EXISTS'
  | 'BAD_VERSION'
  | 'NOT_EMPTY'
  | 'NO_CHILDREN_FOR_EPHEMERALS'
  | 'TOO_LARGE'
  | 'BAD_ARGUMENT'
  | 'OVERLOADED'
  | 'OTHER';

export class ZkError extends Error {
  readonly code: ZkErrorCode;
  /** The request may have been executed, or may be yet. */
  readonly isUnknown: boolean;
  /** Place of the operation that made a transaction fail. */
  readonly operation: number | undefined;

  constructor(
    code: ZkErrorCode,
    message: string,
    more: { readonly isUnknown?: boolean; readonly operation?: number | undefined } = {},
  ) {
    super(message);
    this.name = 'ZkError';
    this.code = code;
    this.isUnknown = more.isUnknown ?? false;
    this.operation = more.operation;
  }
}

const codes: ReadonlyMap<number, ZkErrorCode> = new Map<number, ZkErrorCode>([
  [Exception.CONNECTION_LOSS, 'CONNECTION_LOSS'],
  [Exception.OPERATION_TIMEOUT, 'TIMEOUT'],
  [Exception.SESSION_EXPIRED, 'SESSION_ENDED'],
  [Exception.AUTH_FAILED, 'AUTH_FAILED'],
  [Exception.NO_AUTH, 'NO_AUTH'],
  [Exception.NO_NODE, 'NO_NODE'],
  [Exception.NODE_EXISTS, 'NODE_EXISTS'],
  [Exception.BAD_VERSION, 'BAD_VERSION'],
  [Exception.NOT_EMPTY, 'NOT_EMPTY'],
  [Exception.NO_CHILDREN_FOR_EPHEMERALS, 'NO_CHILDREN_FOR_EPHEMERALS'],
  [Exception.BAD_ARGUMENTS, 'BAD_ARGUMENT'],
]);

const unknownOutcome: ReadonlySet<ZkErrorCode> = new Set(['CONNECTION_LOSS', 'TIMEOUT', 'SESSION_ENDED']);

/** What the library answered, as one of ours. `what` names the request: verb and path, no data. */
export function zkErrorOf(error: unknown, what: string, operation?: number): ZkError {
  const numeric = typeof error === 'number' ? error : (error as { readonly code?: unknown } | null)?.code;
  const code = (typeof numeric === 'number' ? codes.get(numeric) : undefined) ?? 'OTHER';
  const detail = code === 'OTHER' ? `: ${error instanceof Error ? error.message : String(error)}` : '';
  return new ZkError(code, `${what}: ${code}${detail}`, { isUnknown: unknownOutcome.has(code), operation });
}

/** True if it is a `ZkError` with one of these codes. */
export const isZkError = (error: unknown, ...wanted: readonly ZkErrorCode[]): error is ZkError =>
  error instanceof ZkError && wanted.includes(error.code);
