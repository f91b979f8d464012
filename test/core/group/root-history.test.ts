import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RootDelta } from '../../../src/core/group/group-record.ts';
import { existedAt, RootHistory } from '../../../src/core/group/root-history.ts';
import type { AppId } from '../../../src/core/ids.ts';
import { isBelow } from '../../../src/core/ids.ts';
import { timestamp } from '../../../src/core/time.ts';

const ids = ['/a', '/g/a', '/g/b', '/g/s/a', '/h/a'] as AppId[];

/** One change: in which millisecond, and which apps get a new version (true) or go (false). */
const change = fc.tuple(fc.nat({ max: 2 }), fc.dictionary(fc.constantFrom(...ids), fc.boolean(), { minKeys: 1 }));

/** Replays changes as the writer makes them, and keeps what the tree was after each version. */
function replay(changes: readonly (readonly [number, Record<string, boolean>])[]) {
  const history = new RootHistory();
  const now = new Map<AppId, string>();
  const latest = new Map<AppId, string>();
  const seen = new Map<string, ReadonlyMap<AppId, string>>();
  let ms = 1_000;
  for (const [pause, apps] of changes) {
    ms += pause;
    const touched = Object.keys(apps) as AppId[];
    const newest =
      touched
        .map((id) => latest.get(id) ?? '')
        .toSorted()
        .at(-1) ?? '';
    const version = newest >= timestamp(ms) ? timestamp(Date.parse(newest) + 1) : timestamp(ms);
    const delta: RootDelta = {
      version,
      apps: touched.flatMap((id) => {
        const before = now.get(id);
        if (!apps[id] && before === undefined) return [];
        return [{ id, ...(before === undefined ? {} : { before }), ...(apps[id] ? { after: version } : {}) }];
      }),
      groups: [],
    };
    for (const { id, after } of delta.apps) {
      latest.set(id, version);
      if (after === undefined) now.delete(id);
      else now.set(id, after);
    }
    history.put(history.merged(delta));
    // A stamp ahead of the clock may be followed by an earlier one of other apps: later versions hold that too.
    seen.set(version, new Map(now));
    for (const [at, tree] of seen) {
      if (at <= version) continue;
      const patched = new Map(tree);
      for (const { id, after } of delta.apps)
        if (after === undefined) patched.delete(id);
        else patched.set(id, after);
      seen.set(at, patched);
    }
    for (const at of seen.keys()) if (at === version) seen.set(at, treeAt(version, history, now));
  }
  return { history, now, seen };
}

function treeAt(version: string, history: RootHistory, now: ReadonlyMap<AppId, string>): Map<AppId, string> {
  const tree = new Map(now);
  for (const [id, then] of history.at(version)?.apps ?? []) {
    if (then === undefined) tree.delete(id);
    else tree.set(id, then);
  }
  return tree;
}

describe('The history of the root', () => {
  it('gives back every tree that there was, whatever came after', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const { history, now, seen } = replay(changes);
        for (const version of history.versions()) {
          expect(Object.fromEntries(treeAt(version, history, now))).toEqual(
            Object.fromEntries(seen.get(version) ?? []),
          );
        }
      }),
    );
  });

  it('knows which groups were there, and needs what it may have to give back', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
        const { history, now } = replay(changes);
        const present = {
          group: () => undefined,
          below: (path: string) => [...now.keys()].filter((id) => isBelow(id, path)),
        };
        for (const version of history.versions()) {
          const past = history.at(version);
          const tree = treeAt(version, history, now);
          for (const path of ['/', '/g', '/g/s', '/h', '/none']) {
            const expected = path === '/' || [...tree.keys()].some((id) => isBelow(id, path));
            expect(past && existedAt(path, past, present)).toBe(expected);
          }
          for (const [id, at] of tree) expect(now.get(id) === at || history.needs(id, at)).toBe(true);
        }
        for (const version of history.versions()) history.remove(version);
        for (const id of ids)
          for (const at of [timestamp(1_000), timestamp(1_001)]) expect(history.needs(id, at)).toBe(false);
      }),
    );
  });

  it('counts changes of one millisecond as one version, first before and last after', () => {
    const history = new RootHistory();
    const [v, w] = [timestamp(1), timestamp(2)];
    history.put(history.merged({ version: w, apps: [{ id: '/a' as AppId, before: v, after: w }], groups: [] }));
    history.put(history.merged({ version: w, apps: [{ id: '/b' as AppId, after: w }], groups: [] }));
    history.put(history.merged({ version: w, apps: [{ id: '/a' as AppId, before: w }], groups: [] }));
    expect(history.versions()).toEqual([w]);
    expect(history.oldest?.apps).toEqual([
      { id: '/a', before: v },
      { id: '/b', after: w },
    ]);
    expect(history.at(v)).toBeUndefined();
  });
});
