/** Tasks in containers of a real engine: what Mesos' Docker containerizer promises. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../src/core/mesos/types.ts';
import { type EngineSearch, engineFinder } from '../../src/local-mesos/process/engine-finder.ts';
import { killLeftovers } from '../../src/local-mesos/process/leftovers.ts';
import { readProcessTable } from '../../src/local-mesos/process/process-table.ts';
import type { TaskReport } from '../../src/local-mesos/task-runner.ts';
import { eventually } from '../support/eventually.ts';
import { hasPodman, openPodman, type Podman } from '../support/podman.ts';
import { takePort, takePorts } from '../support/ports.ts';
import { type Bench, grace, openBench, untilFileHas, type Watched } from './process/harness.ts';

const image = 'busybox-of-the-test';
const agentHost = '127.0.0.3';

const bridged = (ports: readonly object[], more: object = {}): Partial<TaskInfo> => ({
  container: { type: 'DOCKER', docker: { image, network: 'BRIDGE', port_mappings: ports }, ...more },
});
const plain = (docker: object = {}, more: object = {}): Partial<TaskInfo> => ({
  container: { type: 'DOCKER', docker: { image, ...docker }, ...more },
});
const scalar = (name: string, value: number) => ({ name, type: 'SCALAR' as const, scalar: { value } });
const resources = (mem: number, ports: readonly number[] = []): Pick<TaskInfo, 'resources'> => ({
  resources: [
    scalar('cpus', 0.1),
    scalar('mem', mem),
    { name: 'ports', type: 'RANGES', ranges: { range: ports.map((port) => ({ begin: port, end: port })) } },
  ],
});

/** Its RUNNING report; an end before that is told at once. */
async function up(task: Watched): Promise<TaskReport> {
  const first = await task.until(({ state }) => state !== 'TASK_STARTING');
  expect(first.message).toBeUndefined();
  return first;
}

const text = async (url: string): Promise<string> => (await fetch(url)).text();

