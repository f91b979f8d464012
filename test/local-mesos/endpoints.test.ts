import { describe, expect, it } from 'vitest';
import { send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

describe('the read endpoints', () => {
  it('agree on agents, frameworks and tasks, in the old words of Mesos', async () => {
    const mesos = await cluster({ attributes: 'rack:r1;level:10;slots:[1-5]' });
    const scheduler = await subscribed(mesos);
    const get = async (path: string) => JSON.parse((await send(mesos.url + path)).body);
    const [offer] = await scheduler.nextOffers();
    const port = { name: 'ports', type: 'RANGES' as const, ranges: { range: [{ begin: 31_001, end: 31_002 }] } };
    const first = taskFor(offer!, 'a.1', { labels: { labels: [{ key: 'k', value: 'v' }] } });
    await scheduler.launch([offer!], [{ ...first, resources: [...first.resources, port] }, taskFor(offer!, 'b.1')], 0);
    for (const id of ['a.1', 'b.1']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    mesos.simulation!.command('b.1', 'TASK_FINISHED');
    await scheduler.acknowledge(await scheduler.nextStatus('b.1'));
    await scheduler.nextOffers();
    const state = await get('/master/state');
    expect(state).toMatchObject({ version: '1.12.0', activated_slaves: 1, leader_info: { port: mesos.port } });
    const [slave] = state.slaves;
    expect(slave).toMatchObject({
      id: offer!.agent_id.value,
      attributes: { rack: 'r1', level: 10, slots: '[1-5]' },
      resources: { cpus: 4, mem: 4096, disk: 10_000, gpus: 0, ports: '[31000-32000]' },
      used_resources: { cpus: 0.1, mem: 32, disk: 0, ports: '[31001-31002]' },
    });
    const [framework] = state.frameworks;
    expect(framework).toMatchObject({ id: scheduler.frameworkId, connected: true, roles: ['*'] });
    expect(framework.tasks).toMatchObject([
      { id: 'a.1', slave_id: slave.id, executor_id: '', state: 'TASK_RUNNING', labels: [{ key: 'k', value: 'v' }] },
    ]);
    expect(framework.completed_tasks).toMatchObject([{ id: 'b.1', state: 'TASK_FINISHED' }]);
    expect(await get('/state')).toMatchObject({ frameworks: [{ tasks: framework.tasks }] });
    expect((await get('/slaves')).slaves).toHaveLength(1);
    expect((await get(`/slaves?slave_id=none`)).slaves).toEqual([]);
    expect((await get('/tasks?order=asc')).tasks.map(({ id }: { id: string }) => id).sort()).toEqual(['a.1', 'b.1']);
    expect((await get('/tasks?limit=1')).tasks).toHaveLength(1);
    expect((await get('/tasks?task_id=b.1')).tasks).toMatchObject([{ id: 'b.1' }]);
    expect(await get('/metrics/snapshot')).toMatchObject({ 'master/tasks_running': 1, 'master/tasks_finished': 1 });
  });

  it('tell health, version and the leader, and know nothing of .json names', async () => {
    const mesos = await cluster();
    for (const path of ['/health', '/master/health']) {
      expect(await send(mesos.url + path)).toMatchObject({ status: 200, body: '' });
    }
    for (const path of ['/redirect', '/master/redirect']) {
      const answer = await send(mesos.url + path);
      expect([answer.status, answer.headers['location']]).toEqual([307, `//127.0.0.1:${mesos.port}`]);
    }
    expect(JSON.parse((await send(`${mesos.url}/version`)).body)).toMatchObject({ version: '1.12.0' });
    expect(await send(`${mesos.url}/state.json`)).toMatchObject({ status: 404, body: '404 Not Found.' });
    expect(await send(`${mesos.url}/redirect/master/state`)).toMatchObject({ status: 404 });
    expect((await send(`${mesos.url}/version?jsonp=cb`)).status).toBe(200);
    expect((await send(`${mesos.url}/state?jsonp=cb`)).body).toMatch(/^cb\(\{.*\}\)$/s);
  });

  it('answer a chunked call without a length, a trailing slash and a query', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const answer = await send(`${mesos.url}/api/v1/scheduler/?_ts=1`, {
      headers: {
        'Content-Type': 'application/json',
        'Mesos-Stream-Id': scheduler.streamId,
        'Transfer-Encoding': 'chunked',
      },
      body: { framework_id: { value: scheduler.frameworkId }, type: 'REVIVE' },
    });
    expect(answer).toMatchObject({ status: 202, body: '' });
  });
});
