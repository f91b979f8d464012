/** What the actor of an app knows. */
import type { AppId, InstanceId } from '../core/ids.ts';
import type { Backoff } from '../core/scale/backoff.ts';
import type { AppTarget, Known } from '../core/scale/reconcile.ts';
import type { Kin } from './kin.ts';
import type { AppsMessage, InstanceMessage, TargetOrder } from './protocol.ts';
import type { ReadinessGate } from './readiness-gate.ts';
import type { ActorRef } from './runtime/types.ts';
import type { Services } from './services.ts';
import type { StoredInstance } from './stored-instance.ts';

export interface AppProps {
  readonly services: Services;
  readonly appId: AppId;
  readonly owner: ActorRef<AppsMessage>;
  /** Stored instances to take up again. */
  readonly stored: readonly StoredInstance[];
}

export interface Member extends Known {
  readonly ref: ActorRef<InstanceMessage>;
  /** The scheduler knows that it waits for an offer. */
  readonly isAnnounced: boolean;
}

/** Mutable on purpose: an app may have 100,000 members, and nothing of this leaves the actor. */
export interface AppState {
  readonly props: AppProps;
  readonly kin: Kin;
  readonly members: Map<InstanceId, Member>;
  readonly readiness: ReadinessGate;
  target: AppTarget | undefined;
  waiter: TargetOrder['waiter'];
  backoff: Backoff | undefined;
  isDirty: boolean;
  /** Members in the running set; lets a settled app answer most news without looking at all of them. */
  counted: number;
  /** Members that the running step waits for. */
  awaited: number;
  /** Members on their way out. */
  leaving: number;
  /** Members that wait for an offer and were not announced yet. */
  readonly toAnnounce: Set<InstanceId>;
}
