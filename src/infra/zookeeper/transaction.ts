/** Transactions of the library: built from ours, and what they answer. */
import { type ACL, type Client, CreateMode, type Transaction } from 'node-zookeeper-client';
import { type ZkError, zkErrorOf } from './errors.ts';
import { libraryVersion, type statOf, type ZkOperation } from './operations.ts';
import type { ZkCreateMode } from './session-face.ts';

export const createModes: Readonly<Record<ZkCreateMode, number>> = {
  persistent: CreateMode.PERSISTENT,
  ephemeral: CreateMode.EPHEMERAL,
  ephemeralSequential: CreateMode.EPHEMERAL_SEQUENTIAL,
  persistentSequential: CreateMode.PERSISTENT_SEQUENTIAL,
};

/** Nothing is sent before `commit`. `full` makes the path that the server knows. */
export function transactionOf(
  operations: readonly ZkOperation[],
  { client, acl }: { readonly client: Client; readonly acl: ACL[] },
  full: (path: string) => string,
): Transaction {
  const transaction = client.transaction();
  for (const operation of operations) {
    const path = full(operation.path);
    switch (operation.type) {
      case 'check':
        transaction.check(path, libraryVersion(operation.version));
        break;
      case 'create':
        transaction.create(path, operation.data, acl, createModes[operation.mode ?? 'persistent']);
        break;
      case 'setData':
        transaction.setData(path, operation.data, libraryVersion(operation.version));
        break;
      case 'remove':
        transaction.remove(path, libraryVersion(operation.version));
        break;
    }
  }
  return transaction;
}

/** What the library answers to a transaction. */
export interface RawResults {
  readonly error: unknown;
  readonly results:
    | readonly {
        readonly err?: number;
        readonly path?: string;
        readonly stat?: Parameters<typeof statOf>[0];
      }[]
    | undefined;
}

/** The first operation with a code of its own is the culprit: those before it have 0, those after it "inconsistent". */
export function multiError(error: unknown, results: RawResults['results'], what: string): ZkError {
  const index = results?.findIndex((result) => typeof result.err === 'number' && result.err !== 0) ?? -1;
  const culprit = index < 0 ? undefined : results?.[index]?.err;
  return zkErrorOf(culprit ?? error, what, index < 0 ? undefined : index);
}
