/** The messages of every actor. `type` is a verb phrase for a command and a past participle for news; nothing here is mutable. */
import type { AppChange } from '../core/app/change.ts';
import type { AppDefinition } from '../core/app/definition.ts';
import type { Deployment, DeploymentLimits } from '../core/deploy/plan-types.ts';
import type { Preview } from '../core/deploy/preview.ts';
import type { LoggedEvent, MarathonEvent } from '../core/events.ts';
import type { PostResult } from '../core/events-callback.ts';
import type { GroupRequest } from '../core/group/group-request.ts';
import type { Expected } from '../core/group/precondition.ts';
import type { ReadinessAnswer } from '../core/health/readiness.ts';
import type { CheckResult } from '../core/health/verdict.ts';
import type { AppId, DeploymentId, InstanceId, TaskId } from '../core/ids.ts';
import type { AgentInfo, Goal, Instance } from '../core/instance/instance.ts';
import type { EncodedEvent, RecordWrite } from '../core/journal/batch.ts';
import type { TaskInfo, TaskStatus } from '../core/mesos/types.ts';
import type { Refusal } from '../core/refusal.ts';
import type { RequestKey } from '../core/request-keys.ts';
import type { Result } from '../core/result.ts';
import type { Stray } from '../core/task/stray.ts';
import type { Timestamp } from '../core/time.ts';
import type { Effect } from './effects.ts';
import type { AppsChanged, DeploymentResult, EventReader, LogPosition, Origin, SubscriptionEvent } from './front.ts';
import type { MesosEvent } from './ports.ts';
import type { ActorRef } from './runtime/types.ts';

/** Where an answer goes: a value, or why not. */
export type Reply<T> = ActorRef<Result<T, Refusal>>;

/** What everybody may ask of the journal: all of it becomes durable together, then the effects happen, in order. */
export interface JournalWrite {
  readonly type: 'write';
  readonly records: readonly RecordWrite[];
  readonly events: readonly MarathonEvent[];
  readonly effects: readonly Effect[];
  /** Goes through the store even if there is nothing to store: its effects then prove the epoch (design §5.10). */
  readonly mustStore?: boolean;
}

/** An actor of the scheduler's subtree failed; its parent fails with it, up to the root, which rebuilds from the store. */
export interface ChildFailed {
  readonly type: 'childFailed';
  readonly name: string;
  readonly error: unknown;
}

export interface Waiting {
  readonly instanceId: InstanceId;
  /** Number of the launch to come. */
  readonly incarnation: number;
  readonly role: string;
  readonly ref: ActorRef<InstanceMessage>;
}

export interface Placed {
  readonly appId: AppId;
  readonly instanceId: InstanceId;
  readonly taskId: TaskId;
  readonly version: Timestamp;
  readonly agent: AgentInfo;
  readonly hostPorts: readonly number[];
  readonly ref: ActorRef<InstanceMessage>;
  /** False for what is out of reach: still routed, but invisible to constraints (behaviour §2.3). */
  readonly isCounted: boolean;
}

