/** Pages and program say the same: files, flags and metrics that a page names are there, and every metric has its row. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ignoredFlags, serverFlags } from '../src/config/server-flags.ts';
import { helpText } from '../src/local-mesos/flags.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');
const tree = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '');

/** Pages for readers; the changelog and reports tell of the past. */
const pages = tree.filter((path) => /^(README|examples\/.*|docs\/(?!reports\/).*)\.md$/.test(path));
const sources = tree.filter((path) => /^src\/.*\.ts$/.test(path));

const codeIn = (text: string): readonly string[] => [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');

describe('a page', () => {
  it.each(pages)('%s names only files that are there', (page) => {
    const named = codeIn(textOf(page)).filter((text) => /^[\w./*-]+(\.(ts|mjs|js|json|md)|\/)$/.test(text));
    const isThere = (name: string): boolean => {
      const pattern = name.replace(/^\.\//, '').replaceAll('.', '\\.').replaceAll('*', '[^/]*');
      const regex = name.endsWith('/') ? new RegExp(`(^|/)${pattern}`) : new RegExp(`(^|/)${pattern}$`);
      return tree.some((path) => regex.test(path)) || made.has(name);
    };
    expect(named.filter((name) => !isThere(name))).toEqual([]);
  });

  it.each(pages)('%s links only to pages and headings that are there', (page) => {
    const broken: string[] = [];
    for (const [, target = ''] of textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file = '', heading] = target.split('#');
      const path = file === '' ? page : join(page, '..', file).replace(/\/$/, '');
      const isThere = tree.some((one) => one === path || one.startsWith(`${path}/`));
      if (!isThere || (heading !== undefined && !headingsOf(path).has(heading))) broken.push(target);
    }
    expect(broken).toEqual([]);
  });

  it.each(pages)('%s names only flags that a command has', (page) => {
    const named = [...textOf(page).matchAll(/(?<![\w-])--([a-z][a-z_]+)\b(?![-*…<])/g)].map((match) => match[1] ?? '');
    expect([...new Set(named)].filter((name) => !isFlag(name))).toEqual([]);
  });
});

/** Files that the program makes, and what is said of other programs. */
const made = new Set([
  'registry.json',
  'meta/',
  '/openapi.json',
  'dist/',
  'dist/main.js',
  'web.json',
  'move.backup',
  'groups.json',
  'state/',
  '/ui/',
]);

function headingsOf(path: string): ReadonlySet<string> {
  const headings = [...textOf(path).matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  // As GitHub makes anchors of them.
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Of every command; `--disable_x` is the other side of `--x`. */
const own = new Set([
  ...serverFlags.map(({ name }) => name),
  ...[...helpText.matchAll(/--([a-z_]+)/g)].map((match) => match[1] ?? ''),
  ...['src/commands.ts', 'src/backup/command.ts']
    .map(textOf)
    .flatMap((text) => [...text.matchAll(/name: '([a-z_]+)'/g)].map((match) => match[1] ?? '')),
]);
/** Of the scripts, of npm, Vitest and Podman. */
const others = new Set(['help', 'version', 'seed', 'count', 'minutes', 'project', 'runtime', 'ulimit', 'pid', 'fork']);

const isFlag = (name: string): boolean =>
  own.has(name) || own.has(name.replace(/^disable_/, '')) || others.has(name) || ignoredFlags.has(name);

/** Names of metrics in the program, and where each kind of them begins if the rest is made of something. */
function metricsIn(text: string): readonly string[] {
  const call = /(?:metrics|recording|context)\??\.(?:count|gauge|time|mark)\(([^;]*?)(?:,|\)|=>)/g;
  return [...text.matchAll(call)].flatMap(([, argument = '']) =>
    [...argument.matchAll(/['`]([a-z][\w-]*(?:\.[\w-]+)*\.?)(?:['`]|\$\{)/g)]
      .map((match) => match[1] ?? '')
      // A value that an argument is compared with.
      .filter((name) => name.includes('.') || argument.trim() === `'${name}'`),
  );
}

/** `a.b`, `.c` in a row are `a.b` and `a.c`. */
function documentedMetrics(): readonly string[] {
  const names: string[] = [];
  for (const [, first = ''] of textOf('docs/metrics.md').matchAll(/^\| (`[^|]*) \|/gm)) {
    let parent = '';
    for (const name of codeIn(first)) {
      const whole = name.startsWith('.') ? `${parent}${name}` : name;
      names.push(whole);
      if (!name.startsWith('.')) parent = whole.slice(0, whole.lastIndexOf('.'));
    }
  }
  return names;
}

describe('docs/metrics.md', () => {
  const documented = documentedMetrics();
  const inProgram = new Set(
    sources.filter((path) => !path.startsWith('src/local-mesos/')).flatMap((path) => metricsIn(textOf(path))),
  );

  it('has a row for every metric', () => {
    expect(inProgram.size).toBeGreaterThan(100);
    const families = documented.filter((name) => name.includes('*')).map((name) => name.slice(0, name.indexOf('*')));
    const isTold = (name: string): boolean =>
      documented.includes(name) || families.some((family) => name.startsWith(family));
    expect([...inProgram].filter((name) => !isTold(name)).sort()).toEqual([]);
  });

  it('has no row for what the program does not count', () => {
    const texts = sources.map(textOf);
    const isCounted = (name: string): boolean => {
      const literal = name.includes('*') ? name.slice(0, name.indexOf('*')) : `${name}'`;
      return texts.some((text) => text.includes(`'${literal}`) || text.includes(`\`${literal}`));
    };
    expect(documented.filter((name) => !isCounted(name))).toEqual([]);
  });

  it('is where the names of metrics and log entries in the operations page come from', () => {
    const texts = sources.map(textOf);
    const named = codeIn(textOf('docs/operations.md')).filter((text) => /^[a-z][a-z-]*(\.[a-z-]+)+$/.test(text));
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !foreign.has(name) && !texts.some((text) => text.includes(`'${name}'`)))).toEqual([]);
  });
});

/** Dotted names of other programs. */
const foreign = new Set(['autopurge.purge', 'jute.maxbuffer']);
