/** The two faces that the actors show to the API: a read model that never waits, and commands that are answered once durable. */
import type { AppChange } from '../core/app/change.ts';
import type { AppDefinition } from '../core/app/definition.ts';
import type { Deployment, DeploymentLimits, FinishedDeployment } from '../core/deploy/plan-types.ts';
import type { Preview } from '../core/deploy/preview.ts';
import type { LoggedEvent, MarathonEvent } from '../core/events.ts';
import type { GroupRequest } from '../core/group/group-request.ts';
import type { Expected } from '../core/group/precondition.ts';
import type { HealthStatus } from '../core/health/health.ts';
import type { ReadinessResult } from '../core/health/readiness.ts';
import type { AppId, DeploymentId, InstanceId } from '../core/ids.ts';
import type { AgentInfo, Instance } from '../core/instance/instance.ts';
import type { TaskCounts } from '../core/instance/shown.ts';
import type { EncodedEvent } from '../core/journal/batch.ts';
import type { Offer } from '../core/mesos/types.ts';
import { defaultMatchSettings, type MatchSettings, type RefusalReason } from '../core/offer/demand.ts';
import type { KnownAgent } from '../core/offer/known-agents.ts';
import type { ReasonCounts } from '../core/offer/reject-summary.ts';
import type { Refusal } from '../core/refusal.ts';
import type { RequestKey } from '../core/request-keys.ts';
import type { Result } from '../core/result.ts';
import type { Timestamp } from '../core/time.ts';

export interface TaskFailure {
  readonly appId: AppId;
  readonly host: string;
  readonly message: string;
  readonly state: string;
  readonly taskId: string;
  readonly timestamp: Timestamp;
  readonly version: Timestamp;
  readonly slaveId?: string;
}

export interface QueueEntry {
  readonly app: AppDefinition;
  readonly role: string;
  /** Instances that wait for an offer or were just matched to one. */
  readonly count: number;
  readonly sinceMs: number;
  /** End of the back-off; in the past or absent = overdue. */
  readonly notBeforeMs: number | undefined;
  readonly processedOffersCount: number;
  readonly unusedOffersCount: number;
  readonly lastUnusedOfferAtMs?: number;
  readonly lastUsedOfferAtMs?: number;
  /** Since the launch attempt began; started with `processedOffersCount` offers. */
  readonly launchAttempt: ReasonCounts;
  /** The latest refusal of each agent, at most 1,000 agents. */
  readonly lastRefusals: readonly {
    readonly offer: Offer;
    readonly reasons: readonly RefusalReason[];
    readonly atMs: number;
  }[];
}

/** An app that the scheduler has been told to launch. */
export interface PlacementDemand {
  /** The definition that will be launched. */
  readonly app: AppDefinition;
  readonly notBeforeMs: number | undefined;
  /** Where the instances that count for its constraints are. */
  readonly placements: readonly AgentInfo[];
}

/**
 * What the scheduler knows and would decide on, for answers to "why not" and "could it ever". Read as it is at the moment, durable or
 * not.
 */
export interface PlacementView {
  /** Grows whenever `agents` would say something else. */
  readonly revision: () => number;
  readonly agents: () => readonly KnownAgent[];
  /** Undefined while nothing of the app waits, or nobody has asked for it yet. */
  readonly demandOf: (appId: string) => PlacementDemand | undefined;
  readonly settings: () => MatchSettings;
}

/** Where nobody schedules. */
export const nothingPlaced: PlacementView = {
  revision: () => 0,
  agents: () => [],
  demandOf: () => undefined,
  settings: () => defaultMatchSettings,
};

/**
 * What GET requests see: everything that is durable, nothing that is not (design §5.1). All objects are immutable: the same
 * reference means the same content, so a rendering may be cached by reference.
 */
