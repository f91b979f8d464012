/** What the cluster says of containers and limits: to schedulers, to operators, and at its own command line. */
import { describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../src/core/mesos/types.ts';
import { LocalMesosError, startLocalMesos } from '../../src/local-mesos/cluster.ts';
import { parseFlags } from '../../src/local-mesos/flags.ts';
import { engineFinder } from '../../src/local-mesos/process/engine-finder.ts';
import { cgroupPlace, hasCgroups } from '../support/cgroups.ts';
import { eventually } from '../support/eventually.ts';
import { json, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed, workDir } from './cluster-fixture.ts';

type State = Readonly<Record<string, unknown>>;
const stateOf = async (url: string): Promise<State> => JSON.parse((await send(`${url}/slave(1)/state`)).body) as State;

describe('an agent', () => {
  it('tells in its state that limits are not enforced, and why there are no containers', async () => {
    const engine = engineFinder({ program: 'no-such-engine' });
    const { url } = await cluster({ simulate: false, engine });
    const state = await eventually('the engine was asked', async () => {
      const seen = await stateOf(url);
      return seen['container_engine'] !== 'not asked yet' && seen;
    });
    expect(state).toMatchObject({
      flags: { containerizers: 'mesos', isolation: 'posix/cpu,posix/mem', cgroups_enable_cfs: 'false' },
      isolation: 'CPU and memory limits of tasks are not enforced: --isolation is none',
      container_engine: 'none: no-such-engine: not found on PATH',
    });
    const flags = JSON.parse((await send(`${url}/slave(1)/flags`)).body) as State;
    expect(flags).toEqual({ flags: state['flags'] });
    const asked = await send(`${url}/slave(1)/api/v1`, { headers: json, body: { type: 'GET_FLAGS' } });
    expect(JSON.parse(asked.body).get_flags.flags).toContainEqual({ name: 'containerizers', value: 'mesos' });
  });

  it('without an engine fails a DOCKER task with what is missing', async () => {
    const engine = engineFinder({ program: 'no-such-engine' });
    const scheduler = await subscribed(await cluster({ simulate: false, engine }));
    const [offer] = await scheduler.nextOffers();
    const container = { type: 'DOCKER', docker: { image: 'nginx' } };
    await scheduler.launch([offer!], [taskFor(offer!, 'd', { command: { shell: false }, container })]);
    expect(await scheduler.nextStatus('d')).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message:
        "Failed to launch container: the image 'nginx' needs Docker or Podman, and this agent has neither " +
        '(no-such-engine: not found on PATH)',
    });
  });

  it('is not started where the limits that were asked for are not to be had', async () => {
    const options = { port: 0, agents: 1, simulate: false, workDir: await workDir() };
    const lost = startLocalMesos({ ...options, isolation: 'cgroups', cgroupsRoot: '/../../../../proc/no-such-place' });
    await expect(lost).rejects.toThrow(LocalMesosError);
    await expect(lost).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

describe.skipIf(!hasCgroups)('an agent with cgroups', () => {
  it('says so, and reports a task that ran out of memory with the limit that it had', async () => {
    const started = await cluster({ simulate: false, isolation: 'auto', ...cgroupPlace });
    expect(await stateOf(started.url)).toMatchObject({
      flags: { isolation: 'cgroups/cpu,cgroups/mem' },
      isolation: expect.stringContaining('are enforced by cgroups'),
    });
    const scheduler = await subscribed(started);
    const [offer] = await scheduler.nextOffers();
    const value = `exec ${process.execPath} -e 'const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1))'`;
    await scheduler.launch([offer!], [taskFor(offer!, 'oom', { command: { shell: true, value } })]);
    const seen: string[] = [];
    for (;;) {
      const status = await scheduler.nextStatus('oom');
      await scheduler.acknowledge(status);
      seen.push(status.state);
      if (status.state !== 'TASK_FAILED') continue;
      expect(status).toMatchObject({
        source: 'SOURCE_AGENT',
        reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
        message: expect.stringMatching(/^Memory limit exceeded: Requested: 32MB Maximum Used: \d+MB\n/),
        limitation: { resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 32 } }] },
      });
      break;
    }
    expect(seen).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
  });
});

describe('a master', () => {
  it.each<[string, unknown]>([
    ["DockerInfo 'docker' is not set for DOCKER typed ContainerInfo", { type: 'DOCKER' }],
    [
      "Parameter in DockerInfo must not be 'name'",
      { type: 'DOCKER', docker: { image: 'i', parameters: [{ key: 'name', value: 'mine' }] } },
    ],
    [
      "Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'",
      { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'a', host_path: '/a', source: { type: 'HOST_PATH' } }] },
    ],
  ])('refuses a container: %s', async (fault, container) => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    const change = { container } as Partial<TaskInfo>;
    await scheduler.launch([offer!], [taskFor(offer!, 'bad', change)]);
    expect(await scheduler.nextStatus('bad')).toMatchObject({
      state: 'TASK_ERROR',
      reason: 'REASON_TASK_INVALID',
      message: `Task's \`ContainerInfo\` is invalid: ${fault}`,
    });
  });
});

describe('the flags for containers and limits', () => {
  it('are read, options in words', () => {
    const argv = [
      ...['--container_engine', 'podman', '--container_engine_options', '--root /x  --storage-driver=vfs'],
      ...[
        '--container-run-options=--ulimit=nofile=9',
        '--isolation=auto',
        '--cgroups_root',
        '/a',
        '--cgroups_enable_cfs',
      ],
    ];
    expect(parseFlags(argv)).toMatchObject({
      ok: true,
      value: {
        containerEngine: 'podman',
        containerEngineOptions: ['--root', '/x', '--storage-driver=vfs'],
        containerRunOptions: ['--ulimit=nofile=9'],
        isolation: 'auto',
        cgroupsRoot: '/a',
        hardCpuLimit: true,
      },
    });
    expect(parseFlags([])).toMatchObject({
      value: { containerEngine: undefined, isolation: 'none', hardCpuLimit: false },
    });
  });

  it.each(['--isolation=docker', '--container_engine=', '--cgroups_root=', '--cgroups_enable_cfs=no'])(
    'are refused when wrong: %s',
    (flag) => {
      expect(parseFlags([flag])).toMatchObject({ ok: false });
    },
  );
});
