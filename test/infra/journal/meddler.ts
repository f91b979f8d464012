/** Real sessions whose requests a test may look at, hold back, or lose: before they are sent, or only their answers. */
import type { OpenSession } from '../../../src/infra/zk-journal/sessions.ts';
import { ZkError } from '../../../src/infra/zookeeper/errors.ts';
import type { ZkOperation } from '../../../src/infra/zookeeper/operations.ts';
import { openSession, type SessionOptions, type ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';

export interface Seen {
  readonly verb: 'create' | 'get' | 'exists' | 'children' | 'setData' | 'remove' | 'multi';
  /** Of a transaction: the path of its last operation. */
  readonly path: string;
  /** Of a transaction. */
  readonly operations: readonly ZkOperation[];
}

/**
 * `loseRequest`: it never arrives. `loseAnswer`: it is done. `lateMs`: it arrives so much later. To whoever asked, all three are a lost
 * connection.
 */
export type Meddling = 'pass' | 'loseRequest' | 'loseAnswer' | { readonly lateMs: number };

export interface Meddler {
  readonly openSession: OpenSession;
  /** Judges every request from now on; may wait before it answers. Undefined: everything passes. */
  readonly meddle: (judge: ((seen: Seen) => Meddling | Promise<Meddling>) | undefined) => void;
  /** Every request so far, in the order in which they were made. */
  readonly seen: readonly Seen[];
  /** Every session so far, oldest first. */
  readonly sessions: readonly ZooKeeperSession[];
}

/** `more`: options for the sessions. */
export function createMeddler(more: Partial<SessionOptions> = {}): Meddler {
  let judge: ((seen: Seen) => Meddling | Promise<Meddling>) | undefined;
  const seen: Seen[] = [];
  const sessions: ZooKeeperSession[] = [];
  const lost = (one: Seen): ZkError =>
    new ZkError('CONNECTION_LOSS', `${one.verb} ${one.path}: lost by the test`, { isUnknown: true });
  const around = async <T>(one: Seen, send: () => Promise<T>): Promise<T> => {
    seen.push(one);
    const verdict = judge ? await judge(one) : 'pass';
    if (verdict === 'loseRequest') throw lost(one);
    if (verdict === 'pass') return send();
    // Good or bad, nobody hears of it.
    if (verdict === 'loseAnswer') await send().catch(() => {});
    else setTimeout(() => void send().catch(() => {}), verdict.lateMs);
    throw lost(one);
  };
  const plain = (verb: Seen['verb'], path: string): Seen => ({ verb, path, operations: [] });
  return {
    seen,
    sessions,
    meddle: (next) => {
      judge = next;
    },
    openSession: async (options) => {
      const real = await openSession({ ...options, ...more });
      sessions.push(real);
      return {
        ...real,
        get timeoutMs() {
          return real.timeoutMs;
        },
        create: (path, data, mode) => around(plain('create', path), () => real.create(path, data, mode)),
        get: (path, onChange) => around(plain('get', path), () => real.get(path, onChange)),
        exists: (path, onChange) => around(plain('exists', path), () => real.exists(path, onChange)),
        children: (path, onChange) => around(plain('children', path), () => real.children(path, onChange)),
        setData: (path, data, version) => around(plain('setData', path), () => real.setData(path, data, version)),
        remove: (path, version) => around(plain('remove', path), () => real.remove(path, version)),
        multi: (operations) =>
          around({ verb: 'multi', path: operations.at(-1)?.path ?? '', operations }, () => real.multi(operations)),
      };
    },
  };
}

/** The journal entry that a request would create, if it would. */
export function entryOf({ operations }: Seen): number | undefined {
  const path = operations.find((one) => one.type === 'create')?.path ?? '';
  return path.startsWith('/state/journal/') ? Number(path.slice('/state/journal/'.length)) : undefined;
}
