/** What the scheduler knows. */
import type { Offer, TaskInfo } from '../core/mesos/types.ts';
import type { PlannedLaunch } from '../core/offer/demand.ts';
import type { AgentBook } from './agent-book.ts';
import type { DemandBook } from './demand-book.ts';
import type { Placed } from './protocol.ts';
import type { ReconcileRound } from './reconciliation.ts';
import type { Services } from './services.ts';
import type { StrayBook } from './stray-book.ts';
import type { TaskIndex } from './task-index.ts';

/** The subtree below the scheduler, as it stands after a start. */
export interface Assembled {
  readonly services: Services;
  /** Where every stored instance is; gone through once. */
  readonly placed: Iterable<Placed>;
}

/** Launches of one offer on their way to durability. */
export interface PendingAccept {
  readonly session: number;
  readonly offer: Offer;
  readonly launches: ReadonlyMap<string, PlannedLaunch>;
  readonly accepted: TaskInfo[];
  /** Instances that have not answered yet. */
  readonly open: Set<string>;
  /** Mesos took the offer back meanwhile: the launches must not go out. */
  isRescinded?: true;
}

/** Mutable on purpose: indexes of 100,000 tasks that nobody else sees. */
export interface SchedulerState {
  readonly services: Services;
  readonly tasks: TaskIndex;
  readonly demand: DemandBook;
  readonly agents: AgentBook;
  /** Counts subscriptions; what belongs to an earlier one is void. */
  session: number;
  frameworkId: string | undefined;
  /** Region of the master that leads, if it has one. */
  masterRegion: string | undefined;
  isConnected: boolean;
  /** Offers at hand, not matched yet. */
  readonly held: Map<string, Offer>;
  readonly pending: Map<string, PendingAccept>;
  /** Tasks of an ACCEPT that Mesos refused as a whole, until it has spoken of them; with the reason. */
  readonly refused: Map<string, string>;
  /** Role → what the last REVIVE or SUPPRESS of this session told Mesos: offers are wanted, or not. */
  readonly told: Map<string, 'offers' | 'nothing'>;
  /** Time of the last REVIVE, monotonic. */
  revivedAtMs: number;
  /** Wants changed since the last look. */
  isReviewDue: boolean;
  /** Roles in which somebody began to wait since the last look. */
  readonly fresh: Set<string>;
  /** Roles whose REVIVE waits for the throttle. */
  readonly toRevive: Set<string>;
  /** Roles whose REVIVE is to be repeated. */
  readonly revived: Set<string>;
  /** REVIVEs since somebody began to wait. */
  revives: number;
  /** Offers have come since the last REVIVE. */
  isOffered: boolean;
  /** Every stored instance has its actor. */
  isTakenUp: boolean;
  /** Tasks that the explicit reconciliation has not heard of yet. */
  readonly unreconciled: Set<string>;
  /** Tasks that were given up and may live. */
  readonly strays: StrayBook;
  reconcileRound: number;
  /** Undefined between two rounds. */
  reconciling: ReconcileRound | undefined;
}
