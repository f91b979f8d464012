import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArchiveEntry, checkEntries } from '../../../src/local-mesos/process/archive-entries.ts';

const name = fc.constantFrom('a', 'b', 'c', '.', '..');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const entry: fc.Arbitrary<ArchiveEntry> = fc.oneof(
  path.map((where): ArchiveEntry => ({ path: where, kind: 'file', target: undefined, bytes: 1 })),
  path.map((where): ArchiveEntry => ({ path: `${where}/`, kind: 'directory', target: undefined, bytes: 0 })),
  fc.tuple(path, path).map(([where, target]): ArchiveEntry => ({ path: where, kind: 'symlink', target, bytes: 0 })),
);

/** Follows a path as the kernel does; undefined when it leaves the directory, or goes round in circles. */
function resolve(start: string, links: ReadonlyMap<string, string>): string | 'outside' | 'circle' {
  const todo = start.split('/');
  const done: string[] = [];
  for (let steps = 0; todo.length > 0; steps++) {
    if (steps > 500) return 'circle';
    const part = todo.shift() as string;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (done.pop() === undefined) return 'outside';
      continue;
    }
    const here = [...done, part].join('/');
    const target = links.get(here);
    if (target === undefined) done.push(part);
    else todo.unshift(...target.split('/'));
  }
  return done.join('/');
}

describe('the entries of an archive', () => {
  it('lead nowhere outside when they are accepted, in whatever way their links are combined', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(entry, { minLength: 2, maxLength: 6 }), (entries) => {
        const links = new Map<string, string>();
        const accept: ArchiveEntry[] = [];
        // Bad entries are left out one by one, so that the rest is interesting often enough.
        for (const candidate of entries) {
          if (checkEntries([...accept, candidate], 1_000) !== undefined) continue;
          accept.push(candidate);
          accepted++;
          expect(resolve(candidate.path, links)).not.toBe('outside');
          const place = resolve(candidate.path.replace(/\/$/, '').split('/').slice(0, -1).join('/'), links);
          const last = candidate.path
            .split('/')
            .filter((part) => part !== '')
            .at(-1) as string;
          if (candidate.kind === 'symlink')
            links.set([place, last].filter((part) => part !== '').join('/'), candidate.target as string);
        }
        for (const { path: where } of accept) {
          expect(resolve(where, links)).not.toBe('outside');
          expect(resolve(`${where}/a/b`, links)).not.toBe('outside');
        }
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(5_000);
  });

  it('may be links between each other inside', () => {
    const inside: readonly ArchiveEntry[] = [
      { path: 'bin/', kind: 'directory', target: undefined, bytes: 0 },
      { path: 'bin/tool', kind: 'symlink', target: '../lib/tool.js', bytes: 0 },
      { path: 'lib/tool.js', kind: 'file', target: undefined, bytes: 3 },
      { path: 'lib/same.js', kind: 'hardlink', target: 'lib/tool.js', bytes: 0 },
    ];
    expect(checkEntries(inside, 10)).toBeUndefined();
    expect(checkEntries(inside, 2)).toContain('larger than 2 bytes');
  });
});
