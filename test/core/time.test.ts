import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextVersion, parseTimestamp, timestamp } from '../../src/core/time.ts';

const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 998);
const moments = fc.integer({ min: 0, max: lastMs });

describe('a timestamp (rest-api §1.4)', () => {
  it('has three fraction digits and a Z', () => {
    expect(timestamp(0)).toBe('1970-01-01T00:00:00.000Z');
  });

  const readable: readonly (readonly [text: string, ms: number | undefined])[] = [
    ['1970-01-01T00:00:00.001Z', 1],
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-01T00:00Z', 0],
    ['1970-01-01T01:00:00.123456789+01:00', 123],
    ['1970-01-01T01:00:00+0100', 0],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2023-02-29T00:00:00Z', undefined],
    ['2026-02-31T00:00:00Z', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['2026-01-01T25:00:00Z', undefined],
    ['2026-01-01T00:00:00', undefined],
    ['2026-01-01', undefined],
    ['1770000000000', undefined],
    ['', undefined],
    [' 2026-01-01T00:00:00Z', undefined],
  ];
  it.each(readable)('%j is read as %j', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  it('is read back as it was written', () => {
    fc.assert(fc.property(moments, (ms) => parseTimestamp(timestamp(ms)) === ms));
  });

  it('sorts as text as it sorts as time', () => {
    fc.assert(
      fc.property(moments, moments, (a, b) => Math.sign(a - b) === (timestamp(a) < timestamp(b) ? -1 : +(a !== b))),
    );
  });
});

describe('the stamp of the next version', () => {
  it('is now for a new path', () => {
    expect(nextVersion(5, undefined)).toBe(timestamp(5));
  });

  it('is now, unless the path has a stamp that is as late or later: then it is one millisecond more', () => {
    fc.assert(
      fc.property(moments, moments, (nowMs, latestMs) => {
        const version = nextVersion(nowMs, timestamp(latestMs));
        expect(version).toBe(timestamp(latestMs < nowMs ? nowMs : latestMs + 1));
        expect(version > timestamp(latestMs)).toBe(true);
      }),
    );
  });
});