export type SchedulerMessage =
  | { readonly type: 'mesos'; readonly event: MesosEvent }
  /** These instances of the app wait for an offer; adds to what waits already. */
  | {
      readonly type: 'demand';
      readonly app: AppDefinition;
      readonly waiting: readonly Waiting[];
      readonly notBeforeMs: number | undefined;
    }
  /** The definition to launch, or the delay, changed. */
  | { readonly type: 'demandChanged'; readonly app: AppDefinition; readonly notBeforeMs: number | undefined }
  | { readonly type: 'demandEnded'; readonly appId: AppId; readonly instanceIds: readonly InstanceId[] }
  /** An instance has a task: route its updates, count it for constraints. */
  | { readonly type: 'placed'; readonly placed: Placed }
  | {
      readonly type: 'unplaced';
      readonly appId: AppId;
      readonly instanceId: InstanceId;
      readonly taskId: TaskId | undefined;
      /** It was given up, and may live. */
      readonly stray?: Stray | undefined;
    }
  | {
      readonly type: 'provisioned';
      readonly offerId: string;
      readonly instanceId: InstanceId;
      readonly isAccepted: boolean;
    }
  /** The instances of an offer are durable: Mesos may hear of it. */
  | {
      readonly type: 'acceptReleased';
      readonly offerId: string;
      readonly session: number;
      readonly tasks: readonly TaskInfo[];
    }
  | { readonly type: 'reviewDemand' }
  | { readonly type: 'matchOffers' }
  | { readonly type: 'reviveDue'; readonly isRepeat: boolean }
  /** The launch delay of some app is over. */
  | { readonly type: 'backoffEnded' }
  /** Where every stored instance is stands in the index: news from Mesos can be given to whom it concerns. */
  | { readonly type: 'connect' }
  /** The book of agents hears of some more of the stored tasks. */
  | { readonly type: 'noteStored' }
  /** Every stored instance has its actor. */
  | { readonly type: 'takenUp' }
  | { readonly type: 'reconcileDue'; readonly isAll: boolean }
  /** Nobody has answered the last questions of a round of reconciliation for a while. */
  | { readonly type: 'reconcileStalled' }
  /** Mesos is to be asked for tasks that were given up. */
  | { readonly type: 'straysDue' }
  /** The session's framework id is durable. */
  | { readonly type: 'frameworkStored'; readonly frameworkId: string }
  | ChildFailed;

export type GroupsMessage =
  | {
      readonly type: 'change';
      readonly changes: readonly AppChange[];
      /** Instead of `changes`. */
      readonly group?: GroupRequest;
      readonly force: boolean;
      /** New tasks even for a change of metadata. */
      readonly restart?: boolean | undefined;
      readonly limits?: DeploymentLimits | undefined;
      readonly expected?: Expected;
      readonly keepsApps?: boolean;
      readonly requestKey?: RequestKey;
      readonly origin: Origin | undefined;
      readonly replyTo: Reply<AppsChanged>;
    }
  /** What a change would do. Decided as above, and dropped. */
  | {
      readonly type: 'preview';
      readonly changes: readonly AppChange[];
      readonly group?: GroupRequest;
      readonly force: boolean;
      readonly restart?: boolean;
      readonly expected?: Expected;
      readonly keepsApps?: boolean;
      readonly replyTo: Reply<Preview>;
    }
  /** The same for the way back of a deployment, or with `continue` for the rest of one that is paused. */
  | {
      readonly type: 'previewDeployment';
      readonly id: string;
      readonly what: 'cancel' | 'continue';
      readonly force: boolean;
      readonly replyTo: Reply<Preview>;
    }
  | {
      readonly type: 'cancel';
      readonly id: string;
      readonly force: boolean;
      /** For the deployment that rolls back. */
      readonly limits?: DeploymentLimits | undefined;
      readonly replyTo: Reply<DeploymentResult | undefined>;
    }
  /** Lets a paused deployment go on, with other limits if there are any. */
  | {
      readonly type: 'continue';
      readonly id: string;
      readonly limits: DeploymentLimits | undefined;
      readonly requestKey?: RequestKey | undefined;
      readonly replyTo: Reply<DeploymentResult>;
    }
  | { readonly type: 'stepStarted'; readonly id: DeploymentId; readonly step: number }
  | { readonly type: 'deploymentFinished'; readonly id: DeploymentId }
  /** It is to be given up; its limits say what that means. */
  | { readonly type: 'deploymentFailed'; readonly id: DeploymentId; readonly reason: string }
  | { readonly type: 'resume' };

export type DeploymentsMessage =
  | { readonly type: 'start'; readonly deployment: Deployment }
  /** These end, and after that the apps that they leave get orders of their own. */
  | {
      readonly type: 'cancelled';
      readonly ids: readonly DeploymentId[];
      readonly orders: readonly { readonly appId: AppId; readonly order: TargetOrder }[];
    }
  | { readonly type: 'ended'; readonly id: DeploymentId }
  | ChildFailed;