export interface ReadModel {
  /** Grows with every change that a reader could see. */
  readonly stateVersion: () => number;
  /** Current definitions, the target of running deployments included. */
  readonly apps: () => Iterable<AppDefinition>;
  readonly app: (id: string) => AppDefinition | undefined;
  /** True if some app lies below this path. */
  readonly isGroup: (path: string) => boolean;
  /** A group with all that is in it; undefined if there is no such group. The root is always there. */
  readonly group: (path: string) => GroupView | undefined;
  /** Versions of the root at which the group was there, newest first; undefined if it is not there now. */
  readonly groupVersions: (path: string) => readonly Timestamp[] | undefined;
  /** The group at a version of the root; undefined if that is not kept, or the group was not there. */
  readonly groupAt: (path: string, version: Timestamp) => GroupView | undefined;
  /** Stored versions, newest first; undefined for an unknown app. */
  readonly appVersions: (id: string) => readonly Timestamp[] | undefined;
  readonly appAt: (id: string, version: Timestamp) => AppDefinition | undefined;
  readonly instancesOf: (appId: string) => Iterable<Instance>;
  readonly instance: (id: string) => Instance | undefined;
  readonly instances: () => Iterable<Instance>;
  /** Its tasks, counted as changes come: cheap however many there are. */
  readonly countsOf: (appId: string) => TaskCounts;
  /** One entry for each of the app's checks, in their order; undefined where there is no result yet. */
  readonly healthOf: (id: InstanceId) => readonly (HealthStatus | undefined)[];
  /** The last answers of readiness checks, while a deployment waits for the app. */
  readonly readinessOf: (appId: string) => Iterable<ReadinessResult>;
  readonly lastTaskFailure: (appId: string) => TaskFailure | undefined;
  readonly deployments: () => Iterable<Deployment>;
  readonly deployment: (id: string) => Deployment | undefined;
  /** The apps that a running deployment waits for. */
  readonly pendingOf: (id: string) => ReadonlySet<AppId>;
  /** One that is over, as long as it is kept. */
  readonly finishedDeployment: (id: string) => FinishedDeployment | undefined;
  readonly deploymentsOf: (appId: string) => readonly DeploymentId[];
  readonly queue: () => readonly QueueEntry[];
  readonly placement: () => PlacementView;
  /** Subscribers of HTTP callbacks. */
  readonly callbackUrls: () => readonly string[];
  readonly cluster: () => ClusterView;
  /** Tells what to look at again, as it changes; must not throw and not wait. Returns how to end it. */
  readonly watch: (onChange: (change: StateChange) => void) => () => void;
}

/** Something in the read model is not what it was. */
export type StateChange =
  /** `before` is absent for a new app. */
  | { readonly type: 'app'; readonly id: string; readonly before: AppDefinition | undefined }
  /** `before` is what its record was, if the record has changed or gone. */
  | { readonly type: 'instance'; readonly id: string; readonly appId: string; readonly before?: Instance }
  /** Told before the change, so that one that ends can still be read. `isStep`: it went on, and works on the same apps as before. */
  | { readonly type: 'deployment'; readonly id: string; readonly apps: readonly string[]; readonly isStep?: true }
  /** The state was emptied, and is loaded anew. */
  | { readonly type: 'everything' };

/** Where this server stands. */
export interface ClusterView {
  /** This server leads, has loaded the state, and can prove that it leads: only then may it answer for the cluster. */
  readonly elected: boolean;
  /** `host:port` of the leader. */
  readonly leader: string | undefined;
  /** Where to forward requests to; undefined if this server leads, or nobody is known to. */
  readonly leaderUrl: string | undefined;
  /** One line for people: why this server neither answers nor forwards at the moment. */
  readonly notServing: string | undefined;
  readonly frameworkId: string | undefined;
  readonly mesosConnected: boolean;
  /** `host:port` of the Mesos master. */
  readonly mesosMaster: string | undefined;
}

/** Who asks, for `api_post_event`. */
export interface Origin {
  readonly clientIp: string;
  /** Path of the request, without query. */
  readonly uri: string;
}

export type Answer<T> = Promise<Result<T, Refusal>>;

export interface DeploymentResult {
  readonly version: Timestamp;
  readonly deploymentId: DeploymentId;
  /** The request was carried out before, under the same key; this is what came of it then. */
  readonly isRepeated?: true;
}

export interface AppsChanged extends DeploymentResult {
  /** The new definitions of the apps that the request named, in its order; deleted ones left out. */
  readonly apps: readonly AppDefinition[];
  /** Ids that did not exist before. */
  readonly created: readonly AppId[];
  /** Ids that exist no more. */
  readonly removed: readonly AppId[];
}

/** How a change is asked for. */
export interface ChangeOptions {
  /** Deployments that hold what is needed are cancelled. */
  readonly force: boolean;
  readonly origin?: Origin;
  /** New tasks even where only metadata change (design §8). */
  readonly restart?: boolean;
  /** When the deployment is given up, and what happens then. */
  readonly limits?: DeploymentLimits;
  /** With a key the same request is carried out once, whoever leads. */
  readonly requestKey?: RequestKey;
  /** The version that the caller has seen; refused with 412 if it is another by now. */
  readonly expected?: Expected;
  /** Refused with 422 if the request about a group would remove apps. */
  readonly keepsApps?: boolean;
}

/** A group as it is, the root included. */
export interface GroupView {
  readonly id: string;
  /** Stamp of the latest change of the group, or of anything in it. */
  readonly version: Timestamp;
  readonly dependencies: readonly string[];
  readonly enforceRole?: boolean;
  /** Right below the group, in no particular order. */
  readonly apps: readonly AppDefinition[];
  readonly groups: readonly GroupView[];
}

