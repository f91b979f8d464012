/** What the master knows: agents, frameworks, their offers and tasks. Plain records, changed only by the master's parts. */
import type {
  Attribute,
  DomainInfo,
  FrameworkInfo,
  Labels,
  MesosTaskState,
  Resource,
  TaskInfo,
  TaskStatus,
  Unavailability,
} from '../../core/mesos/types.ts';
import type { ExecutorControl, ExecutorInfo } from '../executor/control.ts';
import type { Bag } from '../resources/bag.ts';
import type { ResourceForm } from '../resources/wire.ts';
import type { TaskReport, TaskRunner } from '../task-runner.ts';
import type { AgentLink } from './agent-link.ts';
import type { OfferConstraints, WireFrameworkInfo } from './calls.ts';
import type { EventStream } from './event-stream.ts';
import type { Keeper } from './keeper.ts';
import type { Watchers } from './watchers.ts';

/** Where a program writes what an operator should know. */
export interface Log {
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
}

export interface MasterSettings {
  readonly heartbeatMs: number;
  /** The tick after which ended filters and returned remainders are offered again. */
  readonly allocationMs: number;
  /** First repetition of an unacknowledged update; doubles each time up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Offers nobody answers are rescinded after this; undefined: never. */
  readonly offerTimeoutMs: number | undefined;
  /** Whether what a task has left is offered in the same turn; Mesos waits for the tick (mesos-v1 §4.3). */
  readonly offersFreedAtOnce: boolean;
  /** False: the tick comes only when `Master.tick` is called, for tests that must not depend on its phase. */
  readonly ticksByItself: boolean;
  /** An agent that has not been heard of for so long is unreachable. */
  readonly agentTimeoutMs: number;
  /** From the moment a frozen agent runs again to its registration, if it had been given up. */
  readonly reregisterDelayMs: number;
  /** An executor that a framework brings along must subscribe so soon after its start (mesos-v1 §4.1). */
  readonly executorRegistrationMs: number;
  /** KILL's own kill_policy counts, as with Mesos' `--http_command_executor` (recording 02c). */
  readonly httpCommandExecutor: boolean;
}

export interface MasterIdentity {
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  /** Seconds since the epoch. */
  readonly startTime: number;
  readonly domain?: DomainInfo | undefined;
}

/** Whether this master leads, and if not, who does. */
export type Leadership =
  | { readonly kind: 'leading'; readonly recovered: boolean }
  | { readonly kind: 'following'; readonly leader: { readonly hostname: string; readonly port: number } }
  | { readonly kind: 'none' };

export interface Agent {
  readonly id: string;
  /** From 1. */
  readonly number: number;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly attributes: readonly Attribute[];
  readonly resources: readonly Resource[];
  readonly total: Bag;
  /** Neither used nor offered. */
  readonly free: Bag;
  /** Runs this agent's tasks; several agents may share one. */
  readonly runner: TaskRunner;
  readonly gpus: boolean;
  readonly domain: DomainInfo | undefined;
  readonly link: AgentLink;
  /** Reports of tasks that come while the agent is not there to pass them on. */
  readonly heldReports: { readonly framework: Framework; readonly report: TaskReport }[];
  /** Kills that wait for the agent's return. */
  readonly pendingKills: { readonly taskId: string; readonly run: () => void }[];
  /** Ends of executors that it will tell of when it is back. */
  readonly heldExits: (() => void)[];
  readonly tasks: Set<Task>;
  /** Those of task groups; a command task's own executor is not counted. */
  readonly executors: Set<Executor>;
  readonly offers: Set<OfferRecord>;
  /** Its own figures. */
  readonly counters: Counters;
  /** Pieces of JSON that never change, encoded once. */
  readonly offerHead: string;
  readonly offerTail: string;
  readonly idJson: string;
  readonly networkInfos: NonNullable<TaskStatus['container_status']>['network_infos'];
  readonly registeredTime: number;
  reregisteredTime: number | undefined;
  /** Nothing of it is offered, by order of the operator. */
  deactivated: boolean;
  drain: Drain | undefined;
  unavailability: Unavailability | undefined;
  /** Nanoseconds since the epoch while the agent is unreachable. */
  unreachableNs: number | undefined;
}

