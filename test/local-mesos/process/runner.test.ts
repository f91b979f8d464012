import { readdir, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, grace, lives, openBench, untilFileHas } from './harness.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

describe('the states of a task', () => {
  it('goes through STARTING and RUNNING to FINISHED when its command exits with 0', async () => {
    const task = bench.run('ok.0', 'echo hello; echo oops >&2');
    const end = await task.end();
    expect(task.reports.map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    expect(end).toMatchObject({
      taskId: 'ok.0',
      message: 'Command exited with status 0',
      source: 'SOURCE_EXECUTOR',
      containerStatus: {
        container_id: { value: basename(bench.runner.sandbox('ok.0') ?? '') },
        network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
        executor_pid: expect.any(Number),
      },
    });
    expect(end).not.toHaveProperty('reason');
    expect(end).not.toHaveProperty('healthy');
    expect(task.reports[0]).not.toHaveProperty('message');
    expect(await task.file('stdout')).toBe('hello\n');
    expect(await task.file('stderr')).toBe('oops\n');
  });

  it('fails with the exit status of the command', async () => {
    expect(await bench.run('bad.1', 'exit 3').end()).toMatchObject({
      state: 'TASK_FAILED',
      message: 'Command exited with status 3',
    });
  });

  it('fails with the name of the signal that ended the command', async () => {
    expect(await bench.run('sig.1', 'kill -9 $$').end()).toMatchObject({
      state: 'TASK_FAILED',
      message: 'Command terminated with signal Killed',
    });
  });

  it('runs and then exits with status 1 when the program does not exist', async () => {
    const task = bench.run('noexec', '', {
      command: { shell: false, value: '/no/such/binary', arguments: ['/no/such/binary', 'x'] },
    });
    expect(await task.end()).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 1' });
    expect(task.reports.map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    expect(await task.file('stderr')).toContain('/no/such/binary');
  });

  it('fails for lack of time at its max_completion_time', async () => {
    const task = bench.run('slow.1', 'sleep 1000', { max_completion_time: { nanoseconds: 100e6 } });
    expect(await task.end()).toMatchObject({
      state: 'TASK_FAILED',
      message: 'Command terminated with signal Terminated',
      source: 'SOURCE_EXECUTOR',
      reason: 'REASON_MAX_COMPLETION_TIME_REACHED',
    });
  });

  it('is dropped when its user does not exist', async () => {
    const task = bench.run('user.1', '', { command: { value: 'sleep 1000', user: 'nosuchuser' } });
    const end = await task.end();
    expect(end).toMatchObject({ state: 'TASK_DROPPED', source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_TERMINATED' });
    expect(end.message).toMatch(
      /^Failed to create executor directory '.*\/slaves\/S0\/frameworks\/F0\/executors\/user\.1\/runs\/[0-9a-f-]{36}': Failed to chown directory to 'nosuchuser': No such user 'nosuchuser'$/,
    );
    expect(end).not.toHaveProperty('containerStatus');
  });

  it('says that an image needs a container engine', async () => {
    const container = { type: 'DOCKER', docker: { image: 'nginx:1' } };
    const task = bench.run('image', '', { container });
    expect(await task.end()).toMatchObject({
      state: 'TASK_FAILED',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: expect.stringContaining("the image 'nginx:1' needs Docker or Podman"),
    });
  });

  it('refuses a second task with the id of a living one, and leaves that alone', async () => {
    const first = bench.run('twin', 'sleep 1000');
    const { containerStatus } = await first.running();
    expect(await bench.run('twin', 'true').end()).toMatchObject({ state: 'TASK_FAILED', source: 'SOURCE_AGENT' });
    expect(await lives(Number(containerStatus?.['executor_pid']))).toBe(true);
  });
});

describe('killing', () => {
  it('ends an obedient task with SIGTERM, after TASK_KILLING where that is wanted', async () => {
    const task = bench.run('kill.1', 'sleep 1000');
    await task.running();
    bench.runner.kill('kill.1', true);
    expect(await task.end()).toMatchObject({
      state: 'TASK_KILLED',
      message: 'Command terminated with signal Terminated',
      source: 'SOURCE_EXECUTOR',
    });
    expect(task.reports.map(({ state }) => state)).toEqual([
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_KILLING',
      'TASK_KILLED',
    ]);
  });

  it('calls a task that exits with 0 on SIGTERM killed, and reports KILLING only once', async () => {
    const task = bench.run('twice.1', "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done");
    await untilFileHas(task, 'stdout', 'ready');
    bench.runner.kill('twice.1', true);
    bench.runner.kill('twice.1', true);
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED', message: 'Command exited with status 0' });
    expect(task.reports.filter(({ state }) => state === 'TASK_KILLING')).toHaveLength(1);
  });

  it('sends no TASK_KILLING to a framework that does not know it', async () => {
    const task = bench.run('kill.2', 'sleep 1000');
    await task.running();
    bench.runner.kill('kill.2', false);
    await task.end();
    expect(task.reports.map(({ state }) => state)).not.toContain('TASK_KILLING');
  });

  it('kills a whole group that ignores SIGTERM once the grace of its kill policy is over', async () => {
    const stubborn =
      "trap '' TERM; (while true; do sleep 0.05; done) & echo pids $$ $!; while true; do sleep 0.05; done";
    const task = bench.run('stubborn', stubborn, grace(200));
    const text = await untilFileHas(task, 'stdout', /pids \d+ \d+/);
    const pids = text.match(/\d+/g)?.map(Number) ?? [];
    expect(await lives(pids[1] as number)).toBe(true);
    bench.runner.kill('stubborn', false);
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Killed' });
    for (const pid of pids) expect(await lives(pid)).toBe(false);
  });

  it('finds processes that daemonised into a session of their own', async () => {
    const daemon = "(setsid sh -c 'echo pid $$; sleep 1000' &) ; while true; do sleep 0.05; done";
    const task = bench.run('daemon', daemon);
    const text = await untilFileHas(task, 'stdout', /pid \d+/);
    bench.runner.kill('daemon', false);
    await task.end();
    expect(await lives(Number(text.match(/\d+/)?.[0]))).toBe(false);
  });

  it('leaves nothing behind when the main process exits by itself', async () => {
    const task = bench.run('orphans', 'sleep 1000 & echo pid $!; setsid sleep 1000 & echo pid $!; exit 0');
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED' });
    const pids = (await task.file('stdout')).match(/\d+/g)?.map(Number) ?? [];
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await lives(pid)).toBe(false);
  });

  it('kills a task that has not started yet without ever starting it', async () => {
    const task = bench.run('early.1', 'echo started');
    bench.runner.kill('early.1', true);
    expect(await task.end()).toEqual({
      taskId: 'early.1',
      state: 'TASK_KILLED',
      message: 'Killed before delivery to the executor',
      source: 'SOURCE_AGENT',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
    });
    expect(task.reports).toHaveLength(1);
  });

  it('loses no SIGTERM in the first moments of a task whose end is written down', async () => {
    const keeping = await openBench({ keepsExit: true });
    const tasks = Array.from({ length: 40 }, (_, i) => keeping.run(`young.${i}`, 'exec sleep 1000', grace(60_000)));
    const ends = tasks.map(async (task, i) => {
      await task.running();
      keeping.runner.kill(`young.${i}`, false);
      return (await task.end()).message;
    });
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['Command terminated with signal Terminated']));
    await keeping.close();
  });

  it('ends all tasks at shutdown and launches none afterwards', async () => {
    const tasks = ['a', 'b', 'c'].map((id) => bench.run(id, 'sleep 1000'));
    const pids = (await Promise.all(tasks.map((task) => task.running()))).map((report) => report.containerStatus);
    await bench.runner.shutdown();
    for (const status of pids) expect(await lives(Number(status?.['executor_pid']))).toBe(false);
    expect(tasks.map((task) => task.reports.at(-1)?.state)).toEqual(['TASK_KILLED', 'TASK_KILLED', 'TASK_KILLED']);
    expect(await bench.run('late', 'true').end()).toMatchObject({ state: 'TASK_FAILED' });
  });

  it('refuses a task beyond the limit and takes one again when another has ended', async () => {
    const small = await openBench({ maxTasks: 1 });
    const first = small.run('one', 'sleep 1000');
    await first.running();
    expect((await small.run('two', 'true').end()).message).toContain('this agent runs 1 tasks already');
    small.runner.kill('one', false);
    await first.end();
    expect(await small.run('three', 'true').end()).toMatchObject({ state: 'TASK_FINISHED' });
    await small.close();
  });
});

describe('what a task sees', () => {
  it('has the environment of a Mesos task and nothing of ours', async () => {
    process.env['SECRET_OF_THE_AGENT'] = 'x';
    const task = bench.run('env.1', '', {
      command: {
        value: 'env',
        environment: {
          variables: [
            { name: 'FOO', value: 'bar baz' },
            { name: 'LIBPROCESS_PORT', value: '7' },
          ],
        },
      },
    });
    await task.end();
    delete process.env['SECRET_OF_THE_AGENT'];
    const lines = (await task.file('stdout')).trim().split('\n');
    const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)));
    const sandbox = bench.runner.sandbox('env.1');
    const { PATH, LANG, LC_ALL, LC_CTYPE, TZ, _: last, OLDPWD, SHLVL, ...rest } = environment;
    expect(PATH).toBe(process.env['PATH']);
    expect([LANG, LC_ALL, LC_CTYPE, TZ]).toEqual(['LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'].map((name) => process.env[name]));
    expect([last, OLDPWD, SHLVL]).toBeDefined();
    expect(rest).toEqual({
      FOO: 'bar baz',
      LIBPROCESS_IP: '127.0.0.1',
      LIBPROCESS_PORT: '7',
      MESOS_AGENT_ENDPOINT: '127.0.0.1:5051',
      MESOS_ALLOCATION_ROLE: '*',
      MESOS_CHECKPOINT: '1',
      MESOS_DIRECTORY: sandbox,
      MESOS_EXECUTOR_ID: 'env.1',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
      MESOS_FRAMEWORK_ID: 'F0',
      MESOS_HTTP_COMMAND_EXECUTOR: '0',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SANDBOX: sandbox,
      MESOS_SLAVE_ID: 'S0',
      MESOS_SLAVE_PID: 'slave(1)@127.0.0.1:5051',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
      PWD: sandbox,
    });
  });

  it('gets exactly its arguments as argv when no shell is asked for', async () => {
    const task = bench.run('argv', '', {
      command: {
        shell: false,
        value: 'sh',
        arguments: ['renamed', '-c', 'tr "\\0" "|" < /proc/$$/cmdline; echo; echo "$0"'],
      },
    });
    await task.end();
    expect(await task.file('stdout')).toMatch(/^renamed\|-c\|.*\nrenamed\n$/s);
  });

  it('reports the address of its agent when the host name is one', async () => {
    const task = bench.run('addr', 'true', {}, { hostname: '127.0.0.3' });
    expect((await task.end()).containerStatus?.network_infos).toEqual([
      { ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.3' }] },
    ]);
  });

  it.runIf(process.getuid?.() === 0)('runs as another user, who owns the sandbox', async () => {
    const task = bench.run('nobody', '', {
      command: { value: 'id -un; touch mine; ls -ln mine | cut -d" " -f3', user: 'nobody' },
    });
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED' });
    expect(await task.file('stdout')).toBe('nobody\n65534\n');
  });
});

