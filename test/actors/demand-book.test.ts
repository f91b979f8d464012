import { describe, expect, it } from 'vitest';
import { DemandBook, maxRefusalsKeptInAll } from '../../src/actors/demand-book.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { instanceIdOf } from '../../src/core/ids.ts';
import type { OfferRefusal } from '../../src/core/offer/demand.ts';
import { anApp, anOffer } from '../core/offer/fixtures.ts';

const waiting = (app: AppDefinition) => ({
  instanceId: instanceIdOf(app.id, '1'),
  incarnation: 1,
  role: '*',
  ref: { path: '', tell: () => true } as never,
});

const offers = Array.from({ length: 1_100 }, (_, i) => anOffer({ host: `h${i}` }));

const refusal = (app: AppDefinition, n: number): OfferRefusal => ({
  app,
  offer: offers[n]!,
  reasons: ['InsufficientCpus'],
});

describe('The refusals that are remembered', () => {
  it('are the latest of each agent, of at most 1,000 agents', () => {
    const book = new DemandBook();
    const app = anApp();
    book.add(app, [waiting(app)], undefined, 0);
    for (let n = 0; n < 1_100; n++) book.refused(refusal(app, n), n);
    book.refused(refusal(app, 100), 5_000);
    book.refused(refusal(app, 0), 6_000);
    const [entry] = book.entries();
    expect(entry).toMatchObject({ processedOffersCount: 1_102, unusedOffersCount: 1_102 });
    const hosts = entry!.lastRefusals.map(({ offer }) => offer.hostname);
    expect(hosts).toHaveLength(1_000);
    expect([hosts[0], hosts.at(-2), hosts.at(-1)]).toEqual(['h102', 'h100', 'h0']);
  });

  it('are bounded in all: many waiting apps share the room', () => {
    const book = new DemandBook();
    const apps = Array.from({ length: 1_000 }, (_, i) => anApp({}, `/app-${i}`));
    for (const app of apps) book.add(app, [waiting(app)], undefined, 0);
    for (const app of apps) for (let n = 0; n < 200; n++) book.refused(refusal(app, n), n);
    expect(book.refusalsKept).toBe(maxRefusalsKeptInAll);
    expect(book.entries()[0]!.lastRefusals.at(-1)!.offer.hostname).toBe('h199');
  });
});
