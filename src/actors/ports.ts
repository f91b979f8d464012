/** What the actors need from the outside world. Implementations live in `src/infra`, fakes in `test/support`. */
import type { LoggedEvent } from '../core/events.ts';
import type { MissedEvents, PostResult } from '../core/events-callback.ts';
import type {
  Batch,
  CommitOutcome,
  EncodedEvent,
  EncodedRecord,
  LoadedJournal,
  StoreContent,
} from '../core/journal/batch.ts';
import type { FrameworkInfo, MasterInfo, Offer, TaskInfo, TaskStatus } from '../core/mesos/types.ts';
import type { Result } from '../core/result.ts';

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
  /**
   * Takes the epoch and reads everything. `claim` is what an election gave to its winner; a store that several servers share takes
   * the epoch only while that claim holds (design §5.3), others ignore it. Rejects with a one-line reason if the store cannot be
   * used, now (`StoreAway`, `ClaimLost`) or ever by this version (`StoreUnusable`).
   */
  readonly open: (claim?: string) => Promise<LoadedJournal>;
  /**
   * Keeps a copy of the content warm until the next `open`, so that taking over costs only what came last. Safe to call twice. `prepare`
   * is called for its records by and by, and what it returns is part of what `open` gives; what it throws is ignored.
   */
  readonly standBy: (prepare?: (record: EncodedRecord) => object | undefined) => void;
  /** Whether a commit made now can be expected to end soon. While stalled nothing new should be decided (design §5.5, §5.11). */
  readonly status: () => StoreStatus;
  /** What is stored, as one consistent state, without taking the epoch: for backups. */
  readonly read: () => Promise<StoreContent>;
  /**
   * Replaces everything in one step, under a new generation and a new epoch: whoever led before is fenced. The old content stays
   * if anything fails before that step.
   */
  readonly replace: (content: Pick<StoreContent, 'records'>) => Promise<void>;
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

export type StoreStatus = { readonly type: 'ready' } | { readonly type: 'stalled'; readonly reason: string };

/** What a candidate tells the others about itself; kept in its election node. */
export interface Candidate {
  /** `host:port` under which clients reach it. */
  readonly address: string;
  /** `http(s)://host:port`: where followers forward to. */
  readonly url: string;
  /** Version of the program. */
  readonly version: string;
  /** Whether it could reach a Mesos master when it last looked (design §5.11). */
  readonly reachesMesos: boolean;
}

export type ElectionEvent =
  /** Our candidature is the oldest one. `claim` goes to `JournalStore.open`. */
  | { readonly type: 'elected'; readonly claim: string }
  /** We were elected and are no longer, or cannot prove it. The election tries again by itself. */
  | { readonly type: 'lost'; readonly reason: string }
  /** The oldest candidate, as far as we know; undefined while there is none or while we cannot see it. May be ourselves. */
  | { readonly type: 'leader'; readonly leader: Candidate | undefined };

/** Who leads among several servers (design §5.3). Events are never sent from within a call. */
export interface Election {
  readonly sessionTimeoutMs: number;
  /** Stands as a candidate, and again after each loss, until `stop`. Never rejects and never ends the process. */
  readonly start: (own: Candidate, listener: (event: ElectionEvent) => void) => void;
  /**
   * Monotonic ms at which the newest request was *sent* that the ensemble has answered on the present session: nobody else can
   * be elected before `provenAtMs() + sessionTimeoutMs`. `-Infinity` without a session.
   */
  readonly provenAtMs: () => number;
  /** Asks the ensemble now. False if there was no answer within `timeoutMs`, or the candidature is gone. */
  readonly prove: (timeoutMs: number) => Promise<boolean>;
  /** Changes what the others see of us. */
  readonly announce: (change: Partial<Candidate>) => void;
  /** All candidates, oldest first, from a fresh read. Rejects if the ensemble cannot be asked. */
  readonly candidates: () => Promise<readonly Candidate[]>;
  /** Gives the lead up and stands again behind everybody else. Resolves once the old candidature is gone or cannot count. */
  readonly resign: () => Promise<void>;
  /** Does not stand while the reason lasts (called again with undefined to stand again). The leader is still told. */
  readonly withdraw: (reason: string | undefined) => void;
  readonly stop: () => Promise<void>;
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
  /** Nobody knows what Mesos did with an ACCEPT: its offers are spent, its tasks must be reconciled. */
  | { readonly type: 'acceptFailed'; readonly taskIds: readonly string[]; readonly reason: string }
  /** Mesos found an ACCEPT wrong as a whole: none of its tasks will ever run. */
  | { readonly type: 'acceptRefused'; readonly taskIds: readonly string[]; readonly reason: string }
  /** Calls that answered these offers failed: the offers may be ours still, and nobody else gets what is in them. */
  | { readonly type: 'offersInDoubt'; readonly offerIds: readonly string[] }
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
  /** With each call, roles that the scheduler wants offers in, whether or not the framework was subscribed with them. */
  readonly revive: (roles: readonly string[]) => void;
  readonly suppress: (roles: readonly string[]) => void;
  /** The roles to subscribe with, all of them; told to the master at once while connected. Needs MULTI_ROLE. */
  readonly updateRoles: (roles: readonly string[]) => void;
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
  /** HTTP kinds only: how many bytes of the body to bring along; what is longer is cut. Absent = none. */
  readonly bodyBytes?: number;
}