export interface Drain {
  /** Kill policies of tasks may not be longer. */
  readonly maxGraceMs: number | undefined;
  readonly markGone: boolean;
  /** Seconds since the epoch. */
  readonly startedAt: number;
}

export interface OfferRecord {
  readonly id: string;
  readonly agent: Agent;
  readonly framework: Framework;
  readonly role: string;
  readonly bag: Bag;
  readonly createdMs: number;
}

export interface Filter {
  readonly refused: Bag;
  readonly untilMs: number;
}

/** Thousandths of cpus, mem and disk that a framework holds in one role, offers included. */
export interface Holding {
  cpus: number;
  mem: number;
  disk: number;
  /** How many offers it has had so far: of equals, whoever has had fewer comes first. */
  offers: number;
}

export interface Capabilities {
  readonly partitionAware: boolean;
  readonly taskKilling: boolean;
  readonly multiRole: boolean;
  readonly gpus: boolean;
  readonly regionAware: boolean;
  readonly form: ResourceForm;
}

export interface Framework {
  readonly id: string;
  info: WireFrameworkInfo;
  roles: readonly string[];
  capabilities: Capabilities;
  readonly suppressed: Set<string>;
  constraints: OfferConstraints | undefined;
  stream: EventStream | undefined;
  /** Known to the agents only: the master has failed over and the framework has not subscribed since. */
  recovered: boolean;
  readonly tasks: Map<string, Task>;
  /** Tasks of agents that are away. */
  readonly unreachable: Map<string, Task>;
  /** Tasks with an update that waits for its acknowledgement. */
  readonly unacknowledged: Set<Task>;
  readonly completed: CompletedTask[];
  readonly executors: Set<Executor>;
  readonly offers: Set<OfferRecord>;
  /** By role, then by agent. */
  readonly filters: Map<string, Map<Agent, Filter[]>>;
  readonly holdings: Map<string, Holding>;
  readonly report: (update: TaskReport) => void;
  registeredTime: number;
  reregisteredTime: number | undefined;
  unregisteredTime: number;
  failoverTimer: NodeJS.Timeout | undefined;
}

/** What a status of the past says in the read endpoints. */
export interface StatusRecord {
  readonly state: MesosTaskState;
  readonly timestamp: number;
  readonly healthy: boolean | undefined;
  readonly checkStatus: unknown;
  readonly containerStatus: TaskStatus['container_status'];
  readonly source: string;
  readonly message?: string | undefined;
  readonly reason?: string | undefined;
  readonly uuid?: string | undefined;
  readonly labels?: Labels | undefined;
  readonly withExecutor: boolean;
}

export interface PendingUpdate {
  readonly uuid: string;
  readonly frame: string;
  readonly record: StatusRecord;
}

/** An executor that runs tasks of a framework on an agent until it ends. */
export interface Executor {
  readonly id: string;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  /** What it holds beside its tasks. */
  readonly bag: Bag;
  readonly info: ExecutorInfo;
  readonly containerId: string;
  /** Those whose last update has not been acknowledged. */
  readonly tasks: Set<Task>;
  readonly control: ExecutorControl;
}

export interface Task {
  readonly id: string;
  readonly name: string;
  readonly framework: Framework;
  readonly agent: Agent;
  /** Undefined: a command task, whose executor is named like it. */
  readonly executor: Executor | undefined;
  readonly role: string;
  readonly bag: Bag;
  readonly details: Pick<TaskInfo, 'labels' | 'discovery' | 'container' | 'health_check' | 'limits' | 'kill_policy'>;
  /** What the agent knows; the scheduler may be behind. */
  state: MesosTaskState;
  /** Updates that were forwarded; the last one is what reconciliation answers. */
  readonly statuses: StatusRecord[];
  /** The first one is on its way, the others wait for its acknowledgement. */
  readonly pending: PendingUpdate[];
  /** Its resources are no longer counted as used. */
  freed: boolean;
  /** The agent ended before it had read the launch. */
  launchLost: boolean;
  readonly user: string | undefined;
  /** The beginning of its command, as the names of executors show it. */
  readonly commandText: string;
  /** From its kill policy. */
  readonly graceMs: number | undefined;
}

