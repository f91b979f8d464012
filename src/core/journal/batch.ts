/** What is durable, and the unit in which it becomes so (design §5). */

/** Kinds of record; each has a format version of its own, so that one may change without the others. */
export const recordFormat = {
  /** Framework id and other single facts, by name. */
  meta: 1,
  /** App id → current version and its definition. */
  app: 1,
  /** `<app id>@<version>` → definition: the history, and what running instances still use. */
  appVersion: 1,
  /** Group id → what a group has beyond its path. */
  group: 1,
  /** Instance id → instance. */
  instance: 1,
  /** Deployment id → plan, and how far it had got when this was written. */
  deployment: 1,
  /** Deployment id → how far it has got since. */
  deploymentProgress: 1,
  /** Deployment id → a deployment that is over, and how it ended. */
  finishedDeployment: 1,
  /** App id → last task failure. */
  taskFailure: 1,
  /** Callback URL → subscription and how far it got. */
  subscription: 1,
} as const;

export type RecordKind = keyof typeof recordFormat;

/** An absolute put, or a delete when `value` is undefined; replaying one twice does no harm. */
export interface RecordWrite {
  readonly kind: RecordKind;
  readonly key: string;
  /** A plain JSON value; never mutated after it was handed over. */
  readonly value: object | undefined;
}

/** A record as a store keeps it. `json` is absent for a delete. */
export interface EncodedRecord {
  readonly kind: RecordKind;
  readonly key: string;
  readonly format: number;
  readonly json: string | undefined;
}

/** An event as a store keeps it. */
export interface EncodedEvent {
  readonly type: string;
  readonly json: string;
}

/** One atomic step of the journal. Numbers are the leader's own and have no gaps. */
export interface Batch {
  readonly number: number;
  /** Random; tells an own batch from a foreign one of the same number. */
  readonly id: string;
  readonly epoch: number;
  readonly records: readonly EncodedRecord[];
  /** Number of the first event; the others count on from it. */
  readonly firstEvent: number;
  readonly events: readonly EncodedEvent[];
}

/** What became of a commit. An answer that was lost is resolved inside the store and never seen here (design §5.5). */
export type CommitOutcome =
  | { readonly type: 'committed' }
  /** Another leader writes: drop the scheduler subtree. */
  | { readonly type: 'fenced'; readonly reason: string }
  /** Nothing was written and nothing will be; the store says why. */
  | { readonly type: 'failed'; readonly reason: string };

/** Everything a new leader starts from. */
export interface LoadedJournal {
  readonly epoch: number;
  /** Number for the next batch. */
  readonly nextBatch: number;
  /** Changes on restore or wipe; the part of an event id before the dot. */
  readonly generation: string;
  readonly nextEvent: number;
  readonly records: Iterable<EncodedRecord>;
  /** What a standby has made of a record already, if it has; given once. */
  readonly prepared?: (record: EncodedRecord) => object | undefined;
}

/** Everything that a backup holds: all records as they are now. */
export interface StoreContent {
  readonly generation: string;
  readonly nextEvent: number;
  readonly records: Iterable<EncodedRecord>;
}
