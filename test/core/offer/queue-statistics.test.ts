import { describe, expect, it } from 'vitest';
import { refusalReasons } from '../../../src/core/offer/demand.ts';
import { maxAgentsRemembered, QueueStatistics, rejectSummary } from '../../../src/core/offer/queue-statistics.ts';
import { aDemand, anApp, anOffer, matched, scalar } from './fixtures.ts';

const small = (host: string) => anOffer({ host }, [scalar('cpus', 0.5), scalar('mem', 4_096)]);

describe('the reject summary', () => {
  it('V111 is a funnel of ten steps', () => {
    const summary = rejectSummary(10, { UnfulfilledRole: 2, UnfulfilledConstraint: 3, InsufficientCpus: 1 });
    expect(summary.map(({ reason, processed, declined }) => `${reason} ${processed}/${declined}`)).toEqual([
      'UnfulfilledRole 10/2',
      'UnfulfilledConstraint 8/3',
      'NoCorrespondingReservationFound 5/0',
      'AgentMaintenance 5/0',
      'InsufficientCpus 5/1',
      'InsufficientMemory 4/0',
      'InsufficientDisk 4/0',
      'InsufficientGpus 4/0',
      'InsufficientPorts 4/0',
      'DeclinedScarceResources 4/0',
    ]);
  });

  it('has its ten steps before anything happened', () => {
    expect(rejectSummary(0, {}).map(({ reason }) => reason)).toEqual([...refusalReasons]);
  });
});

describe('queue statistics', () => {
  const app = anApp({ instances: 3 });
  const roomForTwo = () => anOffer({ host: 'big' }, [scalar('cpus', 2), scalar('mem', 4_096)]);

  it('count used and unused offers of an app', () => {
    const statistics = new QueueStatistics();
    statistics.note(matched([roomForTwo(), small('h1')], [aDemand(app, 3)]), 1_000);
    statistics.note(matched([small('h1')], [aDemand(app, 1)]), 2_000);
    expect(statistics.of(app.id)).toMatchObject({
      processedOffers: 4,
      unusedOffers: 3,
      lastUsedAtMs: 1_000,
      lastUnusedAtMs: 2_000,
    });
    const cpus = (steps: ReturnType<typeof rejectSummary>) => steps.find(({ reason }) => reason === 'InsufficientCpus');
    const known = statistics.of(app.id)!;
    expect(cpus(known.launchAttempt)).toMatchObject({ processed: 4, declined: 3 });
    expect(cpus(known.lastOffers)).toMatchObject({ processed: 2, declined: 2 });
    expect(known.lastUnusedOffers.map(({ offer, atMs }) => [offer.hostname, atMs])).toEqual([
      ['big', 1_000],
      ['h1', 2_000],
    ]);
  });

  it('begin anew when the app has waited and waits again', () => {
    const statistics = new QueueStatistics();
    statistics.note(matched([small('h1')], [aDemand(app, 1)]), 1_000);
    statistics.forget(app.id);
    expect(statistics.of(app.id)).toBeUndefined();
    expect(statistics.size).toBe(0);
  });

  it('remember a bounded number of agents, the latest ones', () => {
    const statistics = new QueueStatistics();
    const offers = Array.from({ length: maxAgentsRemembered + 5 }, (_, i) => small(`h${i}`));
    statistics.note(matched(offers, [aDemand(app, 1)]), 1_000);
    const known = statistics.of(app.id)!;
    expect(known.unusedOffers).toBe(maxAgentsRemembered + 5);
    expect(known.lastUnusedOffers).toHaveLength(maxAgentsRemembered);
    expect(known.lastUnusedOffers[0]?.offer.hostname).toBe('h5');
  });
});
