/** What a leader makes of stored records. */
import { describe, expect, it } from 'vitest';
import type { StateChange } from '../../src/actors/front.ts';
import { loadState } from '../../src/actors/load.ts';
import { RecordDecoder } from '../../src/actors/record-decoder.ts';
import { Views } from '../../src/actors/views.ts';
import type { EncodedRecord } from '../../src/core/journal/batch.ts';
import type { FormatSteps } from '../../src/core/journal/migrations.ts';
import { plainApp } from '../support/app.ts';

const range = { localPortMin: 10_000, localPortMax: 20_000 };
const version = '2026-01-01T00:00:00.000Z';

/** Format 2 of an app says `memMiB` for `mem`. */
const steps: FormatSteps = {
  app: [
    {
      up: (value) => {
        const { memMiB, ...rest } = value as { readonly memMiB: number };
        return { ...rest, mem: memMiB };
      },
      down: (value) => value,
    },
  ],
};

const record = (format: number, value: object): EncodedRecord => ({
  kind: 'app',
  key: '/a',
  format,
  json: JSON.stringify(value),
});

const load = (records: readonly EncodedRecord[]) => {
  const views = new Views(() => ({}) as ReturnType<Views['cluster']>);
  const decoder = new RecordDecoder(steps);
  return { state: loadState(records, views, range, (one) => decoder.decode(one)), views };
};

describe('loading', () => {
  it('brings records of an older format to the newest one, for the working state and the read model alike', () => {
    const { mem, ...rest } = plainApp('/a', version, { mem: 77 });
    for (const stored of [record(1, { ...rest, memMiB: mem }), record(2, { ...rest, mem })]) {
      const { state, views } = load([stored]);
      expect([...state.tree.all()]).toMatchObject([{ id: '/a', mem: 77 }]);
      expect(views.app('/a')).toMatchObject({ mem: 77 });
    }
  });

  it('refuses a format that it does not know, and names the record', () => {
    expect(() => load([record(3, plainApp('/a', version))])).toThrow(/"app" record "\/a" has format 3/);
  });

  it('tells those who watch the read model once, when it shows everything', () => {
    const views = new Views(() => ({}) as ReturnType<Views['cluster']>);
    const told: [StateChange, number][] = [];
    views.watch((change) => told.push([change, [...views.apps()].length]));
    const decoder = new RecordDecoder();
    const before = views.stateVersion();
    const records = ['/a', '/b'].map((key) => ({ ...record(1, plainApp(key, version)), key }));
    loadState(records, views, range, (one) => decoder.decode(one));
    expect(told).toEqual([[{ type: 'everything' }, 2]]);
    expect(views.stateVersion()).toBeGreaterThan(before);
    // What changes later is told as ever.
    views.apply([{ kind: 'app', key: '/a', value: undefined }]);
    expect(told.slice(1)).toMatchObject([[{ type: 'app', id: '/a' }, 1]]);
  });
});
