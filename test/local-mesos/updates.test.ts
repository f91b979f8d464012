import { describe, expect, it } from 'vitest';
import { frameworkInfo, type MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import recorded from './events.fixture.json' with { type: 'json' };
import { shapeOf } from './shape.ts';

const asRecorded = { behaviour: { sendStarting: true } };

/** What a real update holds, without the pid that a simulated task has not. */
function recordedShape(event: { update: { status: object } }): unknown {
  const status = structuredClone(event.update.status) as { container_status?: { executor_pid?: number } };
  delete status.container_status?.executor_pid;
  return shapeOf(status);
}

async function launchOne(scheduler: MesosClient, id = 't.1') {
  const [offer] = await scheduler.nextOffers();
  await scheduler.launch([offer!], [taskFor(offer!, id)]);
  return offer!;
}

describe('updates of a task', () => {
  it('go through STARTING and RUNNING to FINISHED in the recorded shapes', async () => {
    const mesos = await cluster({ simulation: asRecorded });
    const scheduler = await subscribed(mesos);
    const offer = await launchOne(scheduler);
    const starting = await scheduler.nextStatus();
    expect(shapeOf(starting)).toEqual(recordedShape(recorded.starting));
    expect(starting).toMatchObject({ state: 'TASK_STARTING', agent_id: offer.agent_id, executor_id: { value: 't.1' } });
    await scheduler.acknowledge(starting);
    const running = await scheduler.nextStatus();
    expect(shapeOf(running)).toEqual(recordedShape(recorded.running));
    expect(running.container_status).toEqual(starting.container_status);
    await scheduler.acknowledge(running);
    mesos.simulation!.command('t.1', 'TASK_FINISHED', 'Command exited with status 0');
    const finished = await scheduler.nextStatus();
    expect(shapeOf(finished)).toEqual(recordedShape(recorded.finished));
    expect(Buffer.from(finished.uuid!, 'base64')).toHaveLength(16);
  });

  it('M-60, M-72: go out one at a time: the next waits until the one before is acknowledged, with the right uuid', async () => {
    const mesos = await cluster({ simulation: asRecorded });
    const scheduler = await subscribed(mesos);
    await launchOne(scheduler);
    const starting = await scheduler.nextStatus();
    mesos.simulation!.command('t.1', 'TASK_FINISHED');
    await scheduler.acknowledge({ ...starting, uuid: 'MDEyMzQ1Njc4OWFiY2RlZg==' });
    await scheduler.acknowledge({ ...starting, agent_id: { value: 'other' } });
    await scheduler.reconcile({ taskId: 't.1' });
    // The answer shows what was forwarded, and nothing was forwarded before it.
    expect(await scheduler.nextStatus()).toMatchObject({ state: 'TASK_STARTING', reason: 'REASON_RECONCILIATION' });
    await scheduler.acknowledge(starting);
    const running = await scheduler.nextStatus();
    expect(running.state).toBe('TASK_RUNNING');
    await scheduler.acknowledge(running);
    expect((await scheduler.nextStatus()).state).toBe('TASK_FINISHED');
  });

  it('M-61: are repeated with the same uuid, at doubling intervals, until they are acknowledged', async () => {
    const scheduler = await subscribed(await cluster({ settings: { retryMs: 60, retryMaxMs: 10_000 } }));
    const launchedAt = performance.now();
    await launchOne(scheduler);
    const first = await scheduler.nextStatus();
    expect(await scheduler.nextStatus()).toEqual(first);
    expect(performance.now() - launchedAt).toBeGreaterThanOrEqual(59);
    expect(await scheduler.nextStatus()).toEqual(first);
    expect(performance.now() - launchedAt).toBeGreaterThanOrEqual(178);
    await scheduler.acknowledge(first);
    await scheduler.kill('t.1');
    const next = await scheduler.nextStatus();
    expect(next.uuid).not.toBe(first.uuid);
  });

  it('that are lost on their way come at the next repetition', async () => {
    const mesos = await cluster({ settings: { retryMs: 40 }, simulation: { behaviour: { dropUpdateRate: 1 } } });
    const scheduler = await subscribed(mesos);
    await launchOne(scheduler);
    await send(`${mesos.url}/simulate/behaviour`, { body: { dropUpdateRate: 0 } });
    expect((await scheduler.nextStatus('t.1')).state).toBe('TASK_RUNNING');
  });

  it('that come twice come with one uuid, and those that come late come behind others', async () => {
    const behaviour = { doubleUpdateRate: 1, updateDelayMs: 20 };
    const mesos = await cluster({ settings: { retryMs: 60_000 }, simulation: { behaviour } });
    const scheduler = await subscribed(mesos);
    const offer = await launchOne(scheduler);
    const first = await scheduler.nextStatus();
    expect(await scheduler.nextStatus()).toEqual(first);
    await scheduler.acknowledge(first);
    mesos.simulation!.change({ doubleUpdateRate: 0 });
    await scheduler.launch(await scheduler.nextOffers(), [taskFor(offer, 't.2')]);
    await scheduler.acknowledge(await scheduler.nextStatus());
    mesos.simulation!.change({ delayUpdateRate: 1, updateDelayMs: 2_000 });
    mesos.simulation!.command('t.1', 'TASK_FINISHED');
    mesos.simulation!.change({ delayUpdateRate: 0 });
    mesos.simulation!.command('t.2', 'TASK_FINISHED');
    expect((await scheduler.nextStatus()).task_id.value).toBe('t.2');
    expect((await scheduler.nextStatus()).task_id.value).toBe('t.1');
  });

  it('M-52: keep the id of an ended task taken until the last one is acknowledged', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 't.1')], 0);
    await scheduler.acknowledge(await scheduler.nextStatus());
    mesos.simulation!.command('t.1', 'TASK_FINISHED');
    const finished = await scheduler.nextStatus();
    const second = await scheduler.nextOffers();
    await scheduler.launch(second, [taskFor(offer!, 't.1')], 0);
    expect(await scheduler.nextStatus()).toMatchObject({ state: 'TASK_ERROR', message: 'Task has duplicate ID: t.1' });
    await scheduler.acknowledge(finished);
    await scheduler.acknowledge(finished);
    await scheduler.launch(await scheduler.nextOffers(), [taskFor(offer!, 't.1')], 0);
    expect((await scheduler.nextStatus()).state).toBe('TASK_RUNNING');
  });
});

