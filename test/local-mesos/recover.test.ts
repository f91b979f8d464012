/** Work that survives its cluster: real processes, taken up by another cluster on the same directory. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { TaskStatus } from '../../src/core/mesos/types.ts';
import { err } from '../../src/core/result.ts';
import type { LocalMesos, LocalMesosOptions } from '../../src/local-mesos/cluster.ts';
import { startLocalMesos } from '../../src/local-mesos/cluster.ts';
import { startTicksOf } from '../../src/local-mesos/process/process-table.ts';
import { eventually } from '../support/eventually.ts';
import { frameworkInfo, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { again, client, cluster, strays, until, workDir } from './cluster-fixture.ts';
import { grace, lives } from './process/harness.ts';

const real = (dir: string, more: Partial<LocalMesosOptions> = {}): Promise<LocalMesos> =>
  cluster({ workDir: dir, simulate: false, recover: true, engine: async () => err('no engine in this test'), ...more });

async function directory(): Promise<string> {
  return realpath(await workDir());
}

interface Running {
  readonly scheduler: MesosClient;
  readonly status: TaskStatus;
  readonly pid: number;
}

/** Launches a command and acknowledges it as far as running, unless told otherwise. */
async function run(
  on: LocalMesos,
  id: string,
  command: string,
  {
    change = {},
    acknowledge = true,
    info = frameworkInfo(),
  }: { change?: object; acknowledge?: boolean; info?: object } = {},
): Promise<Running> {
  const scheduler = client(on);
  await scheduler.connect(info);
  const [offer] = await scheduler.nextOffers();
  await scheduler.launch([offer!], [taskFor(offer!, id, { command: { shell: true, value: command }, ...change })]);
  let status = await scheduler.nextStatus(id);
  const pid = status.container_status!['executor_pid'] as number;
  strays.add(pid);
  if (acknowledge) {
    await scheduler.acknowledge(status);
    status = await scheduler.nextStatus(id);
    expect(status.state).toBe('TASK_RUNNING');
    await scheduler.acknowledge(status);
  }
  return { scheduler, status, pid };
}

