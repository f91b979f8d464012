/** Lists kept as pieces: always the naive join, and a change costs a bounded number of pieces. */
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gzipOf } from '../../../src/api/lists/piece.ts';
import { maxBytes, maxEntries, PieceList, targetBytes } from '../../../src/api/lists/piece-list.ts';

interface Known {
  readonly key: readonly [number, number];
  text: string;
}

/** A list beside a plain map that says what it should show. */
class Twin {
  readonly texts = new Map<string, Known>();
  readonly list = new PieceList((id) => this.texts.get(id)?.text ?? '');

  add(key: readonly [number, number], text: string): void {
    const id = key.join('.');
    const isNew = !this.texts.has(id);
    this.texts.set(id, { key, text });
    if (isNew) this.list.add(id, ...key);
    else this.list.touch(id);
  }

  remove(id: string): void {
    this.texts.delete(id);
    this.list.remove(id);
  }

  naive(): string {
    const sorted = [...this.texts.values()].sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1]);
    return sorted.flatMap(({ text }) => text || []).join(',');
  }

  /** Compares body, compressed body and sizes with what they should be. */
  check(): void {
    const pieces = this.list.pieces();
    const body = Buffer.concat(pieces.map(({ plain }) => plain));
    const naive = this.naive();
    expect(body.toString()).toBe(naive);
    expect(gunzipSync(gzipOf(pieces) as Buffer).equals(body)).toBe(true);
    expect(this.list.size).toBe(this.texts.size);
    const largest = Math.max(0, ...[...this.texts.values()].map(({ text }) => Buffer.byteLength(text)));
    for (const { plain } of pieces) expect(plain.length).toBeLessThanOrEqual(maxBytes + largest + maxEntries);
    // No more pieces than a few for each target's worth of bytes.
    expect(pieces.length).toBeLessThanOrEqual(2 + (6 * body.length) / targetBytes + this.texts.size / (maxEntries / 2));
  }
}

const key = fc.tuple(fc.nat(12), fc.nat(40));
/** Texts large enough that a few hundred of them make several pieces; some entries show nothing, some are no ASCII. */
const text = fc.oneof(
  fc.constant(''),
  fc.tuple(fc.constantFrom('a', 'ö', '漢'), fc.nat(9_000)).map(([letter, length]) => `"${letter.repeat(length)}"`),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('put' as const), key, text }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('remove' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('all' as const), major: fc.nat(12), text }) },
);

describe('a list of pieces', () => {
  it('shows the naive join after each step, plain and compressed', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 30 }), { maxLength: 12 }), (rounds) => {
        const twin = new Twin();
        for (const round of rounds) {
          for (const one of round) {
            if (one.type === 'put') twin.add(one.key, one.text);
            else if (one.type === 'remove') twin.remove([...twin.texts.keys()][one.at % (twin.texts.size || 1)] ?? '');
            else {
              for (const known of twin.texts.values()) if (known.key[0] === one.major) known.text = one.text;
              twin.list.touchAll(one.major);
            }
          }
          twin.check();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('rebuilds a bounded number of pieces for a change anywhere, and leaves the others as they are', () => {
    const twin = new Twin();
    const row = (n: number): string => `{"n":${n},"x":"${'x'.repeat(680)}"}`;
    for (let n = 0; n < 5_000; n += 1) twin.add([n, 0], row(n));
    twin.check();
    const many = twin.list.pieces().length;
    expect(many).toBeGreaterThan(30);
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 300; round += 1) {
      const before = twin.list.rebuilt;
      const known = new Set(twin.list.pieces());
      const what = round % 3;
      if (what === 0) twin.add([random(5_000), 1 + round], row(round));
      else if (what === 1) twin.remove([...twin.texts.keys()][random(twin.texts.size)] ?? '');
      else {
        const [id = '', one] = [...twin.texts][random(twin.texts.size)] ?? [];
        if (one) one.text = row(-round);
        twin.list.touch(id);
      }
      const pieces = twin.list.pieces();
      // The changed one, its other half if it was split, and a neighbour that it joins.
      expect(twin.list.rebuilt - before).toBeLessThanOrEqual(4);
      expect(pieces.filter((piece) => !known.has(piece)).length).toBeLessThanOrEqual(4);
    }
    twin.check();
  });

  it('renders nothing while nothing changes', () => {
    const twin = new Twin();
    for (let n = 0; n < 100; n += 1) twin.add([n, 0], `"${n}"`);
    const pieces = twin.list.pieces();
    const { rebuilt } = twin.list;
    expect(twin.list.pieces()).toBe(pieces);
    expect(twin.list.rebuilt).toBe(rebuilt);
  });

  it('shrinks to few pieces when most entries go, and to none with the last one', () => {
    const twin = new Twin();
    for (let n = 0; n < 3_000; n += 1) twin.add([0, n], `"${'x'.repeat(700)}"`);
    twin.check();
    for (let n = 0; n < 3_000; n += 1) {
      if (n % 100 !== 0) twin.remove(`0.${n}`);
      if (n % 500 === 0) twin.list.pieces();
    }
    twin.check();
    expect(twin.list.pieces().length).toBeLessThanOrEqual(3);
    for (const id of [...twin.texts.keys()]) twin.remove(id);
    twin.check();
    expect(twin.list.pieces()).toEqual([]);
    expect(twin.list.heldBytes).toBe(0);
  });
});
