import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppChange } from '../../../src/core/app/change.ts';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { isCurrent } from '../../../src/core/app/versions.ts';
import { revertOf } from '../../../src/core/group/change-set.ts';
import { timestamp } from '../../../src/core/time.ts';
import { complaints, must } from '../app/given.ts';
import { instanceId } from '../instance/given.ts';
import { id, put, remove, World } from './given.ts';

const stampsOf = (app: AppDefinition | undefined) => [
  app?.version,
  app?.versionInfo.lastScalingAt,
  app?.versionInfo.lastConfigChangeAt,
];
const [t1, t2, t3] = [timestamp(1_000), timestamp(1_001), timestamp(1_002)];

describe('a change of apps', () => {
  it('that changes nothing plans nothing and keeps the definition itself (behaviour §12, 6 and 12)', () => {
    const world = new World();
    world.apply(put('/a', { ports: [0] }));
    const before = world.get('/a');
    const { planned } = must(world.decide(put('/a', { ports: [0] })));
    expect(planned).toEqual([{ id: '/a', before, after: before, kind: 'none' }]);
    expect(planned[0]?.after).toBe(before);
  });

  it('gives versions that never repeat for an app, even within one millisecond', () => {
    const world = new World();
    world.apply(put('/a'));
    world.apply(put('/a', { cmd: 'b' }));
    world.apply(put('/a', { cmd: 'b' }), put('/b'));
    world.apply(put('/a', { cmd: 'c' }), put('/b', { cmd: 'c' }));
    expect([...world.versions.get(id('/a'))!.keys()]).toEqual([t1, t2, timestamp(1_003)]);
    expect([...world.versions.get(id('/b'))!.keys()]).toEqual([t3, timestamp(1_003)]);
  });

  it('stamps what it is: new, configuration, count, metadata, restart (behaviour §4.2)', () => {
    const world = new World();
    world.apply(put('/a'));
    expect(stampsOf(world.get('/a'))).toEqual([t1, t1, t1]);
    world.apply({ type: 'scale', id: id('/a'), instances: 3, sentenced: [] });
    expect(stampsOf(world.get('/a'))).toEqual([t2, t2, t1]);
    world.apply({ type: 'restart', id: id('/a') });
    expect(stampsOf(world.get('/a'))).toEqual([t3, t2, t3]);
    world.apply(put('/a', { instances: 3, labels: { x: 'y' } }));
    expect(stampsOf(world.get('/a'))).toEqual([timestamp(1_003), t2, t3]);
    world.apply(put('/a', { instances: 3, cmd: 'other' }));
    expect(stampsOf(world.get('/a'))).toEqual(Array(3).fill(timestamp(1_004)));
  });

  it('plans each kind', () => {
    const world = new World();
    world.apply(put('/a'));
    const kindOf = (change: AppChange) => must(world.decide(change)).planned[0]?.kind;
    expect(kindOf(put('/a', { cmd: 'b' }))).toBe('config');
    expect(kindOf(put('/a', { instances: 2 }))).toBe('scale');
    expect(kindOf(put('/a', { labels: { a: 'b' } }))).toBe('metadata');
    expect(kindOf({ type: 'restart', id: id('/a') })).toBe('restart');
    expect(kindOf({ type: 'rollback', id: id('/a'), version: t1 })).toBe('none');
    expect(kindOf(remove('/a'))).toBe('config');
  });

  it('scales to the same count if somebody is sentenced, and never below none', () => {
    const world = new World();
    world.apply(put('/a'));
    const scale = (instances: number, ...sentenced: readonly number[]) =>
      must(world.decide({ type: 'scale', id: id('/a'), instances, sentenced: sentenced.map(instanceId) })).planned[0];
    expect(scale(1, 4)).toMatchObject({
      kind: 'scale',
      sentenced: [instanceId(4)],
      after: { instances: 1, version: t2 },
    });
    expect(scale(1)).toMatchObject({ kind: 'none' });
    expect(scale(-5)).toMatchObject({ kind: 'scale', after: { instances: 0 } });
  });

  it('goes back to a stored version as a new one', () => {
    const world = new World();
    world.apply(put('/a', { cmd: 'first' }));
    world.apply(put('/a', { cmd: 'second' }));
    world.apply({ type: 'rollback', id: id('/a'), version: t1 });
    expect(world.get('/a')).toMatchObject({ cmd: 'first', version: t3, versionInfo: { lastConfigChangeAt: t3 } });
  });

  it('lets an id be deleted and made again, and an app make way for a group', () => {
    const world = new World();
    world.apply(put('/a'));
    world.apply(remove('/a'));
    expect(world.get('/a')).toBeUndefined();
    world.apply(put('/a'));
    expect(world.get('/a')?.version).toBe(t2);
    world.apply(put('/a/b'), remove('/a'));
    expect(world.tree.below('/')).toEqual(['/a/b']);
    world.apply(remove('/a/b'), put('/a'));
    expect(world.tree.below('/')).toEqual(['/a']);
  });
});

