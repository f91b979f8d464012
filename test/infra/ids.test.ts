import { validate, version } from 'uuid';
import { describe, expect, it } from 'vitest';
import { createTimeUuids, systemIds } from '../../src/infra/ids.ts';

const random = Uint8Array.from([0xff, 1, 0xf0, 3, 4, 5, 6, 7]);

/** The 60-bit time of a version 1 UUID. */
function ticksOf(uuid: string): bigint {
  const [low, mid, high] = uuid.split('-');
  return BigInt(`0x${high?.slice(1)}${mid}${low}`);
}

describe('ids', () => {
  it('are valid UUIDs of their version, and unique', () => {
    const made = Array.from({ length: 100_000 }, () => systemIds.timeUuid());
    expect(new Set(made).size).toBe(made.length);
    for (const one of [made[0]!, made.at(-1)!]) expect([validate(one), version(one)]).toEqual([true, 1]);
    expect(version(systemIds.uuid())).toBe(4);
  });

  it('carry the time since 1582 in units of 100 ns, and the marked source', () => {
    const nowMs = Date.UTC(2026, 0, 1);
    const next = createTimeUuids(() => nowMs, random);
    const expected = (BigInt(nowMs) + 12_219_292_800_000n) * 10_000n;
    expect(ticksOf(next())).toBe(expected);
    const second = next();
    expect(ticksOf(second)).toBe(expected + 1n);
    expect(second.slice(18)).toBe('-bf01-f10304050607');
  });

  it('grow although the clock stands still, goes back, or crosses a boundary of the low half', () => {
    // The low 32 bits of the time begin anew within this millisecond.
    const boundary = ((BigInt(Date.UTC(2026, 0, 1)) + 12_219_292_800_000n) * 10_000n) >> 32n;
    const crossingMs = Number(((boundary + 1n) << 32n) / 10_000n - 12_219_292_800_000n);
    const times = [
      crossingMs - 1,
      crossingMs,
      crossingMs - 5000,
      crossingMs - 5000,
      crossingMs + 1,
      crossingMs + 500_000,
    ];
    let at = 0;
    const next = createTimeUuids(() => times[Math.floor(at++ / 8000)] ?? 0, random);
    let last = 0n;
    for (let made = 0; made < 48_000; made += 1) {
      const uuid = next();
      const ticks = ticksOf(uuid);
      if (ticks <= last || !validate(uuid)) expect.fail(`${uuid} after ${last}`);
      last = ticks;
    }
    expect(last).toBeGreaterThan((boundary + 1n) << 32n);
  });
});