export type DeploymentMessage =
  | { readonly type: 'begin' }
  /** An app reached what the step asked of it. */
  | { readonly type: 'reached'; readonly appId: AppId; readonly step: number }
  /** An instance that the step started has used up its launches. */
  | {
      readonly type: 'launchesFailed';
      readonly appId: AppId;
      readonly step: number;
      readonly instanceId: InstanceId;
      readonly launches: number;
    }
  | { readonly type: 'deadline' };

export interface TargetOrder {
  readonly app: AppDefinition;
  readonly mode: 'steady' | 'rolling' | 'stopped';
  readonly sentenced: readonly InstanceId[];
  /** Told once the target is reached, or when an instance was launched so often without getting ready. */
  readonly waiter:
    | { readonly ref: ActorRef<DeploymentMessage>; readonly step: number; readonly maxLaunchAttempts?: number }
    | undefined;
}

export type AppsMessage =
  /** Takes up some of the stored apps, and goes on behind whatever else is in the inbox. */
  | { readonly type: 'takeUp' }
  /** There is news for an instance of this app: it is taken up at once. */
  | { readonly type: 'wanted'; readonly appId: AppId }
  /** After a start: the order that an app is taken up with. */
  | { readonly type: 'resume'; readonly appId: AppId; readonly order: TargetOrder }
  | { readonly type: 'target'; readonly appId: AppId; readonly order: TargetOrder }
  | { readonly type: 'kill'; readonly instances: readonly InstanceId[]; readonly isWipe: boolean }
  | { readonly type: 'resetDelay'; readonly appId: AppId; readonly replyTo: Reply<void> }
  /** A stopped app has nothing left. */
  | { readonly type: 'emptied'; readonly appId: AppId; readonly app: AppDefinition }
  | { readonly type: 'appStopped'; readonly appId: AppId }
  | ChildFailed;

export type AppMessage =
  | { readonly type: 'target'; readonly order: TargetOrder }
  /** `isFailure`: the end of a task that the app is to blame for; `isDrained`: its agent is being emptied, nobody is. */
  | {
      readonly type: 'instanceChanged';
      readonly instance: Instance;
      readonly isFailure: boolean;
      readonly isDrained?: boolean;
    }
  | {
      readonly type: 'instanceGone';
      readonly instanceId: InstanceId;
      readonly isFailure: boolean;
      readonly isDrained?: boolean;
    }
  | { readonly type: 'reconcile' }
  | { readonly type: 'kill'; readonly instances: readonly InstanceId[]; readonly isWipe: boolean }
  | { readonly type: 'resetDelay'; readonly replyTo: Reply<void> }
  /** Its readiness check has passed. */
  | { readonly type: 'ready'; readonly instanceId: InstanceId; readonly taskId: TaskId }
  | ChildFailed;

export type InstanceMessage =
  | {
      readonly type: 'provision';
      readonly offerId: string;
      readonly app: AppDefinition;
      readonly taskId: TaskId;
      readonly incarnation: number;
      readonly agent: AgentInfo;
      readonly hostPorts: readonly number[];
    }
  | { readonly type: 'launchFailed'; readonly taskId: TaskId }
  | { readonly type: 'mesosUpdate'; readonly status: TaskStatus }
  | { readonly type: 'goal'; readonly goal: Goal; readonly reason: string }
  /** End the task; with goal Running it is started again. */
  | { readonly type: 'killTask'; readonly reason: string }
  /** Forget the instance at once; its task is killed. */
  | { readonly type: 'wipe' }
  /** The guard allows the kill for a failed health check, if it is still deserved. */
  | { readonly type: 'killUnhealthy'; readonly taskId: TaskId; readonly check: number }
  | { readonly type: 'probed'; readonly taskId: TaskId; readonly check: number; readonly result: CheckResult }
  /** It should have started by now; `isSure` on the second look. */
  | { readonly type: 'overdue'; readonly isSure: boolean }
  | { readonly type: 'unreachableDue' };

