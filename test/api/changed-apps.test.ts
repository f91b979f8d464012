/** `GET /v2/apps?since=`: a poll that gets what changed, and never less. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogPosition, StateChange } from '../../src/actors/front.ts';
import { ChangedApps } from '../../src/api/changed-apps.ts';
import type { LoggedEvent } from '../../src/core/events.ts';
import { liveApi } from '../contract/support/live-api.ts';
import { fakeApp, fakeInstance } from '../support/fake-front.ts';
import { testApi } from './support/api-server.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });
const event = (id: string): LoggedEvent => ({ id, type: 'status_update_event', json: '{}' });
const idsOf = (apps: readonly { id: string }[]) => apps.map(({ id }) => id).toSorted();

describe('GET /v2/apps?since=', () => {
  it('begins with everything, then lists what changed and what is gone, and where to go on', async () => {
    const { ask, world } = await liveApi();
    for (const id of ['/a', '/b', '/c']) await ask('POST', '/v2/apps', app(id));
    await world.advance(20_000);
    const all = await ask('GET', '/v2/apps?since=');
    expect([idsOf(all.json().apps), all.json().removed, all.json().full]).toEqual([['/a', '/b', '/c'], [], true]);
    const seen = all.headers['marathon-event-id'];
    expect(seen).toMatch(/^[\w-]+\.\d+$/);

    const nothing = await ask('GET', `/v2/apps?since=${seen}`);
    expect(nothing.json()).toEqual({ apps: [], removed: [], full: false });

    await ask('PUT', '/v2/apps/b', { labels: { tier: 'front' } });
    await ask('DELETE', '/v2/apps/c');
    await world.advance(20_000);
    const some = await ask('GET', `/v2/apps?since=${seen}`);
    expect(some.json().apps).toEqual([(await ask('GET', '/v2/apps?id=/b')).json().apps[0]]);
    expect([some.json().removed, some.json().full]).toEqual([['/c'], false]);
    expect(some.headers['marathon-event-id']).not.toBe(seen);
    const filtered = await ask('GET', `/v2/apps?since=${seen}&label=tier==back&fields=id`);
    expect(filtered.json()).toEqual({ apps: [], removed: expect.arrayContaining(['/b', '/c']), full: false });
    const poll = `/v2/apps?since=${some.headers['marathon-event-id']}`;
    const quiet = await ask('GET', poll);
    expect((await ask('GET', poll, undefined, { 'if-none-match': quiet.headers['etag'] })).statusCode).toBe(304);
  });

  it('lists an app whose instances or health changed', async () => {
    const { server, front } = testApi();
    const a = fakeApp('/a');
    const one = fakeInstance(a, 1);
    front.addApp(a, [one]);
    front.addApp(fakeApp('/b'));
    front.begin({ generation: 'g', next: 7 });
    front.deliver(event('g.7'));
    const poll = async () => (await server.inject('/v2/apps?since=g.7')).json();
    expect(idsOf((await poll()).apps)).toEqual([]);
    front.changed({ type: 'instance', id: one.id, appId: '/a' });
    expect(idsOf((await poll()).apps)).toEqual(['/a']);
    front.changed({ type: 'deployment', id: 'd', apps: ['/b'] });
    expect(idsOf((await poll()).apps)).toEqual(['/a', '/b']);
  });

  it.each(['other.7', 'g.8', 'g.1', 'g.6'])('gives everything to those whose id is %s, and says so', async (id) => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/a'));
    front.begin({ generation: 'g', next: 7 });
    front.deliver(event('g.7'));
    const answer = await server.inject(`/v2/apps?since=${id}`);
    expect([idsOf(answer.json().apps), answer.json().full]).toEqual([['/a'], true]);
    expect(answer.headers['marathon-event-id']).toBe('g.7');
    expect((await server.inject('/metrics')).json().counters).toMatchObject({
      'marathon.http.changed-apps.not-reached.counter': { count: 1 },
    });
  });

  it('refuses nonsense, and pages', async () => {
    const { server } = testApi();
    for (const since of ['x', '.', 'g.-1', 'g.1.2x', '%00']) {
      expect((await server.inject(`/v2/apps?since=${since}`)).statusCode).toBe(400);
    }
    expect((await server.inject('/v2/apps?since=g.1&limit=5')).statusCode).toBe(400);
  });

  it('is nothing that anybody sees who does not ask for it', async () => {
    const { server, front } = testApi();
    front.begin({ generation: 'g', next: 7 });
    const answer = await server.inject('/v2/apps');
    expect(answer.body).toBe('{"apps":[]}');
    expect(answer.headers).not.toHaveProperty('marathon-event-id');
  });
});

/** The book alone, told of changes and events in any order. */
function book(limit: number, first: LogPosition) {
  let change: (change: StateChange) => void = () => {};
  let reader:
    | { began?: (position: LogPosition) => void; deliver: (events: readonly LoggedEvent[]) => void }
    | undefined;
  const gauges = new Map<string, () => number>();
  const changed = new ChangedApps({
    limit,
    read: {
      watch: (onChange) => {
        change = onChange;
        return () => {};
      },
    },
    hub: {
      attach: (attached) => {
        reader = attached;
        attached.began?.(first);
        return () => {};
      },
    },
    metrics: {
      count: () => {},
      time: () => {},
      gauge: (name: string, read: () => number) => gauges.set(name, read),
    } as never,
  });
  return {
    changed,
    change: (one: StateChange) => change(one),
    began: (position: LogPosition) => reader?.began?.(position),
    event: (id: string) => reader?.deliver([event(id)]),
    remembered: () => gauges.get('http.changed-apps.remembered')?.() ?? Number.NaN,
  };
}

describe('What is remembered of changes', () => {
  it('leads every poller to the present state, whatever happens in between, within its bound', () => {
    const id = fc.integer({ min: 0, max: 11 }).map((n) => `/app-${n}`);
    const action = fc.oneof(
      { weight: 8, arbitrary: id.map((app) => ({ type: 'change' as const, app })) },
      { weight: 6, arbitrary: fc.constant({ type: 'event' as const }) },
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 2 }).map((who) => ({ type: 'poll' as const, who })) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 }).map((skip) => ({ type: 'lead' as const, skip })) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const limit = 5;
        let next = 1;
        const log = book(limit, { generation: 'g', next });
        const state = new Map<string, number>();
        const pollers = [0, 1, 2].map(() => ({ seen: '', copy: new Map<string, number>() }));
        for (const [stamp, done] of actions.entries()) {
          switch (done.type) {
            case 'change':
              state.set(done.app, stamp);
              log.change({ type: 'app', id: done.app, before: undefined });
              break;
            case 'event':
              log.event(`g.${next}`);
              next += 1;
              break;
            case 'lead':
              // Another server led meanwhile, and did what nobody here was told of.
              log.change({ type: 'everything' });
              if (done.skip > 0) state.set('/app-0', stamp);
              next += done.skip;
              log.began({ generation: 'g', next });
              break;
            case 'poll': {
              const poller = pollers[done.who];
              const answer = log.changed.since(poller?.seen ?? '');
              if (!poller || !answer.ok) throw new Error('no answer');
              if (answer.value.type === 'all') poller.copy = new Map(state);
              else for (const app of answer.value.ids) poller.copy.set(app, state.get(app) ?? Number.NaN);
              poller.seen = log.changed.newestId() ?? '';
              expect(poller.copy).toEqual(state);
            }
          }
          expect(log.remembered()).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 500 },
    );
  });
});
