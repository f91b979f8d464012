/** Apps of large groups keep their bytes as long as they are the same objects. */
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupView } from '../../../src/actors/front.ts';
import type { Metrics } from '../../../src/actors/ports.ts';
import { groupEmbeds } from '../../../src/api/embed.ts';
import { AppRuns, maxRememberedGroups, minRunApps } from '../../../src/api/lists/app-runs.ts';
import { gzipOf } from '../../../src/api/lists/piece.ts';
import { maxBytes, targetBytes } from '../../../src/api/lists/piece-list.ts';
import type { AppRenderer } from '../../../src/api/render/app-info.ts';
import { groupJson, groupPieces } from '../../../src/api/render/group.ts';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { fakeApp, version1 } from '../../support/fake-front.ts';

const metrics: Metrics = { count: () => {}, gauge: () => {}, time: () => {} };
const textOf = (app: AppDefinition): string => JSON.stringify({ id: app.id, labels: app.labels });

const appOf = (n: number, bytes = 700): AppDefinition =>
  fakeApp(`/g/a${n}`, { labels: { text: 'x'.repeat(bytes), n: String(n) } });

const bodyOf = (runs: AppRuns, apps: readonly AppDefinition[]): string =>
  Buffer.concat((runs.pieces('/g', apps) ?? []).map(({ plain }) => plain)).toString();

describe('runs of apps', () => {
  it('show the naive join after each step, in pieces of bounded size', () => {
    const step = fc.record({
      what: fc.constantFrom('insert', 'remove', 'change', 'cut', 'append'),
      at: fc.nat(),
      n: fc.nat(1_000_000),
      bytes: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 10 }), { maxLength: 6 }), (rounds) => {
        const runs = new AppRuns(textOf, metrics);
        let apps: AppDefinition[] = Array.from({ length: 400 }, (_, n) => appOf(n));
        for (const round of rounds) {
          for (const { what, at, n, bytes } of round) {
            const place = at % (apps.length || 1);
            if (what === 'insert') apps.splice(place, 0, appOf(1_000 + n, bytes));
            else if (what === 'remove') apps.splice(place, 1);
            else if (what === 'change') apps[place] = { ...(apps[place] ?? appOf(0)), mem: n };
            else if (what === 'append') apps.push(appOf(1_000 + n, bytes));
            else apps.splice(place, 150);
          }
          apps = [...new Map(apps.map((app) => [app.id, app])).values()];
          const pieces = runs.pieces('/g', apps);
          if (apps.length < minRunApps) {
            expect(pieces).toBeUndefined();
            continue;
          }
          const body = Buffer.concat((pieces ?? []).map(({ plain }) => plain));
          expect(body.toString()).toBe(apps.map(textOf).join(','));
          expect(gunzipSync(gzipOf(pieces ?? []) as Buffer).equals(body)).toBe(true);
          for (const { plain } of pieces ?? []) expect(plain.length).toBeLessThan(maxBytes + 4_000);
          expect(pieces?.length).toBeLessThanOrEqual(3 + (6 * body.length) / targetBytes);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('renders few of them anew for one change, wherever it is', () => {
    const runs = new AppRuns(textOf, metrics);
    const apps = Array.from({ length: 4_000 }, (_, n) => appOf(n));
    bodyOf(runs, apps);
    expect(runs.rebuilt).toBeGreaterThan(20);
    for (let round = 0; round < 200; round += 1) {
      const place = (round * 1_237) % apps.length;
      if (round % 3 === 0) apps.splice(place, 1);
      else if (round % 3 === 1) apps.splice(place, 0, appOf(10_000 + round));
      else apps[place] = { ...(apps[place] ?? appOf(0)), labels: { round: String(round) } };
      const before = runs.rebuilt;
      expect(bodyOf(runs, apps)).toBe(apps.map(textOf).join(','));
      expect(runs.rebuilt - before).toBeLessThanOrEqual(4);
    }
    const before = runs.rebuilt;
    bodyOf(runs, apps);
    expect(runs.rebuilt).toBe(before);
  });

  it('makes a group of pieces that says what the whole says', () => {
    const apps = { info: textOf } as unknown as AppRenderer;
    const group = (id: string, count: number, groups: readonly GroupView[] = []): GroupView => ({
      id,
      version: version1,
      dependencies: [],
      enforceRole: count > 5,
      apps: Array.from({ length: count }, (_, n) => fakeApp(`${id}/a${n}`)),
      groups,
    });
    const root = group('/', 3, [group('/big', 200, [group('/big/small', 2), group('/big/none', 0)]), group('/b', 64)]);
    const runs = new AppRuns(textOf, metrics);
    for (const query of [{}, { embed: 'group.apps' }, { embed: ['group.groups', 'group.apps', 'group.apps.counts'] }]) {
      const embeds = groupEmbeds(query);
      const pieces = groupPieces(root, embeds, apps, 0, runs);
      const whole = groupJson(root, embeds, apps, 0);
      expect(Buffer.concat(pieces.map(({ plain }) => plain)).toString()).toBe(whole);
      expect(JSON.parse(whole).id).toBe('/');
    }
    expect(runs.count).toBe(2);
  });

  it('remembers a bounded number of groups', () => {
    const runs = new AppRuns(textOf, metrics);
    const apps = Array.from({ length: minRunApps }, (_, n) => appOf(n));
    for (let n = 0; n < maxRememberedGroups + 10; n += 1) runs.pieces(`/g${n}`, apps);
    expect(runs.count).toBe(maxRememberedGroups);
    expect(runs.heldBytes).toBeGreaterThan(maxRememberedGroups * minRunApps * 700);
  });
});
