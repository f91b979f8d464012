import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordWrite } from '../../../src/core/journal/batch.ts';
import { encodeEvents, encodeRecords } from '../../../src/core/journal/encode.ts';

describe('encoding a batch', () => {
  it('leaves the same content as writing one by one, with one record for each key', () => {
    const write = fc.record({
      kind: fc.constantFrom('app', 'instance', 'meta') as fc.Arbitrary<RecordWrite['kind']>,
      key: fc.constantFrom('a', 'b', '__proto__', 'constructor'),
      value: fc.option(fc.object(), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(write, { maxLength: 5 }), { maxLength: 5 }), (groups) => {
        const expected = new Map(groups.flat().map((w) => [`${w.kind} ${w.key}`, w.value]));
        const { writes, records, size } = encodeRecords(groups);
        expect(new Map(writes.map((w) => [`${w.kind} ${w.key}`, w.value]))).toEqual(expected);
        expect(records.length).toBe(expected.size);
        expect(records.map(({ json }) => json)).toEqual(writes.map(({ value }) => value && JSON.stringify(value)));
        expect(size).toBe(records.reduce((sum, { json }) => sum + (json?.length ?? 0), 0));
      }),
    );
  });

  it('stores values of the newest format in the one that is written, beside its number', () => {
    const split = {
      up: (value: object) => ({ args: [(value as { cmd: string }).cmd] }),
      down: (value: object) => ({ cmd: (value as { args: string[] }).args[0] }),
    };
    const write: RecordWrite = { kind: 'app', key: '/a', value: { args: ['sleep'] } };
    const stored = (written: number) => encodeRecords([[write]], { app: [split] }, { app: written }).records;
    expect(stored(1)).toEqual([{ kind: 'app', key: '/a', format: 1, json: '{"cmd":"sleep"}' }]);
    expect(stored(2)).toEqual([{ kind: 'app', key: '/a', format: 2, json: '{"args":["sleep"]}' }]);
  });

  it('numbers only the durable events', () => {
    const gone = { eventType: 'app_terminated_event', timestamp: 't', appId: '/a' } as const;
    const attached = { eventType: 'event_stream_attached', timestamp: 't', remoteAddress: 'r' } as const;
    const { logged, stored } = encodeEvents([[attached, gone], [], [gone]], 'gen', 41);
    expect(logged.map((event) => event.id)).toEqual([undefined, 'gen.41', 'gen.42']);
    expect(stored).toEqual([gone, gone].map((event) => ({ type: event.eventType, json: JSON.stringify(event) })));
  });
});
