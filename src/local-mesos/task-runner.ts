/** What an agent of the local cluster needs from whoever runs its tasks: real processes, or a simulation of them. */
import type { MesosTaskState, TaskInfo, TaskStatus } from '../core/mesos/types.ts';

export interface LaunchOrder {
  readonly task: TaskInfo;
  readonly frameworkId: string;
  readonly agentId: string;
  /** Host name of the agent, as offers name it. */
  readonly hostname: string;
  /** The framework's default user for tasks that name none. */
  readonly user: string;
}

/** A change that the master turns into a TaskStatus with uuid, timestamp and ids. */
export interface TaskReport {
  readonly taskId: string;
  readonly state: MesosTaskState;
  readonly message?: string;
  readonly reason?: string;
  readonly source: 'SOURCE_EXECUTOR' | 'SOURCE_AGENT';
  readonly healthy?: boolean;
  readonly checkStatus?: unknown;
  readonly containerStatus?: TaskStatus['container_status'];
  /** The resources that a task ran out of (mesos-v1 §3.8). */
  readonly limitation?: unknown;
  /** There never was an executor for the task. */
  readonly withoutExecutor?: boolean;
}

/** What an operator may want to know of an agent; shown in its state. */
export interface AgentFacts {
  /** By the names of Mesos' own flags. */
  readonly flags: Readonly<Record<string, string>>;
  /** One sentence on CPU and memory limits. */
  readonly isolation: string;
  /** Its client and version, or `none` and why. */
  readonly containerEngine: string;
}

export interface TaskRunner {
  readonly facts?: () => AgentFacts;
  /** Starts a task. Everything that becomes of it, failures included, is reported; nothing throws. */
  readonly launch: (order: LaunchOrder, report: (update: TaskReport) => void) => void;
  /**
   * Asks a task to end: TASK_KILLING where the framework wants it, SIGTERM, then SIGKILL after `graceMs`, or the task's own grace
   * period.
   */
  readonly kill: (taskId: string, wantsKillingState: boolean, graceMs?: number) => void;
  /** Directory of a task's sandbox, if it has one. */
  readonly sandbox: (taskId: string) => string | undefined;
  /** The data of a persistent volume is of no use any more. */
  readonly destroyVolume: (role: string, id: string) => void;
  /** Ends all tasks at once and resolves when none of their processes lives. */
  readonly shutdown: () => Promise<void>;
}
