import { describe, expect, it } from 'vitest';
import { frameworkInfo, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed, workDir } from './cluster-fixture.ts';
import recorded from './events.fixture.json' with { type: 'json' };
import { shapeOf } from './shape.ts';

const unaware = frameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }] });

describe('reconciliation', () => {
  it('tells the latest state of a known task, whatever agent is named', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')]);
    await scheduler.acknowledge(await scheduler.nextStatus());
    await scheduler.reconcile({ taskId: 't.1', agentId: 'no-such-agent-S9' });
    const status = await scheduler.nextStatus();
    const expected = structuredClone(recorded.latest.update.status) as { container_status: { executor_pid?: number } };
    delete expected.container_status.executor_pid;
    expect(shapeOf(status)).toEqual(shapeOf(expected));
    expect(status).toMatchObject({ state: 'TASK_RUNNING', message: 'Reconciliation: Latest task state' });
  });

  it('tells TASK_STAGING of a task that has not reported yet', async () => {
    const scheduler = await subscribed(await cluster({ simulation: { behaviour: { runningDelayMs: 3_600_000 } } }));
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')]);
    await scheduler.reconcile({ taskId: 't.1' });
    expect((await scheduler.nextStatus()).state).toBe('TASK_STAGING');
  });

  it('M-70: of nothing in particular tells every active task once, and none that has ended and is acknowledged', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch(
      [offer!],
      ['a', 'b', 'c'].map((id) => taskFor(offer!, id)),
    );
    for (const id of ['a', 'b', 'c']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    mesos.simulation!.command('b', 'TASK_FINISHED');
    await scheduler.acknowledge(await scheduler.nextStatus('b'));
    await scheduler.reconcile();
    await scheduler.reconcile({ taskId: 'end-marker' });
    const seen: string[] = [];
    for (let id = ''; id !== 'end-marker'; seen.push(id)) id = (await scheduler.nextStatus()).task_id.value;
    expect(seen).toEqual(['a', 'c', 'end-marker']);
  });

  for (const aware of [true, false]) {
    it(`M-71: answers for unknown tasks ${aware ? 'with' : 'without'} PARTITION_AWARE`, async () => {
      const mesos = await cluster({ agents: 2 });
      const scheduler = await subscribed(mesos, aware ? frameworkInfo() : unaware);
      const [here, away] = await scheduler.nextOffers();
      mesos.master.lifecycle.lose(mesos.master.state.agents.get(away!.agent_id.value)!);
      const cases = [
        ['TASK_UNKNOWN', 'Reconciliation: Task is unknown', undefined],
        ['TASK_UNKNOWN', 'Reconciliation: Task is unknown', 'no-such-agent-S9'],
        ['TASK_GONE', 'Reconciliation: Task is unknown to the agent', here!.agent_id.value],
        ['TASK_UNREACHABLE', 'Reconciliation: Task is unreachable', away!.agent_id.value],
      ] as const;
      for (const [state, message, agentId] of cases) {
        await scheduler.reconcile({ taskId: 'ghost', ...(agentId === undefined ? {} : { agentId }) });
        const status = await scheduler.nextStatus('ghost');
        expect(status).toMatchObject({ state: aware ? state : 'TASK_LOST', message, source: 'SOURCE_MASTER' });
        expect(status.agent_id?.value).toBe(agentId);
        expect(status).not.toHaveProperty('uuid');
        expect('unreachable_time' in status).toBe(state === 'TASK_UNREACHABLE');
      }
    });
  }
});

