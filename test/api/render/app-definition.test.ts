import { describe, expect, it } from 'vitest';
import { renderAppDefinition } from '../../../src/api/render/app-definition.ts';
import { applyChange } from '../../../src/core/app/apply-change.ts';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { defaultAppSettings } from '../../../src/core/app/settings.ts';
import type { AppUpdate } from '../../../src/core/app/update.ts';
import { stampVersions } from '../../../src/core/app/versions.ts';
import type { AppId } from '../../../src/core/ids.ts';

const stamp = '2020-01-01T00:00:00.000Z';

function define(body: object, settings = defaultAppSettings): AppDefinition {
  const change = { type: 'create', id: '/web' as AppId, update: body as AppUpdate } as const;
  const app = applyChange(undefined, change, settings);
  if (!app.ok) throw new Error(JSON.stringify(app.error));
  return stampVersions(undefined, app.value, stamp, 'config', false);
}

const shown = (body: object, legacy = false): unknown =>
  JSON.parse(JSON.stringify(renderAppDefinition(define(body), { legacy })));

const bridged = {
  instances: 2,
  cpus: 0.1,
  mem: 64,
  labels: { HAPROXY_GROUP: 'external' },
  networks: [{ mode: 'container/bridge' }],
  container: { docker: { image: 'nginx' }, portMappings: [{ containerPort: 80, name: 'http', servicePort: 10_000 }] },
};

describe('an app as answers show it (rest-api §7.2)', () => {
  it('is the example of rest-api §7.18, without what surrounds a definition', () => {
    expect(shown(bridged)).toEqual({
      id: '/web',
      backoffFactor: 1.15,
      backoffSeconds: 1,
      container: {
        type: 'DOCKER',
        docker: { forcePullImage: false, image: 'nginx', parameters: [], privileged: false },
        volumes: [],
        portMappings: [
          { containerPort: 80, hostPort: 0, labels: {}, name: 'http', protocol: 'tcp', servicePort: 10_000 },
        ],
      },
      cpus: 0.1,
      disk: 0,
      executor: '',
      instances: 2,
      labels: { HAPROXY_GROUP: 'external' },
      maxLaunchDelaySeconds: 300,
      mem: 64,
      gpus: 0,
      networks: [{ mode: 'container/bridge' }],
      requirePorts: false,
      upgradeStrategy: { maximumOverCapacity: 1, minimumHealthCapacity: 1 },
      version: stamp,
      versionInfo: { lastScalingAt: stamp, lastConfigChangeAt: stamp },
      killSelection: 'YOUNGEST_FIRST',
      unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
      role: '*',
    });
  });

  it('has port definitions only on the host network, also if there are none', () => {
    expect(shown({ cmd: 'a' })).toHaveProperty('portDefinitions', [{ port: 0, protocol: 'tcp', name: 'default' }]);
    expect(shown({ cmd: 'a', ports: [] })).toHaveProperty('portDefinitions', []);
    expect(shown(bridged)).not.toHaveProperty('portDefinitions');
  });

  it('shows what is set', () => {
    const optional = {
      user: 'x',
      env: { A: 'b' },
      constraints: [['hostname', 'UNIQUE']],
      acceptedResourceRoles: ['*'],
      dependencies: ['/db'],
      taskKillGracePeriodSeconds: 3,
      tty: true,
      unreachableStrategy: 'disabled',
      executorResources: { cpus: 1, mem: 32, disk: 10 },
      resourceLimits: { cpus: 'unlimited' },
      fetch: [{ uri: 'a', extract: true, executable: false, cache: false }],
    };
    expect(shown({ cmd: 'a', ...optional })).toMatchObject(optional);
  });

  it('shows residency for apps with persistent volumes', () => {
    const volumes = [{ containerPath: 'data', mode: 'RW', persistent: { size: 10 } }];
    const app = define({ cmd: 'a', container: { type: 'MESOS', volumes } }, { ...defaultAppSettings, mesosRole: 'm' });
    expect(renderAppDefinition(app)).toHaveProperty('residency', {
      relaunchEscalationTimeoutSeconds: 3600,
      taskLostBehavior: 'WAIT_FOREVER',
    });
  });

  it('never contains null or an undefined member', () => {
    for (const body of [{ cmd: 'a' }, bridged, { args: ['a'], healthChecks: [{}], check: { http: {} } }]) {
      const rendered = renderAppDefinition(define(body), { legacy: true });
      expect(JSON.stringify(rendered)).not.toContain('null');
      expect(JSON.parse(JSON.stringify(rendered))).toStrictEqual(structuredClone(rendered));
    }
  });

  it('with legacy fields also shows ports, uris and what docker had', () => {
    expect(shown({ ...bridged, uris: ['http://x/a.tgz'] }, true)).toMatchObject({
      ports: [10_000],
      uris: ['http://x/a.tgz'],
      container: { docker: { network: 'BRIDGE', portMappings: [{ containerPort: 80 }] } },
    });
    expect(shown(bridged)).not.toHaveProperty('ports');
  });
});
