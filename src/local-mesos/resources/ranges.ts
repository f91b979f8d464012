/**
 * Sets of whole numbers (ports) as flat, sorted lists of inclusive bounds: [begin, end, begin, end, …]. Neighbouring and
 * overlapping ranges are always merged, so that two equal sets have equal lists.
 */
import type { Range } from '../../core/mesos/types.ts';

export type Ranges = readonly number[];

/** Sorts and merges ranges given in any order. */
export function normaliseRanges(ranges: readonly Range[]): Ranges {
  const sorted = [...ranges].sort((a, b) => a.begin - b.begin);
  const flat: number[] = [];
  for (const { begin, end } of sorted) {
    const last = flat[flat.length - 1];
    if (last !== undefined && begin <= last + 1) flat[flat.length - 1] = Math.max(last, end);
    else flat.push(begin, end);
  }
  return flat;
}

/** The flat list as ranges of the wire. */
export function toWireRanges(flat: Ranges): Range[] {
  const ranges: Range[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) ranges.push({ begin: flat[i] as number, end: flat[i + 1] as number });
  return ranges;
}

/** How many numbers the set holds. */
export function countRanges(flat: Ranges): number {
  let count = 0;
  for (let i = 0; i + 1 < flat.length; i += 2) count += (flat[i + 1] as number) - (flat[i] as number) + 1;
  return count;
}

/** Everything of both. */
export function addRanges(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return normaliseRanges([...toWireRanges(a), ...toWireRanges(b)]);
}

/** What of `a` is not in `b`. One pass over both: agents with hundreds of ranges are offered again and again. */
export function subtractRanges(a: Ranges, b: Ranges): Ranges {
  if (a === b) return [];
  const out: number[] = [];
  let at = 0;
  for (let i = 0; i + 1 < a.length; i += 2) {
    let from = a[i] as number;
    const end = a[i + 1] as number;
    while (at + 1 < b.length && (b[at + 1] as number) < from) at += 2;
    while (at + 1 < b.length && (b[at] as number) <= end) {
      if ((b[at] as number) > from) out.push(from, (b[at] as number) - 1);
      from = (b[at + 1] as number) + 1;
      // It may reach into the next range.
      if (from > end) break;
      at += 2;
    }
    if (from <= end) out.push(from, end);
  }
  return out;
}

/** Whether every number of `part` is in `whole`. */
export function containsRanges(whole: Ranges, part: Ranges): boolean {
  let at = 0;
  for (let i = 0; i + 1 < part.length; i += 2) {
    const begin = part[i] as number;
    while (at + 1 < whole.length && (whole[at + 1] as number) < begin) at += 2;
    if (at + 1 >= whole.length) return false;
    if ((whole[at] as number) > begin || (whole[at + 1] as number) < (part[i + 1] as number)) return false;
  }
  return true;
}

/** As Mesos writes them: `[31000-31004, 31006-32000]`. */
export function formatRanges(flat: Ranges): string {
  const parts = toWireRanges(flat).map(({ begin, end }) => `${begin}-${end}`);
  return `[${parts.join(', ')}]`;
}
