import { describe, expect, it } from 'vitest';
import { taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

describe('launching tasks', () => {
  it('reports a launched task as running and a killed one as killed', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    expect((await scheduler.launch([offer!], [taskFor(offer!, 't.1')])).status).toBe(202);
    const running = await scheduler.nextStatus('t.1');
    expect(running.state).toBe('TASK_RUNNING');
    await scheduler.acknowledge(running);
    await scheduler.kill('t.1', offer!.agent_id.value);
    const killing = await scheduler.nextStatus('t.1');
    expect(killing.state).toBe('TASK_KILLING');
    await scheduler.acknowledge(killing);
    const killed = await scheduler.nextStatus('t.1');
    expect(killed).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Terminated' });
  });
});
