import { describe, expect, it } from 'vitest';
import { parseAttributes, parseResources, textForAgent } from '../../../src/local-mesos/resources/text.ts';

describe('the text of resources', () => {
  it('holds scalars, ranges, sets and roles', () => {
    expect(parseResources('cpus:2.5; mem(dev):512;ports:[1-2, 4-5];disks:{sda,sdb};')).toEqual({
      ok: true,
      value: [
        { name: 'cpus', type: 'SCALAR', scalar: { value: 2.5 } },
        { name: 'mem', type: 'SCALAR', scalar: { value: 512 }, reservations: [{ type: 'STATIC', role: 'dev' }] },
        {
          name: 'ports',
          type: 'RANGES',
          ranges: {
            range: [
              { begin: 1, end: 2 },
              { begin: 4, end: 5 },
            ],
          },
        },
        { name: 'disks', type: 'SET', set: { item: ['sda', 'sdb'] } },
      ],
    });
  });

  for (const bad of ['cpus', 'cpus:', 'cpus:x', 'ports:[5-1]', 'ports:[1]', 'ports:[1-2', ':4', 'cpus:-1']) {
    it(`is refused with a sentence when it is "${bad}"`, () => {
      expect(parseResources(bad)).toMatchObject({ ok: false, error: expect.stringMatching(/^resources: "/) });
    });
  }
});

describe('the text of attributes', () => {
  it('holds numbers, ranges and texts, colons in a value included', () => {
    expect(parseAttributes('rack:abc;level:10;keys:[1-5];url:http://a:1')).toEqual({
      ok: true,
      value: [
        { name: 'rack', type: 'TEXT', text: { value: 'abc' } },
        { name: 'level', type: 'SCALAR', scalar: { value: 10 } },
        { name: 'keys', type: 'RANGES', ranges: { range: [{ begin: 1, end: 5 }] } },
        { name: 'url', type: 'TEXT', text: { value: 'http://a:1' } },
      ],
    });
    expect(parseAttributes('rack')).toMatchObject({ ok: false });
  });

  it('is dealt out in turn, with the number of the agent', () => {
    const texts = [1, 2, 3].map((number) => textForAgent('rack:a;n:{n}|rack:b', number));
    expect(texts).toEqual(['rack:a;n:1', 'rack:b', 'rack:a;n:3']);
  });
});