describe('a lost agent', () => {
  it('M-74: makes its tasks unreachable and returns with them, its id and its pending updates', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const other = await subscribed(mesos, unaware);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'aware.1'), taskFor(offer!, 'ends.1')]);
    for (const id of ['aware.1', 'ends.1']) await scheduler.acknowledge(await scheduler.nextStatus(id));
    const [rest] = await other.nextOffers();
    await other.launch([rest!], [taskFor(rest!, 'unaware.1')], 0);
    await other.acknowledge(await other.nextStatus());
    const [held] = await other.nextOffers();

    expect((await send(`${mesos.url}/simulate/agents/1/lost`, { method: 'POST' })).status).toBe(200);
    const unreachable = await scheduler.nextStatus('aware.1');
    expect(shapeOf(unreachable)).toEqual(shapeOf(recorded.unreachable.update.status));
    expect(unreachable).toMatchObject({ state: 'TASK_UNREACHABLE', reason: 'REASON_AGENT_REMOVED' });
    await scheduler.nextStatus('ends.1');
    expect(shapeOf(await scheduler.next('FAILURE'))).toEqual(shapeOf(recorded.failure));
    expect((await other.nextStatus()).state).toBe('TASK_LOST');
    expect((await other.next('RESCIND')).rescind!.offer_id).toEqual(held!.id);

    await scheduler.reconcile();
    await scheduler.kill('aware.1', offer!.agent_id.value);
    // The implicit reconciliation has left it out; the KILL is answered like an explicit one.
    expect(await scheduler.nextStatus()).toMatchObject({
      state: 'TASK_UNREACHABLE',
      message: 'Reconciliation: Task is unreachable',
    });
    mesos.simulation!.command('ends.1', 'TASK_FAILED');

    await send(`${mesos.url}/simulate/agents/1/return`, { method: 'POST' });
    const back = await scheduler.nextStatus();
    expect(back).toMatchObject({
      task_id: { value: 'aware.1' },
      state: 'TASK_RUNNING',
      message: 'Unreachable agent re-reregistered',
      reason: 'REASON_AGENT_REREGISTERED',
    });
    expect(back).not.toHaveProperty('uuid');
    expect((await scheduler.nextStatus()).state).toBe('TASK_FAILED');
    expect((await other.nextStatus()).state).toBe('TASK_RUNNING');
    expect((await scheduler.nextOffers())[0]!.agent_id).toEqual(offer!.agent_id);
  });
});

describe('a failover of the simulated master', () => {
  it('breaks streams, knows no framework until it subscribes, answers nothing until the agents are back, loses no task', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1'), taskFor(offer!, 'pending.1')]);
    await scheduler.acknowledge(await scheduler.nextStatus('t.1'));
    const pending = await scheduler.nextStatus('pending.1');
    mesos.master.failOver('11111111-2222-4333-8444-555555555555');
    expect(await scheduler.ended).toBe('broken');
    expect(await scheduler.reconcile()).toMatchObject({ status: 400, body: 'Framework cannot be found' });
    const again = await subscribed(mesos, frameworkInfo({ id: { value: scheduler.frameworkId } }));
    await again.reconcile({ taskId: 't.1' }, { taskId: 'ghost' });
    await again.reconcile();
    expect(again.untaken()).toEqual([]);
    mesos.master.agentsBack();
    const [fresh] = await again.nextOffers();
    expect(fresh!.id.value).toBe('11111111-2222-4333-8444-555555555555-O0');
    expect(fresh!.agent_id).toEqual(offer!.agent_id);
    expect(fresh!.resources.find(({ name }) => name === 'cpus')!.scalar).toEqual({ value: 3.8 });
    // Of all updates only the one that was not acknowledged comes, now that its agent is back.
    const updates = again.untaken().filter(({ type }) => type === 'UPDATE');
    expect(updates.map(({ update }) => update!.status)).toEqual([pending]);
    await again.acknowledge(pending);
    await again.nextStatus('pending.1');
    await again.reconcile({ taskId: 't.1' }, { taskId: 'ghost' });
    expect((await again.nextStatus('t.1')).state).toBe('TASK_RUNNING');
    expect((await again.nextStatus('ghost')).state).toBe('TASK_UNKNOWN');
  });
});

describe('a restart on the same directory', () => {
  it('keeps agent ids and removed frameworks, and answers that old tasks are gone', async () => {
    const dir = await workDir();
    const before = await cluster({ workDir: dir, agents: 2 });
    const scheduler = await subscribed(before);
    const offers = await scheduler.nextOffers();
    await scheduler.launch([offers[0]!], [taskFor(offers[0]!, 'old.1')]);
    await scheduler.acknowledge(await scheduler.nextStatus());
    const removed = await subscribed(before);
    await removed.call('TEARDOWN');
    await before.close();
    expect(await scheduler.ended).toBe('broken');

    const after = await cluster({ workDir: dir, agents: 3 });
    const again = await subscribed(after, frameworkInfo({ id: { value: scheduler.frameworkId } }));
    const agents = (await again.nextOffers()).map(({ agent_id }) => agent_id.value);
    expect(agents.slice(0, 2)).toEqual(offers.map(({ agent_id }) => agent_id.value));
    expect(agents[2]).toBe(`${after.master.state.identity.id}-S0`);
    await again.reconcile({ taskId: 'old.1', agentId: agents[0]! });
    expect((await again.nextStatus()).state).toBe('TASK_GONE');
    const fresh = await subscribed(after);
    expect(fresh.frameworkId.startsWith(after.master.state.identity.id)).toBe(true);
    expect(fresh.frameworkId).not.toBe(again.frameworkId);
    await again.subscribe(frameworkInfo({ id: { value: removed.frameworkId } }));
    expect((await again.next('ERROR')).error!.message).toBe('Framework has been removed');
  });
});