describe('sandboxes', () => {
  it('lie in the layout of Mesos with a link to the latest run', async () => {
    const task = bench.run('web.1', 'true');
    await task.end();
    const runs = join(bench.workDir, 'slaves', 'S0', 'frameworks', 'F0', 'executors', 'web.1', 'runs');
    const sandbox = bench.runner.sandbox('web.1') ?? '';
    expect(sandbox).toBe(join(await realpath(runs), await readlink(join(runs, 'latest'))));
    expect((await readdir(sandbox)).sort()).toEqual(['stderr', 'stdout']);
  });

  it('stay inside the work directory whatever the id of the task is', async () => {
    for (const id of ['..', '.', '../../../../x', 'a/b', `long${'x'.repeat(300)}`]) {
      expect(await bench.run(id, 'true').end()).toMatchObject({ state: 'TASK_FINISHED' });
      const executors = join(bench.workDir, 'slaves', 'S0', 'frameworks', 'F0', 'executors');
      const runs = join(bench.runner.sandbox(id) ?? '', '..');
      expect(await realpath(join(runs, '..', '..'))).toBe(await realpath(executors));
    }
  });

  it('are deleted beyond the number that is kept, the oldest first', async () => {
    const small = await openBench({ keepSandboxes: 2 });
    for (const id of ['t1', 't2', 't3', 't4']) await small.run(id, 'true').end();
    await small.runner.shutdown();
    const executors = join(small.workDir, 'slaves', 'S0', 'frameworks', 'F0', 'executors');
    expect((await readdir(executors)).sort()).toEqual(['t3', 't4']);
    expect(small.runner.sandbox('t1')).toBeUndefined();
    expect(small.runner.sandbox('t4')).toBeDefined();
    await small.close();
  });
});
