import http from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MesosHealthCheck, TaskInfo } from '../../../src/core/mesos/types.ts';
import { type Bench, lives, openBench, untilFileHas, type Watched } from './harness.ts';

const times = {
  delay_seconds: 0,
  interval_seconds: 0.03,
  timeout_seconds: 2,
  grace_period_seconds: 0,
  consecutive_failures: 2,
};
const health = (check: Partial<MesosHealthCheck>): Partial<TaskInfo> => ({
  health_check: { type: 'COMMAND', ...times, ...check },
});

let bench: Bench;
const servers: (Server | http.Server)[] = [];
beforeEach(async () => {
  bench = await openBench();
});
afterEach(async () => {
  await bench.close();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server | http.Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const healthy = (value: boolean) => (report: { healthy?: boolean }) => report.healthy === value;
const healthOf = (task: Watched): readonly (boolean | undefined)[] => task.reports.map((report) => report.healthy);

describe('a health check of kind COMMAND', () => {
  it('reports health once for a series of successes, and not before the first result', async () => {
    const task = bench.run('cmd-ok', 'sleep 1000', health({ command: { value: 'echo probe >> probes' } }));
    const report = await task.until(healthy(true));
    expect(report).toMatchObject({
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
      containerStatus: { executor_pid: expect.any(Number) },
    });
    expect(report).not.toHaveProperty('message');
    await untilFileHas(task, 'probes', 'probe\nprobe\nprobe\n');
    expect(healthOf(task)).toEqual([undefined, undefined, true]);
    bench.runner.kill('cmd-ok', false);
    expect(await task.end()).not.toHaveProperty('healthy');
  });

  it('reports every failure and kills after the threshold, without a reason', async () => {
    const task = bench.run('cmd-bad', 'sleep 1000', health({ command: { value: 'false' }, consecutive_failures: 3 }));
    const end = await task.end();
    expect(end).toMatchObject({
      state: 'TASK_KILLED',
      message: 'Command terminated with signal Terminated',
      source: 'SOURCE_EXECUTOR',
      healthy: false,
    });
    expect(end).not.toHaveProperty('reason');
    expect(healthOf(task)).toEqual([undefined, undefined, false, false, false, false]);
    expect(task.reports.map(({ state }) => state)).not.toContain('TASK_KILLING');
  });

  it('begins to count anew after a success', async () => {
    const flap = 'n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; test $((n % 2)) = 1';
    const task = bench.run('cmd-flap', 'sleep 1000', health({ command: { value: flap } }));
    await untilFileHas(task, 'n', '6');
    expect(healthOf(task).slice(0, 6)).toEqual([undefined, undefined, false, true, false, true]);
    expect(task.reports.at(-1)?.state).toBe('TASK_RUNNING');
  });

  it('neither counts nor reports failures inside the grace period, until it was healthy once', async () => {
    const command = { value: 'echo x >> tries; test $(wc -l < tries) = 4' };
    const task = bench.run('cmd-grace', 'sleep 1000', health({ command, grace_period_seconds: 60 }));
    await task.end();
    expect(healthOf(task)).toEqual([undefined, undefined, true, false, false, false]);
    expect(await task.file('tries')).toBe('x\n'.repeat(6));
  });

  it('sees the environment of the task and its own, and writes to the stderr of the task', async () => {
    const command = {
      value: 'echo "$FROM_TASK $FROM_CHECK"',
      environment: { variables: [{ name: 'FROM_CHECK', value: 'two' }] },
    };
    const task = bench.run('cmd-env', '', {
      command: { value: 'sleep 1000', environment: { variables: [{ name: 'FROM_TASK', value: 'one' }] } },
      ...health({ command }),
    });
    await task.until(healthy(true));
    expect(await task.file('stderr')).toContain('one two\n');
    expect(await task.file('stdout')).toBe('');
  });

  it('counts a timeout as a failure and ends all that the command has started', async () => {
    const command = { value: 'sleep 1000 & echo $! >> pids; wait' };
    const task = bench.run(
      'cmd-slow',
      'sleep 1000',
      health({ command, timeout_seconds: 0.1, consecutive_failures: 1 }),
    );
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED', healthy: false });
    for (const pid of (await task.file('pids')).trim().split('\n')) expect(await lives(Number(pid))).toBe(false);
  });

  it('stops when the task ends', async () => {
    const task = bench.run(
      'cmd-end',
      'until test -e probes; do sleep 0.01; done',
      health({ command: { value: 'touch probes; sleep 1000' } }),
    );
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED' });
  });
});

describe('a health check of kind HTTP', () => {
  it('is healthy for 200 to 399, and follows redirects', async () => {
    const server = http.createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/fine' }).end();
      else response.writeHead(request.url === '/fine' ? 204 : 500).end();
    });
    const port = await listen(server);
    const moved = bench.run('http-ok', 'sleep 1000', health({ type: 'HTTP', http: { port, path: '/moved' } }));
    await moved.until(healthy(true));
    const bad = bench.run('http-bad', 'sleep 1000', health({ type: 'HTTP', http: { port, path: '/bad' } }));
    expect(await bad.end()).toMatchObject({ state: 'TASK_KILLED', healthy: false });
  });

  it('asks the address of the agent before 127.0.0.1', async () => {
    const asked: string[] = [];
    const server = http.createServer((request, response) => {
      asked.push(request.socket.localAddress ?? '');
      response.end();
    });
    const port = await listen(server, '127.0.0.2');
    const check = health({ type: 'HTTP', http: { port, path: '/' } });
    await bench.run('http-ip', 'sleep 1000', check, { hostname: '127.0.0.2' }).until(healthy(true));
    expect(asked[0]).toBe('127.0.0.2');
  });
});