export type ProbesMessage =
  | {
      readonly type: 'watch';
      readonly instance: Instance;
      readonly app: AppDefinition;
      readonly ref: ActorRef<InstanceMessage>;
    }
  | { readonly type: 'forget'; readonly instanceId: InstanceId }
  | { readonly type: 'due'; readonly key: string }
  | { readonly type: 'answered'; readonly key: string; readonly result: CheckResult };

/** What the guard of health kills hears; `healthy` and `failing` are about all checks of a task together. */
export type HealthGuardMessage =
  | { readonly type: 'healthy'; readonly instanceId: InstanceId; readonly appId: AppId }
  | { readonly type: 'failing'; readonly instanceId: InstanceId }
  | { readonly type: 'forget'; readonly instanceId: InstanceId }
  /** A probe was due, and the leader's loop came to it later than half of its time-out. */
  | { readonly type: 'lagged' }
  /** One failure too many; repeated with each further one. */
  | {
      readonly type: 'killDue';
      readonly instanceId: InstanceId;
      readonly appId: AppId;
      readonly taskId: TaskId;
      readonly check: number;
      /** How many instances the app should have. */
      readonly instances: number;
      readonly ref: ActorRef<InstanceMessage>;
    }
  | { readonly type: 'lookAgain' };
export type ReadinessMessage =
  /** Ask this task until it is ready; again for the same task: it has an address now. */
  | {
      readonly type: 'watch';
      readonly instance: Instance;
      readonly app: AppDefinition;
      readonly ref: ActorRef<AppMessage>;
    }
  /** Stop asking, and show nothing of it any more. */
  | { readonly type: 'forget'; readonly instanceIds: readonly InstanceId[] }
  | { readonly type: 'due'; readonly instanceId: InstanceId }
  | {
      readonly type: 'answered';
      readonly taskId: TaskId;
      readonly instanceId: InstanceId;
      readonly answer: ReadinessAnswer;
    };

export type KillsMessage =
  | { readonly type: 'kill'; readonly taskId: string; readonly agentId: string | undefined; readonly reason: string }
  /** The task is over, or nobody's business any more. */
  | { readonly type: 'ended'; readonly taskId: string }
  | { readonly type: 'connected' }
  | { readonly type: 'retry' };

export type EventsMessage =
  /** A leadership begins: the next durable event will have this place. */
  | { readonly type: 'began'; readonly position: LogPosition }
  /** It is over: from now on others may add to the log. */
  | { readonly type: 'ended' }
  | { readonly type: 'released'; readonly events: readonly LoggedEvent[] }
  | { readonly type: 'attach'; readonly reader: EventReader }
  | { readonly type: 'detach'; readonly reader: EventReader };

export type CallbacksMessage =
  | {
      readonly type: 'subscribe';
      readonly url: string;
      readonly secret: string | undefined;
      readonly clientIp: string;
      readonly replyTo: Reply<SubscriptionEvent>;
    }
  | {
      readonly type: 'unsubscribe';
      readonly url: string;
      readonly clientIp: string;
      readonly replyTo: Reply<SubscriptionEvent>;
    }
  /** The subscription is durable. */
  | { readonly type: 'subscribed'; readonly url: string }
  | { readonly type: 'released'; readonly events: readonly LoggedEvent[] }
  | { readonly type: 'posted'; readonly url: string; readonly session: number; readonly result: PostResult }
  | { readonly type: 'retry'; readonly url: string }
  /** Older events from the store; undefined if it could not be read. */
  | {
      readonly type: 'read';
      readonly url: string;
      readonly session: number;
      readonly from: number;
      readonly first: number;
      readonly events: readonly EncodedEvent[] | undefined;
    }
  | { readonly type: 'save' };
