/** Format versions: the mechanism, with steps that are made up here, since there are no real ones yet. */
import { describe, expect, it } from 'vitest';
import { type EncodedRecord, type RecordKind, recordFormat } from '../../../src/core/journal/batch.ts';
import { unreadableFormat } from '../../../src/core/journal/formats.ts';
import {
  asWritten,
  type FormatSteps,
  formatSteps,
  readableFormats,
  upgrade,
  writtenValue,
} from '../../../src/core/journal/migrations.ts';

/** Format 2 of an app split `cmd`; format 3 counts. */
const steps: FormatSteps = {
  app: [
    {
      up: (value) => {
        const { cmd, ...rest } = value as { readonly cmd: string };
        return { ...rest, args: cmd.split(' ') };
      },
      down: (value) => {
        const { args, ...rest } = value as { readonly args: readonly string[] };
        return { ...rest, cmd: args.join(' ') };
      },
    },
    {
      up: (value) => ({ ...value, count: (value as { readonly args: readonly string[] }).args.length }),
      down: (value) => Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'count')),
    },
  ],
};
const app = (format: number, value: object): EncodedRecord => ({
  kind: 'app',
  key: '/a',
  format,
  json: JSON.stringify(value),
});
const forms = [
  app(1, { id: '/a', cmd: 'sleep 5' }),
  app(2, { id: '/a', args: ['sleep', '5'] }),
  app(3, { id: '/a', args: ['sleep', '5'], count: 2 }),
];
const [first, second, third] = forms as [EncodedRecord, EncodedRecord, EncodedRecord];

describe('format versions', () => {
  it('bring a record of any older format to the newest one, step by step', () => {
    for (const form of forms) expect(upgrade(form, steps)).toEqual(third);
  });

  it('leave the newest one as it is, the same object', () => {
    expect(upgrade(third, steps)).toBe(third);
    const other: EncodedRecord = { kind: 'meta', key: 'x', format: 1, json: '{}' };
    expect(upgrade(other, steps)).toBe(other);
  });

  it('keep a delete a delete', () => {
    expect(upgrade({ ...first, json: undefined }, steps)).toEqual({ ...third, json: undefined });
  });

  it.each([0, 4, 99, 1.5, Number.NaN])('refuse format %s, which no step leads from', (format) => {
    expect(() => upgrade({ ...third, format }, steps)).toThrow(/"app" record "\/a" has format [^\n]* does not know$/);
  });

  it.each([1, 2, 3])('store a record that came from elsewhere in the format that is written: %s', (written) => {
    for (const form of forms) expect(asWritten(form, steps, { app: written })).toEqual(forms[written - 1]);
  });

  it('write values of the newest format in an older one while servers that know only that may lead', () => {
    const value = JSON.parse(third.json ?? '') as object;
    expect(writtenValue('app', value, steps, { app: 1 })).toEqual(JSON.parse(first.json ?? ''));
    expect(writtenValue('app', value, steps, { app: 2 })).toEqual(JSON.parse(second.json ?? ''));
    expect(writtenValue('app', value, steps, { app: 3 })).toBe(value);
    expect(writtenValue('meta', value, steps, { meta: 1 })).toBe(value);
  });

  it('say what can be read: a store with anything newer is refused', () => {
    const known = readableFormats(steps);
    expect(known).toMatchObject({ app: 3, meta: 1, instance: 1 });
    expect(unreadableFormat({ app: 3, meta: 1 }, known)).toBeUndefined();
    expect(unreadableFormat({ app: 4 }, known)).toMatch(/"app" records of format 4.*only up to 3$/);
  });

  it('a rolling upgrade in two steps: whoever leads, the others can read what it wrote', () => {
    const old = readableFormats({});
    const between = { known: readableFormats(steps), written: { app: 1 } };
    const value = JSON.parse(third.json ?? '') as object;
    // First step: reads the new formats, writes the old one, next to servers that know only the old one.
    const byFirst = app(1, writtenValue('app', value, steps, between.written));
    expect(unreadableFormat({ app: byFirst.format }, old)).toBeUndefined();
    expect(upgrade(byFirst, steps)).toEqual(third);
    // Second step: writes the new one, next to servers of the first step, one of which may lead again.
    const bySecond = app(3, writtenValue('app', value, steps, { app: 3 }));
    expect(unreadableFormat({ app: bySecond.format }, between.known)).toBeUndefined();
    expect(asWritten(upgrade(bySecond, steps), steps, between.written)).toEqual(byFirst);
    expect(unreadableFormat({ app: bySecond.format }, old)).toMatch(/format 3/);
  });

  it('are consistent in this version: what it writes it can read, and every kind has its format', () => {
    const readable = readableFormats();
    for (const [kind, written] of Object.entries(recordFormat)) {
      expect(written).toBeLessThanOrEqual(readable[kind] ?? 0);
      expect(written).toBeGreaterThanOrEqual(1);
      expect(readable[kind]).toBe(1 + (formatSteps[kind as RecordKind]?.length ?? 0));
    }
  });
});
