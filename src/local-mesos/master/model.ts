/** What the master knows: agents, frameworks, their offers and tasks. Plain records, changed only by the master's parts. */
import type {
  Attribute,
  FrameworkInfo,
  MesosTaskState,
  Resource,
  TaskInfo,
  TaskStatus,
} from '../../core/mesos/types.ts';
import type { Bag } from '../resources/bag.ts';
import type { ResourceForm } from '../resources/wire.ts';
import type { TaskReport, TaskRunner } from '../task-runner.ts';
import type { EventStream } from './event-stream.ts';

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
}

export interface MasterIdentity {
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  /** Seconds since the epoch. */
  readonly startTime: number;
}

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
  readonly tasks: Set<Task>;
  readonly offers: Set<OfferRecord>;
  /** Pieces of JSON that never change, encoded once. */
  readonly offerHead: string;
  readonly offerTail: string;
  readonly idJson: string;
  readonly networkInfos: NonNullable<TaskStatus['container_status']>['network_infos'];
  readonly registeredTime: number;
  reregisteredTime: number | undefined;
  /** Nanoseconds since the epoch while the agent is unreachable. */
  unreachableNs: number | undefined;
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
}

export interface Capabilities {
  readonly partitionAware: boolean;
  readonly taskKilling: boolean;
  readonly multiRole: boolean;
  readonly gpus: boolean;
  readonly form: ResourceForm;
}

export interface Framework {
  readonly id: string;
  info: FrameworkInfo;
  roles: readonly string[];
  capabilities: Capabilities;
  readonly suppressed: Set<string>;
  stream: EventStream | undefined;
  /** Known to the agents only: the master has failed over and the framework has not subscribed since. */
  recovered: boolean;
  readonly tasks: Map<string, Task>;
  /** Tasks of agents that are away. */
  readonly unreachable: Map<string, Task>;
  /** Tasks with an update that waits for its acknowledgement. */
  readonly unacknowledged: Set<Task>;
  readonly completed: CompletedTask[];
  readonly offers: Set<OfferRecord>;
  /** By role, then by agent. */
  readonly filters: Map<string, Map<Agent, Filter[]>>;
  readonly holdings: Map<string, Holding>;
  readonly report: (update: TaskReport) => void;
  readonly registeredTime: number;
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
}

export interface PendingUpdate {
  readonly uuid: string;
  readonly frame: string;
  readonly record: StatusRecord;
}

export interface Task {
  readonly id: string;
  readonly name: string;
  readonly framework: Framework;
  readonly agent: Agent;
  readonly role: string;
  readonly bag: Bag;
  readonly details: Pick<TaskInfo, 'labels' | 'discovery' | 'container' | 'health_check' | 'limits'>;
  /** What the agent knows; the scheduler may be behind. */
  state: MesosTaskState;
  /** Updates that were forwarded; the last one is what reconciliation answers. */
  readonly statuses: StatusRecord[];
  /** The first one is on its way, the others wait for its acknowledgement. */
  readonly pending: PendingUpdate[];
}

export interface CompletedTask {
  readonly id: string;
  readonly name: string;
  readonly agentId: string;
  readonly role: string;
  readonly state: MesosTaskState;
  readonly bag: Bag;
  readonly statuses: readonly StatusRecord[];
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
  /** Asked once for each update before it goes out; true: it is lost on the way and will be repeated. */
  readonly losesUpdate: () => boolean;
}

export interface MasterState {
  /** Another after a failover. */
  identity: MasterIdentity;
  /** After a failover, until the agents are back: nothing is offered and no reconciliation is answered. */
  recovering: boolean;
  readonly settings: MasterSettings;
  readonly log: Log;
  readonly faults: Faults | undefined;
  readonly agents: Map<string, Agent>;
  readonly frameworks: Map<string, Framework>;
  readonly removed: Map<string, RemovedFramework>;
  /** In the order in which they were made. */
  readonly offers: Map<string, OfferRecord>;
  readonly counters: Counters;
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
    form: { withAllocation: types.has('MULTI_ROLE'), withReservations: types.has('RESERVATION_REFINEMENT') },
  };
}

/** Seconds since the epoch, with fractions, as Mesos writes times. */
export const nowSeconds = (): number => Date.now() / 1000;
