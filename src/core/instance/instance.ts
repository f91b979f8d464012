/** One copy of an app and its Mesos tasks (behaviour §1). An app instance owns exactly one task; pods will own several. */
import type { AppId, InstanceId, TaskId } from '../ids.ts';
import type { Attribute, MesosTaskState } from '../mesos/types.ts';
import type { Timestamp } from '../time.ts';

export const conditions = [
  'Scheduled',
  'Provisioned',
  'Staging',
  'Starting',
  'Running',
  'Killing',
  'Unreachable',
  'UnreachableInactive',
  'Error',
  'Failed',
  'Finished',
  'Killed',
  'Gone',
  'Dropped',
  'Unknown',
] as const;

export type Condition = (typeof conditions)[number];

/** What an instance should come to (behaviour §1.3). Nothing leaves `Decommissioned`. */
export type Goal = 'Running' | 'Stopped' | 'Decommissioned';

/** The agent that an instance was launched on, kept for constraints after the offer is gone. */
export interface AgentInfo {
  readonly host: string;
  readonly agentId: string;
  readonly region?: string;
  readonly zone?: string;
  readonly attributes: readonly Attribute[];
}

export interface Task {
  readonly id: TaskId;
  readonly condition: Condition;
  /** The last state that Mesos named; absent while only provisioned. */
  readonly mesosState?: MesosTaskState;
  readonly stagedAtMs: number;
  /** Set by the first TASK_RUNNING. */
  readonly startedAtMs?: number;
  /** When Mesos lost sight of it. */
  readonly unreachableAtMs?: number;
  readonly hostPorts: readonly number[];
  readonly ipAddresses: readonly { readonly ipAddress: string; readonly protocol: 'IPv4' | 'IPv6' }[];
  /** Verdict of a check that the agent runs. */
  readonly healthy?: boolean;
  readonly checkStatus?: unknown;
}

export interface Instance {
  readonly id: InstanceId;
  readonly appId: AppId;
  /** Version of the app that it runs, or will run. */
  readonly version: Timestamp;
  readonly role: string;
  readonly goal: Goal;
  readonly condition: Condition;
  /** When condition or health last changed. */
  readonly sinceMs: number;
  /** When its task first ran. */
  readonly activeSinceMs?: number;
  readonly agent?: AgentInfo;
  readonly tasks: readonly Task[];
  /** Launches so far; the next one is this plus one. */
  readonly incarnation: number;
  /** All checks together: absent = unknown. */
  readonly healthy?: boolean;
  /** It failed one health check too many, with this cause, and goes when another one has taken its place (`replaceBeforeKill`). */
  readonly condemned?: string;
}

const active: ReadonlySet<Condition> = new Set([
  'Provisioned',
  'Staging',
  'Starting',
  'Running',
  'Killing',
  'Unreachable',
]);
const terminal: ReadonlySet<Condition> = new Set([
  'Error',
  'Failed',
  'Finished',
  'Killed',
  'Gone',
  'Dropped',
  'Unknown',
]);
const lost: ReadonlySet<Condition> = new Set(['Unreachable', 'Gone', 'Dropped', 'Unknown']);

/** A task exists, or may exist. Neither Scheduled nor UnreachableInactive is active. */
export const isActive = (condition: Condition): boolean => active.has(condition);

/** The task is over for good. */
export const isTerminal = (condition: Condition): boolean => terminal.has(condition);

/** "Lost" in the sense of constraint evaluation (behaviour §2.3). */
export const isLost = (condition: Condition): boolean => lost.has(condition);

/** The wider set that deployments wait for: an unreachable old instance is not waited for (behaviour §1.1). */
export const isConsideredTerminal = (condition: Condition): boolean =>
  terminal.has(condition) || condition === 'Unreachable' || condition === 'UnreachableInactive';

/** Wants an offer: goal Running and not started yet, or ended (behaviour §1.3). */
export const isScheduled = (instance: Pick<Instance, 'goal' | 'condition'>): boolean =>
  instance.goal === 'Running' && (instance.condition === 'Scheduled' || terminal.has(instance.condition));
