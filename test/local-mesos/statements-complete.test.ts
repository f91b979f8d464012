/** Every numbered statement on Mesos has a test that bears its number: 87 on the cluster, 45 on the client (mesos-v1 §7). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Statements that cannot be shown here, each with the reason. */
const notShown: Readonly<Record<string, string>> = {};

/** The numbers at the beginnings of test names below a folder: `M-12: …`, `M-60, M-72: …`. */
function numbersIn(folder: string, letter: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.test.ts')) continue;
    const text = readFileSync(join(root, folder, file), 'utf8');
    const names = text.matchAll(new RegExp(`['"\`]((?:${letter}-\\d+(?:, )?)+):? `, 'g'));
    for (const [, numbers] of names) for (const number of (numbers ?? '').split(', ')) found.add(number);
  }
  return found;
}

const missing = (letter: string, count: number, present: ReadonlySet<string>): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${letter}-${i + 1}`).filter(
    (number) => !present.has(number) && notShown[number] === undefined,
  );

describe('the statements on Mesos', () => {
  it('each have a test of their number: those on the cluster', () => {
    expect(missing('M', 87, numbersIn('local-mesos', 'M'))).toEqual([]);
  });

  it('each have a test of their number: those on the client', () => {
    expect(missing('C', 45, numbersIn('infra/mesos', 'C'))).toEqual([]);
  });
});
