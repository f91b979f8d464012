import { describe, expect, it } from 'vitest';
import { applyChange, rollbackVersion } from '../../../src/core/app/apply-change.ts';
import { unstamped } from '../../../src/core/app/defaults.ts';
import { kindOfChange } from '../../../src/core/app/diff.ts';
import { defaultAppSettings } from '../../../src/core/app/settings.ts';
import { stampVersions } from '../../../src/core/app/versions.ts';
import { complaints, create, define, must, update, web } from './given.ts';

const t1 = '2020-01-01T00:00:00.000Z';
const t2 = '2020-01-01T00:00:01.000Z';
const stamped = stampVersions(undefined, define({ cmd: 'sleep 9', labels: { a: 'b' } }), t1, 'config', false);

describe('a change of an app (rest-api §3.4–3.6)', () => {
  it('creates an app with a placeholder for its version', () => {
    const app = must(create({ cmd: 'a' }));
    expect([app.version, app.versionInfo.lastConfigChangeAt]).toEqual([unstamped, unstamped]);
  });

  it('does not create what exists', () => {
    const refused = applyChange(stamped, { type: 'create', id: web, update: { cmd: 'a' } }, defaultAppSettings);
    expect(refused).toMatchObject({
      ok: false,
      error: { status: 409, message: 'An app with id [/web] already exists.' },
    });
  });

  it('does not patch what is missing', () => {
    const refused = applyChange(undefined, { type: 'patch', id: web, update: { cmd: 'a' } }, defaultAppSettings);
    expect(refused).toMatchObject({ ok: false, error: { status: 404, message: "App '/web' does not exist" } });
  });

  it('creates with a partial PUT what is missing', () => {
    const change = { type: 'put', id: web, update: { cmd: 'a' }, partial: true } as const;
    expect(must(applyChange(undefined, change, defaultAppSettings)).cmd).toBe('a');
  });

  it('keeps the version of the stored app until it is stamped', () => {
    expect(must(update(stamped, { instances: 3 }))).toEqual({ ...stamped, instances: 3 });
  });

  it('by a complete PUT resets what the request leaves out', () => {
    const change = { type: 'put', id: web, update: { cmd: 'sleep 9' }, partial: false } as const;
    expect(must(applyChange(stamped, change, defaultAppSettings)).labels).toEqual({});
  });

  it('by a complete PUT takes nothing over from the old container', () => {
    const volumes = [{ containerPath: 'a', hostPath: '/b', mode: 'RO' }];
    const before = define({ cmd: 'a', container: { type: 'MESOS', volumes } });
    const ipAddress = { networkName: 'n', discovery: { ports: [{ number: 80, name: 'http' }] } };
    const change = { type: 'put', id: web, update: { cmd: 'a', ipAddress }, partial: false } as const;
    expect(must(applyChange(before, change, defaultAppSettings)).container?.volumes).toEqual([]);
  });

  it('that changes nothing returns the stored app itself', () => {
    expect(must(update(stamped, { labels: { a: 'b' }, cmd: 'sleep 9' }))).toBe(stamped);
    expect(must(update(stamped, {}))).toBe(stamped);
  });

  it('takes the id from the path, not from the body', () => {
    expect(must(update(stamped, { id: '/other', cpus: 2 })).id).toBe('/web');
  });

  it('with a service port of 0 takes back the port that the app has', () => {
    const change = { type: 'put', id: web, update: { cmd: 'a', ports: [10_005] }, partial: false } as const;
    const before = must(applyChange(undefined, change, defaultAppSettings));
    expect(must(update(before, { portDefinitions: [{ port: 0 }] }))).toBe(before);
  });

  it('refuses a version beside other members of a partial update', () => {
    const message = "/: The 'version' field may only be combined with the 'id' field.";
    expect(complaints(update(stamped, { version: t1, cmd: 'a' }))).toEqual([message]);
    expect(complaints(rollbackVersion({ version: t1, cmd: 'a' }))).toEqual([message]);
  });

  it('ignores a version in a complete PUT', () => {
    const body = { cmd: 'sleep 9', labels: { a: 'b' }, version: t2 };
    const change = { type: 'put', id: web, update: body, partial: false } as const;
    expect(must(applyChange(stamped, change, defaultAppSettings))).toBe(stamped);
  });

  it('tells a rollback by its lonely version, in canonical form', () => {
    expect(must(rollbackVersion({ id: '/web', version: '2020-01-01T01:00:00+01:00' }))).toBe(t1);
    expect(must(rollbackVersion({ cmd: 'a' }))).toBeUndefined();
  });
});

