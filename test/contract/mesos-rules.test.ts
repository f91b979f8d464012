/** What is sent to Mesos, against the rules by which a real master and a real agent refuse tasks, or leave parts of them out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { componentSchemas } from '../../src/api/openapi/document.ts';
import { appBodyWithId } from '../../src/api/schemas/app.ts';
import { maxIdLength } from '../../src/core/app/limits.ts';
import type { TaskInfo } from '../../src/core/mesos/types.ts';
import { mesosWarnings } from '../../src/core/offer/mesos-rules.ts';
import { refusalsOf } from '../support/mesos-proto/rules.ts';
import { isLong } from '../support/stack.ts';
import { good } from './support/bodies.ts';
import { appOf, taskOf } from './support/launch-of.ts';

const bodyOf = (more: object): object => ({ id: '/a', cmd: 'sleep 9', ...more });
const app = (more: object) => appOf(bodyOf(more))!;
const docker = (more: object = {}) => ({ container: { type: 'DOCKER', docker: { image: 'i', ...more } } });
const mapped = (portMappings: readonly object[]) => ({ container: { ...docker().container, portMappings } });
const codes = (more: object): readonly string[] => mesosWarnings(app(more)).map(({ code }) => code);

const portsOf = (...pairs: [number, number][]) => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range: pairs.map(([begin, end]) => ({ begin, end })) },
});

describe('the rules', () => {
  const task = taskOf(app({}));
  const parameters = [{ key: 'name', value: 'x' }];
  const changes: readonly (readonly [what: string, change: object, refusal: RegExp])[] = [
    ['an id that is too long', { task_id: { value: 'x'.repeat(256) } }, /255/],
    ['a slash in an id', { task_id: { value: 'a/b' } }, /characters/],
    ['command and executor', { executor: { type: 'CUSTOM', command: {} } }, /command and executor/],
    ['a variable without a value', { command: { environment: { variables: [{ name: 'A' }] } } }, /variable A/],
    ['a relative path', { health_check: { type: 'HTTP', http: { port: 1, path: 'x' } } }, /relative path/],
    ['a check of nothing', { check: { type: 'COMMAND', command: {} } }, /without a command/],
    ['no resources', { resources: [] }, /no resources/],
    ['half a GPU', { resources: [{ name: 'gpus', type: 'SCALAR', scalar: { value: 0.5 } }] }, /GPU/],
    ['a port twice', { resources: [portsOf([1, 5], [5, 6])] }, /overlapping/],
    ['a limit below the request', { limits: { mem: { value: 1 } } }, /below/],
    ['a volume of nothing', { container: { type: 'MESOS', volumes: [{ container_path: 'x' }] } }, /volume/],
    ['a name for Docker', { container: { type: 'DOCKER', docker: { image: 'i', parameters } } }, /name/],
    ['a check for Docker', { check: { type: 'TCP', tcp: { port: 1 } }, ...docker() }, /aborts/],
  ];

  it.each(changes)('find %s', (_what, change, refusal) => {
    expect(refusalsOf(task)).toEqual([]);
    expect(refusalsOf({ ...task, ...change }).join()).toMatch(refusal);
  });
});

describe('a launch', () => {
  it('of the longest id that the API takes is one that Mesos takes, with Mesos’ executor and with another one', () => {
    const id = `/${'x'.repeat(maxIdLength - 1)}`;
    expect(appOf(bodyOf({ id: `${id}x` }))).toBeUndefined();
    for (const executor of ['', '/bin/executor']) {
      const task = taskOf(app({ id, executor })) as TaskInfo & {
        readonly executor?: { readonly executor_id: { readonly value: string } };
      };
      expect(refusalsOf(task)).toEqual([]);
      // There is room for an incarnation of five digits.
      expect((task.executor?.executor_id ?? task.task_id).value.length + 4).toBeLessThanOrEqual(255);
    }
  });

  const accepted: readonly (readonly [what: string, more: object])[] = [
    ['a command', {}],
    ['arguments', { cmd: undefined, args: ['a', 'b'] }],
    ['an executor', { executor: '/bin/executor', executorResources: { cpus: 0.1, mem: 32, disk: 10 } }],
    ['an image', docker()],
    ['a bridge', { networks: [{ mode: 'container/bridge' }], ...mapped([{ containerPort: 0 }]) }],
    ['a network', { networks: [{ mode: 'container', name: 'n' }], ...mapped([{ containerPort: 80, hostPort: 0 }]) }],
    ['limits', { resourceLimits: { cpus: 'unlimited', mem: 256 } }],
    ['a check', { check: { http: { portIndex: 0, path: 'up' } }, portDefinitions: [{ port: 0 }] }],
    ['a check by command', { check: { exec: { command: { argv: ['a', 'b'] } } } }],
    ['a check over TLS', { ...docker(), healthChecks: [{ protocol: 'MESOS_HTTPS', port: 80, ipProtocol: 'IPv6' }] }],
    ['linuxInfo', { container: { type: 'MESOS', linuxInfo: { ipcInfo: { mode: 'PRIVATE', shmSize: 16 } } } }],
  ];

  it.each(accepted)('with %s is one that Mesos takes', (_what, more) => {
    expect(refusalsOf(taskOf(app(more)))).toEqual([]);
    expect(codes(more)).toEqual([]);
  });

  it('by an empty user is by nobody in particular', () => {
    expect(taskOf(app({ user: '' })).command).not.toHaveProperty('user');
    expect(taskOf(app({ user: 'u' })).command).toMatchObject({ user: 'u' });
  });

  it('without what Docker’s part of an agent leaves out goes on with a warning', () => {
    expect(codes({ ...docker(), tty: true })).toEqual(['ignoredByMesos']);
    const capability = { accessType: 'mount', accessMode: 'SINGLE_NODE_WRITER', fsType: 'x', mountFlags: [] };
    const external = { name: 'v', provider: 'csi', options: { pluginName: 'p', capability } };
    const volumes = [{ containerPath: 'a', mode: 'RW', external }];
    expect(codes({ container: { ...docker().container, volumes } })).toEqual(['ignoredByMesos']);
    expect(codes({ container: { type: 'MESOS', volumes }, tty: true })).toEqual([]);
  });

  const refused: readonly (readonly [what: string, more: object])[] = [
    ['a limit without a request', { mem: 0, resourceLimits: { mem: 32 } }],
    ['a limit and next to no request', { mem: 0.0001, resourceLimits: { mem: 'unlimited' } }],
    ['a name for its container', docker({ parameters: [{ key: 'name', value: 'x' }] })],
    [
      'a volume between two relative paths',
      { container: { ...docker().container, volumes: [{ containerPath: 'a', hostPath: 'b', mode: 'RW' }] } },
    ],
  ];

  it.each(refused)('with %s is taken with a warning, since Mesos will refuse it', (_what, more) => {
    expect(refusalsOf(taskOf(app(more)))).not.toEqual([]);
    expect(codes(more)).toEqual(['refusedByMesos']);
  });

  it('of whatever the API takes is refused exactly if there is a warning', () => {
    const count = { taken: 0 };
    fc.assert(
      fc.property(good(appBodyWithId, componentSchemas), (body) => {
        const any = appOf(body);
        if (!any || any.container?.volumes.some(({ persistent }) => persistent)) return;
        count.taken += 1;
        const refusals = refusalsOf(taskOf(any)).filter((refusal) => refusal !== 'a volume that is left out');
        const isWarned = mesosWarnings(any).some(({ code }) => code === 'refusedByMesos');
        expect([refusals, refusals.length > 0]).toEqual([refusals, isWarned]);
      }),
      { numRuns: isLong ? 20_000 : 1_000, seed: 8 },
    );
    expect(count.taken).toBeGreaterThan(isLong ? 100 : 5);
  });
});
