/** What an agent of the local cluster needs from whoever runs its tasks: real processes, or a simulation of them. */
import type { Labels, MesosTaskState, TaskInfo, TaskStatus } from '../core/mesos/types.ts';
import type { Survivor } from './recovery/survivor.ts';

export interface LaunchOrder {
  readonly task: TaskInfo;
  readonly frameworkId: string;
  readonly agentId: string;
  /** Host name of the agent, as offers name it. */
  readonly hostname: string;
  /** The framework's default user for tasks that name none. */
  readonly user: string;
  /** Set for a task of a group: its container lies in that of its executor. */
  readonly executor?: { readonly id: string; readonly containerId: string };
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
  /** What an executor of a framework adds for its scheduler, in base64. */
  readonly data?: string;
  readonly labels?: Labels;
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
   * period. Several frameworks may have a task of the same id; without `frameworkId` any of them is meant.
   */
  readonly kill: (taskId: string, wantsKillingState: boolean, graceMs?: number, frameworkId?: string) => void;
  /** Directory of a task's sandbox, if it has one. */
  readonly sandbox: (taskId: string, frameworkId?: string) => string | undefined;
  /** Directory of the sandbox of a group's executor, for runners that have sandboxes. */
  readonly executorSandbox?: (frameworkId: string, agentId: string, executorId: string, containerId: string) => string;
  /** The data of a persistent volume is of no use any more. */
  readonly destroyVolume: (role: string, id: string) => void;
  /** Goes on with a task that an earlier run has started. What becomes of it is reported. */
  readonly resume?: (order: LaunchOrder, survivor: Survivor, report: (update: TaskReport) => void) => void;
  /** Lets go of the tasks that are to outlive this program, and ends the others; resolves when those are gone. */
  readonly release?: (keeps: (taskId: string, frameworkId: string) => boolean) => Promise<void>;
  /** Ends all tasks at once and resolves when none of their processes lives. */
  readonly shutdown: () => Promise<void>;
}
