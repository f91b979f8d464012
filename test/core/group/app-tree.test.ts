import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppTree } from '../../../src/core/group/app-tree.ts';
import { type AppId, isBelow, parentOf } from '../../../src/core/ids.ts';
import { appsNeededBy } from '../../support/dependencies.ts';
import { anApp, definitions } from '../offer/fixtures.ts';

const range = { localPortMin: 10_000, localPortMax: 10_010 };
const app = (id: string, dependencies: readonly string[] = [], ...ports: readonly number[]) =>
  anApp({ dependencies, ...definitions(...ports) }, id);

const needed = (tree: AppTree, id: AppId): readonly AppId[] =>
  appsNeededBy(id, (node) => tree.edgesOf(node)).filter((other) => other !== id);

function treeOf(...ids: readonly string[]): AppTree {
  const tree = new AppTree(range);
  for (const id of ids) tree.put(app(id));
  return tree;
}

describe('the tree of apps', () => {
  it('knows the groups that its apps lie in, and forgets empty ones', () => {
    const tree = treeOf('/a/b/c', '/a/d');
    expect([tree.size, tree.groupCount]).toEqual([2, 2]);
    expect(['/', '/a', '/a/b', '/a/b/c', '/x'].filter((p) => tree.isGroup(p))).toEqual(['/', '/a', '/a/b']);
    tree.remove('/a/b/c' as AppId);
    expect([tree.isGroup('/a/b'), tree.isGroup('/a'), tree.groupCount]).toEqual([false, true, 1]);
    tree.remove('/a/d' as AppId);
    expect([tree.isGroup('/'), tree.groupCount, tree.size]).toEqual([false, 0, 0]);
    tree.remove('/a/d' as AppId);
  });

  it('keeps what lies below an app that makes way for a group, in either order', () => {
    const tree = treeOf('/a', '/a/b');
    tree.remove('/a' as AppId);
    expect(tree.below('/')).toEqual(['/a/b']);
  });

  it('resolves dependencies on groups, and knows who depends on an app or a group around it', () => {
    const tree = treeOf('/db/a', '/db/b/c');
    tree.put(app('/web', ['/db', '/missing']));
    tree.put(app('/db/d', ['/db']));
    expect(needed(tree, '/web' as AppId).toSorted()).toEqual(['/db/a', '/db/b/c', '/db/d']);
    expect(needed(tree, '/db/d' as AppId).toSorted()).toEqual(['/db/a', '/db/b/c']);
    expect(tree.dependentsOf('/db/b/c' as AppId).toSorted()).toEqual(['/db/d', '/web']);
    tree.put(app('/web'));
    expect(tree.dependentsOf('/db/b/c' as AppId)).toEqual(['/db/d']);
  });
});

const paths = fc.constantFrom('/a', '/b', '/a/a', '/a/b', '/a/b/c', '/a/b/d', '/b/c/d', '/b/c', '/c/c/c/c');
const edits = fc.array(
  fc.record({
    id: paths,
    isRemoval: fc.boolean(),
    dependencies: fc.uniqueArray(paths, { maxLength: 3 }),
    ports: fc.array(fc.integer({ min: 9_998, max: 10_012 }), { maxLength: 3 }),
  }),
  { maxLength: 40 },
);
const everyPath = [
  '/',
  '/a',
  '/b',
  '/c',
  '/a/a',
  '/a/b',
  '/a/b/c',
  '/a/b/d',
  '/b/c',
  '/b/c/d',
  '/c/c',
  '/c/c/c',
  '/c/c/c/c',
  '/x',
];

describe('any tree', () => {
  it('answers as a list of all apps would, after any puts and removals', () => {
    fc.assert(
      fc.property(edits, (given) => {
        const tree = new AppTree(range);
        const model = new Map<string, ReturnType<typeof app>>();
        for (const { id, isRemoval, dependencies, ports } of given) {
          if (isRemoval) {
            tree.remove(id as AppId);
            model.delete(id);
          } else {
            const put = app(id, dependencies, ...ports);
            tree.put(put);
            model.set(id, put);
          }
        }
        const ids = [...model.keys()].toSorted();
        const below = (path: string) => ids.filter((id) => isBelow(id, path));
        const groups = new Set<string>();
        for (const id of ids) for (let p = parentOf(id); p !== '/'; p = parentOf(p)) groups.add(p);
        expect([tree.size, tree.groupCount]).toEqual([ids.length, groups.size]);
        expect([...tree.all()].map((a) => a.id).toSorted()).toEqual(ids);
        for (const path of everyPath) {
          expect(tree.below(path).toSorted()).toEqual(below(path));
          expect(tree.isGroup(path)).toBe(below(path).length > 0);
          expect(tree.get(path as AppId)).toBe(model.get(path));
        }
        for (const [id, { dependencies }] of model) {
          const resolved = dependencies.flatMap((d) => (model.has(d) ? [d] : below(d))).filter((d) => d !== id);
          expect(needed(tree, id as AppId).toSorted()).toEqual([...new Set(resolved)].toSorted());
          const naming = ids.filter((other) => model.get(other)!.dependencies.some((d) => d === id || isBelow(id, d)));
          expect(tree.dependentsOf(id as AppId).toSorted()).toEqual(naming);
        }
        const used = new Set([...model.values()].flatMap((a) => (a.portDefinitions ?? []).map((d) => d.port)));
        for (let port = 9_995; port < 10_015; port++) expect(tree.ports.has(port)).toBe(used.has(port));
        let free: number | undefined = range.localPortMin;
        while (used.has(free)) free += 1;
        expect(tree.ports.lowestFreeFrom(range.localPortMin)).toBe(free < range.localPortMax ? free : undefined);
      }),
      { numRuns: 500 },
    );
  });
});
