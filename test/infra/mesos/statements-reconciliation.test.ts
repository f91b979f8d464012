/** The statements C-38 to C-42 of mesos-v1 §7.2: the whole scheduler, over a real link, against a scripted master. */
import { afterEach, describe, expect, it } from 'vitest';
import { useLinkHarness } from './link-harness.ts';
import { endSchedulers, lead, offerOf, runOne, uuidOf } from './scheduler-harness.ts';

const on = useLinkHarness();
afterEach(endSchedulers);

const typesOf = (bodies: readonly { readonly type: string }[]): readonly string[] => bodies.map(({ type }) => type);

describe('reconciliation and kills', () => {
  it('C-38: after a subscription every task is asked for with its agent, again and again until answered, then all once', async () => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler);
    scheduler.stream.cut();
    await scheduler.settle();
    await scheduler.resubscribe();
    const asked = { tasks: [{ task_id: task.task_id, agent_id: { value: 'S0' } }] };
    const first = (await scheduler.settle()).filter(({ type }) => type === 'RECONCILE');
    expect(first.map((body) => body['reconcile'])).toEqual([asked, { tasks: [] }]);
    while (on.master.calls.unread().length > 0) await on.master.calls.next();
    for (const waitMs of [1_000, 2_000, 4_000]) {
      on.clock.advance(waitMs - 1);
      expect(typesOf(await scheduler.settle())).not.toContain('RECONCILE');
      on.clock.advance(1);
      expect((await scheduler.call('RECONCILE')).body['reconcile']).toEqual(asked);
    }
    scheduler.update({
      task_id: task.task_id,
      state: 'TASK_RUNNING',
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
    });
    await scheduler.settle();
    await scheduler.pass(120_000);
    expect(typesOf(await scheduler.settle())).not.toContain('RECONCILE');
  });

  it('C-38, C-39: it asks again every ten minutes, one run at a time', async () => {
    const scheduler = await lead(on);
    await runOne(scheduler);
    while (on.master.calls.unread().length > 0) await on.master.calls.next();
    await scheduler.pass(600_000);
    const asked = (await scheduler.settle()).filter(({ type }) => type === 'RECONCILE');
    expect(asked).toHaveLength(2);
  });

  it('C-39: an answer that is older than what is known does not roll a task back', async () => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler);
    scheduler.update({
      task_id: task.task_id,
      state: 'TASK_STAGING',
      source: 'SOURCE_MASTER',
      reason: 'REASON_RECONCILIATION',
    });
    await scheduler.settle();
    expect(scheduler.conditions('/app')).toEqual(['Running']);
  });

  it('C-40: a launch that nothing is heard of is given up after its time-out, and another one follows', async () => {
    const scheduler = await lead(on, { taskLaunchConfirmTimeoutMs: 60_000 });
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.offer(offerOf('O1'));
    const [task] = await scheduler.launched();
    on.clock.advance(60_000);
    await scheduler.settle();
    // It is looked at twice: what Mesos has to say may be on its way.
    on.clock.advance(5_000);
    const calls = await scheduler.settle();
    expect(JSON.stringify(calls.filter(({ type }) => type === 'KILL'))).toContain(task!.task_id.value);
  });

  it('C-41: KILL names the agent and is repeated until the task is over', async () => {
    const scheduler = await lead(on, { killRetryTimeoutMs: 30_000 });
    const task = await runOne(scheduler);
    await scheduler.scale('/app', 0);
    const kill = { task_id: task.task_id, agent_id: { value: 'S0' } };
    expect((await scheduler.call('KILL')).body['kill']).toMatchObject(kill);
    for (let i = 0; i < 3; i++) {
      await scheduler.pass(30_000);
      expect((await scheduler.call('KILL')).body['kill']).toMatchObject(kill);
    }
    scheduler.update({ task_id: task.task_id, state: 'TASK_KILLED', uuid: uuidOf(5) });
    await scheduler.call('ACKNOWLEDGE');
    await scheduler.settle();
    while (on.master.calls.unread().length > 0) await on.master.calls.next();
    await scheduler.pass(90_000);
    expect(typesOf(await scheduler.settle())).not.toContain('KILL');
  });

  it('C-42: FAILURE of an agent changes no task; what becomes of them is told by updates', async () => {
    const scheduler = await lead(on);
    await runOne(scheduler);
    scheduler.stream.send('{"type":"FAILURE","failure":{"agent_id":{"value":"S0"}}}');
    await scheduler.settle();
    expect(scheduler.conditions('/app')).toEqual(['Running']);
  });
});
