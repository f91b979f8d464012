/**
 * What came of requests that carried a key (`Idempotency-Key`): stored in the same batch as their effect, so that whoever leads
 * when a request is sent again gives the first answer instead of doing it twice.
 */
import type { AppId, DeploymentId } from './ids.ts';
import type { RecordWrite } from './journal/batch.ts';
import { type Refusal, refusal } from './refusal.ts';
import { err, ok, type Result } from './result.ts';
import type { Timestamp } from './time.ts';

/** Results that are kept; the oldest goes first. */
export const maxRequestKeys = 1_000;
/** A key is free again after this time. */
export const maxRequestKeyAgeMs = 24 * 60 * 60 * 1000;

/** A key that a client chose, and what it stands for. */
export interface RequestKey {
  readonly key: string;
  /** Of the request as a whole: the key is for no other one. */
  readonly fingerprint: string;
}

/** What came of a request. Small: definitions are read from the versions, which live as long as their app. */
export interface KeyedResult extends RequestKey {
  readonly atMs: number;
  readonly version: Timestamp;
  readonly deploymentId: DeploymentId;
  /** The first app that the request named, and whether it was new. */
  readonly app?: AppId;
  readonly isCreated?: boolean;
}

/**
 * A `meta` record, not a kind of its own: servers of before ignore it, so that nothing stands in the way of a rolling upgrade
 * (docs/checklists/new-record-format.md).
 */
const prefix = 'request-key/';

/** True for the name of a `meta` record that holds a `KeyedResult`. */
export const isRequestKeyRecord = (name: string): boolean => name.startsWith(prefix);

/** The keys of the working state, oldest first. */
export class RequestKeys {
  readonly #results = new Map<string, KeyedResult>();

  /** Stored results, in any order. */
  constructor(stored: readonly KeyedResult[] = []) {
    for (const result of stored.toSorted((a, b) => a.atMs - b.atMs)) this.#results.set(result.key, result);
  }

  get size(): number {
    return this.#results.size;
  }

  /** What came of the request with this key, if it was here before; 422 if that was another request. */
  find({ key, fingerprint }: RequestKey, nowMs: number): Result<KeyedResult | undefined, Refusal> {
    const known = this.#results.get(key);
    if (!known || nowMs - known.atMs >= maxRequestKeyAgeMs) return ok(undefined);
    return known.fingerprint === fingerprint ? ok(known) : err(otherRequest);
  }

  /** Remembers a result; the records say so, and which older ones go. */
  add(result: KeyedResult): readonly RecordWrite[] {
    const records: RecordWrite[] = [];
    this.#results.delete(result.key);
    for (const [key, { atMs }] of this.#results) {
      if (this.#results.size < maxRequestKeys && result.atMs - atMs < maxRequestKeyAgeMs) break;
      this.#results.delete(key);
      records.push({ kind: 'meta', key: prefix + key, value: undefined });
    }
    this.#results.set(result.key, result);
    return [...records, { kind: 'meta', key: prefix + result.key, value: result }];
  }
}

/** 422 for a key that stands for another request. */
export const otherRequest = refusal('illegalArgument', 'This Idempotency-Key was used for another request');
