/** Every test vector of the notes on Marathon's behaviour (behaviour §13) is named by a test, or stands here with the reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const tests = fileURLToPath(new URL('..', import.meta.url));
const lastVector = 129;

/** Vectors without a test. Whoever builds what is missing takes the line away. */
const missing: Readonly<Record<number, string>> = {
  22: 'there are no reservations yet: an app with a persistent volume waits for ever',
  23: 'there are no pods: an instance has one task, and its condition',
};

function namedVectors(): ReadonlySet<number> {
  const named = new Set<number>();
  for (const path of readdirSync(tests, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.test.ts') || path.endsWith('vectors.test.ts')) continue;
    const text = readFileSync(`${tests}${path}`, 'utf8');
    for (const [, n] of text.matchAll(/\bV(\d{1,3})\b/g)) named.add(Number(n));
  }
  return named;
}

describe('The test vectors', () => {
  const named = namedVectors();
  const all = Array.from({ length: lastVector }, (_, i) => i + 1);

  it('are all named by a test, but for those that are listed as missing', () => {
    expect(all.filter((n) => !named.has(n) && missing[n] === undefined)).toEqual([]);
  });

  it('are listed as missing only while no test names them', () => {
    expect(Object.keys(missing).filter((n) => named.has(Number(n)))).toEqual([]);
  });

  it('have no numbers beyond the last', () => {
    expect([...named].filter((n) => n < 1 || n > lastVector)).toEqual([]);
  });
});
