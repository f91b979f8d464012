/** Members of calls that the master does not look into may hold anything; whatever they hold, the others are served. */
import { describe, expect, it } from 'vitest';
import { frameworkInfo, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import { get } from './statement-helpers.ts';

const odd: readonly unknown[] = [
  {},
  { labels: 7 },
  { labels: [7] },
  { volumes: 'x' },
  { type: {} },
  { ports: { ports: 1 } },
];

const members = ['container', 'labels', 'check', 'discovery', 'limits', 'kill_policy', 'max_completion_time'] as const;

async function stillServed(url: string, scheduler: MesosClient): Promise<void> {
  await scheduler.reconcile({ taskId: 'still.here' });
  expect((await scheduler.nextStatus('still.here')).state).toBe('TASK_UNKNOWN');
  for (const path of ['/state', '/tasks', '/slaves', '/state-summary', '/slave(1)/state']) await get(url + path);
}

describe('a task with odd members', () => {
  for (const simulate of [true, false]) {
    it(`leaves ${simulate ? 'simulated' : 'real'} agents and the master as they were for the others`, async () => {
      const mesos = await cluster({ simulate });
      const scheduler = await subscribed(mesos);
      const witness = await subscribed(mesos, frameworkInfo({ roles: [] }));
      let id = 0;
      for (const member of members) {
        for (const value of odd) {
          const [offer] = await scheduler.nextOffers();
          const task = taskFor(offer!, `odd.${id++}`, { [member]: value, command: { shell: true, value: 'true' } });
          const { status } = await scheduler.launch([offer!], [task], 0);
          // Refused, or taken; never a fault.
          expect([member, value, status === 202 || status === 400]).toEqual([member, value, true]);
          if (status === 400) await scheduler.decline([offer!], 0);
        }
      }
      await stillServed(mesos.url, witness);
    });
  }

  it('or resources in odd forms is refused or taken, and nothing else changes', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const witness = await subscribed(mesos, frameworkInfo({ roles: [] }));
    const base = { name: 'disk', type: 'SCALAR', scalar: { value: 1 } };
    const forms = [
      { disk: { persistence: 7 } },
      { disk: { volume: 7, persistence: { id: 'v' } } },
      { disk: { source: { type: 7 } } },
      { reservation: { labels: { labels: 7 } }, role: 'a' },
      { reservations: [{ type: 'DYNAMIC', labels: { labels: 7 } }] },
      { reservations: [{}] },
      { revocable: { a: 1 } },
      { shared: {} },
    ];
    for (const form of forms) {
      for (const [type, body] of [
        ['LAUNCH', 'launch'],
        ['RESERVE', 'reserve'],
        ['UNRESERVE', 'unreserve'],
        ['CREATE', 'create'],
        ['DESTROY', 'destroy'],
      ] as const) {
        const [offer] = await scheduler.nextOffers();
        const resources = [{ ...base, ...form }];
        const task = { ...taskFor(offer!, `r.${type}`), resources };
        const content = { launch: { task_infos: [task] }, reserve: { resources }, unreserve: { resources } };
        const all = { ...content, create: { volumes: resources }, destroy: { volumes: resources } };
        const operation = { type, [body]: all[body] };
        const { status } = await scheduler.call('ACCEPT', {
          accept: { offer_ids: [offer!.id], operations: [operation], filters: { refuse_seconds: 0 } },
        });
        expect([form, type, status === 202 || status === 400]).toEqual([form, type, true]);
        if (status === 400) await scheduler.decline([offer!], 0);
      }
    }
    await stillServed(mesos.url, witness);
  });
});

describe('a fault of an endpoint', () => {
  it('is a 500 for its client, is counted, and ends nothing', async () => {
    const mesos = await cluster();
    const { watchers } = mesos.master.state;
    const stop = watchers.add(() => {
      throw new Error('a bug');
    });
    const scheduler = { framework_info: { user: 'root', name: 'x' } };
    const body = { type: 'SUBSCRIBE', subscribe: scheduler };
    const headers = { 'Content-Type': 'application/json' };
    await send(`${mesos.url}/api/v1/scheduler`, { headers, body }).then(
      ({ status }) => expect(status).toBe(500),
      (error: Error) => expect(error.message).toMatch(/hang up|reset|aborted/),
    );
    stop();
    expect((await get(`${mesos.url}/metrics/snapshot`))['http/broken_answers']).toBeGreaterThan(0);
    await subscribed(mesos);
  });
});
