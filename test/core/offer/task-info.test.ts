import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { type InstanceId, taskIdOf } from '../../../src/core/ids.ts';
import type { Resource, TaskInfo } from '../../../src/core/mesos/types.ts';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { buildTaskInfo } from '../../../src/core/offer/task-info.ts';
import { anAgent, anApp, definitions, scalar, seeded } from './fixtures.ts';

const taskId = taskIdOf('shop_web.instance-u' as InstanceId, 1);
const resources = [scalar('cpus', 1)];

const taskOf = (
  changes: Partial<AppDefinition>,
  hostPorts: readonly (number | undefined)[] = [],
  executorResources: readonly Resource[] = [],
): TaskInfo =>
  buildTaskInfo({
    app: anApp(changes),
    taskId,
    agent: anAgent('h'),
    resources,
    executorResources,
    hostPorts,
    settings: defaultMatchSettings,
    enforceGroupRole: false,
    random: seeded(1),
  });

/** The command without its environment. */
const commandOf = (changes: Partial<AppDefinition>) => {
  const { environment, ...command } = taskOf(changes).command!;
  expect(environment?.variables?.length).toBeGreaterThan(0);
  return command;
};

const image = { image: 'nginx:1', forcePullImage: false };
const mapping = { containerPort: 80, hostPort: 0, servicePort: 0, protocol: 'tcp' as const, labels: {} };

describe('a TaskInfo', () => {
  it('names task, agent and what it consumes', () => {
    expect(taskOf({ labels: { a: 'b' }, taskKillGracePeriodSeconds: 3 })).toMatchObject({
      name: 'web.shop',
      task_id: { value: 'shop_web.instance-u._app.1' },
      agent_id: { value: 'agent of h' },
      resources,
      labels: { labels: [{ key: 'a', value: 'b' }] },
      kill_policy: { grace_period: { nanoseconds: 3e9 } },
      discovery: { visibility: 'FRAMEWORK', name: 'web.shop' },
    });
  });

  it('of a plain app has no container, no check and no limits', () => {
    const task = taskOf({});
    for (const member of ['container', 'health_check', 'check', 'limits', 'kill_policy', 'executor', 'labels']) {
      expect(task).not.toHaveProperty(member);
    }
  });

  it('runs a command in a shell', () => {
    expect(commandOf({ cmd: 'echo $HOST', user: 'nobody' })).toEqual({
      shell: true,
      value: 'echo $HOST',
      user: 'nobody',
    });
  });

  it('runs arguments without a shell', () => {
    expect(commandOf({ cmd: '', args: ['a', 'b'] })).toEqual({ shell: false, value: 'a', arguments: ['a', 'b'] });
  });

  it('leaves arguments to the entry point of an image', () => {
    const changes = { cmd: '', args: ['a'], container: { type: 'MESOS' as const, docker: image, volumes: [] } };
    expect(commandOf(changes)).toEqual({ shell: false, arguments: ['a'] });
    expect(commandOf({ ...changes, args: [] })).toEqual({ shell: false });
  });

  it('fetches what the app asks for', () => {
    const fetch = [{ uri: 'http://x/a.tgz', extract: true, executable: false, cache: true, destPath: 'b' }];
    expect(commandOf({ fetch }).uris).toEqual([
      { value: 'http://x/a.tgz', extract: true, executable: false, cache: true, output_file: 'b' },
    ]);
  });

  it('with a custom executor hands the command to it', () => {
    const own = [scalar('cpus', 0.1)];
    const task = taskOf({ executor: '/opt/run', cmd: 'serve -x' }, [], own);
    expect(task).not.toHaveProperty('command');
    expect(task.executor).toMatchObject({
      executor_id: { value: `marathon-${taskId}` },
      command: { shell: true, value: `chmod ug+rx '/opt/run' && exec '/opt/run' serve -x` },
      resources: own,
    });
  });

  it('limits resources, infinity being a text', () => {
    expect(taskOf({ resourceLimits: { cpus: 'unlimited', mem: 512 } }).limits).toEqual({
      cpus: { value: 'Infinity' },
      mem: { value: 512 },
    });
  });
});