describe('a change is refused as a whole', () => {
  const world = new World();
  world.apply(put('/a'), put('/g/x'), put('/top', { dependencies: ['/a'] }));
  const same = '/: Groups and Applications may not have the same identifier.';
  const circle = '/: Dependency graph has cyclic dependencies.';
  const rows: readonly (readonly [string, readonly AppChange[], string])[] = [
    ['that names an app twice', [put('/n'), remove('/n')], "/: App '/n' is named more than once."],
    ['that puts an app where a group is', [put('/g')], same],
    ['that puts a group where an app is', [put('/a/b')], same],
    ['that brings both at once', [put('/n'), put('/n/m')], same],
    ['that brings both at once, deeper', [put('/n/a/b'), put('/n/a')], same],
    ['that closes a circle', [put('/a', { dependencies: ['/top'] })], circle],
    [
      'that closes a circle through a group',
      [put('/g/x', { dependencies: ['/top'] }), put('/a', { dependencies: ['/g'] })],
      circle,
    ],
    ['that makes an app wait for itself', [put('/n', { dependencies: ['/n'] })], circle],
    ['that brings a circle', [put('/n', { dependencies: ['/m'] }), put('/m', { dependencies: ['/n'] })], circle],
    ['that deletes what is not there', [remove('/n')], "App '/n' does not exist"],
    ['that restarts what is not there', [{ type: 'restart', id: id('/n') }], "App '/n' does not exist"],
    [
      'that goes back to an unknown version',
      [{ type: 'rollback', id: id('/a'), version: t3 }],
      "App '/a' does not exist",
    ],
    [
      'that creates what exists',
      [{ type: 'create', id: id('/a'), update: { cmd: 'x' } }],
      'An app with id [/a] already exists.',
    ],
  ];
  it.each(rows)('%s', (_, changes, complaint) => {
    expect(complaints(world.decide(put('/innocent'), ...changes))).toEqual([complaint]);
  });

  it('but not for a dependency on nothing, or on its own group', () => {
    expect(world.decide(put('/g/y', { dependencies: ['/g', '/missing'] })).ok).toBe(true);
  });

  it('but not for a circle that the same change opens', () => {
    expect(world.decide(put('/a', { dependencies: ['/top'] }), put('/top')).ok).toBe(true);
  });
});

/** Everything but the stamps. */
const content = (app: AppDefinition | undefined) => app && { ...app, version: '', versionInfo: '' };

