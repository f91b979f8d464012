/** A runner on a directory of its own, and ways to wait for what becomes of its tasks. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { createProcessRunner, type ProcessRunnerOptions } from '../../../src/local-mesos/process/runner.ts';
import type { LaunchOrder, TaskReport, TaskRunner } from '../../../src/local-mesos/task-runner.ts';

export interface Bench {
  readonly workDir: string;
  readonly runner: TaskRunner;
  /** Launches a shell command, or whatever `task` says instead. */
  readonly run: (id: string, command: string, task?: Partial<TaskInfo>, order?: Partial<LaunchOrder>) => Watched;
  readonly close: () => Promise<void>;
}

export interface Watched {
  readonly reports: readonly TaskReport[];
  /** Resolves with the first report that fits, past or future. */
  readonly until: (fits: (report: TaskReport) => boolean) => Promise<TaskReport>;
  readonly running: () => Promise<TaskReport>;
  readonly end: () => Promise<TaskReport>;
  /** A file of the sandbox. */
  readonly file: (name: string) => Promise<string>;
}

const terminal = new Set(['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED', 'TASK_DROPPED', 'TASK_ERROR', 'TASK_LOST']);

export async function openBench(options: Partial<ProcessRunnerOptions> = {}): Promise<Bench> {
  const workDir = await mkdtemp(join(tmpdir(), 'process-runner-'));
  await chmod(workDir, 0o755);
  const runner = createProcessRunner({
    workDir,
    agentEndpoint: '127.0.0.1:5051',
    engine: async () => ({ ok: false, error: 'no engine in this test' }),
    ...options,
  });
  return {
    workDir,
    runner,
    run: (id, command, task = {}, order = {}) => launch(runner, id, command, task, order),
    close: async () => {
      await runner.shutdown();
      await rm(workDir, { recursive: true, force: true });
    },
  };
}

function launch(
  runner: TaskRunner,
  id: string,
  command: string,
  task: Partial<TaskInfo>,
  order: Partial<LaunchOrder>,
): Watched {
  const reports: TaskReport[] = [];
  const waiting = new Set<() => void>();
  const info: TaskInfo = {
    name: id,
    task_id: { value: id },
    agent_id: { value: 'S0' },
    resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } }],
    command: { shell: true, value: command },
    ...task,
  };
  const whole = { task: info, frameworkId: 'F0', agentId: 'S0', hostname: 'localhost', user: '', ...order };
  runner.launch(whole, (report) => {
    reports.push(report);
    for (const look of waiting) look();
  });
  const until = (fits: (report: TaskReport) => boolean): Promise<TaskReport> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = reports.find(fits);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    reports,
    until,
    running: () => until((report) => report.state === 'TASK_RUNNING'),
    end: () => until((report) => terminal.has(report.state)),
    file: (name) => readFile(join(runner.sandbox(id) ?? '/nowhere', name), 'utf8'),
  };
}

/** Waits until a file of the sandbox contains a text: the only sign a shell can give. */
export async function untilFileHas(task: Watched, name: string, text: string | RegExp): Promise<string> {
  for (;;) {
    const content = await task.file(name).catch(() => '');
    if (typeof text === 'string' ? content.includes(text) : text.test(content)) return content;
    await delay(10);
  }
}

/** Whether a process lives (a dead one that nobody has waited for does not). */
export async function lives(pid: number): Promise<boolean> {
  if (!existsSync(`/proc/${pid}`)) return false;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return !/\) [ZX]/.test(stat);
}

export const grace = (ms: number): Partial<TaskInfo> => ({ kill_policy: { grace_period: { nanoseconds: ms * 1e6 } } });
