import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { writeChildRecord } from '../../../src/local-mesos/process/child-records.ts';
import { engineFinder } from '../../../src/local-mesos/process/engine.ts';
import { engineInvocation } from '../../../src/local-mesos/process/engine-command.ts';
import { killLeftovers } from '../../../src/local-mesos/process/leftovers.ts';
import { type Bench, openBench, untilFileHas } from './harness.ts';

/** A client that does as much as we use; its containers are shells of this machine. */
const client = (state: string): string => `#!/bin/sh
verb=$1; shift
for last; do :; done
echo "$verb $*" >> ${state}/calls
case $verb in
  version) echo 99 ;;
  run)
    for word; do case $word in --name=*) name=\${word#--name=};; esac; done
    case " $* " in *" broken "*) echo 'no such image' >&2; exit 125;; esac
    echo $$ > ${state}/$name
    exec sh -c "$last" ;;
  inspect) kill -0 $(cat ${state}/$last) 2>/dev/null && echo "true 127.0.0.9" || exit 1 ;;
  stop) test -e ${state}/$last && kill -TERM $(cat ${state}/$last) ;;
  rm) rm ${state}/$last ;;
  exec) shift; exec "$@" ;;
esac
`;

let bench: Bench;
let state: string;
let program: string;
const outer: Bench[] = [];
beforeEach(async () => {
  const place = await openBench();
  outer.push(place);
  state = join(place.workDir, 'state');
  program = join(place.workDir, 'docker');
  await mkdir(state);
  await writeFile(program, client(state));
  await chmod(program, 0o755);
  bench = await openBench({ engine: async () => ({ program }) });
});
afterEach(async () => {
  await bench.close();
  for (const place of outer.splice(0)) await place.close();
});

const container = { type: 'DOCKER', docker: { image: 'shell' } };
const calls = async (): Promise<string> => readFile(join(state, 'calls'), 'utf8');

describe('a task with a container image', () => {
  it('runs when the engine says so, at the address of the container, and ends as the container does', async () => {
    const task = bench.run('img', 'echo in $0; until test -e go; do sleep 0.02; done; exit 4', { container });
    const running = await task.running();
    expect(running.containerStatus?.network_infos).toEqual([
      { ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.9' }] },
    ]);
    await writeFile(join(bench.runner.sandbox('img') ?? '', 'go'), '');
    expect(await task.end()).toMatchObject({ state: 'TASK_FAILED', message: 'Container exited with status 4' });
    const name = `mesos-${basename(bench.runner.sandbox('img') ?? '')}`;
    expect(await calls()).toContain(`rm --force ${name}`);
    expect(await readdir(state)).toEqual(['calls']);
  });

  it('is stopped by the engine with the grace of its kill policy', async () => {
    const task = bench.run('stop', "trap 'exit 0' TERM; while true; do sleep 0.02; done", {
      container,
      kill_policy: { grace_period: { nanoseconds: 7e9 } },
    });
    await task.running();
    bench.runner.kill('stop', true);
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED', message: 'Container exited with status 0' });
    expect(await calls()).toMatch(/stop --time 7 mesos-/);
  });

  it('fails with what the client exits with when the image cannot be run, and never says RUNNING', async () => {
    const task = bench.run('broken', 'true', { container: { type: 'DOCKER', docker: { image: 'broken' } } });
    expect(await task.end()).toMatchObject({ state: 'TASK_FAILED', message: 'Container exited with status 125' });
    expect(task.reports.map((report) => report.state)).toEqual(['TASK_STARTING', 'TASK_FAILED']);
    expect(await task.file('stderr')).toContain('no such image');
  });

  it('is asked for its health inside the container', async () => {
    const task = bench.run('health', 'sleep 1000', {
      container,
      health_check: { type: 'COMMAND', command: { value: 'exit 0' }, delay_seconds: 0, interval_seconds: 1 },
    });
    await task.until((report) => report.healthy === true);
    expect(await calls()).toMatch(/exec mesos-[0-9a-f-]+ sh -c exit 0/);
  });

  it('is removed at the next start although its client is gone', async () => {
    const task = bench.run('left', 'echo pid $$; sleep 1000', { container });
    await untilFileHas(task, 'stdout', /pid \d+/);
    const name = `mesos-${basename(bench.runner.sandbox('left') ?? '')}`;
    const record = { pid: 999_999, startTicks: '1', taskId: 'left', sandbox: '/s', container: { program, name } };
    const elsewhere = outer[0] as Bench;
    writeChildRecord(elsewhere.workDir, 'left', record);
    await killLeftovers(elsewhere.workDir);
    expect(await calls()).toContain(`rm --force ${name}`);
  });
});

describe('finding an engine', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
  });

  it('takes the first client that answers, and none where there is none', async () => {
    process.env['PATH'] = `${join(program, '..')}:${path}`;
    expect(await engineFinder()()).toEqual({ program: 'docker' });
    process.env['PATH'] = join(state, 'nothing-here');
    expect(await engineFinder()()).toBeUndefined();
  });
});

describe('the command line of a container', () => {
  const task = (more: Partial<TaskInfo>): TaskInfo => ({
    name: 't',
    task_id: { value: 't' },
    agent_id: { value: 'S' },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 64 } },
    ],
    ...more,
  });
  const args = (more: Partial<TaskInfo>): string =>
    engineInvocation(task(more), { engine: { program: 'docker' }, name: 'c' }, '/box', { MESOS_X: '1' }, []).args.join(
      ' ',
    );

  it('carries limits, variables, the sandbox, volumes, ports and parameters', () => {
    const line = args({
      container: {
        type: 'DOCKER',
        hostname: 'web',
        volumes: [
          { mode: 'RO', container_path: '/etc/x', host_path: '/srv/x' },
          { mode: 'RW', container_path: 'data', host_path: 'here' },
        ],
        docker: {
          image: 'nginx:1',
          network: 'BRIDGE',
          port_mappings: [{ host_port: 31000, container_port: 80, protocol: 'tcp' }],
          privileged: true,
          force_pull_image: true,
          parameters: [{ key: 'ulimit', value: 'nofile=10' }],
        },
      },
      command: { shell: false, environment: { variables: [{ name: 'A', value: 'b c' }] } },
    });
    expect(line).toBe(
      'run --rm --name=c --cpu-shares=512 --memory=64m --env MESOS_X=1 --env A=b c --env MESOS_SANDBOX=/mnt/mesos/sandbox ' +
        '--env MESOS_CONTAINER_NAME=c --volume /box:/mnt/mesos/sandbox --volume /srv/x:/etc/x:ro ' +
        '--volume /box/here:/mnt/mesos/sandbox/data:rw --network=bridge --hostname=web --publish=31000:80/tcp ' +
        '--privileged --pull=always --ulimit=nofile=10 nginx:1',
    );
  });

  it.each([
    ['a shell command', { shell: true, value: 'echo hi' }, '--network=host --entrypoint=/bin/sh i -c echo hi'],
    ['arguments only', { shell: false, arguments: ['a', 'b'] }, '--network=host i a b'],
    ['a program with arguments', { shell: false, value: 'p', arguments: ['a'] }, '--network=host i p a'],
  ])('ends with the image and %s', (_what, command, end) => {
    const image = { type: 'DOCKER', docker: { name: 'i' } };
    expect(args({ command, container: { type: 'MESOS', mesos: { image } } })).toMatch(new RegExp(`${end}$`));
  });
});
