/** What the actors of the scheduler's subtree are given. */

import type { Ids, MesosLink } from './ports.ts';
import type {
  AppsMessage,
  CallbacksMessage,
  DeploymentsMessage,
  GroupsMessage,
  HealthGuardMessage,
  JournalWrite,
  KillsMessage,
  ProbesMessage,
  ReadinessMessage,
  SchedulerMessage,
} from './protocol.ts';
import type { ActorRef } from './runtime/types.ts';
import type { SchedulerSettings } from './settings.ts';
import type { VersionBook } from './version-book.ts';
import type { Views } from './views.ts';

/** Outside the subtree: these outlive a lost leadership. */
export interface LeaderServices {
  readonly journal: ActorRef<JournalWrite>;
  readonly link: MesosLink;
  readonly ids: Ids;
  readonly settings: SchedulerSettings;
  readonly views: Views;
  readonly versions: VersionBook;
  /** Absent unless callbacks are enabled. */
  readonly callbacks: ActorRef<CallbacksMessage> | undefined;
}

/** Inside it: everyone knows everyone by reference. */
export interface Services extends LeaderServices {
  readonly scheduler: ActorRef<SchedulerMessage>;
  readonly groups: ActorRef<GroupsMessage>;
  readonly deployments: ActorRef<DeploymentsMessage>;
  readonly apps: ActorRef<AppsMessage>;
  readonly probes: ActorRef<ProbesMessage>;
  readonly healthGuard: ActorRef<HealthGuardMessage>;
  readonly readiness: ActorRef<ReadinessMessage>;
  readonly kills: ActorRef<KillsMessage>;
}
