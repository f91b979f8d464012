import { describe, expect, it } from 'vitest';
import { dependencyCycle, idConflict, type TreeView } from '../../../src/core/app/tree-rules.ts';
import { type AppId, isBelow } from '../../../src/core/ids.ts';
import type { Refusal } from '../../../src/core/refusal.ts';

const id = (text: string): AppId => text as AppId;

function treeOf(...apps: readonly string[]): TreeView {
  return {
    hasApp: (path) => apps.includes(path),
    isGroup: (path) => apps.some((app) => isBelow(app, path)),
  };
}

const messages = (refusal: Refusal | undefined): unknown => refusal?.details;
const at = (path: string, error: string) => [{ path, errors: [error] }];

describe('one id is a group or an app (rest-api §9.6)', () => {
  const sameId = at('/', 'Groups and Applications may not have the same identifier.');
  it.each([
    ['an app where a group is', ['/a', '/a/b'], '/a', sameId],
    ['an app below an app', ['/a', '/a/b'], '/a/b', sameId],
    ['an app far below an app', ['/a', '/a/b/c/d'], '/a/b/c/d', sameId],
    ['an app beside others', ['/a/b', '/a/c', '/ab'], '/a/c', undefined],
  ])('%s', (_sentence, apps, added, expected) => {
    expect(messages(idConflict([id(added)], treeOf(...apps)))).toEqual(expected);
  });
});

describe('dependencies (behaviour §4.3)', () => {
  const circular = at('/', 'Dependency graph has cyclic dependencies.');
  const edges =
    (graph: Readonly<Record<string, readonly string[]>>, asked: string[] = []) =>
    (app: string): readonly string[] => {
      asked.push(app);
      return graph[app] ?? [];
    };

  it.each([
    ['an app that depends on itself', { '/a': ['/a'] }, circular],
    ['two apps that depend on each other', { '/a': ['/b'], '/b': ['/a'] }, circular],
    ['a circle behind the changed app', { '/a': ['/b'], '/b': ['/c'], '/c': ['/d'], '/d': ['/b'] }, circular],
    ['a diamond', { '/a': ['/b', '/c'], '/b': ['/d'], '/c': ['/d'] }, undefined],
  ])('%s', (_sentence, graph, expected) => {
    expect(messages(dependencyCycle([id('/a')], edges(graph)))).toEqual(expected);
  });

  it('are asked for what the change reaches, once each', () => {
    const asked: string[] = [];
    dependencyCycle([id('/a'), id('/b')], edges({ '/a': ['/b', '/c'], '/b': ['/c'], '/x': ['/a'] }, asked));
    expect(asked.sort()).toEqual(['/a', '/b', '/c']);
  });

  it('may form a chain of any length', () => {
    const length = 100_000;
    const next = (app: string): readonly string[] => {
      const n = Number(app.slice(1));
      return n < length ? [`/${n + 1}`] : [];
    };
    expect(dependencyCycle([id('/0')], next)).toBeUndefined();
    expect(dependencyCycle([id('/0')], (app) => (app === `/${length}` ? ['/0'] : next(app)))).toBeDefined();
  });
});
