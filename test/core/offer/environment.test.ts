import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import type { InstanceId } from '../../../src/core/ids.ts';
import { taskIdOf } from '../../../src/core/ids.ts';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { javaDouble } from '../../../src/core/offer/environment.ts';
import { buildTaskInfo } from '../../../src/core/offer/task-info.ts';
import { anAgent, anApp, definitions, seeded } from './fixtures.ts';

interface Options {
  readonly prefix?: string;
  readonly enforceGroupRole?: boolean;
}

/** Environment of a task of the app as an object; a name that came twice fails the test. */
function environmentOf(app: AppDefinition, hostPorts: readonly (number | undefined)[], options: Options = {}) {
  const { command } = buildTaskInfo({
    app,
    taskId: taskIdOf('shop_web.instance-u' as InstanceId, 3),
    agent: anAgent('host.some'),
    resources: [],
    executorResources: [],
    hostPorts,
    settings: { ...defaultMatchSettings, envVarsPrefix: options.prefix },
    enforceGroupRole: options.enforceGroupRole ?? false,
    random: seeded(3),
  });
  const variables = command!.environment!.variables!;
  const environment = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  expect(Object.keys(environment)).toHaveLength(variables.length);
  return environment;
}

const portsOf = (environment: Record<string, string | undefined>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('PORT')));

const mapping = (containerPort: number, hostPort?: number) => ({
  containerPort,
  servicePort: 0,
  protocol: 'tcp' as const,
  labels: {},
  ...(hostPort === undefined ? {} : { hostPort }),
});

const onNetwork = (...portMappings: readonly ReturnType<typeof mapping>[]): AppDefinition =>
  anApp({
    networks: [{ mode: 'container', name: 'blue' }],
    container: { type: 'MESOS', volumes: [], portMappings },
  });

describe('port variables', () => {
  it('V100 list host ports by index, by declared port and by name', () => {
    const app = anApp({
      portDefinitions: [
        { port: 80, protocol: 'tcp', name: 'http' },
        { port: 8080, protocol: 'tcp' },
        { port: 443, protocol: 'tcp', name: 'https' },
      ],
    });
    expect(portsOf(environmentOf(app, [1001, 1002, 1003]))).toEqual({
      PORT: '1001',
      PORT0: '1001',
      PORT1: '1002',
      PORT2: '1003',
      PORTS: '1001,1002,1003',
      PORT_80: '1001',
      PORT_8080: '1002',
      PORT_443: '1003',
      PORT_HTTP: '1001',
      PORT_HTTPS: '1003',
    });
  });

  it('V101 name an undeclared port after itself', () => {
    const app = anApp({ portDefinitions: [{ port: 0, protocol: 'tcp', name: 'http' }] });
    expect(portsOf(environmentOf(app, [1001]))).toEqual({
      PORT: '1001',
      PORT0: '1001',
      PORTS: '1001',
      PORT_1001: '1001',
      PORT_HTTP: '1001',
    });
  });

  it('V102 leave a container port without host port out of PORTS', () => {
    expect(portsOf(environmentOf(onNetwork(mapping(80)), [undefined]))).toEqual({
      PORT0: '80',
      PORT_80: '80',
      PORTS: '',
    });
  });

  it('invent a port for a mapping that leaves both open', () => {
    const environment = portsOf(environmentOf(onNetwork(mapping(0), mapping(0)), [undefined, undefined]));
    const [first, second] = (environment['PORTS'] ?? '').split(',').map(Number);
    expect(first).toBeGreaterThanOrEqual(1025);
    expect(first).toBeLessThanOrEqual(65_535);
    expect(second).not.toBe(first);
    expect(environment).toMatchObject({ PORT: `${first}`, PORT0: `${first}`, PORT1: `${second}` });
    expect(environment[`PORT_${first}`]).toBe(`${first}`);
  });

  it('are absent without ports', () => {
    expect(portsOf(environmentOf(anApp(), []))).toEqual({});
  });

  it('V105 and HOST alone get the prefix', () => {
    const environment = environmentOf(anApp(definitions(80)), [1001], { prefix: 'P_' });
    expect(environment).toMatchObject({ P_HOST: 'host.some', P_PORT: '1001', P_PORT0: '1001', P_PORTS: '1001' });
    expect(environment).toMatchObject({ MARATHON_APP_ID: '/shop/web', MESOS_TASK_ID: 'shop_web.instance-u._app.3' });
    expect(environment).not.toHaveProperty('HOST');
    expect(environment).not.toHaveProperty('PORT0');
  });
});