export interface KillRequest {
  readonly instances: readonly InstanceId[];
  /** Reduce the count of each app by the number of its instances here, in one deployment. */
  readonly scale: boolean;
  /** Forget the instances at once and give up their reservations. */
  readonly wipe: boolean;
  readonly force: boolean;
  /** For the deployment of a kill with scale. */
  readonly limits?: DeploymentLimits;
  readonly requestKey?: RequestKey;
}

/** A command that is only to be looked at. */
export type PreviewRequest =
  | { readonly apps: readonly AppChange[] }
  | { readonly group: GroupRequest }
  | { readonly kill: Omit<KillRequest, 'force' | 'limits' | 'requestKey'> }
  /** A deployment that is cancelled: rolled back, or with `force` stopped. */
  | { readonly cancel: string }
  /** A paused deployment that goes on. */
  | { readonly continue: string };

/** The event that tells of a subscription, or of its end. */
export type SubscriptionEvent = Extract<MarathonEvent, { eventType: 'subscribe_event' | 'unsubscribe_event' }>;

export interface SubscribeRequest {
  readonly url: string;
  /** Signs what is posted. */
  readonly secret: string | undefined;
  readonly clientIp: string;
}

/** Commands. Every answer comes after the change is durable, or says why there is none; time-outs answer 503. */
export interface Control {
  /** Posts all events to the URL from now on; the answer is the event that tells of it. Idempotent. */
  readonly subscribe: (request: SubscribeRequest) => Answer<SubscriptionEvent>;
  readonly unsubscribe: (request: { readonly url: string; readonly clientIp: string }) => Answer<SubscriptionEvent>;
  /** All changes or none, as one deployment. Publishes `api_post_event` for single changes that carry an origin. */
  readonly changeApps: (changes: readonly AppChange[], options: ChangeOptions) => Answer<AppsChanged>;
  /** What a request about a group makes of all that is in it, as one deployment. */
  readonly changeGroup: (request: GroupRequest, options: ChangeOptions) => Answer<AppsChanged>;
  /** What a command would do; nothing is changed. Refused where the command would be. */
  readonly preview: (wanted: PreviewRequest, options: ChangeOptions) => Answer<Preview>;
  /** Without `scale` the answer names the instances that were told to die. */
  readonly kill: (
    request: KillRequest,
  ) => Answer<
    | { readonly type: 'killed'; readonly instances: readonly Instance[] }
    | { readonly type: 'deployment'; readonly result: DeploymentResult }
  >;
  /** Rolls back by a new deployment, or with `force` just stops (then the value is undefined). */
  readonly cancelDeployment: (
    id: string,
    options: { readonly force: boolean; readonly limits?: DeploymentLimits },
  ) => Answer<DeploymentResult | undefined>;
  /** Lets a paused deployment go on, its deadline counting anew; 422 if it is not paused. */
  readonly continueDeployment: (
    id: string,
    limits: DeploymentLimits | undefined,
    requestKey?: RequestKey,
  ) => Answer<DeploymentResult>;
  /** Ends the back-off of an app; refused with 404 if nothing of it waits. */
  readonly resetDelay: (appId: AppId) => Answer<void>;
  /**
   * Gives up the lead once the answer had time to leave (rest-api §6A.2). With `backup` or `restore` (file URIs) the next leader writes or loads
   * the store before it serves; an unusable URI is refused.
   */
  readonly abdicate: (request: { readonly backup?: string; readonly restore?: string }) => Answer<void>;
}

/** Where the next durable event will stand. */
export interface LogPosition {
  readonly generation: string;
  readonly next: number;
}

/** A reader of the event stream. */
export interface EventReader {
  /** Gets the events of one turn, in order; it must not wait. */
  readonly deliver: (events: readonly LoggedEvent[]) => void;
  /**
   * The log's position when the reader joins, and again whenever a leadership begins. Events between the last one delivered and
   * `next` are stored, but nobody was told of them: `EventHub.read` has them.
   */
  readonly began?: (position: LogPosition) => void;
  /** A leadership is over here: others may add to the log before `began` says where it stands. */
  readonly ended?: () => void;
}

export interface EventHub {
  /** Delivers everything that is released from now on. Returns how to leave. */
  readonly attach: (reader: EventReader) => () => void;
  /** Publishes an event that is not durable (streams attached and detached). */
  readonly publish: (event: MarathonEvent) => void;
  /** Stored events of the present generation from number `from` on, at most `limit`; `first` is the oldest that is kept. */
  readonly read: (
    from: number,
    limit: number,
  ) => Promise<{ readonly first: number; readonly events: readonly EncodedEvent[] }>;
}
