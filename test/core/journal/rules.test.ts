import { describe, expect, it } from 'vitest';
import { formatEventId, parseEventId } from '../../../src/core/journal/event-id.ts';
import { unreadableFormat, withFormats } from '../../../src/core/journal/formats.ts';
import { isExpired } from '../../../src/core/journal/retention.ts';

describe('event ids', () => {
  it('are read back as they were written', () => {
    const generation = '0b5f3c1e-8a55-4c2f-9d0a-2f1d9f2f6a11';
    expect(parseEventId(formatEventId(generation, 17))).toEqual({ generation, number: 17 });
  });

  it.each([
    '',
    '5',
    '.5',
    'g.',
    'g.05',
    'g.-1',
    'g.1.2',
    'g.1e3',
    'g.99999999999999999',
    'g h.1',
    `${'g'.repeat(65)}.1`,
  ])('that nobody can have written are refused: "%s"', (text) => {
    expect(parseEventId(text)).toBeUndefined();
  });
});

describe('record formats', () => {
  const known = { app: 2, instance: 1 };

  it('up to the known ones can be read', () => {
    expect(unreadableFormat({ app: 1, instance: 1 }, known)).toBeUndefined();
    expect(unreadableFormat({}, known)).toBeUndefined();
  });

  it('that are newer or of an unknown kind cannot', () => {
    expect(unreadableFormat({ app: 3 }, known)).toMatch(/"app".*format 3.*up to 2/);
    expect(unreadableFormat({ pod: 1 }, known)).toMatch(/"pod"/);
    expect(unreadableFormat({ constructor: 1 }, known)).toMatch(/"constructor"/);
  });

  it('are remembered by their highest, and the same object comes back when nothing is new', () => {
    const written = withFormats({ app: 2 }, [
      { kind: 'app', format: 1 },
      { kind: 'instance', format: 1 },
    ]);
    expect(written).toEqual({ app: 2, instance: 1 });
    expect(withFormats(written, [{ kind: 'app', format: 2 }])).toBe(written);
  });
});

describe('event retention', () => {
  const retention = { minEvents: 100, minAgeMs: 1_000, maxEvents: 500 };
  it.each([
    ['old, but among the newest by number', 910, 5_000, false],
    ['old and beyond the number', 890, 5_000, true],
    ['exactly at both limits', 890, 1_000, true],
    ['beyond the number, but young', 600, 999, false],
    ['young, but beyond the absolute maximum', 490, 0, true],
  ])('%s', (_, first, ageMs, expected) => {
    expect(isExpired({ first, count: 10, atMs: 10_000 - ageMs }, 1_000, 10_000, retention)).toBe(expected);
  });
});
