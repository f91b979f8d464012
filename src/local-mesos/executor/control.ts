/** Executors beside the one that each command task has of its own (mesos-v1 §3.6, §5.3), as the agent runs them. */
import type { CommandInfo, Labels, MesosTaskState, Resource, Value } from '../../core/mesos/types.ts';
import type { LaunchOrder, TaskReport } from '../task-runner.ts';

/** An ExecutorInfo as far as it is read here. */
export interface ExecutorInfo {
  readonly type?: 'DEFAULT' | 'CUSTOM' | 'UNKNOWN';
  readonly executor_id: Value<string>;
  readonly framework_id?: Value<string>;
  readonly command?: CommandInfo;
  readonly container?: { readonly type?: string; readonly mesos?: { readonly image?: unknown } };
  readonly resources?: readonly Resource[];
  readonly name?: string;
  readonly source?: string;
  readonly labels?: Labels;
  readonly shutdown_grace_period?: { readonly nanoseconds: number };
}

/** What the agent asks of an executor. */
export interface ExecutorControl {
  /** Starts tasks that live and die together. */
  readonly launch: (orders: readonly LaunchOrder[]) => void;
  /** `graceMs` in place of the task's own grace. Unknown tasks are passed over. */
  readonly kill: (taskId: string, wantsKillingState: boolean, graceMs?: number) => void;
  /**
   * Of an executor whose tasks may outlive the program: it is the one that an earlier run had, and these tasks are a group that it had
   * launched. Without it, its tasks end with the program.
   */
  readonly takeUp?: (members: readonly Member[]) => void;
  /** Its tasks are killed, and it ends when they have. */
  readonly shutdown: (wantsKillingState: boolean) => void;
  /** It and its tasks end, within `graceMs` if that is given, and it reports nothing any more. */
  readonly destroy: (graceMs?: number) => void;
  /** No update of its tasks waits for an acknowledgement any more. */
  readonly settled: () => void;
  /** Data that the framework sends it, in base64. */
  readonly message?: (data: string) => void;
  /** Its sandbox, once it has one of its own. */
  readonly directory?: () => string | undefined;
  /** Its container and the process there, if it runs in one of its own. */
  readonly container?: () => { readonly id: string; readonly pid: number | undefined };
}

/** A task of a group of an earlier run. */
export interface Member {
  readonly taskId: string;
  /** How it stood when that run ended. */
  readonly state: MesosTaskState;
  /** Goes on with its process, whose reports go to `report`, or reports there that it has ended. Called for those that had not. */
  readonly goOn: (report: (update: TaskReport) => void) => void;
}

export interface ExecutorEvents {
  readonly report: (update: TaskReport) => void;
  /**
   * It has ended; `status` is the word of wait(2), undefined when it never began, `why` what its tasks are told if it is
   * not that it has ended. Called once, and not after `destroy`.
   */
  readonly exited: (status: number | undefined, why?: Pick<TaskReport, 'message' | 'reason'>) => void;
}