describe('a cluster that takes up the work of an earlier one', () => {
  it('has the same agents, frameworks, tasks and processes, and answers for them', async () => {
    const dir = await directory();
    const first = await real(dir, { agents: 2 });
    const { scheduler, pid, status } = await run(first, 'kept', 'echo started; exec sleep 1000');
    await first.leave();
    expect(await lives(pid)).toBe(true);
    const second = await real(dir, { agents: 2 });
    expect([...second.master.state.agents.keys()]).toEqual([...first.master.state.agents.keys()]);
    const next = await again(second, scheduler);
    await next.reconcile({ taskId: 'kept' });
    const answer = await next.nextStatus('kept');
    expect(answer).toMatchObject({
      state: 'TASK_RUNNING',
      reason: 'REASON_RECONCILIATION',
      agent_id: status.agent_id,
      container_status: { container_id: status.container_status!['container_id'], executor_pid: pid },
    });
    expect(await lives(pid)).toBe(true);
    // What it holds is not offered.
    const offers = await next.nextOffers();
    const cpus = offers.map(({ resources }) => resources.find(({ name }) => name === 'cpus')?.scalar?.value);
    expect(cpus.sort()).toEqual([3.9, 4]);
    await next.kill('kept');
    const end = await until(next, 'kept', 'TASK_KILLED');
    expect(end).toMatchObject({ message: 'Command terminated with signal Terminated', source: 'SOURCE_EXECUTOR' });
    expect(await lives(pid)).toBe(false);
    await eventually('nothing is kept of it', async () => (await readdir(join(dir, 'children'))).length === 0);
  });

  it.each([
    ['exit 0', 'TASK_FINISHED', 'Command exited with status 0'],
    ['exit 7', 'TASK_FAILED', 'Command exited with status 7'],
    ['exit 143', 'TASK_FAILED', 'Command exited with status 143'],
    ['kill -TERM $$', 'TASK_FAILED', 'Command terminated with signal Terminated'],
    ['kill -INT $$', 'TASK_FAILED', 'Command terminated with signal Interrupt'],
  ])('knows how a task ended while it was away, and afterwards: %s', async (ending, state, message) => {
    const dir = await directory();
    const first = await real(dir);
    const command = `until [ -e go ]; do sleep 0.05; done; ${ending}`;
    const { scheduler, pid, status } = await run(first, 'away', command);
    const sandbox = first.master.state.agents.get(status.agent_id!.value)!.runner.sandbox('away')!;
    await first.leave();
    await writeFile(join(sandbox, 'go'), '');
    await eventually('it has ended', async () => !(await lives(pid)));
    const second = await real(dir);
    const next = await again(second, scheduler);
    expect(await until(next, 'away', state)).toMatchObject({ message, source: 'SOURCE_EXECUTOR' });
    // And one that ends under its eyes, though it is not its child.
    next.close();
    const other = await run(second, 'present', command, { info: frameworkInfo({ name: 'other' }) });
    await second.leave();
    const third = await real(dir);
    const last = await again(third, other.scheduler);
    await last.reconcile({ taskId: 'present' });
    expect((await last.nextStatus('present')).state).toBe('TASK_RUNNING');
    const agent = third.master.state.agents.get(other.status.agent_id!.value)!;
    await writeFile(join(agent.runner.sandbox('present')!, 'go'), '');
    expect(await until(last, 'present', state)).toMatchObject({ message, source: 'SOURCE_EXECUTOR' });
  });

  it('repeats what had not been acknowledged, under the same uuid, and then goes on', async () => {
    const dir = await directory();
    const first = await real(dir);
    const { scheduler, status } = await run(first, 'pending', 'exit 3', { acknowledge: false });
    const task = first.master.state.frameworks.get(scheduler.frameworkId)!.tasks.get('pending')!;
    await eventually('it has ended', async () => task.state === 'TASK_FAILED');
    await first.leave();
    const next = await again(await real(dir), scheduler);
    const repeated = await next.nextStatus('pending');
    expect(repeated).toMatchObject({ state: 'TASK_STARTING', uuid: status.uuid });
    await next.acknowledge(repeated);
    expect(await until(next, 'pending', 'TASK_FAILED')).toMatchObject({ message: 'Command exited with status 3' });
    await next.reconcile({ taskId: 'pending', agentId: status.agent_id!.value });
    expect((await next.nextStatus('pending')).state).toBe('TASK_GONE');
  });

  it('ends a kill that was under way, and runs on with health checks', async () => {
    const dir = await directory();
    const first = await real(dir);
    const health = {
      type: 'COMMAND',
      command: { value: 'test -e ok' },
      delay_seconds: 0,
      interval_seconds: 0.1,
      grace_period_seconds: 0,
      consecutive_failures: 100,
    };
    const command = 'trap "" TERM; touch ok; while true; do sleep 0.05; done';
    const { scheduler, status } = await run(first, 'checked', command, {
      change: { health_check: health, ...grace(300) },
    });
    // The first look may have come before the file was made.
    for (let healthy: unknown; healthy !== true; ) ({ healthy } = await until(scheduler, 'checked', 'TASK_RUNNING'));
    await first.leave();
    const second = await real(dir);
    const next = await again(second, scheduler);
    const sandbox = second.master.state.agents.get(status.agent_id!.value)!.runner.sandbox('checked')!;
    // A success after a success is not told; a failure is.
    await rm(join(sandbox, 'ok'));
    for (let healthy: unknown; healthy !== false; ) ({ healthy } = await until(next, 'checked', 'TASK_RUNNING'));
    await next.kill('checked');
    await until(next, 'checked', 'TASK_KILLING');
    await second.leave();
    const last = await again(await real(dir), next);
    const end = await until(last, 'checked', 'TASK_KILLED');
    expect(end.message).toBe('Command terminated with signal Killed');
  });

  it('knows that SIGKILL has ended what was being killed and said nothing, though nobody looked', async () => {
    const dir = await directory();
    const first = await real(dir);
    const command = 'trap "" TERM; touch ok; while true; do sleep 0.05; done';
    const { scheduler, pid, status } = await run(first, 'deaf', command, { change: grace(3_600_000) });
    const sandbox = first.master.state.agents.get(status.agent_id!.value)!.runner.sandbox('deaf')!;
    await eventually('it is deaf', () => existsSync(join(sandbox, 'ok')));
    await scheduler.kill('deaf');
    await until(scheduler, 'deaf', 'TASK_KILLING');
    await first.leave();
    process.kill(-pid, 'SIGKILL');
    await eventually('it has ended', async () => !(await lives(pid)));
    const next = await again(await real(dir), scheduler);
    const end = await until(next, 'deaf', 'TASK_KILLED');
    expect(end).toMatchObject({ message: 'Command terminated with signal Killed', source: 'SOURCE_EXECUTOR' });
  });

  it('adopts nothing that is not certainly ours, and says so of a task whose process is gone without a trace', async () => {
    const dir = await directory();
    const first = await real(dir);
    const { scheduler, pid } = await run(first, 'lost', 'exec sleep 1000');
    await first.leave();
    process.kill(-pid, 'SIGKILL');
    await eventually('it has ended', async () => !(await lives(pid)));
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true });
    strays.add(stranger.pid!);
    const [record] = (await readdir(join(dir, 'children'))).filter((name) => name.endsWith('.json'));
    const path = join(dir, 'children', record!);
    // As if its number had been given to another process since, which cannot happen within the same tick of the clock: a number
    // with the tick names one process for good, and the two of this test may well have begun within one.
    const itsStart = String(Number(startTicksOf(stranger.pid!)) - 1);
    const recorded = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...recorded, pid: stranger.pid, startTicks: itsStart }));
    const next = await again(await real(dir), scheduler);
    const end = await until(next, 'lost', 'TASK_FAILED');
    expect(end).toMatchObject({ source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT' });
    expect(await lives(stranger.pid!)).toBe(true);
  });

  it('drops a launch that had not become a process', async () => {
    const dir = await directory();
    const first = await real(dir);
    const scheduler = client(first);
    await scheduler.connect();
    const [offer] = await scheduler.nextOffers();
    first.master.lifecycle.freeze([...first.master.state.agents.values()][0]!);
    await scheduler.launch([offer!], [taskFor(offer!, 'unborn')]);
    await first.leave();
    const next = await again(await real(dir), scheduler);
    expect(await until(next, 'unborn', 'TASK_DROPPED')).toMatchObject({ reason: 'REASON_RECONCILIATION' });
  });

  it('ends what belongs to a framework that does not let agents keep tasks, already on the way out', async () => {
    const dir = await directory();
    const first = await real(dir);
    const { pid, scheduler, status } = await run(first, 'brief', 'exec sleep 1000', {
      info: frameworkInfo({ checkpoint: false }),
    });
    await first.leave();
    expect(await lives(pid)).toBe(false);
    const next = await again(await real(dir), scheduler);
    await next.reconcile({ taskId: 'brief', agentId: status.agent_id!.value });
    expect((await next.nextStatus('brief')).state).toBe('TASK_GONE');
  });

  it('without being told to recover ends what it finds, as ever', async () => {
    const dir = await directory();
    const first = await real(dir);
    const { pid, scheduler, status } = await run(first, 'left', 'exec sleep 1000');
    await first.leave();
    const next = await again(await real(dir, { recover: false }), scheduler);
    expect(await lives(pid)).toBe(false);
    await next.reconcile({ taskId: 'left', agentId: status.agent_id!.value });
    expect((await next.nextStatus('left')).state).toBe('TASK_GONE');
    expect(existsSync(join(dir, 'meta', 'frameworks', scheduler.frameworkId, 'tasks'))).toBe(false);
  });

  it('adopts also what a cluster without the flag has launched, when that was killed', async () => {
    const dir = await directory();
    const first = await real(dir, { recover: false });
    const { pid, scheduler } = await run(first, 'plain', 'exec sleep 1000');
    await first.leave('vanish');
    const next = await again(await real(dir), scheduler);
    await next.reconcile({ taskId: 'plain' });
    expect((await next.nextStatus('plain')).state).toBe('TASK_RUNNING');
    process.kill(pid, 'SIGKILL');
    expect(await until(next, 'plain', 'TASK_FAILED')).toMatchObject({ source: 'SOURCE_EXECUTOR' });
  });

  it('refuses to begin on files that it cannot read, with one line, and touches nothing', async () => {
    const dir = await directory();
    const first = await real(dir);
    const { pid, scheduler } = await run(first, 'safe', 'exec sleep 1000');
    await first.leave();
    const path = join(dir, 'meta', 'frameworks', scheduler.frameworkId, 'tasks', 'safe', 'status.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, 30));
    const options = { port: 0, agents: 1, simulate: false, workDir: dir, recover: true } as const;
    await expect(startLocalMesos(options)).rejects.toThrow(`${path} cannot be understood`);
    await writeFile(path, JSON.stringify({ ...JSON.parse(text), version: 99 }));
    await expect(startLocalMesos(options)).rejects.toThrow(`${path} is of format 99`);
    await writeFile(path, text);
    const tasks = join(dir, 'meta', 'frameworks', scheduler.frameworkId, 'tasks');
    await rename(tasks, `${tasks}.aside`);
    await writeFile(tasks, '');
    await expect(startLocalMesos(options)).rejects.toThrow(`${tasks} cannot be read`);
    await rm(tasks);
    await rename(`${tasks}.aside`, tasks);
    const record = join(dir, 'children', 'odd.json');
    await mkdir(record);
    await expect(startLocalMesos(options)).rejects.toThrow(`${record} cannot be read`);
    await rm(record, { recursive: true });
    expect(await lives(pid)).toBe(true);
    const next = await again(await real(dir), scheduler);
    await next.reconcile({ taskId: 'safe' });
    expect((await next.nextStatus('safe')).state).toBe('TASK_RUNNING');
  });

  it('shows a framework as recovered until it subscribes', async () => {
    const dir = await directory();
    const first = await real(dir);
    const { scheduler } = await run(first, 'shown', 'exec sleep 1000');
    await first.leave();
    const second = await real(dir);
    const frameworks = async (): Promise<unknown> => JSON.parse((await send(`${second.url}/master/frameworks`)).body);
    expect(await frameworks()).toMatchObject({
      frameworks: [
        { id: scheduler.frameworkId, name: 'probe', recovered: true, active: false, tasks: [{ id: 'shown' }] },
      ],
    });
    await again(second, scheduler);
    expect(await frameworks()).toMatchObject({ frameworks: [{ recovered: false, active: true }] });
  });

  it('ends the tasks of agents that are no longer wanted, and tells so when they are back', async () => {
    const dir = await directory();
    const first = await real(dir, { agents: 2 });
    const { scheduler, pid, status } = await run(first, 'on-two', 'exec sleep 1000');
    const agents = [...first.master.state.agents.keys()];
    const isOnSecond = status.agent_id!.value === agents[1];
    await first.leave();
    const down = { machine_ids: [{ hostname: '127.0.0.1', ip: '127.0.0.1' }] };
    const registry = JSON.parse(await readFile(join(dir, 'registry.json'), 'utf8'));
    // Whichever agent it was on is away now: by number, or for maintenance.
    if (!isOnSecond) {
      const maintenance = { windows: [down], down: down.machine_ids };
      await writeFile(join(dir, 'registry.json'), JSON.stringify({ ...registry, maintenance }));
    }
    const second = await real(dir, { agents: isOnSecond ? 1 : 2 });
    expect([...second.master.state.agents.keys()]).not.toContain(status.agent_id!.value);
    expect(await lives(pid)).toBe(false);
    await second.leave();
    await writeFile(join(dir, 'registry.json'), JSON.stringify(registry));
    const next = await again(await real(dir, { agents: 2 }), scheduler);
    expect((await until(next, 'on-two', 'TASK_FAILED')).message).toBe('Command terminated with signal Terminated');
  });

  it('ends executors that frameworks bring along with their tasks, and keeps nothing of them', async () => {
    const dir = await directory();
    const first = await real(dir);
    const scheduler = client(first);
    await scheduler.connect(frameworkInfo());
    const [offer] = await scheduler.nextOffers();
    const program = fileURLToPath(new URL('own-executor.mjs', import.meta.url));
    const { command: _none, ...task } = taskFor(offer!, 'member');
    const command = { shell: true, value: `exec ${process.execPath} ${program}` };
    const executor = { executor_id: { value: 'own' }, command, resources: task.resources };
    await scheduler.launch([offer!], [{ ...task, executor } as never]);
    const status = await until(scheduler, 'member', 'TASK_RUNNING');
    const containers = JSON.parse((await send(`${first.url}/slave(1)/containers`)).body);
    const pid = containers[0].status.executor_pid as number;
    strays.add(pid);
    expect(await lives(pid)).toBe(true);
    await first.leave();
    expect(await lives(pid)).toBe(false);
    const next = await again(await real(dir), scheduler);
    await next.reconcile({ taskId: 'member', agentId: status.agent_id!.value });
    expect(await next.nextStatus('member')).toMatchObject({ state: 'TASK_GONE', reason: 'REASON_RECONCILIATION' });
    expect(await readdir(join(dir, 'children')).catch(() => [])).toEqual([]);
  });

  it('does not go together with --simulate', async () => {
    await expect(cluster({ recover: true })).rejects.toThrow('leave out --simulate');
  });
});
