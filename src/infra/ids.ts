import { randomBytes, randomUUID } from 'node:crypto';
import type { Ids } from '../actors/ports.ts';
import { systemClock } from './clock.ts';

/** Milliseconds from 1582-10-15, where UUID time begins, to 1970-01-01 (RFC 9562 §5.1). */
const GREGORIAN_OFFSET_MS = 12_219_292_800_000;
const TICKS_PER_MS = 10_000;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The machine's randomness. Ids are unique within the process, and across processes but for chance of about 1 in 2^61. */
export const systemIds: Ids = {
  uuid: () => randomUUID(),
  timeUuid: createTimeUuids(systemClock.now, randomBytes(8)),
  random: () => Math.random(),
};

/**
 * Makes version 1 UUIDs (RFC 9562 §5.1). `random`, 8 bytes, stands for the node (marked as not being a hardware address,
 * §6.10) and the clock sequence. Times never repeat and never go back: when the clock does, or when more than 10,000 are
 * asked for within a millisecond, they run ahead of it. Everything but the low 32 bits of the time changes once in seven
 * minutes and is kept as text.
 */
export function createTimeUuids(now: () => number, random: Uint8Array): () => string {
  const source = sourceText(random);
  let lastMs = 0;
  let tick = 0;
  let low = 0;
  let carried = -1;
  let rest = '';

  function beginMs(ms: number): void {
    lastMs = ms;
    tick = 0;
    const sinceMs = BigInt(ms + GREGORIAN_OFFSET_MS) * BigInt(TICKS_PER_MS);
    low = Number(sinceMs & 0xffff_ffffn);
    const high = Number(sinceMs >> 32n);
    if (high !== carried) carry(high);
  }

  function carry(high: number): void {
    carried = high;
    const text = ((high & 0x0fff_ffff) + 0x1000_0000).toString(16);
    rest = `-${text.slice(-4)}-1${text.slice(-7, -4)}-${source}`;
  }

  return () => {
    const ms = now();
    if (ms > lastMs) beginMs(ms);
    else if (tick === TICKS_PER_MS) beginMs(lastMs + 1);
    let bits = low + tick;
    tick += 1;
    if (bits >= 2 ** 32) {
      bits -= 2 ** 32;
      if (bits === 0) carry(carried + 1);
    }
    return hex32(bits) + rest;
  };
}

function hex32(bits: number): string {
  return `${HEX[bits >>> 24]}${HEX[(bits >>> 16) & 255]}${HEX[(bits >>> 8) & 255]}${HEX[bits & 255]}`;
}

/** Clock sequence with the variant bits, and node with the multicast bit. */
function sourceText(random: Uint8Array): string {
  const bytes = Array.from(random.subarray(0, 8));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x80;
  bytes[2] = (bytes[2] ?? 0) | 0x01;
  const text = bytes.map((byte) => HEX[byte]).join('');
  return `${text.slice(0, 4)}-${text.slice(4)}`;
}