describe.skipIf(!hasPodman)('A container', () => {
  let podman: Podman;
  let search: EngineSearch;
  let bench: Bench;
  let own: string | undefined;

  beforeAll(() => {
    podman = openPodman();
    podman.buildBusybox(image, [
      'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
      'ENTRYPOINT ["/bin/busybox", "echo", "from the entrypoint:"]',
      'CMD ["nothing given"]',
    ]);
    own = process.env['CONTAINERS_CONF'];
    process.env['CONTAINERS_CONF'] = podman.env['CONTAINERS_CONF'];
    search = engineFinder({ program: 'podman', options: podman.options });
  });
  afterAll(() => {
    podman.close();
    if (own === undefined) delete process.env['CONTAINERS_CONF'];
    else process.env['CONTAINERS_CONF'] = own;
  });
  beforeEach(async () => {
    bench = await openBench({ engine: search });
  });
  afterEach(async () => {
    await bench.close();
    expect(podman.containers()).toEqual([]);
  });

  const run = (id: string, command: string, ...parts: readonly Partial<TaskInfo>[]): Watched =>
    bench.run(id, command, Object.assign({}, resources(64), grace(200), ...parts), { hostname: agentHost });
  const launch = (id: string, command: TaskInfo['command'], ...parts: readonly Partial<TaskInfo>[]): Watched =>
    run(id, '', ...parts, { command: { ...command } });

  it('runs the shell command with its own files, the sandbox, and the variables that Mesos sets', async () => {
    const variables = [{ name: 'MINE', value: 'a b' }];
    const command = {
      shell: true,
      value: 'env; echo err >&2; echo x > $MESOS_SANDBOX/made; cat /etc/debian_version',
      environment: { variables },
    };
    const task = launch('env', command, plain());
    expect(await task.end()).toMatchObject({ state: 'TASK_FAILED', message: 'Container exited with status 1' });
    const out = await task.file('stdout');
    expect(out).toContain('MESOS_SANDBOX=/mnt/mesos/sandbox\n');
    expect(out).toContain('MINE=a b\n');
    expect(out).toMatch(/MESOS_CONTAINER_NAME=mesos-[0-9a-f-]{36}\n/);
    expect(out).not.toContain('LIBPROCESS');
    expect(await task.file('stderr')).toContain('err\n');
    expect(await task.file('made')).toBe('x\n');
  });

  it.each([
    ['nothing', { shell: false }, 'from the entrypoint: nothing given\n'],
    ['arguments', { shell: false, arguments: ['a', 'b c'] }, 'from the entrypoint: a b c\n'],
    ['a program', { shell: false, value: 'p', arguments: ['q'] }, 'from the entrypoint: p q\n'],
  ])('runs the entry point of its image with %s', async (_what, command, out) => {
    const task = launch('entry', command, plain());
    expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED', message: 'Container exited with status 0' });
    expect(await task.file('stdout')).toBe(out);
  });

  it('is reached through its port mappings, at the address of its agent only', async () => {
    const [web, udp, same] = takePorts(3) as [number, number, number];
    const task = run(
      'bridge',
      `mkdir /w; echo hello > /w/index.html; busybox httpd -p ${same} -h /w; exec busybox httpd -f -p 80 -h /w`,
      resources(64, [web, udp, same]),
      bridged([
        { host_port: web, container_port: 80, protocol: 'tcp' },
        { host_port: udp, container_port: 53, protocol: 'udp' },
        { host_port: same, container_port: same },
      ]),
    );
    const { containerStatus } = await up(task);
    const [address] = containerStatus?.network_infos?.[0]?.ip_addresses ?? [];
    expect(address?.ip_address).toMatch(/^10\./);
    await eventually('the container serves', async () => (await text(`http://${agentHost}:${web}/`)) === 'hello\n');
    expect(await text(`http://${agentHost}:${same}/`)).toBe('hello\n');
    // Debian's busybox can serve nothing over UDP; that the port is mapped is what can be seen.
    expect(podman.call('port', podman.containers()[0] ?? '')).toContain(`53/udp -> ${agentHost}:${udp}`);
    expect(await refuses('127.0.0.1', web)).toBe(true);
    bench.runner.kill('bridge', false);
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED' });
    expect(await refuses(agentHost, web)).toBe(true);
  });

  it('shares the network of the machine in HOST mode', async () => {
    const port = takePort();
    const task = run(
      'host',
      `mkdir /w; echo h > /w/index.html; exec busybox httpd -f -p ${agentHost}:${port} -h /w`,
      plain({ network: 'HOST' }),
    );
    const { containerStatus } = await up(task);
    expect(containerStatus?.network_infos).toEqual([{ ip_addresses: [{ protocol: 'IPv4', ip_address: agentHost }] }]);
    await eventually('the container serves', async () => (await text(`http://${agentHost}:${port}/`)) === 'h\n');
  });

  it('joins a network by its name', async () => {
    const name =
      podman
        .call('network', 'ls', '--format', '{{.Name}}')
        .trim()
        .split('\n')
        .find((one) => one.startsWith('um')) ?? '';
    const task = run('user', 'sleep 1000', plain({ network: 'USER' }, { network_infos: [{ name }] }));
    const { containerStatus } = await up(task);
    expect(containerStatus?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address).toMatch(/^10\.2/);
    const other = run('lost', 'sleep 1000', plain({ network: 'USER' }, { network_infos: [{ name: 'no-such-net' }] }));
    expect(await other.end()).toMatchObject({
      state: 'TASK_FAILED',
      message: expect.stringMatching(
        /^Failed to run docker container: Container exited with status 125; .*no-such-net/,
      ),
    });
  });

  it('may be one of the Mesos containerizer: its image runs on the engine, on the bridge if it asks for that', async () => {
    const port = takePort();
    const container = {
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: image }, cached: true } },
      network_infos: [
        { name: 'mesos-bridge', ip_addresses: [{}], port_mappings: [{ host_port: port, container_port: 80 }] },
      ],
    };
    const serve = 'mkdir /w; echo m > /w/index.html; exec busybox httpd -f -p 80 -h /w';
    await up(run('mesos', serve, resources(64, [port]), { container }));
    await eventually('the container serves', async () => (await text(`http://${agentHost}:${port}/`)) === 'm\n');
  });

  it('has volumes of the host, read-only and not, and of its sandbox', async () => {
    const host = join(bench.workDir, 'host');
    await mkdir(host);
    await writeFile(join(host, 'in'), 'from the host');
    const volumes = [
      { mode: 'RO', container_path: '/ro', host_path: host },
      { mode: 'RW', container_path: '/rw', host_path: host },
      { mode: 'RW', container_path: 'box', host_path: 'kept' },
    ];
    const lines =
      'cat /ro/in; echo no > /ro/out; echo yes > /rw/out; test -d $MESOS_SANDBOX/box; echo z > $MESOS_SANDBOX/box/z';
    const task = run('vol', `mkdir -p kept; ${lines}`, plain({}, { volumes: volumes.slice(0, 2) }));
    await task.end();
    expect(await task.file('stdout')).toBe('from the host');
    expect(await task.file('stderr')).toMatch(/Read-only file system/);
    expect(await readFile(join(host, 'out'), 'utf8')).toBe('yes\n');
    const fetched = { value: join(host, 'in') };
    const inside = launch(
      'box',
      { shell: true, value: 'cat /data/file', uris: [{ ...fetched, output_file: 'file' }] },
      plain({}, { volumes: [{ mode: 'RO', container_path: '/data', host_path: '.' }] }),
    );
    expect(await inside.end()).toMatchObject({ state: 'TASK_FINISHED' });
    expect(await inside.file('stdout')).toBe('from the host');
  });

  it('gets the parameters of the app, labels among them, and privileges only if they are asked for', async () => {
    const parameters = [
      { key: 'label', value: 'MESOS_TASK_ID=param' },
      { key: 'workdir', value: '/bin' },
    ];
    const task = run('param', 'pwd; exec sleep 1000', plain({ parameters }));
    await up(task);
    const [name = ''] = podman.containers();
    expect(name).toMatch(/^mesos-/);
    expect(
      podman.call('inspect', '--format', '{{.Config.Labels.MESOS_TASK_ID}} {{.HostConfig.Privileged}}', name),
    ).toBe('param false\n');
    await untilFileHas(task, 'stdout', '/bin\n');
    const powerful = run('priv', 'sleep 1000', plain({ privileged: true }));
    await up(powerful);
    const other = podman.containers().find((one) => one !== name) ?? '';
    expect(podman.call('inspect', '--format', '{{.HostConfig.Privileged}}', other)).toBe('true\n');
  });

  it('ends as its command does', async () => {
    expect(await run('seven', 'exit 7', plain()).end()).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_EXECUTOR',
      message: 'Container exited with status 7',
    });
    const task = run('sig', 'echo up; while true; do sleep 1; done', plain());
    await up(task);
    podman.call('kill', podman.containers()[0] ?? '');
    expect(await task.end()).toMatchObject({ state: 'TASK_FAILED', message: 'Container exited with status 137' });
  });

  it('gets SIGTERM and its grace, and SIGKILL after it', async () => {
    const polite = run(
      'polite',
      "trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 0.1; done",
      plain(),
      grace(60_000),
    );
    await untilFileHas(polite, 'stdout', 'up');
    await up(polite);
    bench.runner.kill('polite', true);
    expect(await polite.end()).toMatchObject({ state: 'TASK_KILLED', message: 'Container exited with status 3' });
    expect(polite.reports.map(({ state }) => state)).toEqual([
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_KILLING',
      'TASK_KILLED',
    ]);
    expect(await polite.file('stdout')).toContain('bye');
    const deaf = run('deaf', "trap '' TERM; echo up; while true; do sleep 0.1; done", plain(), grace(1_000));
    await untilFileHas(deaf, 'stdout', 'up');
    await up(deaf);
    bench.runner.kill('deaf', false);
    expect(await deaf.end()).toMatchObject({ state: 'TASK_KILLED', message: 'Container exited with status 137' });
  });

  it('is asked for its health inside, by a command and at its own address', async () => {
    const often = { delay_seconds: 0, interval_seconds: 0.2, timeout_seconds: 30, grace_period_seconds: 60 };
    const command = { type: 'COMMAND' as const, command: { value: 'test -e /only-here' }, ...often };
    const inside = run('cmd', 'sleep 1; touch /only-here; exec sleep 1000', plain(), { health_check: command });
    await inside.until(({ healthy }) => healthy === true);
    const port = takePort();
    const serve = 'mkdir /w; echo h > /w/index.html; exec busybox httpd -f -p 80 -h /w';
    const mapping = bridged([{ host_port: port, container_port: 80 }]);
    const http = { type: 'HTTP' as const, http: { port: 80, path: '/' }, ...often };
    const asked = run('http', serve, resources(64, [port]), mapping, { health_check: http });
    await asked.until(({ healthy }) => healthy === true);
    bench.runner.kill('http', false);
    await asked.end();
    const tcp = { type: 'TCP' as const, tcp: { port: 81 }, ...often, grace_period_seconds: 0, consecutive_failures: 2 };
    const sick = run('tcp', serve, resources(64, [port]), mapping, { health_check: tcp }, grace(100));
    expect(await sick.end()).toMatchObject({ state: 'TASK_KILLED', healthy: false });
  });

  it('fails with a clear reason when its image is not to be had', async () => {
    const task = run('none', 'true', plain({ image: '127.0.0.1:1/no/such:image' }));
    expect(await task.end()).toMatchObject({
      state: 'TASK_FAILED',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: expect.stringMatching(
        /^Failed to launch container: the image '127.0.0.1:1\/no\/such:image' cannot be pulled: .*connection refused/,
      ),
    });
  });

  it('may be killed while its image is pulled', async () => {
    // It must not even refuse the TLS greeting, as an HTTP server would: the client would give up by itself.
    const connections = new Set<Socket>();
    const silent = createTcpServer((socket) => void connections.add(socket.on('error', () => {})));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const asked = new Promise((resolve) => silent.once('connection', resolve));
    const task = run('pulling', 'true', plain({ image: `127.0.0.1:${port}/a:b` }));
    await asked;
    const sandbox = bench.runner.sandbox('pulling') ?? '';
    const isPulling = async (): Promise<boolean> =>
      [...(await readProcessTable()).values()].some((one) => one.sandbox === sandbox && !one.zombie);
    // The client is known as the task's, should we be killed now.
    expect(await isPulling()).toBe(true);
    bench.runner.kill('pulling', false);
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED', reason: 'REASON_TASK_KILLED_DURING_LAUNCH' });
    await eventually('the client is gone', async () => !(await isPulling()));
    for (const socket of connections) socket.destroy();
    silent.close();
  });

  it('is ended by the kernel when it uses more memory than it may', async () => {
    const task = run('greedy', 'a=x; while true; do a=$a$a; done', resources(8), plain());
    const message = expect.stringMatching(/^Container exited with status 137( \(its memory limit was exceeded\))?$/);
    expect(await task.end()).toMatchObject({ state: 'TASK_FAILED', message });
  });

  it('is removed on the next start after everything of ours was killed, its client included', async () => {
    const task = run('stray', 'while true; do sleep 1; done', plain());
    await up(task);
    const [name = ''] = podman.containers();
    // What is on disk is all that a killed cluster leaves.
    const { killed, left } = await killLeftovers(bench.workDir);
    expect({ killed: killed > 0, left }).toEqual({ killed: true, left: 0 });
    expect(podman.containers()).not.toContain(name);
    await task.end();
  });
});

function refuses(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
