/** Rules about the tree itself: who may import whom, what may not be called where, how long things may get. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files that git knows or would take, so that a forgotten one counts too. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => /^(src|test|benchmarks|ui|scripts|bin|examples)\/.*\.(ts|mjs|js)$/.test(path));

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Rule {
  readonly in: RegExp;
  readonly ban: RegExp;
  readonly use: string;
}

const bans: readonly Rule[] = [
  { in: /^src\/(?!actors\/runtime\/nact-link\.ts)/, ban: /from 'nact'/, use: 'actors/runtime' },
  {
    in: /^src\/core\//,
    ban: /from '(?!\.{1,2}\/|re2js')/,
    use: 'values passed in (core imports only itself and re2js)',
  },
  {
    in: /^src\/(core|actors)\//,
    ban: /\bDate\.now\(|new Date\(\)|Math\.random\(|\bset(Timeout|Interval)\(|\bperformance\.now\(/,
    use: 'the Clock and Ids ports',
  },
  { in: /^src\/actors\//, ban: /from 'node:/, use: 'a port of actors/ports.ts' },
  { in: /^(src|test|benchmarks)\//, ban: /\b(it|test|describe)\.(only|todo)\(/, use: 'the whole suite' },
  { in: /^src\//, ban: /\b(TODO|FIXME|XXX|HACK)\b/, use: 'finish it, or a page that says what is missing' },
  { in: /^src\//, ban: /^export default\b/m, use: 'a named export' },
  { in: /^src\//, ban: /^\s*(export )?(const )?enum\s/m, use: 'a union of string literals' },
];

/** Folder → folders of src that it may import from. The wiring at the top of src may import everything. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  actors: ['actors', 'core'],
  api: ['api', 'actors', 'core'],
  infra: ['infra', 'actors', 'core'],
  config: ['config', 'core', 'actors', 'infra', 'api'],
  backup: ['backup', 'config', 'core', 'actors', 'infra'],
  'local-mesos': ['local-mesos', 'core'],
  lb: ['lb'],
  cli: ['cli', 'config', 'core'],
};

/** The API knows the actors by their faces, infra by their ports; neither knows an actor. */
const actorFaces = /^src\/actors\/(front|ports|settings|runtime\/types|journal-backlog)\.ts$/;
/** What of the core belongs to both sides of the Mesos wire. */
const sharedCore = /^src\/core\/(mesos\/.*|result)\.ts$/;

const maxLines = 400;
const maxFunctionLines = 80;

function importsOf(path: string): readonly string[] {
  return [...textOf(path).matchAll(/from '(\.{1,2}\/[^']+)'/g)].map((m) => normalize(join(dirname(path), m[1] ?? '')));
}

const folderOf = (path: string): string => path.split('/')[1] ?? '';

/** Runs a judge over files and names every offence, so that one failure shows all of them. */
function offences(paths: readonly string[], judge: (path: string) => Iterable<string>): readonly string[] {
  return paths.flatMap((path) => [...judge(path)].map((what) => `${path}: ${what}`));
}

const judged = files.filter((path) => path !== 'test/tidy.test.ts');
const sources = files.filter((path) => path.startsWith('src/'));

describe('the tree', () => {
  it('has source files to judge', () => {
    expect(sources.length).toBeGreaterThan(50);
  });

  it.each(bans)('keeps $ban out of $in', (rule) => {
    const found = offences(
      judged.filter((path) => rule.in.test(path)),
      function* (path) {
        const match = rule.ban.exec(textOf(path));
        if (match) yield `has "${match[0]}", use ${rule.use}`;
      },
    );
    expect(found).toEqual([]);
  });

  it(`has no file of more than ${maxLines} lines`, () => {
    const found = offences(files, function* (path) {
      const length = textOf(path).split('\n').length - 1;
      if (length > maxLines) yield `${length} lines`;
    });
    expect(found).toEqual([]);
  });

  it(`has no function of more than ${maxFunctionLines} lines in src`, () => {
    expect(offences(sources, longFunctions)).toEqual([]);
  });

  it('has a reason beside every failure that is dropped', () => {
    const found = offences(sources, function* (path) {
      const lines = textOf(path).split('\n');
      for (const [at, line] of lines.entries()) {
        if (!/\bcatch(\(\(\) => (\{\}|undefined|\[\]|'[^']*')\)|( \(\w+\))? \{\s*\})/.test(line)) continue;
        const before = lines.slice(Math.max(0, at - 3), at + 1);
        if (!before.some((one) => /^\s*(\/\/|\/\*\*|\*)/.test(one))) yield `line ${at + 1}: ${line.trim()}`;
      }
    });
    expect(found).toEqual([]);
  });

  it('imports only what each folder may', () => {
    const inFolders = sources.filter((path) => /^src\/[^/]+\//.test(path));
    expect(offences(inFolders, forbiddenImports)).toEqual([]);
  });

  it('names no path of the machine it was made on', () => {
    const found = offences(judged, function* (path) {
      const match = /(^|[^\w.-])\/(work|farm|root)\/\w/.exec(textOf(path));
      if (match) yield match[0];
    });
    expect(found).toEqual([]);
  });

  it('has a reason for every test that may be skipped', () => {
    const listed = JSON.parse(textOf('test/skips.json')) as readonly {
      /** A test's path and name, or what several of them begin with. */
      readonly test?: string;
      readonly prefix?: string;
      /** What must be missing for it. */
      readonly needs: readonly string[];
      readonly reason: string;
    }[];
    for (const one of listed) {
      expect(one.test ?? one.prefix).toMatch(/^test\//);
      expect(one.needs.length).toBeGreaterThan(0);
      expect(one.reason.length).toBeGreaterThan(10);
    }
  });
});

function* longFunctions(path: string): Iterable<string> {
  const lines = textOf(path).split('\n');
  for (const [start, line] of lines.entries()) {
    if (!/^\s*(export )?(async )?function\b.*\{$/.test(line)) continue;
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const length = lines.indexOf(`${indent}}`, start) - start;
    if (length > maxFunctionLines) yield `line ${start + 1} begins a function of ${length} lines`;
  }
}

function* forbiddenImports(path: string): Iterable<string> {
  const allowed = mayImport[folderOf(path)];
  if (!allowed) {
    yield `${folderOf(path)} is not in the list of folders`;
    return;
  }
  for (const target of importsOf(path)) {
    if (!target.startsWith('src/')) continue;
    const folder = folderOf(target);
    if (!allowed.includes(folder)) yield `imports ${target}`;
    if (folder === 'actors' && /^src\/(api|infra)\//.test(path) && !actorFaces.test(target)) {
      yield `imports ${target}, but may know only the faces of the actors`;
    }
    if (folder === 'core' && path.startsWith('src/local-mesos/') && !sharedCore.test(target)) {
      yield `imports ${target}, but may know only the wire`;
    }
  }
}
