import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { writeChildRecord } from '../../../src/local-mesos/process/child-records.ts';
import { type ContainerEngine, readInspection } from '../../../src/local-mesos/process/engine.ts';
import { engineInvocation } from '../../../src/local-mesos/process/engine-command.ts';
import { engineFinder } from '../../../src/local-mesos/process/engine-finder.ts';
import { fullImageName } from '../../../src/local-mesos/process/engine-image.ts';
import { killLeftovers } from '../../../src/local-mesos/process/leftovers.ts';
import { type Bench, openBench, untilFileHas } from './harness.ts';

/** A client that does as much as we use; its containers are shells of this machine. */
const client = (state: string): string => `#!/bin/sh
test "$1" = --version && exec echo 'Docker version 99'
while test "\${1#--}" != "$1"; do shift; done
verb=$1; shift
for last; do :; done
echo "$verb $*" >> ${state}/calls
case $verb in
  version) echo 99 ;;
  ps) test ! -e ${state}/no-storage || { echo 'warning' >&2; echo 'Error: storage is locked' >&2; exit 125; } ;;
  image) test "$last" != missing ;;
  pull) test "$last" != missing || { echo 'Error: no such registry' >&2; exit 125; } ;;
  run)
    for word; do case $word in --name=*) name=\${word#--name=};; esac; done
    case " $* " in *" broken "*) echo 'Error: no such image' >&2; exit 125;; esac
    echo $$ > ${state}/$name
    exec sh -c "$last" ;;
  container)
    test -e ${state}/out-of-memory && exec echo '[{"State":{"OOMKilled":true}}]'
    kill -0 $(cat ${state}/$last) 2>/dev/null || exit 1
    echo '[{"State":{"Running":true},"NetworkSettings":{"IPAddress":"127.0.0.9"}}]' ;;
  stop) test -e ${state}/$last && kill -TERM $(cat ${state}/$last) ;;
  rm) rm ${state}/$last ;;
  exec) shift; exec "$@" ;;
esac
`;

const engineAt = (program: string): ContainerEngine => ({
  program,
  options: ['--debug'],
  kind: 'docker',
  version: '99',
  runOptions: ['--run-option'],
});

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
  bench = await openBench({ engine: async () => ({ ok: true, value: engineAt(program) }) });
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
    expect(await calls()).toContain(`rm --force --volumes ${name}`);
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
    expect(await calls()).toMatch(/stop -t 7 mesos-/);
  });

  it('fails with what the client exits with when the image cannot be run, and never says RUNNING', async () => {
    const task = bench.run('broken', 'true', { container: { type: 'DOCKER', docker: { image: 'broken' } } });
    expect(await task.end()).toMatchObject({
      state: 'TASK_FAILED',
      message: "Failed to run docker container: Container exited with status 125; stderr='Error: no such image'",
    });
    expect(task.reports.map((report) => report.state)).toEqual(['TASK_STARTING', 'TASK_FAILED']);
    expect(await task.file('stderr')).toContain('no such image');
  });

  it.each([
    ['is not there and cannot be pulled', false],
    ['cannot be pulled although it is there', true],
  ])('fails before anything starts when the image %s', async (_what, force_pull_image) => {
    const container = { type: 'DOCKER', docker: { image: 'missing', force_pull_image } };
    const task = bench.run('pull', 'true', { container });
    expect(await task.end()).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: "Failed to launch container: the image 'missing' cannot be pulled: Error: no such registry",
    });
    expect(task.reports).toHaveLength(1);
  });

  it('says what is missing where there is no engine', async () => {
    const bare = await openBench({ engine: engineFinder({ program: 'no-such-engine' }) });
    outer.push(bare);
    const why = 'this agent has neither (no-such-engine: not found on PATH)';
    expect(await bare.run('d', 'true', { container }).end()).toMatchObject({
      state: 'TASK_FAILED',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: `Failed to launch container: the image 'shell' needs Docker or Podman, and ${why}`,
    });
    const mesos = { type: 'MESOS', mesos: { image: { docker: { name: 'shell' } } } };
    expect(await bare.run('m', 'true', { container: mesos }).end()).toMatchObject({
      state: 'TASK_FAILED',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: expect.stringMatching(/Mesos containerizer of this agent cannot unpack images itself.*has neither/),
    });
  });

  it('says so when the engine knows that it used more memory than it may', async () => {
    const task = bench.run('oom', `touch ${state}/out-of-memory; exit 137`, { container });
    expect(await task.end()).toMatchObject({
      state: 'TASK_FAILED',
      message: 'Container exited with status 137 (its memory limit was exceeded)',
    });
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
    const record = {
      pid: 999_999,
      startTicks: '1',
      taskId: 'left',
      sandbox: '/s',
      container: { program, options: ['--debug'], name },
    };
    const elsewhere = outer[0] as Bench;
    writeChildRecord(elsewhere.workDir, 'left', record);
    await killLeftovers(elsewhere.workDir);
    expect(await calls()).toContain(`rm --force --volumes ${name}`);
  });
});

describe('finding an engine', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
  });

  it('takes the first client that answers', async () => {
    process.env['PATH'] = `${join(program, '..')}:${path}`;
    expect(await engineFinder({ options: ['--debug'], runOptions: ['--init'] })()).toEqual({
      ok: true,
      value: { program: 'docker', options: ['--debug'], runOptions: ['--init'], kind: 'docker', version: '99' },
    });
  });

  it('tells of each client why it is of no use', async () => {
    process.env['PATH'] = `${join(program, '..')}`;
    await writeFile(join(state, 'no-storage'), '');
    process.env['PATH'] += ':/bin';
    await writeFile(join(program, '..', 'podman'), '#!/bin/sh\necho podman needs help >&2\nexit 1\n', { mode: 0o755 });
    expect(await engineFinder()()).toEqual({
      ok: false,
      error: 'docker: Error: storage is locked; podman: podman needs help',
    });
    expect(await engineFinder({ program: 'nothing-of-this-name' })()).toEqual({
      ok: false,
      error: 'nothing-of-this-name: not found on PATH',
    });
    expect(await engineFinder({ program: 'none' })()).toMatchObject({ ok: false });
  });
});

