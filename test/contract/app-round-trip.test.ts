/** For any app: what is stored stays as it is when it is normalised again, shown and sent back, or sent in parts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAppUpdate } from '../../src/api/read-body.ts';
import { renderAppDefinition } from '../../src/api/render/app-definition.ts';
import { applyChange } from '../../src/core/app/apply-change.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { kindOfChange } from '../../src/core/app/diff.ts';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import type { AppUpdate } from '../../src/core/app/update.ts';
import { stampVersions } from '../../src/core/app/versions.ts';
import type { AppId } from '../../src/core/ids.ts';

const id = '/web' as AppId;
const settings = { ...defaultAppSettings, defaultNetworkName: 'dcos', features: new Set(['secrets', 'gpu_resources']) };

const name = fc.constantFrom('a', 'b', 'http', 'admin-1');
const port = fc.integer({ min: 0, max: 65_535 });
const texts = fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 3 });
const seconds = fc.integer({ min: 0, max: 5000 });
const protocol = fc.constantFrom('tcp', 'UDP', 'udp,tcp');
const optional = <T extends object>(shape: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record(shape, { requiredKeys: [] });

const portDefinitions = fc.uniqueArray(optional({ port, name, protocol, labels: texts }), {
  maxLength: 3,
  comparator: (a, b) => a.name === b.name || a.port === b.port,
});
const mappings = fc.uniqueArray(
  optional({ containerPort: port, hostPort: port, servicePort: port, name, protocol, labels: texts }),
  {
    maxLength: 3,
    comparator: (a, b) => a.name === b.name,
  },
);
const networks = fc.constantFrom(
  [{ mode: 'host' }],
  [{ mode: 'container/bridge', labels: { a: 'b' } }],
  [{ mode: 'CONTAINER', name: 'n' }],
  [{}],
  [],
);
const docker = fc.record({ image: fc.constantFrom('nginx', 'redis:7') });
const container = fc.oneof(
  fc.record({ type: fc.constantFrom('MESOS', 'docker'), docker, portMappings: mappings }, { requiredKeys: ['docker'] }),
  fc.constant({ docker: { image: 'nginx', network: 'BRIDGE', portMappings: [{ containerPort: 80 }] } }),
);
const healthChecks = fc.array(
  fc.oneof(
    optional({
      protocol: fc.constantFrom('HTTP', 'tcp'),
      port,
      gracePeriodSeconds: seconds,
      ignoreHttp1xx: fc.boolean(),
    }),
    fc.record({ command: fc.record({ value: fc.constant('true') }) }),
  ),
  { maxLength: 2 },
);
const constraint = fc.constantFrom(['hostname', 'unique', ''], ['rack', 'GROUP_BY', '3'], ['os', 'like', 'a.*']);

const body = optional({
  cmd: fc.constantFrom('sleep 9', 'true'),
  env: texts,
  labels: texts,
  instances: fc.nat(9),
  cpus: fc.double({ min: 0.001, max: 64, noNaN: true }),
  mem: fc.nat(1024),
  gpus: fc.constant(0),
  uris: fc.array(fc.constantFrom('http://x/a.tgz', 'b.sh'), { maxLength: 2 }),
  constraints: fc.array(constraint, { maxLength: 2 }),
  container,
  networks,
  portDefinitions,
  requirePorts: fc.boolean(),
  healthChecks,
  dependencies: fc.array(fc.constantFrom('a', '/b/c', '../x'), { maxLength: 2 }),
  upgradeStrategy: optional({ minimumHealthCapacity: fc.constantFrom(0, 0.5, 1) }),
  unreachableStrategy: fc.constantFrom('Disabled', { expungeAfterSeconds: 7 }, {}),
  backoffSeconds: seconds,
  killSelection: fc.constantFrom('oldest_first', 'YOUNGEST_FIRST'),
  replaceBeforeKill: fc.boolean(),
  tty: fc.boolean(),
  residency: fc.constant({}),
  unknown: fc.jsonValue({ maxDepth: 1 }),
});

function read(json: unknown): AppUpdate {
  const update = readAppUpdate(json, { requireId: false });
  if (!update.ok) throw new Error(JSON.stringify(update.error));
  return update.value;
}

/** The stored app, or undefined if the rules refuse the body. */
function store(json: unknown): AppDefinition | undefined {
  const app = applyChange(undefined, { type: 'create', id, update: read(json) }, settings);
  return app.ok ? stampVersions(undefined, app.value, '2020-01-01T00:00:00.000Z', 'config', false) : undefined;
}

const put = (current: AppDefinition, update: AppUpdate, partial: boolean) =>
  applyChange(current, { type: 'put', id, update, partial }, settings);

const overJson = (app: AppDefinition, legacy: boolean): Record<string, unknown> =>
  JSON.parse(JSON.stringify(renderAppDefinition(app, { legacy })));

describe('any app that is accepted', () => {
  it('stays the same when it is normalised again', () => {
    let accepted = 0;
    fc.assert(
      fc.property(body, (json) => {
        const app = store(json);
        if (!app) return;
        accepted += 1;
        const { version: _version, versionInfo: _versionInfo, ...definition } = app;
        const again = applyChange(
          undefined,
          { type: 'create', id, update: definition as unknown as AppUpdate },
          settings,
        );
        if (!again.ok) throw new Error(JSON.stringify(again.error));
        expect({ ...again.value, version: app.version, versionInfo: app.versionInfo }).toEqual(app);
        expect(kindOfChange(app, again.value)).toBe('none');
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('is unchanged by a complete PUT of what the API shows of it', () => {
    fc.assert(
      fc.property(body, (json) => {
        const app = store(json);
        if (!app) return;
        expect(put(app, read(overJson(app, false)), false)).toEqual({ ok: true, value: app });
      }),
      { numRuns: 300 },
    );
  });

  it('is unchanged by a partial PUT of any members that the API shows of it', () => {
    fc.assert(
      fc.property(body, fc.func(fc.boolean()), (json, isKept) => {
        const app = store(json);
        if (!app) return;
        const { version: _version, ...shown } = overJson(app, false);
        const part = Object.fromEntries(Object.entries(shown).filter(([member]) => isKept(member)));
        const result = put(app, read(part), true);
        expect(result.ok && result.value).toBe(app);
      }),
      { numRuns: 300 },
    );
  });

  it('is unchanged by the request that made it', () => {
    fc.assert(
      fc.property(body, (json) => {
        const app = store(json);
        if (!app) return;
        for (const partial of [true, false]) {
          const result = put(app, read(json), partial);
          expect(result.ok && result.value).toBe(app);
        }
      }),
      { numRuns: 300 },
    );
  });
});
