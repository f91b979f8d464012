/** Every published event, with Marathon's names and members (behaviour §10.9, rest-api §10.3). */
import type { AppDefinition, HealthCheck } from './app/definition.ts';
import type { Condition } from './instance/instance.ts';
import type { Timestamp } from './time.ts';

/** `{action, app}` as deployment events and `/v2/deployments` show it. */
export interface PlanActionView {
  readonly action: 'StartApplication' | 'StopApplication' | 'ScaleApplication' | 'RestartApplication';
  readonly app: string;
}

export interface PlanStepView {
  readonly actions: readonly PlanActionView[];
}

/** The light form of a plan, the only one that 1.8 and later publish. */
export interface PlanView {
  readonly id: string;
  readonly version: Timestamp;
  readonly steps: readonly PlanStepView[];
}

interface Common<Type extends string> {
  readonly eventType: Type;
  readonly timestamp: Timestamp;
}

export type MarathonEvent =
  | (Common<'api_post_event'> & {
      readonly clientIp: string;
      readonly uri: string;
      readonly appDefinition: AppDefinition | Readonly<Record<string, unknown>>;
    })
  /** Pods are not there yet: nobody publishes these. */
  | (Common<'pod_created_event' | 'pod_updated_event' | 'pod_deleted_event'> & {
      readonly clientIp: string;
      readonly uri: string;
    })
  | (Common<'status_update_event'> & {
      readonly slaveId: string;
      readonly taskId: string;
      readonly taskStatus: string;
      readonly message: string;
      readonly appId: string;
      readonly host: string;
      readonly ipAddresses: readonly { readonly ipAddress: string; readonly protocol: string }[];
      readonly ports: readonly number[];
      readonly version: Timestamp;
    })
  | (Common<'instance_changed_event'> & {
      readonly instanceId: string;
      readonly condition: Condition;
      readonly runSpecId: string;
      readonly agentId: string | null;
      readonly host: string | null;
      readonly runSpecVersion: Timestamp;
    })
  | (Common<'unknown_instance_terminated_event'> & {
      readonly instanceId: string;
      readonly runSpecId: string;
      readonly condition: Condition;
    })
  | (Common<'instance_health_changed_event'> & {
      readonly instanceId: string;
      readonly runSpecId: string;
      readonly healthy: boolean | null;
      readonly runSpecVersion: Timestamp;
    })
  | (Common<'health_status_changed_event'> & {
      readonly appId: string;
      readonly instanceId: string;
      readonly version: Timestamp;
      readonly alive: boolean;
    })
  | (Common<'failed_health_check_event'> & {
      readonly appId: string;
      /** Carries the instance id, as Marathon 1.5 and later do. */
      readonly taskId: string;
      readonly healthCheck: HealthCheck;
    })
  | (Common<'add_health_check_event'> & {
      readonly appId: string;
      readonly version: Timestamp;
      readonly healthCheck: HealthCheck;
    })
  | (Common<'remove_health_check_event'> & { readonly appId: string })
  | (Common<'unhealthy_instance_kill_event'> & {
      readonly appId: string;
      readonly taskId: string;
      readonly instanceId: string;
      readonly version: Timestamp;
      readonly reason: string;
      readonly host: string;
      readonly slaveId?: string;
    })
  /** Something that a person should look at. Marathon has no such event: see `isMarathonType`. */
  | (Common<'alarm_event'> & {
      readonly alarm: string;
      readonly state: 'raised' | 'cleared';
      readonly reason: string | null;
      readonly details: Readonly<Record<string, number | string>>;
    })
  | (Common<'app_terminated_event'> & { readonly appId: string })
  | (Common<'group_change_success'> & { readonly groupId: string; readonly version: Timestamp })
  | (Common<'group_change_failed'> & {
      readonly groupId: string;
      readonly version: Timestamp;
      readonly reason: string;
    })
  | (Common<'deployment_info' | 'deployment_step_success' | 'deployment_step_failure'> & {
      readonly plan: PlanView;
      readonly currentStep: PlanStepView;
    })
  | (Common<'deployment_success'> & { readonly id: string; readonly plan: PlanView })
  | (Common<'deployment_failed'> & { readonly id: string; readonly plan: PlanView; readonly reason?: string })
  | (Common<'framework_message_event'> & {
      readonly executorId: string;
      readonly slaveId: string;
      /** Each byte as a number from -128 to 127, as 1.11 writes it, though its manual shows a text. */
      readonly message: readonly number[];
    })
  | (Common<'scheduler_registered_event'> & { readonly frameworkId: string; readonly master: string })
  | (Common<'scheduler_reregistered_event'> & { readonly master: string })
  | Common<'scheduler_disconnected_event'>
  | (Common<'event_stream_attached' | 'event_stream_detached'> & { readonly remoteAddress: string })
  | (Common<'subscribe_event' | 'unsubscribe_event'> & { readonly clientIp: string; readonly callbackUrl: string });