describe('KILL', () => {
  it('is announced by TASK_KILLING only with the capability', async () => {
    for (const capable of [true, false]) {
      const capabilities = [{ type: 'MULTI_ROLE' }, ...(capable ? [{ type: 'TASK_KILLING_STATE' }] : [])];
      const scheduler = await subscribed(await cluster(), frameworkInfo({ capabilities }));
      await launchOne(scheduler);
      await scheduler.acknowledge(await scheduler.nextStatus());
      await scheduler.kill('t.1');
      const first = await scheduler.nextStatus();
      const expected = capable ? recorded.killing : recorded.killed;
      expect(first.state).toBe(expected.update.status.state);
      expect(shapeOf(first)).toEqual(recordedShape(expected));
    }
  });

  it('before the task has started ends it without it ever running', async () => {
    const scheduler = await subscribed(await cluster({ simulation: { behaviour: { runningDelayMs: 3_600_000 } } }));
    await launchOne(scheduler);
    await scheduler.kill('t.1');
    const killed = await scheduler.nextStatus();
    expect(shapeOf(killed)).toEqual(recordedShape(recorded.killedEarly));
    expect(killed).toMatchObject({
      state: 'TASK_KILLED',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
      message: 'Killed before delivery to the executor',
    });
  });

  it('M-68: of an unknown task is answered like a reconciliation', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    await scheduler.kill('nobody.1');
    expect(shapeOf(await scheduler.nextStatus('nobody.1'))).toEqual(recordedShape(recorded.unknown));
    await scheduler.kill('nobody.2', offer!.agent_id.value);
    const gone = await scheduler.nextStatus('nobody.2');
    expect(shapeOf(gone)).toEqual(recordedShape(recorded.gone));
    expect(gone).toMatchObject({ state: 'TASK_GONE', message: 'Reconciliation: Task is unknown to the agent' });
  });

  it('M-69: with the wrong agent, or of a task that has ended, does nothing', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await launchOne(scheduler);
    await scheduler.acknowledge(await scheduler.nextStatus());
    await scheduler.kill('t.1', 'some-other-agent');
    expect(mesos.simulation!.size).toBe(1);
    mesos.simulation!.command('t.1', 'TASK_FAILED');
    await scheduler.nextStatus();
    await scheduler.kill('t.1');
    await scheduler.reconcile({ taskId: 'marker' });
    expect((await scheduler.nextStatus()).task_id.value).toBe('marker');
  });
});

describe('TEARDOWN', () => {
  it('ends all tasks without a word, frees their resources and lists the framework as completed', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await launchOne(scheduler);
    await scheduler.acknowledge(await scheduler.nextStatus());
    expect((await scheduler.call('TEARDOWN')).status).toBe(202);
    expect(await scheduler.ended).toBe('eof');
    const other = await subscribed(mesos);
    expect(scheduler.untaken().filter(({ type }) => type === 'UPDATE')).toEqual([]);
    const [offer] = await other.nextOffers();
    expect(offer!.resources.find(({ name }) => name === 'cpus')!.scalar).toEqual({ value: 4 });
    const state = JSON.parse((await send(`${mesos.url}/state`)).body);
    expect(state.completed_frameworks).toMatchObject([
      { id: scheduler.frameworkId, active: false, completed_tasks: [{ id: 't.1', state: 'TASK_KILLED' }] },
    ]);
  });
});
