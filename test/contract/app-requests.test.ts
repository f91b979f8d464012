/** Marathon's own request bodies: each is accepted, or refused for the reasons listed here. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readAppUpdate, readAppUpdates } from '../../src/api/read-body.ts';
import { renderAppDefinition } from '../../src/api/render/app-definition.ts';
import { applyChange } from '../../src/core/app/apply-change.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { readAppId } from '../../src/core/app/id-rules.ts';
import { type AppSettings, defaultAppSettings } from '../../src/core/app/settings.ts';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { Refusal } from '../../src/core/refusal.ts';
import { ok, type Result } from '../../src/core/result.ts';

const fixtures = JSON.parse(
  readFileSync(new URL('./fixtures/app-requests.fixture.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, unknown>>;
const names = Object.keys(fixtures);
const single = names.filter((name) => !name.startsWith('list-'));

const generous: AppSettings = {
  ...defaultAppSettings,
  mesosRole: 'marathon',
  defaultNetworkName: 'dcos',
  features: new Set(['secrets', 'external_volumes', 'gpu_resources', 'vips', 'task_killing']),
};

/** A whole definition made from a body, as by POST. */
function create(body: unknown, settings: AppSettings): Result<AppDefinition, Refusal> {
  const read = readAppUpdate(body, { requireId: true });
  return read.ok ? define(read.value, settings) : read;
}

function define(update: AppUpdate, settings: AppSettings): Result<AppDefinition, Refusal> {
  const id = readAppId(update.id ?? '');
  return id.ok ? applyChange(undefined, { type: 'create', id: id.value, update }, settings) : id;
}

/** `path: message` of every violation. */
const complaints = (result: Result<unknown, Refusal>): readonly string[] => {
  if (result.ok) return [];
  const details = result.error.details ?? [];
  if (typeof details === 'string') return [details];
  return details.flatMap(({ path, errors }) => errors.map((error) => `${path}: ${error}`));
};

/** With every feature on, what is still refused. */
const alwaysRefused: Readonly<Record<string, readonly string[]>> = {
  'example-app': [
    '/ipAddress: ipAddress/discovery is not allowed for Docker containers',
    '/: cannot specify both an IP address and port',
  ],
};

/** What Marathon's default flags refuse. */
const refusedByDefault: Readonly<Record<string, readonly string[]>> = {
  ...alwaysRefused,
  'external-volume-mesos-app': [
    '/container/volumes(0): Feature external_volumes is not enabled. Enable with --enable_features external_volumes)',
  ],
  'healthcheck-and-volume': ['/role: Resident apps cannot have the role *'],
  'persistent-volume-app': ['/role: Resident apps cannot have the role *'],
  'resident-docker-app': ['/role: Resident apps cannot have the role *'],
  'private-ucr-docker-app': [
    '/secrets: Feature secrets is not enabled. Enable with --enable_features secrets)',
    '/container/docker/pullConfig: must be empty',
    '/container/docker/pullConfig: Feature secrets is not enabled. Enable with --enable_features secrets)',
  ],
};

describe('request bodies of Marathon, as one app', () => {
  it.each(single)('%s is accepted or refused as listed, with every feature enabled', (name) => {
    expect(complaints(create(fixtures[name], generous))).toEqual(alwaysRefused[name] ?? []);
  });

  it.each(single)('%s is accepted or refused as listed, with the default flags', (name) => {
    expect(complaints(create(fixtures[name], defaultAppSettings))).toEqual(refusedByDefault[name] ?? []);
  });

  it.each(single.filter((name) => !alwaysRefused[name]))('%s, shown and sent back, changes nothing', (name) => {
    const app = create(fixtures[name], generous);
    if (!app.ok) throw new Error(JSON.stringify(app.error));
    for (const legacy of [false, true]) {
      const shown = JSON.parse(JSON.stringify(renderAppDefinition(app.value, { legacy })));
      const read = readAppUpdate(shown, { requireId: true });
      if (!read.ok) throw new Error(JSON.stringify(read.error));
      const again = applyChange(
        app.value,
        { type: 'put', id: app.value.id, update: read.value, partial: false },
        generous,
      );
      expect(again).toEqual(ok(app.value));
      expect(again.ok && again.value).toBe(app.value);
    }
  });
});

describe('request bodies of Marathon, as lists', () => {
  it.each(['list-apps-create', 'list-apps-shown', 'list-sleep-group', 'list-v0.13-group'])('%s is accepted', (name) => {
    const read = readAppUpdates(fixtures[name], { isComplete: false });
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    expect(read.value.flatMap((update) => complaints(define(update, defaultAppSettings)))).toEqual([]);
  });

  it('list-apps-patch changes the apps of list-apps-create', () => {
    const created = readAppUpdates(fixtures['list-apps-create'], { isComplete: false });
    const patches = readAppUpdates(fixtures['list-apps-patch'], { isComplete: false });
    if (!created.ok || !patches.ok) throw new Error('unreadable');
    const patched = patches.value.map((update, i) => {
      const app = define(created.value[i] ?? {}, defaultAppSettings);
      if (!app.ok) throw new Error(JSON.stringify(app.error));
      return applyChange(app.value, { type: 'patch', id: app.value.id, update }, defaultAppSettings);
    });
    expect(patched.map((p) => p.ok && [p.value.id, p.value.cpus, p.value.instances])).toEqual([
      ['/test/sleep60', 0.3, 2],
      ['/test/sleep120', 0.3, 2],
    ]);
  });
});
