import { describe, expect, it } from 'vitest';
import { send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

describe('faults on command', () => {
  it('end a chosen task, or some of many, with a chosen state and words', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch(
      [offer!],
      ['a.1', 'a.2', 'b.1'].map((id) => taskFor(offer!, id)),
    );
    for (const id of ['a.1', 'a.2', 'b.1']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    const words = { state: 'TASK_FAILED', message: 'out of memory', reason: 'REASON_CONTAINER_LIMITATION_MEMORY' };
    expect((await send(`${mesos.url}/simulate/tasks/b.1`, { body: words })).status).toBe(200);
    expect(await scheduler.nextStatus()).toMatchObject({ task_id: { value: 'b.1' }, ...words });
    const some = await send(`${mesos.url}/simulate/tasks`, { body: { state: 'TASK_LOST', prefix: 'a.', count: 1 } });
    expect(JSON.parse(some.body)).toEqual({ changed: 1 });
    expect(await scheduler.nextStatus()).toMatchObject({ task_id: { value: 'a.1' }, state: 'TASK_LOST' });
    expect((await send(`${mesos.url}/simulate/tasks/b.1`, { body: words })).status).toBe(404);
    expect((await send(`${mesos.url}/simulate/tasks/a.2`, { body: { state: 'TASK_ODD' } })).status).toBe(400);
    expect(JSON.parse((await send(`${mesos.url}/simulate`)).body)).toMatchObject({ tasks: 1, agents: 1 });
  });

  it('change delays, outcomes and the pace of answers, and refuse what makes no sense', async () => {
    const mesos = await cluster();
    const change = (body: object) => send(`${mesos.url}/simulate/behaviour`, { body });
    expect((await change({ runningDelayMs: 60, finishAfterMs: 30, answerDelayMs: 50 })).status).toBe(200);
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const askedAt = performance.now();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')]);
    expect(performance.now() - askedAt).toBeGreaterThan(45);
    const running = await scheduler.nextStatus();
    expect(performance.now() - askedAt).toBeGreaterThan(105);
    await scheduler.acknowledge(running);
    expect((await scheduler.nextStatus()).state).toBe('TASK_FINISHED');
    for (const body of [{ failRate: 2 }, { runningDelayMs: -1 }, { sendStarting: 1 }, { nonsense: 1 }]) {
      expect((await change(body)).status).toBe(400);
    }
  });

  it('break event streams off', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await send(`${mesos.url}/simulate/disconnect`, { method: 'POST' });
    expect(await scheduler.ended).toBe('broken');
    while ((await scheduler.reconcile()).status !== 403);
  });

  it('let another master take over', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const { master } = JSON.parse(
      (await send(`${mesos.url}/simulate/failover`, { body: { agentsBackAfterMs: 5 } })).body,
    );
    expect(await scheduler.ended).toBe('broken');
    const again = await subscribed(mesos);
    expect(again.frameworkId.startsWith(master)).toBe(true);
    expect((await again.nextOffers())[0]!.id.value).toBe(`${master}-O0`);
    expect((await send(`${mesos.url}/simulate/failover`, { body: { agentsBackAfterMs: 'soon' } })).status).toBe(400);
  });

  it('do not exist in a cluster of real processes', async () => {
    const mesos = await cluster({ simulate: false });
    expect((await send(`${mesos.url}/simulate`)).status).toBe(404);
  });
});