describe('the environment of a task', () => {
  it('V103 tells resources as Java prints them', () => {
    expect(environmentOf(anApp({ cpus: 1, mem: 128, gpus: 0 }), [])).toMatchObject({
      MARATHON_APP_RESOURCE_CPUS: '1.0',
      MARATHON_APP_RESOURCE_MEM: '128.0',
      MARATHON_APP_RESOURCE_DISK: '0.0',
      MARATHON_APP_RESOURCE_GPUS: '0',
    });
  });

  it('V104 escapes labels, and lets the user have the last word', () => {
    const environment = environmentOf(
      anApp({ labels: { 'my-key.x': 'v' }, env: { PORT0: '5' }, ...definitions(80) }),
      [9],
    );
    expect(environment).toMatchObject({
      MARATHON_APP_LABEL_MY_KEY_X: 'v',
      MARATHON_APP_LABELS: 'MY_KEY_X',
      PORT0: '5',
      PORT: '9',
    });
  });

  it('leaves out labels that are too long', () => {
    const app = anApp({ labels: { ['k'.repeat(493)]: 'v', ['l'.repeat(492)]: 'v', long: 'v'.repeat(512) } });
    expect(environmentOf(app, [])['MARATHON_APP_LABELS']).toBe('L'.repeat(492));
  });

  it('lets the user override facts about the app', () => {
    const environment = environmentOf(
      anApp({ env: { MARATHON_APP_ID: 'mine', MESOS_TASK_ID: 'mine', HOST: 'mine' } }),
      [],
    );
    expect(environment).toMatchObject({ MARATHON_APP_ID: 'mine', MESOS_TASK_ID: 'mine', HOST: 'mine' });
  });

  it('lets ports override labels of the same name', () => {
    const app = anApp({ labels: { host: 'label' } });
    expect(environmentOf(app, [], { prefix: 'MARATHON_APP_LABEL_' })['MARATHON_APP_LABEL_HOST']).toBe('host.some');
  });

  it('drops secrets', () => {
    expect(environmentOf(anApp({ env: { PASSWORD: { secret: 's' } } }), [])).not.toHaveProperty('PASSWORD');
  });

  it('names the version, the host, the image and the enforced role', () => {
    const container = { type: 'DOCKER' as const, docker: { image: 'nginx:1', forcePullImage: false }, volumes: [] };
    expect(environmentOf(anApp({ container }), [], { enforceGroupRole: true })).toMatchObject({
      MARATHON_APP_VERSION: '2026-01-02T03:04:05.678Z',
      MARATHON_APP_DOCKER_IMAGE: 'nginx:1',
      MARATHON_APP_ENFORCE_GROUP_ROLE: 'TRUE',
      HOST: 'host.some',
    });
    const unified = environmentOf(anApp({ container: { ...container, type: 'MESOS' } }), []);
    expect(unified).not.toHaveProperty('MARATHON_APP_DOCKER_IMAGE');
    expect(unified['MARATHON_APP_ENFORCE_GROUP_ROLE']).toBe('FALSE');
  });

  it.each([
    [0.1, '0.1'],
    [0.001, '0.001'],
    [0.0001, '1.0E-4'],
    [12_345_678, '1.2345678E7'],
    [10_000_000, '1.0E7'],
    [9_999_999, '9999999.0'],
  ])('prints the double %d as %s', (value, expected) => {
    expect(javaDouble(value)).toBe(expected);
  });
});
