/** Statements of mesos-v1 §7.1 that neither a recording nor another test of this folder shows. */
import { describe, expect, it } from 'vitest';
import { frameworkInfo, json, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

describe('a master that does not lead', () => {
  it('M-24: names the leader with the path of the call, and without a path for /redirect; /health is its own', async () => {
    const { master, url } = await cluster();
    master.state.leadership = { kind: 'following', leader: { hostname: 'other', port: 5050 } };
    const subscribe = { type: 'SUBSCRIBE', subscribe: { framework_info: frameworkInfo() } };
    const call = await send(`${url}/api/v1/scheduler`, { headers: json, body: subscribe });
    expect(call).toMatchObject({ status: 307, body: '' });
    expect(call.headers['location']).toBe('//other:5050/master/api/v1/scheduler');
    expect((await send(`${url}/redirect`)).headers['location']).toBe('//other:5050');
    expect((await send(`${url}/state?x=1`)).headers['location']).toBe('//other:5050/master/state?x=1');
    for (const path of ['/health', '/version', '/metrics/snapshot']) expect((await send(url + path)).status).toBe(200);
  });
});

describe('an agent that is restarted', () => {
  it('M-76: keeps the tasks of frameworks with checkpoints, and loses those of others', async () => {
    const mesos = await cluster();
    const kept = await subscribed(mesos);
    const [offer] = await kept.nextOffers();
    // What is left over goes to the other one.
    await kept.call('SUPPRESS');
    await kept.launch([offer!], [taskFor(offer!, 'kept.1')], 0);
    await kept.acknowledge(await kept.nextStatus('kept.1'));
    const loose = await subscribed(mesos, frameworkInfo({ checkpoint: false }));
    const [other] = await loose.nextOffers();
    await loose.launch([other!], [taskFor(other!, 'loose.1')], 3600);
    await loose.acknowledge(await loose.nextStatus('loose.1'));
    const agent = mesos.master.state.agents.get(offer!.agent_id.value)!;
    mesos.master.lifecycle.disconnect(agent);
    expect(await loose.nextStatus('loose.1')).toMatchObject({
      state: 'TASK_LOST',
      source: 'SOURCE_MASTER',
      reason: 'REASON_AGENT_DISCONNECTED',
    });
    mesos.master.lifecycle.comeBack(agent);
    await kept.reconcile({ taskId: 'kept.1' });
    expect((await kept.nextStatus('kept.1')).state).toBe('TASK_RUNNING');
    expect([...mesos.simulation!.taskIds()]).toEqual(['kept.1']);
  });
});
