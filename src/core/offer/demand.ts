/** The question that offer matching answers: who waits for what, and what is placed where. */
import type { AppDefinition } from '../app/definition.ts';
import type { InstanceId, TaskId } from '../ids.ts';
import type { AgentInfo } from '../instance/instance.ts';
import type { Offer, TaskInfo } from '../mesos/types.ts';
import type { Supply } from './resources.ts';

export interface WaitingInstance {
  readonly instanceId: InstanceId;
  /** Number of the launch to come. */
  readonly incarnation: number;
  readonly role: string;
}

/** One app that wants to launch now: back-off is over, the definition is the one to launch. */
export interface AppDemand {
  readonly app: AppDefinition;
  readonly waiting: readonly WaitingInstance[];
  /** Where the instances that count for constraints are (behaviour §2.3, 3). */
  readonly placements: readonly AgentInfo[];
}

/** Flags that offer matching depends on. */
export interface MatchSettings {
  /** `--accepted_resource_roles_default_behavior`. */
  readonly acceptedResourceRolesDefault: 'any' | 'unreserved' | 'reserved';
  /** `--env_vars_prefix`. */
  readonly envVarsPrefix: string | undefined;
  /** `--maintenance_mode`. */
  readonly maintenanceMode: boolean;
  readonly drainingSeconds: number;
  readonly gpuScheduling: 'restricted' | 'unrestricted';
  /** Most launches from one offer; Infinity unless the flag says otherwise (design §8). */
  readonly maxInstancesPerOffer: number;
  readonly mesosBridgeName: string;
  /** Region of the master, if it has one: apps stay in it unless they ask for another. */
  readonly masterRegion: string | undefined;
}

export const defaultMatchSettings: MatchSettings = {
  acceptedResourceRolesDefault: 'any',
  envVarsPrefix: undefined,
  maintenanceMode: true,
  drainingSeconds: 0,
  gpuScheduling: 'restricted',
  maxInstancesPerOffer: Number.POSITIVE_INFINITY,
  mesosBridgeName: 'mesos-bridge',
  masterRegion: undefined,
};

/** Why an offer was refused, in the order of the funnel (behaviour §2.10). */
export const refusalReasons = [
  'UnfulfilledRole',
  'UnfulfilledConstraint',
  'NoCorrespondingReservationFound',
  'AgentMaintenance',
  'InsufficientCpus',
  'InsufficientMemory',
  'InsufficientDisk',
  'InsufficientGpus',
  'InsufficientPorts',
  'DeclinedScarceResources',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

export interface PlannedLaunch {
  readonly app: AppDefinition;
  readonly instanceId: InstanceId;
  readonly taskId: TaskId;
  readonly incarnation: number;
  readonly agent: AgentInfo;
  /** Ports on the agent, in the order of the app's entries that have one. */
  readonly hostPorts: readonly number[];
  readonly task: TaskInfo;
}

/** One offer that an app looked at and did not (or no longer) take. Reasons in funnel order, at least one. */
export interface OfferRefusal {
  readonly app: AppDefinition;
  readonly offer: Offer;
  readonly reasons: readonly RefusalReason[];
}

export interface UsedOffer {
  readonly offer: Offer;
  readonly launches: readonly PlannedLaunch[];
  /** What the launches leave of it. */
  readonly left: Supply;
}

export interface MatchResult {
  /** Offers that are used, each once, with what is launched from it. */
  readonly used: readonly UsedOffer[];
  readonly unused: readonly Offer[];
  readonly refusals: readonly OfferRefusal[];
}
