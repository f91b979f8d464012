/** An independent scheduler, npm's mesos-framework, on a local cluster of real processes (mesos-v1 appendix A.1). */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { frameworkInfo, send } from '../support/mesos-client.ts';
import { client, cluster, workDir } from './cluster-fixture.ts';

interface Told {
  readonly what: string;
  readonly [member: string]: unknown;
}

const program = fileURLToPath(new URL('./foreign-scheduler.mjs', import.meta.url));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
});

/** Starts it; gives what it tells, in order. */
async function startForeign(port: number, command: string) {
  const told: Told[] = [];
  const waiting: (() => void)[] = [];
  const started = spawn(process.execPath, [program, String(port), command], { cwd: await workDir() });
  child = started;
  let rest = '';
  let stderr = '';
  started.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  started.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('@@')) told.push(JSON.parse(line.slice(2)) as Told);
    for (const wake of waiting.splice(0)) wake();
  });
  started.on('exit', () => {
    for (const wake of waiting.splice(0)) wake();
  });
  let at = 0;
  const next = async (what: string, matches: (one: Told) => boolean = () => true): Promise<Told> => {
    for (;;) {
      for (; at < told.length; at++) {
        const one = told[at]!;
        if (one.what === 'error' && what !== 'error') throw new Error(`it complains: ${String(one['message'])}`);
        if (one.what !== what || !matches(one)) continue;
        at++;
        return one;
      }
      if (started.exitCode !== null) throw new Error(`it ended with ${started.exitCode}: ${stderr}`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { next, say: (line: string) => started.stdin.write(`${line}\n`) };
}

const state = (wanted: string) => (one: Told) => one['state'] === wanted;

describe('the scheduler of npm mesos-framework', () => {
  it('registers, launches, hears of its task, reconciles, kills, reconnects with its id and ends', async () => {
    const mesos = await cluster({ simulate: false, settings: { heartbeatMs: 500 } });
    const foreign = await startForeign(mesos.port, 'sleep 1000');
    const { frameworkId } = await foreign.next('subscribed');
    expect((await foreign.next('offers'))['count']).toBe(1);
    await foreign.next('sent_accept');
    const running = await foreign.next('update', state('TASK_RUNNING'));
    expect(running['uuid']).toMatch(/==$/);
    await foreign.next('heartbeat');
    foreign.say('reconcile');
    expect(await foreign.next('update', ({ reason }) => reason === 'REASON_RECONCILIATION')).toMatchObject({
      taskId: running['taskId'],
      state: 'TASK_RUNNING',
    });
    const framework = mesos.master.state.frameworks.get(String(frameworkId))!;
    expect(framework.unacknowledged.size).toBe(0);

    // Somebody takes its id: it hears so, its stream ends, and it comes back with the id.
    const rival = client(mesos);
    await rival.connect({ ...frameworkInfo({ id: { value: String(frameworkId) } }), roles: ['*'] });
    await foreign.next('error', ({ message }) => String(message).includes('Framework failed over'));
    await foreign.next('error', ({ message }) => String(message).includes('closed'));
    expect((await foreign.next('subscribed'))['frameworkId']).toBe(frameworkId);
    expect((await rival.next('ERROR')).error).toEqual({ message: 'Framework failed over' });

    foreign.say('kill');
    expect((await foreign.next('update', state('TASK_KILLED')))['taskId']).toBe(running['taskId']);
    foreign.say('teardown');
    await foreign.next('error', ({ message }) => String(message).includes('closed'));
    const { completed_frameworks: completed } = JSON.parse((await send(`${mesos.url}/frameworks`)).body);
    expect(completed).toMatchObject([{ id: frameworkId, name: 'foreign' }]);
  });
});