/**
 * What Marathon lacks: a reader that asked for ids is told which events it cannot get any more. Made for one reader, never stored;
 * readers that did not ask for it never see it (design §7).
 */
export type GapEvent = Common<'event_stream_gap'> & {
  /** Ids of the first and the last event that are missing. They may be of two generations. */
  readonly from: string;
  readonly to: string;
  /** `expired`: the log no longer reaches back so far. `replaced`: the state was restored or wiped since. */
  readonly reason: 'expired' | 'replaced';
  /** What to read now to know the state again. */
  readonly resync: string;
};

export type EventType = MarathonEvent['eventType'] | GapEvent['eventType'];

/**
 * Every type there is. `durable`: part of the batch that caused it, with an id, stored and replayed. `transient`: without an id, for
 * those who are there (design §5.9). `ours`: Marathon lacks it.
 */
const kinds: Readonly<Record<EventType, 'durable' | 'transient' | 'ours'>> = {
  api_post_event: 'durable',
  pod_created_event: 'durable',
  pod_updated_event: 'durable',
  pod_deleted_event: 'durable',
  status_update_event: 'durable',
  instance_changed_event: 'durable',
  instance_health_changed_event: 'durable',
  unknown_instance_terminated_event: 'durable',
  framework_message_event: 'transient',
  add_health_check_event: 'durable',
  remove_health_check_event: 'durable',
  failed_health_check_event: 'transient',
  health_status_changed_event: 'durable',
  unhealthy_instance_kill_event: 'durable',
  group_change_success: 'durable',
  group_change_failed: 'durable',
  deployment_info: 'durable',
  deployment_step_success: 'durable',
  deployment_step_failure: 'durable',
  deployment_success: 'durable',
  deployment_failed: 'durable',
  app_terminated_event: 'durable',
  scheduler_registered_event: 'durable',
  scheduler_reregistered_event: 'durable',
  scheduler_disconnected_event: 'durable',
  event_stream_attached: 'transient',
  event_stream_detached: 'transient',
  subscribe_event: 'durable',
  unsubscribe_event: 'durable',
  event_stream_gap: 'ours',
  alarm_event: 'ours',
};

/** True for the name of a type that some event has. */
export const isEventType = (name: string): name is EventType => Object.hasOwn(kinds, name);

/** False for types that strict clients of Marathon would not know. */
export const isMarathonType = (type: EventType): boolean => kinds[type] !== 'ours';

/** True if the event belongs to the batch that caused it and gets an id. */
export const isDurable = (type: EventType): boolean => kinds[type] === 'durable';

/** An event as the log and the streams carry it: its place and its JSON, built once. */
export interface LoggedEvent {
  /** `<generation>.<n>`; absent for transient types. */
  readonly id?: string;
  readonly type: EventType;
  readonly json: string;
}