describe('what an engine says', () => {
  it.each([
    ['an address of its own', { NetworkSettings: { IPAddress: '10.0.0.2' } }, '10.0.0.2'],
    [
      'an address in a network',
      { NetworkSettings: { IPAddress: '', Networks: { a: { IPAddress: '' }, b: { IPAddress: '10.1.0.2' } } } },
      '10.1.0.2',
    ],
    ['no address on the host network', { NetworkSettings: { Networks: { host: { IPAddress: '' } } } }, undefined],
    ['no networks at all', {}, undefined],
  ])('gives %s', (_what, more, ip) => {
    const text = JSON.stringify([{ State: { Running: true }, ...more }]);
    expect(readInspection(text)).toEqual({ running: true, ip, outOfMemory: false });
  });

  it.each(['', '[]', '{}', 'Error'])('is nothing where it says %j', (text) => {
    expect(readInspection(text)).toBeUndefined();
  });

  it.each([
    ['nginx', 'docker.io/library/nginx'],
    ['nginx:1.25', 'docker.io/library/nginx:1.25'],
    ['me/app@sha256:00', 'docker.io/me/app@sha256:00'],
    ['localhost/app', 'localhost/app'],
    ['quay.io/me/app', 'quay.io/me/app'],
    ['127.0.0.1:5000/app', '127.0.0.1:5000/app'],
  ])('Podman is asked for %s as %s', (image, full) => {
    expect(fullImageName(image)).toBe(full);
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
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_000, end: 31_001 }] } },
    ],
    ...more,
  });
  const invocation = (more: Partial<TaskInfo>, hardCpuLimit = false) =>
    engineInvocation(task(more), {
      engine: engineAt('docker'),
      container: { engine: engineAt('docker'), name: 'c' },
      sandbox: '/box',
      agentHost: '127.0.0.2',
      mesosEnvironment: { MESOS_X: '1' },
      persistent: [],
      hardCpuLimit,
    });
  const args = (more: Partial<TaskInfo>, hardCpuLimit = false): string => {
    const made = invocation(more, hardCpuLimit);
    return made.ok ? made.value.args.join(' ') : made.error;
  };

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
      '--debug run --run-option --name=c --cpu-shares=512 --memory=64m --env MESOS_X=1 --env A=b c --env MESOS_SANDBOX=/mnt/mesos/sandbox ' +
        '--env MESOS_CONTAINER_NAME=c --volume /box:/mnt/mesos/sandbox --volume /srv/x:/etc/x:ro ' +
        '--volume /box/here:/mnt/mesos/sandbox/data:rw --network=bridge --hostname=web --publish=127.0.0.2:31000:80/tcp ' +
        '--privileged --ulimit=nofile=10 nginx:1',
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

  it.each([
    ['BRIDGE', undefined, '--network=bridge --publish=127.0.0.2:31001:53/udp i'],
    ['USER', 'mine', '--network=mine --publish=127.0.0.2:31001:53/udp i'],
    ['HOST', undefined, '--network=host i'],
    ['NONE', undefined, '--network=none i'],
  ])('joins the network %s', (network, name, end) => {
    const docker = { image: 'i', network, port_mappings: [{ host_port: 31_001, container_port: 53, protocol: 'UDP' }] };
    const network_infos = name === undefined ? [] : [{ name }];
    const container = { type: 'DOCKER', docker, network_infos };
    expect(args({ container, command: { shell: false } })).toMatch(new RegExp(`${end}$`));
  });

  it('takes the bridge of Mesos for that of the engine', () => {
    const mesos = { image: { docker: { name: 'i' } } };
    const network_infos = [{ name: 'mesos-bridge', port_mappings: [{ host_port: 31_000, container_port: 80 }] }];
    const container = { type: 'MESOS', mesos, network_infos };
    expect(args({ container, command: { shell: false } })).toMatch(
      /--network=bridge --publish=127.0.0.2:31000:80\/tcp i$/,
    );
  });

  it('refuses a port that the task was not given', () => {
    const docker = { image: 'i', network: 'BRIDGE', port_mappings: [{ host_port: 31_002, container_port: 80 }] };
    expect(args({ container: { type: 'DOCKER', docker } })).toBe('Port [31002] not included in resources');
  });

  it('names volumes of a driver as the driver does', () => {
    const volumes = [{ mode: 'RO', container_path: '/data', host_path: 'pool' }];
    const docker = { image: 'i', volume_driver: 'rexray' };
    const line = args({ container: { type: 'DOCKER', docker, volumes } });
    expect(line).toContain('--volume pool:/data:ro');
    expect(line).toContain('--volume-driver=rexray');
  });

  it('limits cpus where that is wanted, and memory by the limit where there is one', () => {
    const container = { type: 'DOCKER', docker: { image: 'i' } };
    expect(args({ container }, true)).toContain('--cpu-shares=512 --cpus=0.5 --memory=64m');
    const limits = { cpus: { value: 2 }, mem: { value: 128 } };
    expect(args({ container, limits })).toContain('--cpu-shares=512 --cpus=2 --memory=128m --memory-reservation=64m');
    const endless = { mem: { value: 'Infinity' as unknown as number } };
    expect(args({ container, limits: endless })).not.toContain('--memory=');
  });
});