describe('discovery', () => {
  it('has one port for each protocol', () => {
    const portDefinitions = [{ port: 80, protocol: 'udp,tcp' as const, name: 'dns', labels: { VIP_0: 'x:1' } }];
    expect(taskOf({ portDefinitions }, [31_000]).discovery?.ports?.ports).toEqual([
      { number: 31_000, name: 'dns', protocol: 'udp', labels: { labels: [{ key: 'VIP_0', value: 'x:1' }] } },
      { number: 31_000, name: 'dns', protocol: 'tcp', labels: { labels: [{ key: 'VIP_0', value: 'x:1' }] } },
    ]);
  });

  it('tells host from container scope', () => {
    const { hostPort: _, ...inside } = mapping;
    const container = { type: 'MESOS' as const, volumes: [], portMappings: [mapping, inside] };
    const networks = [
      { mode: 'container' as const, name: 'blue' },
      { mode: 'container' as const, name: 'green' },
    ];
    const scope = (name: string) => ({
      labels: [
        { key: 'network-scope', value: 'container' },
        { key: 'network-name', value: name },
      ],
    });
    expect(taskOf({ container, networks }, [31_000, undefined]).discovery?.ports?.ports).toEqual([
      { number: 31_000, protocol: 'tcp', labels: { labels: [{ key: 'network-scope', value: 'host' }] } },
      { number: 80, protocol: 'tcp', labels: scope('blue') },
      { number: 80, protocol: 'tcp', labels: scope('green') },
    ]);
  });
});

describe('containers', () => {
  it('of Docker on a bridge map ports and label themselves', () => {
    const container = {
      type: 'DOCKER' as const,
      docker: { ...image, forcePullImage: true, parameters: [{ key: 'hostname', value: 'a' }] },
      volumes: [{ containerPath: '/data', hostPath: '/mnt', mode: 'RO' as const }],
      portMappings: [mapping, { ...mapping, containerPort: 0, protocol: 'udp,tcp' as const }],
    };
    const task = taskOf({ container, networks: [{ mode: 'container/bridge' }] }, [31_000, 31_001]);
    expect(task.container).toEqual({
      type: 'DOCKER',
      docker: {
        image: 'nginx:1',
        network: 'BRIDGE',
        privileged: false,
        force_pull_image: true,
        parameters: [
          { key: 'hostname', value: 'a' },
          { key: 'label', value: `MESOS_TASK_ID=${taskId}` },
        ],
        port_mappings: [
          { host_port: 31_000, container_port: 80, protocol: 'tcp' },
          { host_port: 31_001, container_port: 31_001, protocol: 'udp' },
          { host_port: 31_001, container_port: 31_001, protocol: 'tcp' },
        ],
      },
      volumes: [{ container_path: '/data', mode: 'RO', host_path: '/mnt' }],
    });
  });

  it('of Docker on the host network or on a named one', () => {
    const container = { type: 'DOCKER' as const, docker: image, volumes: [] };
    expect(taskOf({ container }).container).toMatchObject({ docker: { network: 'HOST' } });
    expect(taskOf({ container, networks: [{ mode: 'container', name: 'blue' }] }).container).toMatchObject({
      docker: { network: 'USER' },
      network_infos: [{ name: 'blue' }],
    });
  });

  it('of Mesos carry image and networks', () => {
    const container = { type: 'MESOS' as const, docker: image, volumes: [], portMappings: [mapping] };
    expect(taskOf({ container, networks: [{ mode: 'container/bridge' }] }, [31_000]).container).toEqual({
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: 'nginx:1' }, cached: true } },
      network_infos: [
        {
          name: 'mesos-bridge',
          ip_addresses: [{}],
          port_mappings: [{ host_port: 31_000, container_port: 80, protocol: 'tcp' }],
        },
      ],
    });
  });

  it('with a terminal or nothing but volumes are plain Mesos containers', () => {
    expect(taskOf({ tty: true }).container).toEqual({ type: 'MESOS', tty_info: {} });
    const volumes = [{ containerPath: 'data', hostPath: 'state' }];
    expect(taskOf({ container: { type: 'MESOS', volumes } }).container).toEqual({
      type: 'MESOS',
      volumes: [{ container_path: 'data', mode: 'RW', host_path: 'state' }],
    });
  });

  it('mount external volumes', () => {
    const external = { provider: 'dvdi', name: 'db', size: 10, options: { 'dvdi/driver': 'rexray', 'dvdi/fs': 'xfs' } };
    const volumes = [{ containerPath: 'data', mode: 'RW' as const, external }];
    expect(taskOf({ container: { type: 'MESOS', volumes } }).container).toMatchObject({
      volumes: [
        {
          source: {
            type: 'DOCKER_VOLUME',
            docker_volume: {
              driver: 'rexray',
              name: 'db',
              driver_options: {
                parameter: [
                  { key: 'fs', value: 'xfs' },
                  { key: 'size', value: '10' },
                ],
              },
            },
          },
        },
      ],
    });
    expect(taskOf({ container: { type: 'DOCKER', docker: image, volumes } }).container).toMatchObject({
      docker: { volume_driver: 'rexray' },
      volumes: [{ container_path: 'data', mode: 'RW', host_path: 'db' }],
    });
  });
});