describe('a health check of kind TCP', () => {
  it('is healthy when somebody listens, and not when nobody does', async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    await bench.run('tcp-ok', 'sleep 1000', health({ type: 'TCP', tcp: { port } })).until(healthy(true));
    const refused = bench.run('tcp-bad', 'sleep 1000', health({ type: 'TCP', tcp: { port: 1 } }));
    expect(await refused.end()).toMatchObject({ state: 'TASK_KILLED', healthy: false });
  });
});

describe('a check', () => {
  it('reports a result only when it changes, and never kills', async () => {
    const check = {
      type: 'COMMAND',
      command: { command: { value: 'echo x >> tries; test $(wc -l < tries) -gt 3 && exit 4; exit 3' } },
      ...times,
    };
    const task = bench.run('chk', 'sleep 1000', { check });
    await untilFileHas(task, 'tries', 'x\n'.repeat(6));
    const results = task.reports.map((report) => report.checkStatus);
    expect(results).toEqual([
      { type: 'COMMAND', command: {} },
      { type: 'COMMAND', command: {} },
      { type: 'COMMAND', command: { exit_code: 3 } },
      { type: 'COMMAND', command: { exit_code: 4 } },
    ]);
    expect(task.reports[2]?.reason).toBe('REASON_TASK_CHECK_STATUS_UPDATED');
    expect(task.reports[2]).not.toHaveProperty('healthy');
  });

  it('of kind TCP and HTTP says what it found', async () => {
    const port = await listen(http.createServer((_request, response) => response.writeHead(503).end()));
    const tcp = bench.run('chk-tcp', 'sleep 1000', { check: { type: 'TCP', tcp: { port }, ...times } });
    const web = bench.run('chk-http', 'sleep 1000', { check: { type: 'HTTP', http: { port, path: '/' }, ...times } });
    const found = (report: { reason?: string }): boolean => report.reason === 'REASON_TASK_CHECK_STATUS_UPDATED';
    expect((await tcp.until(found)).checkStatus).toEqual({ type: 'TCP', tcp: { succeeded: true } });
    expect((await web.until(found)).checkStatus).toEqual({ type: 'HTTP', http: { status_code: 503 } });
  });
});
