/** What the actors need from the outside world. Implementations live in `src/infra`, fakes in `test/support`. */
import type { Batch, CommitOutcome, EncodedEvent, LoadedJournal } from '../core/journal/batch.ts';
import type { FrameworkInfo, MasterInfo, Offer, TaskInfo, TaskStatus } from '../core/mesos/types.ts';

export interface TimerHandle {
  readonly cancel: () => void;
}

/** The only source of time. */
export interface Clock {
  /** Epoch milliseconds; may jump. */
  readonly now: () => number;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  /** Calls `fire` once, not before `delayMs` has passed. */
  readonly after: (delayMs: number, fire: () => void) => TimerHandle;
}

/** The only source of randomness. */
export interface Ids {
  /** Random UUID (deployments, batches). */
  readonly uuid: () => string;
  /** Time-based UUID (instances). */
  readonly timeUuid: () => string;
  /** In [0, 1). */
  readonly random: () => number;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Structured log: an event name and fields, no prose. */
export interface Logger {
  readonly debug: (event: string, fields?: LogFields) => void;
  readonly info: (event: string, fields?: LogFields) => void;
  readonly warn: (event: string, fields?: LogFields) => void;
  readonly error: (event: string, fields?: LogFields, cause?: unknown) => void;
}

/** Metrics by Marathon's dotted names, without prefix and kind (rest-api §12.3). */
export interface Metrics {
  readonly count: (name: string, by?: number) => void;
  /** Read when scraped. A second registration of a name replaces the first. */
  readonly gauge: (name: string, read: () => number) => void;
  /** A duration in milliseconds. */
  readonly time: (name: string, durationMs: number) => void;
}

/**
 * The journal's store (design §5). One writer; commits of one `open` come in order of their numbers and are answered in that
 * order. At most `maxInFlight` may be unanswered.
 */
export interface JournalStore {
  readonly maxInFlight: number;
  /** Takes the epoch and reads everything. Rejects with a one-line reason if the store cannot be used. */
  readonly open: () => Promise<LoadedJournal>;
  readonly commit: (batch: Batch, done: (outcome: CommitOutcome) => void) => void;
  /** Stored events from number `from` on, at most `limit`; `first` is the oldest number that is still kept. */
  readonly readEvents: (
    from: number,
    limit: number,
  ) => Promise<{ readonly first: number; readonly events: readonly EncodedEvent[] }>;
  /**
   * Called with each batch from number `from` on, in order, without gaps, as other processes commit them; `reload` is called
   * instead when the journal no longer reaches back that far. Returns how to stop.
   */
  readonly follow: (from: number, apply: (batch: Batch) => void, reload: () => void) => () => void;
  /** Drops what no reader needs any more: events beyond their retention, replaced snapshots. */
  readonly compact: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export type MesosEvent =
  | {
      readonly type: 'subscribed';
      readonly frameworkId: string;
      readonly master: MasterInfo | undefined;
      /** `host:port` of the master, for events and the UI. */
      readonly masterAddress: string;
      /** False when the stream was resumed with the id that we sent. */
      readonly isNew: boolean;
    }
  | { readonly type: 'offers'; readonly offers: readonly Offer[] }
  | { readonly type: 'rescinded'; readonly offerId: string }
  | { readonly type: 'statusUpdate'; readonly status: TaskStatus }
  | {
      readonly type: 'agentFailure';
      readonly agentId: string | undefined;
      readonly executorId: string | undefined;
      readonly status: number | undefined;
    }
  | { readonly type: 'frameworkMessage'; readonly agentId: string; readonly executorId: string; readonly data: string }
  /** The stream is gone; all offers with it. The link reconnects by itself. */
  | { readonly type: 'disconnected'; readonly reason: string }
  /** A pipelined ACCEPT was refused or went unanswered: its offers are spent, its tasks must be reconciled. */
  | { readonly type: 'acceptFailed'; readonly taskIds: readonly string[]; readonly reason: string }
  /** The master will never take this framework id again. */
  | { readonly type: 'frameworkRemoved'; readonly reason: string };

/** The connection to Mesos. Calls made while disconnected are dropped and counted: whoever needs them repeats them. */
export interface MesosLink {
  /** Connects and stays connected until `stop`. `frameworkId` is the stored one, if any. */
  readonly start: (frameworkId: string | undefined, listener: (event: MesosEvent) => void) => void;
  readonly isConnected: () => boolean;
  readonly accept: (offerIds: readonly string[], tasks: readonly TaskInfo[], refuseSeconds: number) => void;
  readonly decline: (offerIds: readonly string[], refuseSeconds: number) => void;
  readonly kill: (taskId: string, agentId: string | undefined) => void;
  readonly acknowledge: (taskId: string, agentId: string, uuid: string) => void;
  /** An empty list asks for all tasks. */
  readonly reconcile: (tasks: readonly { readonly taskId: string; readonly agentId: string | undefined }[]) => void;
  readonly revive: (roles: readonly string[]) => void;
  readonly suppress: (roles: readonly string[]) => void;
  /** Ends the stream; tasks keep running for the failover time-out. With `teardown` they are killed instead. */
  readonly stop: (teardown: boolean) => Promise<void>;
}

/** What a link subscribes with; the id is added by the link. */
export type FrameworkSettings = Omit<FrameworkInfo, 'id'>;

export interface ProbeRequest {
  readonly protocol: 'HTTP' | 'HTTPS' | 'TCP';
  readonly host: string;
  readonly port: number;
  /** HTTP kinds only; begins with a slash. */
  readonly path: string;
  readonly timeoutMs: number;
}

export type ProbeResult =
  /** HTTP kinds carry the status, which the core judges (behaviour §6.2). */
  { readonly type: 'answered'; readonly status?: number } | { readonly type: 'failed'; readonly cause: string };

/** Asks one address once. */
export interface Prober {
  readonly probe: (request: ProbeRequest, done: (result: ProbeResult) => void) => void;
  readonly close: () => void;
}
