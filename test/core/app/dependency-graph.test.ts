import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DependencyView, edgesOf, isGroupNode } from '../../../src/core/app/dependency-graph.ts';
import { dependencyCycle } from '../../../src/core/app/tree-rules.ts';
import { planSteps } from '../../../src/core/deploy/plan.ts';
import { type AppId, isBelow, parentOf } from '../../../src/core/ids.ts';
import { appsNeededBy } from '../../support/dependencies.ts';
import { anApp } from '../offer/fixtures.ts';

type Apps = Readonly<Record<string, readonly string[]>>;

/** Looks at everything for each question: slow, and plainly right. */
function viewOf(apps: Apps, groups: Apps = {}): DependencyView {
  const ids = Object.keys(apps);
  const appsBelow = (path: string) => ids.filter((id) => isBelow(id, path)) as AppId[];
  const childrenOf = (path: string) => {
    const found = new Set<string>();
    for (const id of appsBelow(path)) {
      let at: string = id;
      while (parentOf(at) !== path) at = parentOf(at);
      found.add(at);
    }
    return found;
  };
  const namedAround = (id: string) => {
    const found: string[] = [];
    for (let path = parentOf(id); ; path = parentOf(path)) {
      found.push(...(groups[path] ?? []));
      if (path === '/') return found;
    }
  };
  return {
    namedBy: (id) => apps[id],
    namedAround,
    isGroup: (path) => appsBelow(path).length > 0,
    childrenOf,
    appsBelow,
  };
}

const needed = (id: string, apps: Apps, groups?: Apps) => {
  const view = viewOf(apps, groups);
  return appsNeededBy(id as AppId, (node) => edgesOf(node, view)).toSorted();
};

describe('The graph of dependencies (behaviour §4.3)', () => {
  it('leads through a group to all that is in it, but never back to who asks', () => {
    const apps = { '/g/a': ['/g', '/g/b'], '/g/b': [], '/g/h/c': [], '/x': ['/g', '/nothing'], '/y': ['/g/h/c'] };
    expect(needed('/x', apps)).toEqual(['/g/a', '/g/b', '/g/h/c']);
    expect(needed('/g/a', apps)).toEqual(['/g/b', '/g/h/c']);
    expect(needed('/y', apps)).toEqual(['/g/h/c']);
    expect(needed('/z', apps)).toEqual([]);
    expect(needed('/x', { '/x': ['/x'] })).toEqual(['/x']);
    expect(needed('/x', { '/x': ['/'], '/y': [] })).toEqual(['/y']);
    expect(needed('/g/a', { '/g/a': [], '/db/b': [] }, { '/g': ['/db'] })).toEqual(['/db/b']);
  });

  const names = ['/a', '/b', '/g/a', '/g/b', '/g/h/a', '/g/h/b', '/k/l/m'] as const;
  const targets = fc.constantFrom(...names, '/g', '/g/h', '/k', '/k/l', '/', '/missing');
  const some = fc.dictionary(fc.constantFrom(...names), fc.uniqueArray(targets, { maxLength: 2 }));
  const around = fc.dictionary(fc.constantFrom('/g', '/g/h', '/k'), fc.uniqueArray(targets, { maxLength: 1 }));

  /** What depends on what, app by app, as the rules say it. */
  const plain = (apps: Apps, groups: Apps) => (id: string) => {
    const { namedAround, appsBelow } = viewOf(apps, groups);
    const named = [...(apps[id] ?? []), ...namedAround(id)];
    return named.flatMap((path) => (apps[path] ? [path] : [...appsBelow(path)].filter((below) => below !== id)));
  };

  it('has the same circles and the same layers as one without groups', () => {
    fc.assert(
      fc.property(some, around, (apps, groups) => {
        const view = viewOf(apps, groups);
        const edges = (node: string) => edgesOf(node, view);
        const simple = plain(apps, groups);
        const ids = Object.keys(apps) as AppId[];
        const isCircular = dependencyCycle(ids, simple) !== undefined;
        expect(dependencyCycle(ids, edges) !== undefined).toBe(isCircular);
        if (isCircular) return;
        const planned = ids.map((id) => ({ id, before: undefined, after: anApp({}, id), kind: 'config' as const }));
        expect(planSteps(planned, edges)).toEqual(planSteps(planned, simple));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([100, 1_000])('has as many edges as there are apps where %i depend on a group of as many', (count) => {
    const apps: Record<string, readonly string[]> = {};
    for (let i = 0; i < count; i += 1) {
      apps[`/web/a${i}`] = ['/db'];
      apps[`/db/a${i}`] = [];
    }
    const children = { '/db': Object.keys(apps).filter((id) => isBelow(id, '/db')) } as Record<string, string[]>;
    const view = {
      namedBy: (id: string) => apps[id],
      namedAround: () => [],
      isGroup: (path: string) => path === '/db' || path === '/web',
      childrenOf: (path: string) => children[path] ?? [],
      appsBelow: (path: string) => (children[path] ?? []) as AppId[],
    };
    let edges = 0;
    const asked = new Set<string>();
    const counted = (node: string) => {
      expect(asked.has(node)).toBe(false);
      asked.add(node);
      const found = edgesOf(node, view);
      edges += found.length;
      return found;
    };
    const ids = Object.keys(apps) as AppId[];
    expect(dependencyCycle(ids, counted)).toBeUndefined();
    expect(edges).toBe(2 * count);
    expect([...asked].filter(isGroupNode)).toEqual(['/db/*']);
    asked.clear();
    edges = 0;
    const planned = ids.map((id) => ({ id, before: undefined, after: anApp({}, id), kind: 'config' as const }));
    expect(planSteps(planned, counted)).toHaveLength(3);
    expect(edges).toBe(2 * count);
  });
});