describe('checks that the agent runs', () => {
  const timing = { gracePeriodSeconds: 300, intervalSeconds: 60, timeoutSeconds: 20, maxConsecutiveFailures: 0 };
  const wireTiming = {
    delay_seconds: 15,
    interval_seconds: 60,
    timeout_seconds: 20,
    grace_period_seconds: 300,
    consecutive_failures: 0,
  };

  it('are the first one of Mesos level', () => {
    const healthChecks = [
      { protocol: 'HTTP' as const, ...timing },
      { protocol: 'MESOS_HTTPS' as const, path: 'ping', portIndex: 0, ...timing },
      { protocol: 'COMMAND' as const, command: { value: 'true' }, ...timing },
    ];
    expect(taskOf({ healthChecks, ...definitions(80) }, [31_000]).health_check).toEqual({
      type: 'HTTP',
      http: { scheme: 'https', port: 31_000, path: '/ping' },
      ...wireTiming,
    });
  });

  it('may be commands', () => {
    const healthChecks = [{ protocol: 'COMMAND' as const, command: { value: 'true' }, delaySeconds: 2, ...timing }];
    expect(taskOf({ healthChecks }).health_check).toEqual({
      type: 'COMMAND',
      command: { shell: true, value: 'true' },
      ...wireTiming,
      delay_seconds: 2,
    });
  });

  it('see the container port off the host network', () => {
    const healthChecks = [{ protocol: 'MESOS_TCP' as const, portIndex: 'web', ipProtocol: 'IPv6' as const, ...timing }];
    const container = { type: 'MESOS' as const, volumes: [], portMappings: [{ ...mapping, name: 'web' }] };
    const task = taskOf({ healthChecks, container, networks: [{ mode: 'container', name: 'blue' }] }, [31_000]);
    expect(task.health_check).toMatchObject({ type: 'TCP', tcp: { port: 80, protocol: 'IPv6' } });
  });

  it('include the check of the app', () => {
    const wire = { delay_seconds: 15, interval_seconds: 60, timeout_seconds: 20 };
    const http = { http: { portIndex: 0, path: '/' }, intervalSeconds: 60, timeoutSeconds: 20 };
    expect(taskOf({ check: http, ...definitions(80) }, [31_000]).check).toEqual({
      type: 'HTTP',
      http: { port: 31_000, path: '/' },
      ...wire,
    });
    expect(taskOf({ check: { tcp: { port: 9 } } }).check).toEqual({ type: 'TCP', tcp: { port: 9 }, ...wire });
    expect(taskOf({ check: { exec: { command: { shell: 'true' } } } }).check).toEqual({
      type: 'COMMAND',
      command: { command: { shell: true, value: 'true' } },
      ...wire,
    });
  });
});