export type ProbeResult =
  /** HTTP kinds carry the status, which the core judges (behaviour §6.2), and what was asked for of the body. */
  | { readonly type: 'answered'; readonly status?: number; readonly contentType?: string; readonly body?: string }
  | { readonly type: 'failed'; readonly cause: string }
  /** Our own fault: the task may be well, and nothing may be held against it. */
  | { readonly type: 'notAsked'; readonly reason: string };

/** Asks one address once. Calls `done` at most once, never from within `probe`. */
export interface Prober {
  readonly probe: (request: ProbeRequest, done: (result: ProbeResult) => void) => void;
  readonly close: () => void;
}

/** Posts events to subscribers. */
export interface CallbackPoster {
  /** One POST, without following redirects. `done` is called once, not later than the time-out, and never from within the call. */
  readonly post: (
    request: {
      readonly url: string;
      readonly event: LoggedEvent;
      /** Signs the body. */
      readonly secret: string | undefined;
      /** What the subscriber must be told that it will not get. */
      readonly missed: MissedEvents | undefined;
      readonly timeoutMs: number;
    },
    done: (result: PostResult) => void,
  ) => void;
  readonly close: () => void;
}

/** A task's sandbox, as far as the server knows where it is. */
export interface SandboxPlace {
  readonly taskId: string;
  readonly agentId: string;
  /** Names that its executor may have, the likeliest first. */
  readonly executorIds: readonly string[];
}

export interface SandboxEntry {
  /** Below the sandbox, without a slash in front. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly modifiedMs: number;
  /** As `ls -l` writes it. */
  readonly mode: string;
  readonly user: string;
  readonly group: string;
  readonly links: number;
}

export interface FilesFailure {
  /**
   * `notFound`: no such file, or no sandbox (any more). `refused`: not what can be read so, such as a directory. `away`: the agent, or the
   * master that knows where it is, gives no proper answer now. `busy`: too much is being read at the moment.
   */
  readonly kind: 'notFound' | 'refused' | 'away' | 'busy';
  /** One line for people. */
  readonly reason: string;
}

export interface FilePart {
  readonly data: Uint8Array;
  /** Of the whole file, in bytes, when it was read. */
  readonly size: number;
}

export interface Download {
  /** Bytes; undefined if the agent does not tell. */
  readonly size: number | undefined;
  /** Ends early with an error if the agent does. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly cancel: () => void;
}

/**
 * Files of tasks, read from their agents. Paths lie below the sandbox and are normalised (`core/task/sandbox-path.ts`). Never rejects; no
 * file is ever held as a whole.
 */
export interface SandboxFiles {
  readonly browse: (place: SandboxPlace, path: string) => Promise<Result<readonly SandboxEntry[], FilesFailure>>;
  /** At most 64 KiB from `offset` on; nothing beyond the end. */
  readonly read: (
    place: SandboxPlace,
    path: string,
    range: { readonly offset: number; readonly length: number },
  ) => Promise<Result<FilePart, FilesFailure>>;
  readonly download: (place: SandboxPlace, path: string) => Promise<Result<Download, FilesFailure>>;
  readonly close: () => void;
}
