/** Whatever a file of `src` exports to be called is called for by another file. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.mjs', '*.js'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '');

/** Each file's words. */
const words = new Map(
  files.map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return [path, { text, words: new Set(text.match(/[A-Za-z_$][\w$]*/g)) }] as const;
  }),
);

it('exports no function, constant or class that only its own file names', () => {
  const sources = [...words].filter(([path]) => path.startsWith('src/'));
  expect(sources.length).toBeGreaterThan(100);
  const unused = sources.flatMap(([path, { text }]) =>
    [...text.matchAll(/^export (?:async )?(?:function\*?|const|class) ([\w$]+)/gm)]
      .map((match) => match[1] ?? '')
      .filter((name) => ![...words].some(([other, one]) => other !== path && one.words.has(name)))
      .map((name) => `${path}: ${name}`),
  );
  expect(unused).toEqual([]);
});
