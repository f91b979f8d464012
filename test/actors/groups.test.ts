import { describe, expect, it } from 'vitest';
import type { AppsChanged } from '../../src/actors/front.ts';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import type { GroupRequest, GroupUpdate } from '../../src/core/group/group-request.ts';
import type { Refusal } from '../../src/core/refusal.ts';
import type { Result } from '../../src/core/result.ts';
import { must } from '../core/app/given.ts';
import { createWorld, type World } from '../support/world.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 1000', cpus: 0.1, mem: 32, ...more });

async function ask(world: World, request: GroupRequest, options = {}): Promise<Result<AppsChanged, Refusal>> {
  const answer = world.control.changeGroup(request, { force: false, ...options });
  await world.settle();
  return answer;
}

const put = (world: World, path: string, update: GroupUpdate, options = {}) =>
  ask(world, { type: 'put', path, update }, options);

/** Everything in a group, as nested names. */
function shape(world: World, path = '/'): unknown {
  const group = world.read.group(path);
  if (!group) return undefined;
  return {
    ...Object.fromEntries(group.apps.map((one) => [one.id, one.instances])),
    ...Object.fromEntries(group.groups.map((one) => [one.id, shape(world, one.id)])),
  };
}

describe('Groups', () => {
  it('keep what they have of their own over a restart, empty ones too', async () => {
    const world = await createWorld();
    must(await put(world, '/prod', { dependencies: ['/infra'], enforceRole: true }));
    must(await ask(world, { type: 'create', path: '/a/b/c', update: {} }));
    await world.restart();
    expect(shape(world)).toEqual({ '/prod': {}, '/a': { '/a/b': { '/a/b/c': {} } } });
    expect(world.read.group('/prod')).toMatchObject({ dependencies: ['/infra'], enforceRole: true });
    must(await put(world, '/prod', { apps: [app('web')] }));
    expect(world.read.app('/prod/web')?.role).toBe('prod');
    world.expectSane();
  });

  it('are replaced in what a PUT names, recursively, and keep the rest', async () => {
    const world = await createWorld();
    const groups = [
      { id: 'db', apps: [app('pg'), app('redis')] },
      { id: 'old', apps: [app('x')] },
    ];
    must(await put(world, '/prod', { apps: [app('web', { instances: 2 }), app('gone')], groups }));
    await world.advance(10_000);
    must(await put(world, '/prod', { apps: [app('web', { instances: 3 })] }));
    await world.advance(10_000);
    expect(shape(world, '/prod')).toEqual({
      '/prod/web': 3,
      '/prod/db': { '/prod/db/pg': 1, '/prod/db/redis': 1 },
      '/prod/old': { '/prod/old/x': 1 },
    });
    const changed = must(await put(world, '/prod', { groups: [{ id: '/prod/db', apps: [] }] }));
    expect(changed.removed.toSorted()).toEqual(['/prod/db/pg', '/prod/db/redis', '/prod/old/x']);
    await world.advance(60_000);
    expect(shape(world)).toEqual({ '/prod': { '/prod/web': 3, '/prod/db': {} } });
    expect([...world.mesos.alive()]).toHaveLength(3);
    world.expectSane();
  });

  it('wait for the groups that they depend on', async () => {
    const world = await createWorld();
    const groups = [
      { id: 'front', dependencies: ['../back'], apps: [app('a'), app('b')] },
      { id: 'back', apps: [app('c')] },
    ];
    must(await put(world, '/', { groups }));
    const [deployment] = [...world.read.deployments()];
    expect(deployment?.steps.map(({ actions }) => actions.map((one) => `${one.action} ${one.app}`))).toEqual([
      ['StartApplication /front/a', 'StartApplication /front/b', 'StartApplication /back/c'],
      ['ScaleApplication /back/c'],
      ['ScaleApplication /front/a', 'ScaleApplication /front/b'],
    ]);
    const circle = await put(world, '/back', { dependencies: ['/front'] });
    expect(circle).toMatchObject({
      ok: false,
      error: { status: 422, details: [{ path: '/', errors: ['Dependency graph has cyclic dependencies.'] }] },
    });
    expect(world.read.group('/back')?.dependencies).toEqual([]);
  });

  it('go back to a version of the root, removed apps included, even after a restart', async () => {
    const world = await createWorld();
    const first = must(
      await put(world, '/prod', { apps: [app('web', { instances: 2 }), app('db')], dependencies: ['/x'] }),
    );
    await world.advance(10_000);
    must(await put(world, '/prod', { apps: [app('web', { cmd: 'other' }), app('new')], dependencies: [] }));
    await world.advance(10_000);
    must(await ask(world, { type: 'delete', path: '/prod' }));
    await world.advance(60_000);
    expect(shape(world)).toEqual({});
    await world.restart();
    expect(world.read.groupVersions('/')).toHaveLength(3);
    const then = world.read.groupAt('/prod', first.version);
    expect(then?.apps.map((one) => [one.id, one.instances])).toEqual([
      ['/prod/web', 2],
      ['/prod/db', 1],
    ]);
    const missing = await put(world, '/other', { version: first.version });
    expect(missing).toMatchObject({ ok: false, error: { status: 422 } });
    const back = must(await put(world, '/prod', { version: first.version }));
    await world.advance(60_000);
    expect(back.version > first.version).toBe(true);
    expect(shape(world)).toEqual({ '/prod': { '/prod/web': 2, '/prod/db': 1 } });
    expect(world.read.group('/prod')?.dependencies).toEqual(['/x']);
    expect(world.tasksOf('/prod/web')).toHaveLength(2);
    world.expectSane();
  });

  it('forget the definitions of removed apps once no version of the root holds them', async () => {
    const world = await createWorld({ settings: { maxVersions: 3 } });
    must(await put(world, '/prod', { apps: [app('web')] }));
    await world.advance(10_000);
    must(await put(world, '/prod', { apps: [] }));
    await world.advance(60_000);
    expect(world.stored('appVersion')).toHaveLength(1);
    for (let i = 0; i < 3; i += 1) must(await world.put('/other', { instances: i }));
    await world.advance(10_000);
    expect(world.stored('appVersion').filter(({ key }) => key.startsWith('/prod'))).toEqual([]);
    expect(
      world
        .stored('group')
        .map(({ key }) => key)
        .filter((key) => key.startsWith('@')),
    ).toHaveLength(3);
    expect(world.read.groupVersions('/')).toHaveLength(3);
  });

  it('are scaled as a whole, rounded up', async () => {
    const world = await createWorld();
    must(
      await put(world, '/g', {
        apps: [app('a', { instances: 3 }), app('b', { instances: 0 })],
        groups: [{ id: 's', apps: [app('c')] }],
      }),
    );
    await world.advance(10_000);
    must(await put(world, '/g', { scaleBy: 1.5 }));
    expect(shape(world, '/g')).toEqual({ '/g/a': 5, '/g/b': 0, '/g/s': { '/g/s/c': 2 } });
  });

  it('show in a dry run what would happen, and change nothing', async () => {
    const world = await createWorld();
    must(await put(world, '/g', { apps: [app('a', { instances: 2 }), app('b')] }));
    await world.advance(10_000);
    const before = [shape(world), world.store.records().length, world.events.length];
    const asked = world.control.preview(
      {
        group: {
          type: 'put',
          path: '/g',
          update: { apps: [app('a', { cmd: 'x', instances: 2 }), app('c', { cpus: 1 })] },
        },
      },
      { force: false },
    );
    await world.settle();
    expect(must(await asked)).toMatchObject({
      steps: [
        { actions: [{ action: 'StopApplication', app: '/g/b' }] },
        { actions: [{ action: 'StartApplication', app: '/g/c' }] },
        {
          actions: [
            { action: 'RestartApplication', app: '/g/a' },
            { action: 'ScaleApplication', app: '/g/c' },
          ],
        },
      ],
      created: ['/g/c'],
      restarted: ['/g/a'],
      removed: ['/g/b'],
      kills: 3,
      before: { instances: 3, cpus: 0.3 },
      after: { instances: 3, cpus: 1.2 },
    });
    expect([shape(world), world.store.records().length, world.events.length]).toEqual(before);
  });

  it('come and go again with a deployment that is rolled back', async () => {
    const world = await createWorld({ agents: 0 });
    must(await put(world, '/old', { dependencies: ['/a', '/b'] }));
    const made = must(
      await put(world, '/', {
        groups: [
          { id: 'old', dependencies: ['/a', '/c'] },
          { id: 'new', dependencies: ['/d'], apps: [app('web')] },
        ],
      }),
    );
    const answer = world.control.cancelDeployment(made.deploymentId, { force: false });
    await world.settle();
    must(await answer);
    expect(shape(world)).toEqual({ '/old': {} });
    expect(world.read.group('/old')?.dependencies.toSorted()).toEqual(['/a', '/b']);
  });

  it('enforce their role by PATCH without a deployment, and only at the top', async () => {
    const world = await createWorld();
    must(await put(world, '/prod', { apps: [app('web')], groups: [{ id: 'sub' }] }));
    await world.advance(10_000);
    const deployments = world.eventsOf('deployment_success').length;
    must(await ask(world, { type: 'enforceRole', path: '/prod', enforceRole: true }));
    expect(world.eventsOf('deployment_success')).toHaveLength(deployments);
    expect(world.read.group('/prod')?.enforceRole).toBe(true);
    expect(world.read.app('/prod/web')?.role).toBe('*');
    const nested = await ask(world, { type: 'enforceRole', path: '/prod/sub', enforceRole: true });
    expect(nested).toMatchObject({ ok: false, error: { status: 422 } });
    const refused = await world.change([{ type: 'create', id: '/prod/x' as never, update: { cmd: 'x', role: '*' } }]);
    expect(refused).toMatchObject({ ok: false, error: { status: 422, details: [{ path: '/role' }] } });
    const both = await put(world, '/prod', { enforceRole: false, apps: [] });
    expect(both).toMatchObject({ ok: false, error: { status: 422, details: [{ path: '/enforceRole' }] } });
    await world.restart();
    expect(world.read.group('/prod')?.enforceRole).toBe(true);
  });

  it('are made with an enforced role where the server says so', async () => {
    const world = await createWorld({ settings: { app: { ...defaultAppSettings, newGroupsEnforceRole: true } } });
    must(await world.put('/made/by/app'));
    must(await put(world, '/named', { apps: [app('web')] }));
    must(await put(world, '/not', { enforceRole: false, apps: [app('web')] }));
    await world.restart();
    const enforced = ['/made', '/made/by', '/named', '/not'].map((path) => world.read.group(path)?.enforceRole);
    expect(enforced).toEqual([true, undefined, true, false]);
    const roles = ['/made/by/app', '/named/web', '/not/web'].map((id) => world.read.app(id)?.role);
    expect(roles).toEqual(['made', 'named', '*']);
  });

  it('are only changed by those who have seen the present version, if they say what they saw', async () => {
    const world = await createWorld();
    const { version } = must(await put(world, '/g', { apps: [app('a')] }));
    await world.advance(10_000);
    const stale = await put(
      world,
      '/g',
      { scaleBy: 2 },
      { expected: { path: '/g', versions: ['2000-01-01T00:00:00.000Z'] } },
    );
    expect(stale).toMatchObject({ ok: false, error: { status: 412, headers: { ETag: `"${version}"` } } });
    must(await put(world, '/g', { scaleBy: 2 }, { expected: { path: '/g', versions: [version] } }));
    expect(world.read.app('/g/a')?.instances).toBe(2);
  });

  it('keep their apps where removals must be said', async () => {
    const world = await createWorld();
    must(await put(world, '/g', { apps: [app('a'), app('b')] }));
    await world.advance(10_000);
    const refused = await put(world, '/g', { apps: [app('b')] }, { keepsApps: true });
    expect(refused).toMatchObject({ ok: false, error: { status: 422 } });
    expect(shape(world, '/g')).toEqual({ '/g/a': 1, '/g/b': 1 });
    must(await put(world, '/g', { apps: [app('b'), app('a'), app('c')] }, { keepsApps: true }));
  });

  it('give way to an app when they are empty, and only then', async () => {
    const world = await createWorld();
    must(await ask(world, { type: 'create', path: '/a/b', update: {} }));
    must(await world.put('/a'));
    expect(shape(world)).toEqual({ '/a': 1 });
    const taken = await ask(world, { type: 'create', path: '/a', update: {} });
    expect(taken).toMatchObject({
      ok: false,
      error: { status: 409, message: 'An app with the path /a already exists.' },
    });
    const below = await ask(world, { type: 'create', path: '/a/c', update: {} });
    expect(below).toMatchObject({ ok: false, error: { status: 422 } });
    must(await put(world, '/g', { apps: [app('x')] }));
    expect(await ask(world, { type: 'create', path: '/g', update: {} })).toMatchObject({
      ok: false,
      error: { status: 409, message: 'Group /g is already created. Use PUT to change this group.' },
    });
    expect(await world.put('/g')).toMatchObject({ ok: false, error: { status: 422 } });
  });

  it('stay when their last app goes, and after a restart', async () => {
    const world = await createWorld();
    must(await world.put('/g/s/a'));
    await world.advance(10_000);
    must(await world.delete('/g/s/a'));
    await world.advance(60_000);
    await world.restart();
    expect(shape(world)).toEqual({ '/g': { '/g/s': {} } });
    must(await ask(world, { type: 'delete', path: '/g/s' }));
    expect(shape(world)).toEqual({ '/g': {} });
    expect(await ask(world, { type: 'delete', path: '/g/s' })).toMatchObject({ ok: false, error: { status: 404 } });
    must(await ask(world, { type: 'delete', path: '/' }));
    expect(shape(world)).toEqual({});
  });
});
