/**
 * What a relay must know of ZooKeeper's wire to break it at a chosen point: frames are a length and a body; a client's first one
 * is its handshake, later ones begin with request number and operation, the server's with request number, zxid and error code.
 */
import type { Direction, Relay, Verdict } from './relay.ts';

/** The operation of a transaction. */
const multiOperation = 14;
/** Error of a transaction whose check of the epoch's version failed. */
export const badVersion = -103;
/** Error of the operations of a transaction that another one of them failed. */
const runtimeInconsistency = -2;

/** Where a transaction and its connection part. */
export const cutPoints = ['beforeRequest', 'midRequest', 'beforeAnswer', 'midAnswer', 'afterAnswer'] as const;
export type CutPoint = (typeof cutPoints)[number];

export interface Frame {
  readonly connection: number;
  readonly direction: Direction;
  /** Number of the request; 0 for the handshake. */
  readonly xid: number;
  readonly isTransaction: boolean;
  /** With its length. */
  readonly bytes: Buffer;
}

export type FrameVerdict = 'pass' | 'drop' | { readonly breakAfterBytes: number };
export type FrameJudge = (frame: Frame) => FrameVerdict;

/** Sees every frame of one relay from the start on. Frames are passed on when they are complete. */
export interface Tap {
  readonly relay: Relay;
  /** Replaces who judges; undefined: everything passes. */
  readonly judge: (judge: FrameJudge | undefined) => void;
}

/** Puts a tap on a relay that has no connection yet. */
export function tapFrames(relay: Relay): Tap {
  let judge: FrameJudge | undefined;
  const lanes = new Map<string, { rest: Buffer; seen: number }>();
  relay.inspect(({ connection, direction, data }): Verdict => {
    const key = `${connection} ${direction}`;
    const lane = lanes.get(key) ?? { rest: Buffer.alloc(0), seen: 0 };
    lanes.set(key, lane);
    let all = Buffer.concat([lane.rest, data]);
    const kept: Buffer[] = [];
    while (all.length >= 4 && all.length >= 4 + all.readInt32BE(0)) {
      const bytes = Buffer.from(all.subarray(0, 4 + all.readInt32BE(0)));
      all = all.subarray(bytes.length);
      const isHandshake = lane.seen++ === 0;
      const judged = judge?.(frameOf(connection, direction, isHandshake, bytes)) ?? 'pass';
      if (judged === 'pass') kept.push(bytes);
      else if (judged !== 'drop') {
        kept.push(bytes.subarray(0, judged.breakAfterBytes));
        return { pass: Buffer.concat(kept), thenBreak: true };
      }
    }
    lane.rest = Buffer.from(all);
    return { pass: Buffer.concat(kept), thenBreak: false };
  });
  return {
    relay,
    judge: (next) => {
      judge = next;
    },
  };
}

function frameOf(connection: number, direction: Direction, isHandshake: boolean, bytes: Buffer): Frame {
  const operation = isHandshake || direction === 'toClient' || bytes.length < 12 ? undefined : bytes.readInt32BE(8);
  const xid = isHandshake || bytes.length < 8 ? 0 : bytes.readInt32BE(4);
  return { connection, direction, xid, isTransaction: operation === multiOperation, bytes };
}

/** What the ensemble said to a transaction: 0 if it was executed, else the error of the operation that failed it. */
export function transactionResult(answer: Buffer): number {
  const headerError = answer.readInt32BE(16);
  if (headerError !== 0) return headerError;
  // Each result: type (-1 for an error), whether it is the last, error; an error repeats its code.
  for (let at = 20; at + 13 <= answer.length && answer.readInt32BE(at) === -1; at += 13) {
    const code = answer.readInt32BE(at + 9);
    if (code !== 0 && code !== runtimeInconsistency) return code;
    if (answer.readInt8(at + 4) !== 0) break;
  }
  return 0;
}

/**
 * Breaks the connection at this point of the next transaction that passes one of the taps. Resolves once that has happened;
 * rejects after `timeoutMs` without.
 */
export function breakNextTransaction(taps: readonly Tap[], point: CutPoint, timeoutMs = 60_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (): void => {
      clearTimeout(timer);
      for (const tap of taps) tap.judge(undefined);
    };
    const timer = setTimeout(() => {
      over();
      reject(new Error(`no transaction passed within ${timeoutMs} ms`));
    }, timeoutMs);
    const hit = (breakAfterBytes: number): FrameVerdict => {
      over();
      resolve();
      return { breakAfterBytes };
    };
    for (const tap of taps) {
      const waiting = new Set<string>();
      tap.judge(({ connection, direction, xid, isTransaction, bytes }) => {
        if (isTransaction) {
          if (point === 'beforeRequest') return hit(0);
          if (point === 'midRequest') return hit(Math.floor(bytes.length / 2));
          waiting.add(`${connection} ${xid}`);
          return 'pass';
        }
        if (direction === 'toTarget' || !waiting.has(`${connection} ${xid}`)) return 'pass';
        if (point === 'beforeAnswer') return hit(0);
        return hit(point === 'midAnswer' ? Math.floor(bytes.length / 2) : bytes.length);
      });
    }
  });
}

/** A transaction on its way, held by the network. */
export interface HeldTransaction {
  /** Lets it arrive and gives the ensemble's result (`transactionResult`), or `gone` if its connection is no more. */
  readonly release: () => Promise<number | 'gone'>;
}

/** Holds the next transaction that comes by while everything else passes, pings too. Undefined if none comes in time. */
export function holdNextTransaction(taps: readonly Tap[], timeoutMs = 60_000): Promise<HeldTransaction | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const tap of taps) tap.judge(undefined);
      resolve(undefined);
    }, timeoutMs);
    for (const tap of taps) {
      tap.judge((frame) => {
        if (!frame.isTransaction) return 'pass';
        clearTimeout(timer);
        for (const one of taps) if (one !== tap) one.judge(undefined);
        // Later transactions on this connection must not overtake it.
        tap.judge((later) => (later.isTransaction && later.connection === frame.connection ? 'drop' : 'pass'));
        resolve({ release: () => releaseHeld(tap, frame) });
        return 'drop';
      });
    }
  });
}

const answerTimeoutMs = 60_000;

function releaseHeld(tap: Tap, held: Frame): Promise<number | 'gone'> {
  return new Promise((resolve) => {
    const over = (result: number | 'gone'): void => {
      clearTimeout(timer);
      tap.judge(undefined);
      resolve(result);
    };
    const timer = setTimeout(() => over('gone'), answerTimeoutMs);
    tap.judge(({ connection, direction, xid, bytes }) => {
      const isAnswer = connection === held.connection && direction === 'toClient' && xid === held.xid;
      if (isAnswer) over(transactionResult(bytes));
      return 'pass';
    });
    if (!tap.relay.inject(held.connection, 'toTarget', held.bytes)) over('gone');
  });
}