export interface CompletedTask {
  readonly id: string;
  readonly name: string;
  readonly agentId: string;
  /** Undefined for command tasks. */
  readonly executorId: string | undefined;
  readonly role: string;
  readonly state: MesosTaskState;
  readonly bag: Bag;
  readonly statuses: readonly StatusRecord[];
  readonly user: string | undefined;
  readonly commandText: string;
  readonly details: Task['details'];
}

/** A framework that is gone: refused if it comes again, and listed by the read endpoints. */
export interface RemovedFramework {
  readonly id: string;
  /** Undefined for one that an earlier run of the program removed. */
  readonly record: Framework | undefined;
}

/** How many completed frameworks and tasks the master remembers (mesos-v1 §4.1). */
export const maxCompletedFrameworks = 50;
export const maxCompletedTasksPerFramework = 1000;

/** Faults on command; a cluster of real processes never has any. */
export interface Faults {
  /** Asked once for each update before it goes out: after which times (ms) it arrives. Empty: it is lost, and will be repeated. */
  readonly updateArrivalsMs: () => readonly number[];
}

export interface MasterState {
  /** Another after a failover. */
  identity: MasterIdentity;
  leadership: Leadership;
  /** After a failover, until the agents are back: nothing is offered and no reconciliation is answered. */
  recovering: boolean;
  readonly settings: MasterSettings;
  readonly log: Log;
  readonly faults: Faults | undefined;
  readonly agents: Map<string, Agent>;
  readonly frameworks: Map<string, Framework>;
  readonly removed: Map<string, RemovedFramework>;
  /** Ids of agents that were marked gone, the last ones. */
  readonly gone: Set<string>;
  /** In the order in which they were made. */
  readonly offers: Map<string, OfferRecord>;
  readonly counters: Counters;
  readonly watchers: Watchers;
  /** Nothing outlives a master without one. */
  keeper?: Keeper;
}

export class Counters {
  readonly byName = new Map<string, number>();

  /** Adds to one of the figures that `/metrics/snapshot` shows. */
  add(name: string, by = 1): void {
    this.byName.set(name, (this.byName.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.byName.get(name) ?? 0;
  }
}

const terminalStates: ReadonlySet<MesosTaskState> = new Set<MesosTaskState>([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
]);

/** Whether a task in this state will never run again (mesos-v1 §3.8). */
export const isTerminal = (state: MesosTaskState): boolean => terminalStates.has(state);

/** What a framework's capabilities mean for the master (mesos-v1 §3.1). Unknown ones are ignored. */
export function capabilitiesOf(info: FrameworkInfo): Capabilities {
  const types = new Set((info.capabilities ?? []).map(({ type }) => type));
  return {
    partitionAware: types.has('PARTITION_AWARE'),
    taskKilling: types.has('TASK_KILLING_STATE'),
    multiRole: types.has('MULTI_ROLE'),
    gpus: types.has('GPU_RESOURCES'),
    regionAware: types.has('REGION_AWARE'),
    form: { withAllocation: types.has('MULTI_ROLE'), withReservations: types.has('RESERVATION_REFINEMENT') },
  };
}

/** Whether the agent is known to be there and passes on what it is told. */
export const isRegistered = (agent: Agent): boolean => agent.unreachableNs === undefined && agent.link.state === 'up';

/** The executor that runs a task; that of a command task is named like the task. */
export const executorIdOf = ({ id, executor }: Task): string => executor?.id ?? id;

/** Seconds since the epoch, with fractions, as Mesos writes times. */
export const nowSeconds = (): number => Date.now() / 1000;
