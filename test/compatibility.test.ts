/** docs/compatibility.md is made from the tests that are marked as deviations. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('is what `npm run docs` makes of the marked tests, and each row leads to one', () => {
  const made = execFileSync(process.execPath, ['scripts/compatibility.mjs', '--print'], { encoding: 'utf8' });
  expect(readFileSync('docs/compatibility.md', 'utf8'), 'stale: run `npm run docs`').toBe(made);
  const rows = [...made.matchAll(/^\| \[/gm)].length;
  const led = [...made.matchAll(/^\| \[.+?\]\(\.\.\/(test\/[^)]+)\) \|/gm)].map((match) => match[1] ?? '');
  expect(led.length).toBe(rows);
  expect(rows).toBeGreaterThan(30);
  for (const path of led) expect([path, existsSync(path)]).toEqual([path, true]);
  expect(made).not.toContain('undefined');
});