describe('the kind of a change (design §8)', () => {
  const kinds: readonly (readonly [body: Readonly<Record<string, unknown>>, kind: string])[] = [
    [{}, 'none'],
    [{ instances: 5 }, 'scale'],
    [{ labels: {} }, 'metadata'],
    [{ dependencies: ['/db'] }, 'metadata'],
    [{ upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 } }, 'metadata'],
    [{ backoffSeconds: 2 }, 'metadata'],
    [{ backoffFactor: 2 }, 'metadata'],
    [{ maxLaunchDelaySeconds: 2 }, 'metadata'],
    [{ killSelection: 'OLDEST_FIRST' }, 'metadata'],
    [{ unreachableStrategy: 'disabled' }, 'metadata'],
    [{ readinessChecks: [{ portName: 'default' }] }, 'metadata'],
    [{ instances: 5, labels: {} }, 'metadata'],
    [{ instances: 5, labels: {}, cpus: 2 }, 'config'],
    [{ cmd: 'sleep 8' }, 'config'],
    [{ user: 'x' }, 'config'],
    [{ env: { A: 'b' } }, 'config'],
    [{ mem: 1 }, 'config'],
    [{ disk: 1 }, 'config'],
    [{ executor: '//cmd' }, 'config'],
    [{ executorResources: {} }, 'config'],
    [{ resourceLimits: { cpus: 3 } }, 'config'],
    [{ constraints: [['hostname', 'UNIQUE']] }, 'config'],
    [{ acceptedResourceRoles: ['*'] }, 'config'],
    [{ container: { type: 'MESOS' } }, 'config'],
    [{ networks: [{ mode: 'container/bridge' }] }, 'config'],
    [{ portDefinitions: [] }, 'config'],
    [{ requirePorts: true }, 'config'],
    [{ healthChecks: [{}] }, 'config'],
    [{ check: { http: {} } }, 'config'],
    [{ fetch: [{ uri: 'a' }] }, 'config'],
    [{ taskKillGracePeriodSeconds: 1 }, 'config'],
    [{ tty: true }, 'config'],
    [{ replaceBeforeKill: true }, 'metadata'],
  ];
  // deviation(different): change of `executorResources` alone
  //   Marathon: does nothing
  //   here: new tasks
  //   why: what is asked for should happen
  it.each(kinds)('%j is %s', (body, kind) => {
    expect(kindOfChange(stamped, must(update(stamped, body)))).toBe(kind);
  });

  it('does not depend on the order of maps and sets', () => {
    const a = define({
      cmd: 'a',
      env: { A: '1', B: '2' },
      constraints: [
        ['x', 'UNIQUE'],
        ['y', 'UNIQUE'],
      ],
    });
    const b = define({
      constraints: [
        ['y', 'UNIQUE'],
        ['x', 'UNIQUE'],
      ],
      env: { B: '2', A: '1' },
      cmd: 'a',
    });
    expect(kindOfChange(a, b)).toBe('none');
  });

  it('depends on the order of arguments and ports', () => {
    expect(kindOfChange(define({ args: ['a', 'b'] }), define({ args: ['b', 'a'] }))).toBe('config');
    expect(kindOfChange(define({ cmd: 'a', ports: [1, 2] }), define({ cmd: 'a', ports: [2, 1] }))).toBe('config');
  });
});

describe('version stamps (behaviour §4.2)', () => {
  const [stamp, kept] = [t2, t1];
  const rows: readonly (readonly [sentence: string, body: object, restart: boolean, expected: readonly string[]])[] = [
    ['a new configuration stamps everything', { cmd: 'b' }, false, [stamp, stamp, stamp]],
    ['scaling keeps the time of the configuration', { instances: 2 }, false, [stamp, stamp, kept]],
    ['metadata keep both times', { labels: {} }, false, [stamp, kept, kept]],
    ['metadata with a new count stamp the scaling', { labels: {}, instances: 2 }, false, [stamp, stamp, kept]],
    ['a restart keeps the time of the scaling', {}, true, [stamp, kept, stamp]],
    ['a restart with new metadata restarts', { labels: {} }, true, [stamp, kept, stamp]],
    ['nothing keeps everything', {}, false, [kept, kept, kept]],
  ];
  it.each(rows)('%s', (_sentence, body, restart, expected) => {
    const after = must(update(stamped, body as Readonly<Record<string, unknown>>));
    const { version, versionInfo } = stampVersions(stamped, after, t2, kindOfChange(stamped, after), restart);
    expect([version, versionInfo.lastScalingAt, versionInfo.lastConfigChangeAt]).toEqual(expected);
  });

  it('leave an unchanged app the same object', () => {
    expect(stampVersions(stamped, { ...stamped }, t2, 'none', false)).toBe(stamped);
  });
});
