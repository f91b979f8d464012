import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxPathLength, sandboxPath } from '../../../src/core/task/sandbox-path.ts';
import { wholeLength } from '../../../src/core/task/whole-text.ts';

const normal = (text: string): string | undefined => {
  const path = sandboxPath(text);
  return path.ok ? path.value : undefined;
};

describe('a path in a sandbox', () => {
  it.each([
    ['stdout', 'stdout'],
    ['/stdout', 'stdout'],
    ['//d//./e/', 'd/e'],
    ['d/../stdout', 'stdout'],
    ['', ''],
    ['/', ''],
    ['..name', '..name'],
    ['größe und %2e', 'größe und %2e'],
  ])('%j is %j', (given, path) => {
    expect(normal(given)).toBe(path);
  });

  it.each(['..', '/..', 'd/../..', 'd/../../d', '../stdout', 'a\u0000b', 'a\nb', 'x'.repeat(maxPathLength + 1)])(
    '%j is refused',
    (given) => {
      expect(normal(given)).toBeUndefined();
    },
  );

  it('never leads outside, whatever is given', () => {
    const segment = fc.oneof(fc.constantFrom('..', '.', '', 'a', 'b'), fc.string());
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
        const path = normal(segments.join('/'));
        if (path === undefined) return;
        expect(path.split('/')).not.toContain('..');
        expect(path.startsWith('/')).toBe(false);
        // It is its own normal form.
        expect(normal(path)).toBe(path);
      }),
    );
  });
});

describe('text that is cut somewhere', () => {
  it('is cut before a character that is not whole', () => {
    const text = 'aé€😀z';
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const length = wholeLength(bytes.subarray(0, cut));
      expect(cut - length).toBeLessThan(4);
      expect(text.startsWith(bytes.subarray(0, length).toString('utf8'))).toBe(true);
      expect(bytes.subarray(0, length).toString('utf8')).not.toContain('\ufffd');
    }
    expect(wholeLength(bytes)).toBe(bytes.length);
  });

  it('is whole where it is no UTF-8 at all, since nothing will complete it', () => {
    for (const bytes of [[0x80, 0x80, 0x80, 0x80], [0xff], [0x61, 0xf8]])
      expect(wholeLength(Uint8Array.from(bytes))).toBe(bytes.length);
  });
});
