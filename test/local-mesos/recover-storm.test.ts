/**
 * A local cluster with --recover is killed again and again while apps grow, shrink and fail on it; a scheduler with a real link drives
 * it. In the end exactly the wanted instances run, each as one process, no process is left over and no update waits.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/local-mesos/simulate/behaviour.ts';
import { eventually } from '../support/eventually.ts';
import { takePort } from '../support/ports.ts';
import { isLong } from '../support/stack.ts';
import { workDir } from './cluster-fixture.ts';
import { putApp, schedulerOn } from './scheduler-on.ts';

const seeds = Array.from({ length: isLong ? 20 : 3 }, (_, i) => i + 1);
const kills = isLong ? 12 : 5;
const entry = resolve(import.meta.dirname, '../../src/local-mesos/main.ts');
const code = `import(${JSON.stringify(entry)}).then(async (m) => { process.exitCode = await m.runLocalMesos(process.argv.slice(1)); process.exit(); })`;

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

class Cluster {
  readonly port: number;
  readonly #dir: string;
  #child: ChildProcess | undefined;
  said = '';

  constructor(port: number, dir: string) {
    this.port = port;
    this.#dir = dir;
  }

  async start(): Promise<void> {
    const flags = ['--port', String(this.port), '--agents', '2', '--work_dir', this.#dir, '--recover'];
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', code, '--', ...flags], { stdio: 'pipe' });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.said += chunk.toString();
    });
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error(`it ended: ${this.said}`))),
    ]);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }

  async state(): Promise<{
    frameworks: { tasks: { id: string; state: string; statuses: { state: string }[] }[] }[];
    completed_frameworks: unknown[];
  }> {
    return (await fetch(`http://127.0.0.1:${this.port}/master/state`)).json() as never;
  }
}

/** Main processes of living tasks of the directory, by task; more than one of a task is an error. */
function processesOf(dir: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    let environment = '';
    let stat = '';
    try {
      environment = readFileSync(`/proc/${name}/environ`, 'latin1');
      stat = readFileSync(`/proc/${name}/stat`, 'latin1');
    } catch {
      continue;
    }
    const [state, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const task = /(?:^|\0)MESOS_EXECUTOR_ID=([^\0]*)/.exec(environment)?.[1];
    if (task === undefined || !environment.includes(dir) || session !== name || /[ZX]/.test(state ?? '')) continue;
    expect(found.has(task), `${task} runs once`).toBe(false);
    found.set(task, Number(name));
  }
  return found;
}

describe('a storm of kill -9 on a cluster that recovers', () => {
  it.each(seeds)('leaves exactly the wanted instances, each as one process (seed %i)', async (seed) => {
    const dir = await workDir();
    const mesos = new Cluster(takePort(), dir);
    undo.push(() => mesos.end('SIGUSR1'));
    await mesos.start();
    const scheduler = await schedulerOn(mesos.port, 1_000);
    const random = seededRandom(seed);
    const counts: Record<string, number> = {};
    const change = async (id: string, instances: number): Promise<void> => {
      counts[id] = instances;
      const cmd = id === '/brief' ? `sleep ${1 + Math.floor(random() * 2)}; exit 1` : 'exec sleep 1000';
      const times = { backoffSeconds: 0.2, maxLaunchDelaySeconds: 0.5, taskKillGracePeriodSeconds: 1 };
      await putApp(scheduler, id, { cmd, cpus: 0.01, mem: 8, disk: 0, instances, ...times });
    };
    await change('/steady', 4);
    await change('/brief', 1);
    for (let i = 0; i < kills; i++) {
      await change('/wild', Math.floor(random() * 6));
      await delay(random() * 900);
      await mesos.end('SIGKILL');
      await mesos.start();
    }
    await change('/brief', 0);
    await change('/wild', 3);
    let last: unknown;
    const isAsWanted = async (): Promise<boolean> => {
      const wanted: string[] = [];
      for (const [app, instances] of Object.entries(counts)) {
        const known = [...scheduler.read.instancesOf(app)];
        last = { app, instances, conditions: known.map(({ condition }) => condition) };
        if (known.length !== instances || known.some(({ condition }) => condition !== 'Running')) return false;
        for (const { tasks } of known) for (const { id } of tasks) wanted.push(id);
      }
      const processes = [...processesOf(dir).keys()].sort();
      const state = await mesos.state();
      const tasks = state.frameworks.flatMap((one) => one.tasks);
      last = { wanted: wanted.sort(), processes, tasks };
      // A task that waits for an acknowledgement of its end is still in the list.
      const isQuiet = tasks.every(
        (task) => task.state === 'TASK_RUNNING' && task.statuses.at(-1)?.state === 'TASK_RUNNING',
      );
      return (
        state.frameworks.length === 1 &&
        isQuiet &&
        JSON.stringify(processes) === JSON.stringify(wanted) &&
        JSON.stringify(tasks.map(({ id }) => id).sort()) === JSON.stringify(wanted)
      );
    };
    await eventually('everything is as wanted', isAsWanted).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${JSON.stringify(last)}\n${mesos.said}\n${String(error)}`);
    });
    await mesos.end('SIGUSR1');
    expect(processesOf(dir).size).toBe(0);
    expect(readdirSync(dir)).not.toContain('meta');
  });
});
