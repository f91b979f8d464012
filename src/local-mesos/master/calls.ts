/** The calls of the scheduler API as they arrive, after their form has been checked (mesos-v1 §2.1). */
import type { FrameworkInfo, Labels, Resource, TaskInfo, Value } from '../../core/mesos/types.ts';
import type { ExecutorInfo } from '../executor/control.ts';

export interface Filters {
  readonly refuse_seconds?: number;
}

export interface OfferOperation {
  readonly type?: string;
  readonly id?: Value<string>;
  readonly launch?: { readonly task_infos?: readonly TaskInfo[] };
  readonly reserve?: { readonly resources?: readonly Resource[] };
  readonly unreserve?: { readonly resources?: readonly Resource[] };
  readonly create?: { readonly volumes?: readonly Resource[] };
  readonly destroy?: { readonly volumes?: readonly Resource[] };
  readonly launch_group?: {
    readonly executor: ExecutorInfo;
    readonly task_group: { readonly tasks?: readonly TaskInfo[] };
  };
}

export interface AcceptCall {
  readonly offer_ids?: readonly Value<string>[];
  readonly operations?: readonly OfferOperation[];
  readonly filters?: Filters;
}

/** What a framework wants at least, by role: one of the entries, with all of its quantities. */
export type OfferFilters = Readonly<
  Record<
    string,
    {
      readonly min_allocatable_resources?: {
        readonly quantities?: readonly {
          readonly quantities?: Readonly<Record<string, { readonly value: number }>>;
        }[];
      };
    }
  >
>;

export interface WireFrameworkInfo extends FrameworkInfo {
  readonly role?: string;
  readonly offer_filters?: OfferFilters;
  readonly labels?: Labels;
}

export interface AttributeConstraint {
  readonly selector: {
    readonly attribute_name?: string;
    readonly pseudoattribute_type?: 'HOSTNAME' | 'REGION' | 'ZONE';
  };
  readonly predicate: {
    readonly exists?: object;
    readonly not_exists?: object;
    readonly text_equals?: Value<string>;
    readonly text_not_equals?: Value<string>;
    readonly text_matches?: { readonly regex: string };
    readonly text_not_matches?: { readonly regex: string };
  };
}

/** A group is an AND of its constraints, groups are ORed. */
export interface OfferConstraints {
  readonly role_constraints?: Readonly<
    Record<string, { readonly groups?: readonly { readonly attribute_constraints?: readonly AttributeConstraint[] }[] }>
  >;
}

export interface SubscribeCall {
  readonly framework_info: WireFrameworkInfo;
  readonly suppressed_roles?: readonly string[];
  readonly offer_constraints?: OfferConstraints;
}

export const callTypes = [
  'SUBSCRIBE',
  'TEARDOWN',
  'ACCEPT',
  'DECLINE',
  'ACCEPT_INVERSE_OFFERS',
  'DECLINE_INVERSE_OFFERS',
  'REVIVE',
  'SUPPRESS',
  'KILL',
  'SHUTDOWN',
  'ACKNOWLEDGE',
  'ACKNOWLEDGE_OPERATION_STATUS',
  'RECONCILE',
  'RECONCILE_OPERATIONS',
  'MESSAGE',
  'REQUEST',
  'UPDATE_FRAMEWORK',
] as const;

export type CallType = (typeof callTypes)[number];

export interface InverseAnswer {
  readonly inverse_offer_ids?: readonly Value<string>[];
  readonly filters?: Filters;
}

export interface Call {
  readonly type?: CallType;
  readonly framework_id?: Value<string>;
  readonly subscribe?: SubscribeCall;
  readonly update_framework?: SubscribeCall;
  readonly accept?: AcceptCall;
  readonly decline?: { readonly offer_ids?: readonly Value<string>[]; readonly filters?: Filters };
  readonly accept_inverse_offers?: InverseAnswer;
  readonly decline_inverse_offers?: InverseAnswer;
  readonly revive?: { readonly roles?: readonly string[] };
  readonly suppress?: { readonly roles?: readonly string[] };
  readonly kill?: {
    readonly task_id: Value<string>;
    readonly agent_id?: Value<string>;
    readonly kill_policy?: { readonly grace_period?: { readonly nanoseconds: number } };
  };
  readonly message?: {
    readonly agent_id: Value<string>;
    readonly executor_id: Value<string>;
    readonly data: string;
  };
  readonly shutdown?: { readonly agent_id: Value<string>; readonly executor_id: Value<string> };
  readonly acknowledge?: {
    readonly agent_id: Value<string>;
    readonly task_id: Value<string>;
    readonly uuid: string;
  };
  readonly reconcile?: {
    readonly tasks?: readonly { readonly task_id: Value<string>; readonly agent_id?: Value<string> }[];
  };
  readonly acknowledge_operation_status?: { readonly uuid: string; readonly operation_id: Value<string> };
  readonly reconcile_operations?: {
    readonly operations?: readonly { readonly operation_id: Value<string>; readonly agent_id?: Value<string> }[];
  };
}
