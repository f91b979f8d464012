/** What the guardian is built from, and what it shows. */
import type { CallbackSettings } from './callbacks.ts';
import type { Control, EventHub, ReadModel } from './front.ts';
import type { BackupPort } from './maintenance.ts';
import type {
  CallbackPoster,
  Candidate,
  Clock,
  Election,
  Ids,
  JournalStore,
  Logger,
  MesosLink,
  Metrics,
  Prober,
} from './ports.ts';
import type { Runtime } from './runtime/types.ts';
import type { SchedulerSettings } from './settings.ts';

export interface OrchestratorOptions {
  readonly store: JournalStore;
  /** Absent = this is the only server, and it always leads. */
  readonly election?: Election;
  /** What the other servers are told of this one; needed with an election. */
  readonly candidate?: () => Candidate;
  /** A fresh link for each leadership. It asks before each SUBSCRIBE whether this server still leads (design §5.10). */
  readonly createLink: (beforeSubscribe: () => Promise<boolean>) => MesosLink;
  /** Whether a Mesos master answers; asked by followers, for the others to know. Absent = not asked. */
  readonly probeMesos?: () => Promise<boolean>;
  /** Backups that go with an abdication. Absent = refused. */
  readonly backups?: BackupPort;
  readonly prober: Prober;
  /** Who posts events to subscribers, and how. Absent = nobody. */
  readonly callbacks?: { readonly poster: CallbackPoster; readonly settings: CallbackSettings };
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly settings: SchedulerSettings;
  /** `host:port` under which this server is reached; what `/v2/leader` names. */
  readonly advertisedAddress: () => string;
  /** Writes that may wait for the journal; one more and everything is rebuilt from the store. */
  readonly journalInboxLimit?: number;
}

export interface Orchestrator {
  readonly read: ReadModel;
  readonly control: Control;
  readonly events: EventHub;
  readonly runtime: Runtime;
  /**
   * Alone: resolves once the store is loaded and the actors stand; rejects with a one-line reason if the store cannot be used.
   * With an election: resolves at once, whatever the store does.
   */
  readonly start: () => Promise<void>;
  /** Stops leaves first. With `teardown` the tasks are killed, otherwise they go on. */
  readonly stop: (teardown: boolean) => Promise<void>;
}