describe('the way back from a deployment (behaviour §4.7)', () => {
  it('restores what it changed, removes what it added and returns what it removed', () => {
    const world = new World();
    world.apply(put('/changed', { cmd: 'old', ports: [0] }), put('/removed', { ports: [0] }), put('/other'));
    const before = ['/changed', '/removed'].map((n) => content(world.get(n)));
    const deployment = world.apply(put('/changed', { cmd: 'new' }), remove('/removed'), put('/added'));
    world.apply(put('/other', { cmd: 'meanwhile' }));
    world.revert(deployment);
    expect(['/changed', '/removed'].map((n) => content(world.get(n)))).toEqual(before);
    expect(world.get('/added')).toBeUndefined();
    expect(world.get('/other')?.cmd).toBe('meanwhile');
  });

  it('replaces tasks only where the deployment may have', () => {
    const kindAfter = (change: AppChange) => {
      const world = new World();
      world.apply(put('/a'));
      const deployment = world.apply(change);
      return must(revertOf(deployment, world.context)).planned[0]?.kind;
    };
    expect(kindAfter(put('/a', { cmd: 'b' }))).toBe('config');
    expect(kindAfter({ type: 'restart', id: id('/a') })).toBe('config');
    expect(kindAfter(put('/a', { instances: 5 }))).toBe('scale');
    expect(kindAfter(put('/a', { labels: { a: 'b' } }))).toBe('metadata');
  });

  it('stamps what it restores with a new version', () => {
    const world = new World();
    world.apply(put('/a'));
    const deployment = world.apply(put('/a', { cmd: 'b' }));
    world.revert(deployment);
    expect(stampsOf(world.get('/a'))).toEqual([t3, t3, t3]);
  });

  it('counts tasks that never left the configuration before as present ones, and no others', () => {
    const world = new World();
    world.apply(put('/a', { cmd: 'old' }));
    world.apply(put('/a', { cmd: 'old', labels: { a: 'b' } }));
    const deployment = world.apply(put('/a', { cmd: 'new' }));
    world.revert(deployment);
    world.apply(put('/a', { cmd: 'old', labels: { a: 'c' } }));
    const stamps = [1_000, 1_001, 1_002, 1_003, 1_004].map((ms) => timestamp(ms));
    const present = (name: string) => stamps.map((version) => isCurrent(version, world.get(name)!));
    expect(world.get('/a')?.version).toBe(stamps[4]);
    expect(present('/a')).toEqual([true, true, false, true, true]);
    world.apply(put('/a', { cmd: 'newer' }));
    expect(present('/a')).toEqual([false, false, false, false, false]);
  });

  it('remembers a few ways back, and then replaces what is older', () => {
    const world = new World();
    world.apply(put('/a', { cmd: 'old' }));
    for (let i = 0; i < 10; i++) world.revert(world.apply(put('/a', { cmd: `new ${i}` })));
    expect(world.get('/a')?.versionInfo.sameConfig).toHaveLength(4);
    expect(isCurrent(t1, world.get('/a')!)).toBe(false);
  });

  it('is refused where others have come to the place meanwhile, or would wait for each other', () => {
    const world = new World();
    world.apply(put('/a'), put('/b', { dependencies: ['/c'] }), put('/c'));
    const removal = world.apply(remove('/a'));
    world.apply(put('/a/below'));
    expect(complaints(revertOf(removal, world.context))).toEqual([
      '/: Groups and Applications may not have the same identifier.',
    ]);
    const release = world.apply(put('/b'));
    world.apply(put('/c', { dependencies: ['/b'] }));
    expect(complaints(revertOf(release, world.context))).toEqual(['/: Dependency graph has cyclic dependencies.']);
  });

  it('has nothing to do for an app that it added and that is gone', () => {
    const world = new World();
    const deployment = world.apply(put('/a'));
    world.apply(remove('/a'));
    expect(must(revertOf(deployment, world.context)).planned).toEqual([]);
  });

  it('is refused if the version before is no longer stored', () => {
    const world = new World();
    world.apply(put('/a'));
    const deployment = world.apply(put('/a', { cmd: 'b' }));
    world.versions.get(id('/a'))?.delete(t1);
    expect(revertOf(deployment, world.context)).toMatchObject({ ok: false, error: { status: 500 } });
  });
});

const names = fc.constantFrom('/a', '/b', '/g/a', '/g/b', '/g', '/h/i/j');
const wishes: fc.Arbitrary<AppChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        names,
        fc.record({
          cmd: fc.constantFrom('x', 'y'),
          instances: fc.nat(2),
          dependencies: fc.uniqueArray(names, { maxLength: 2 }),
        }),
      )
      .map(([n, body]) => put(n, body)),
  },
  names.map(remove),
  names.map((n) => ({ type: 'restart' as const, id: id(n) })),
);

describe('any history of changes', () => {
  it('keeps the tree without clashes and circles, versions unique, and every last change can be undone', () => {
    fc.assert(
      fc.property(fc.array(fc.array(wishes, { minLength: 1, maxLength: 3 }), { maxLength: 15 }), (history) => {
        const world = new World();
        const seen = new Set<string>();
        for (const changes of history) {
          const before = new Map([...world.tree.all()].map((a) => [a.id, content(a)]));
          const decided = world.decide(...changes);
          if (!decided.ok) continue;
          for (const { after, kind } of decided.value.planned) {
            if (!after || kind === 'none') continue;
            expect(seen.has(`${after.id}@${after.version}`)).toBe(false);
            seen.add(`${after.id}@${after.version}`);
          }
          const deployment = world.apply(...changes);
          for (const { id: path } of world.tree.all()) expect(world.tree.isGroup(path)).toBe(false);
          world.revert(deployment);
          expect(new Map([...world.tree.all()].map((a) => [a.id, content(a)]))).toEqual(before);
          if (world.decide(...changes).ok) world.apply(...changes);
          for (const [app, known] of world.versions) for (const version of known.keys()) seen.add(`${app}@${version}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});
