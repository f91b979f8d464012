/** The statements C-22 to C-37 and C-43 of mesos-v1 §7.2: the whole scheduler, over a real link, against a scripted master. */
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../../src/core/health/health.ts';
import type { MesosTaskState } from '../../../src/core/mesos/types.ts';
import { useLinkHarness } from './link-harness.ts';
import { endSchedulers, lead, offerOf, runOne, uuidOf } from './scheduler-harness.ts';

const on = useLinkHarness();
afterEach(endSchedulers);

const typesOf = (bodies: readonly { readonly type: string }[]): readonly string[] => bodies.map(({ type }) => type);

describe('offers and launches', () => {
  it('C-22: ACCEPT goes out only when the launch is in the store', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.store.hold();
    scheduler.offer(offerOf('O1'));
    expect(typesOf(await scheduler.settle())).not.toContain('ACCEPT');
    scheduler.store.release();
    const [task] = await scheduler.launched();
    const stored = scheduler.store.records().filter(({ kind }) => kind === 'instance');
    expect(JSON.stringify(stored)).toContain(
      task!.task_id.value
        .split('.')
        .at(-2)
        ?.replace(/^instance-/, '') ?? 'x',
    );
  });

  it('C-23: after an ACCEPT that was refused its offers are gone and its tasks are asked about', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    await scheduler.settle();
    on.master.answersCalls = false;
    scheduler.offer(offerOf('O1'));
    const accept = await scheduler.call('ACCEPT');
    on.master.answersCalls = true;
    accept.answer(400, 'Failed to validate scheduler::Call: nothing');
    const { body } = await scheduler.call('RECONCILE');
    const [task] = (accept.body['accept'] as { operations: { launch: { task_infos: { task_id: object }[] } }[] })
      .operations[0]!.launch.task_infos;
    expect(body['reconcile']).toMatchObject({ tasks: [{ task_id: task!.task_id }] });
    expect(typesOf(await scheduler.settle())).not.toContain('ACCEPT');
  });

  it('C-24: every offer is accepted or declined, whether it is of use or not', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    for (let i = 0; i < 20; i++) scheduler.offer(offerOf(`O${i}`, { agent_id: { value: `S${i}` } }));
    const answered = new Set<string>();
    for (const body of await scheduler.settle()) {
      const { offer_ids = [] } = (body['accept'] ?? body['decline'] ?? {}) as { offer_ids?: { value: string }[] };
      for (const { value } of offer_ids) answered.add(value);
    }
    expect(answered.size).toBe(20);
  });

  it('C-25: RESCIND of an unknown offer is nothing, and one behind the ACCEPT leaves the launch alone', async () => {
    const scheduler = await lead(on);
    scheduler.stream.send({ type: 'RESCIND', rescind: { offer_id: { value: 'nobody' } } });
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.offer(offerOf('O1'));
    const [task] = await scheduler.launched();
    scheduler.stream.send({ type: 'RESCIND', rescind: { offer_id: { value: 'O1' } } });
    await scheduler.settle();
    expect(scheduler.conditions('/app')).toEqual(['Provisioned']);
    scheduler.update({ task_id: task!.task_id, state: 'TASK_RUNNING', uuid: uuidOf(1) });
    await scheduler.call('ACKNOWLEDGE');
    expect(scheduler.conditions('/app')).toEqual(['Running']);
  });

  it('C-25: an offer that is rescinded while its launch is being stored is not accepted', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.store.hold();
    scheduler.offer(offerOf('O1'));
    await scheduler.settle();
    scheduler.stream.send({ type: 'RESCIND', rescind: { offer_id: { value: 'O1' } } });
    await scheduler.settle();
    scheduler.store.release();
    await scheduler.settle();
    scheduler.offer(offerOf('O2'));
    const accept = await scheduler.call('ACCEPT', (body) => JSON.stringify(body).includes('O2'));
    expect(JSON.stringify(accept.body)).not.toContain('"O1"');
  });

  it('C-26: offers from before a disconnect are never accepted', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.store.hold();
    scheduler.offer(offerOf('O1'));
    await scheduler.settle();
    scheduler.stream.cut();
    await scheduler.settle();
    scheduler.store.release();
    await scheduler.resubscribe();
    expect(JSON.stringify(await scheduler.settle())).not.toContain('"O1"');
    scheduler.offer(offerOf('O2'));
    expect(JSON.stringify((await scheduler.call('ACCEPT')).body)).toContain('"O2"');
  });

  it('C-27: resources of a role are used as they were offered, with reservation and allocation', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app', { acceptedResourceRoles: ['*'], portDefinitions: [] });
    await scheduler.call('REVIVE');
    const allocation_info = { role: '*' };
    const reservations = [{ type: 'STATIC' as const, role: 'other' }];
    scheduler.offer(
      offerOf('O1', {}, [
        { name: 'cpus', type: 'SCALAR', scalar: { value: 4 }, reservations, allocation_info },
        { name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, allocation_info },
        { name: 'mem', type: 'SCALAR', scalar: { value: 64 }, allocation_info },
      ]),
    );
    const [task] = await scheduler.launched();
    for (const resource of task!.resources) {
      expect(resource.allocation_info).toEqual(allocation_info);
      expect(resource).not.toHaveProperty('reservations');
    }
    expect(task!.resources.find(({ name }) => name === 'cpus')!.scalar).toEqual({ value: 0.1 });
  });

  it('C-28: ten times 0.1 cpus fit into 1, no eleventh does, and ports lie within the offered ranges', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app', { instances: 11, portDefinitions: [{ port: 0 }] });
    await scheduler.call('REVIVE');
    const allocation_info = { role: '*' };
    scheduler.offer(
      offerOf('O1', {}, [
        { name: 'cpus', type: 'SCALAR', scalar: { value: 1 }, allocation_info },
        { name: 'mem', type: 'SCALAR', scalar: { value: 4096 }, allocation_info },
        {
          name: 'ports',
          type: 'RANGES',
          ranges: {
            range: [
              { begin: 31_000, end: 31_004 },
              { begin: 31_100, end: 31_109 },
            ],
          },
          allocation_info,
        },
      ]),
    );
    const tasks = await scheduler.launched();
    expect(tasks).toHaveLength(10);
    const ports = tasks.flatMap(({ resources }) =>
      resources.flatMap(({ ranges }) => (ranges?.range ?? []).map(({ begin }) => begin)),
    );
    expect(new Set(ports).size).toBe(10);
    for (const port of ports)
      expect((port >= 31_000 && port <= 31_004) || (port >= 31_100 && port <= 31_109)).toBe(true);
  });

  it('C-29: nothing to launch: declined for long and suppressed; work: revived, but not more often than allowed', async () => {
    const scheduler = await lead(on, { minReviveOffersIntervalMs: 5_000 });
    expect(typesOf(await scheduler.settle())).toContain('SUPPRESS');
    scheduler.offer(offerOf('O1'));
    const { body } = await scheduler.call('DECLINE');
    expect(body['decline']).toMatchObject({ filters: { refuse_seconds: 120 } });
    for (let i = 0; i < 5; i++) await scheduler.put(`/app-${i}`);
    const revives = (await scheduler.settle()).filter(({ type }) => type === 'REVIVE');
    expect(revives).toHaveLength(1);
    expect(revives[0]).toMatchObject({ revive: { roles: ['*'] } });
  });

  it('C-30: after every subscription it says again whether it wants offers', async () => {
    const scheduler = await lead(on);
    await scheduler.call('SUPPRESS');
    scheduler.stream.cut();
    await scheduler.settle();
    await scheduler.resubscribe();
    await scheduler.call('SUPPRESS');
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.stream.cut();
    await scheduler.settle();
    await scheduler.resubscribe();
    await scheduler.call('REVIVE');
  });

  it('C-43: inverse offers are answered', async () => {
    const scheduler = await lead(on);
    scheduler.stream.send(
      '{"type":"INVERSE_OFFERS","inverse_offers":{"inverse_offers":[{"id":{"value":"I1"},"framework_id":{"value":"f"},' +
        '"unavailability":{"start":{"nanoseconds":1795346676494232201}}},{"id":{"value":"I2"}}]}}',
    );
    const { body } = await scheduler.call('DECLINE_INVERSE_OFFERS');
    expect(body['decline_inverse_offers']).toEqual({
      inverse_offer_ids: [{ value: 'I1' }, { value: 'I2' }],
      filters: { refuse_seconds: 300 },
    });
  });
});

describe('status updates', () => {
  it('C-31: acknowledged when the effect is stored, with the ids of the update, and never without a uuid', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    scheduler.offer(offerOf('O1'));
    const [task] = await scheduler.launched();
    scheduler.store.hold();
    scheduler.update({ task_id: task!.task_id, state: 'TASK_STARTING', uuid: uuidOf(7) });
    expect(typesOf(await scheduler.settle())).not.toContain('ACKNOWLEDGE');
    scheduler.store.release();
    expect((await scheduler.call('ACKNOWLEDGE')).body['acknowledge']).toEqual({
      agent_id: { value: 'S0' },
      task_id: task!.task_id,
      uuid: uuidOf(7),
    });
    scheduler.update({ task_id: task!.task_id, state: 'TASK_RUNNING', source: 'SOURCE_MASTER' });
    expect(typesOf(await scheduler.settle())).not.toContain('ACKNOWLEDGE');
  });

  it('C-32: the same update again is acknowledged again and changes nothing', async () => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler);
    const [before] = [...scheduler.orchestrator.read.instancesOf('/app')];
    const version = scheduler.store.batches.flatMap(({ records }) => records).length;
    scheduler.update({ task_id: task.task_id, state: 'TASK_RUNNING', uuid: uuidOf(1) });
    await scheduler.call('ACKNOWLEDGE');
    expect([...scheduler.orchestrator.read.instancesOf('/app')]).toEqual([before]);
    expect(scheduler.store.batches.flatMap(({ records }) => records).length).toBe(version);
  });

  it('C-33: a task that nobody knows is acknowledged, and killed if it has the name of one of ours', async () => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler);
    const ghost = task.task_id.value.replace(/0000-1000/, '0000-1fff');
    scheduler.update({ task_id: { value: ghost }, state: 'TASK_RUNNING', uuid: uuidOf(9) });
    const calls = await scheduler.settle();
    expect(typesOf(calls)).toContain('ACKNOWLEDGE');
    expect(calls.find(({ type }) => type === 'KILL')).toMatchObject({ kill: { task_id: { value: ghost } } });
  });

  it('C-34: an acknowledgement that is lost is not sent again by us; the agent repeats and is answered', async () => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler);
    on.master.answersCalls = false;
    scheduler.update({ task_id: task.task_id, state: 'TASK_RUNNING', uuid: uuidOf(2), healthy: true });
    const lost = await scheduler.call('ACKNOWLEDGE');
    lost.socket.destroy();
    on.master.answersCalls = true;
    on.clock.advance(10_000);
    expect(typesOf(await scheduler.settle())).not.toContain('ACKNOWLEDGE');
    scheduler.update({ task_id: task.task_id, state: 'TASK_RUNNING', uuid: uuidOf(2), healthy: true });
    await scheduler.call('ACKNOWLEDGE');
  });

  it.each<MesosTaskState>([
    'TASK_FINISHED',
    'TASK_FAILED',
    'TASK_KILLED',
    'TASK_ERROR',
    'TASK_DROPPED',
    'TASK_GONE',
    'TASK_GONE_BY_OPERATOR',
  ])('C-35: after %s the task is over and another is wanted', async (state) => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler);
    scheduler.update({ task_id: task.task_id, state, uuid: uuidOf(3) });
    await scheduler.call('ACKNOWLEDGE');
    await scheduler.settle();
    expect(scheduler.conditions('/app').filter((condition) => condition === 'Running')).toEqual([]);
    on.clock.advance(2_000);
    await scheduler.settle();
    scheduler.offer(offerOf('O9'));
    const [next] = await scheduler.launched();
    expect(next!.task_id).not.toEqual(task.task_id);
  });

  it('C-35, C-36: UNREACHABLE keeps its place for a while, and RUNNING brings the task back to life', async () => {
    const scheduler = await lead(on);
    const task = await runOne(scheduler, '/app', {
      unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 120 },
    });
    const lost = { task_id: task.task_id, source: 'SOURCE_MASTER', reason: 'REASON_AGENT_REMOVED' };
    scheduler.update({ ...lost, state: 'TASK_UNREACHABLE', unreachable_time: { nanoseconds: on.clock.now() * 1e6 } });
    await scheduler.settle();
    expect(scheduler.conditions('/app')).toEqual(['Unreachable']);
    scheduler.update({ ...lost, state: 'TASK_RUNNING', reason: 'REASON_AGENT_REREGISTERED' });
    await scheduler.settle();
    expect(scheduler.conditions('/app')).toEqual(['Running']);
  });

  it('C-37: health comes from `healthy` alone, and what does not name it erases nothing', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app', {
      healthChecks: [{ protocol: 'COMMAND', command: { value: 'true' } }],
    });
    await scheduler.call('REVIVE');
    scheduler.offer(offerOf('O1'));
    const [task] = await scheduler.launched();
    const { task_id } = task!;
    scheduler.update({ task_id, state: 'TASK_RUNNING', uuid: uuidOf(1) });
    await scheduler.call('ACKNOWLEDGE');
    await scheduler.settle();
    const [instance] = [...scheduler.orchestrator.read.instancesOf('/app')];
    const health = (): readonly (boolean | undefined)[] =>
      scheduler.orchestrator.read.healthOf(instance!.id).map((status) => status && isAlive(status));
    expect(health()[0]).not.toBe(true);
    scheduler.update({ task_id, state: 'TASK_RUNNING', uuid: uuidOf(2), healthy: true });
    await scheduler.call('ACKNOWLEDGE');
    await scheduler.settle();
    expect(health()).toEqual([true]);
    scheduler.update({ task_id, state: 'TASK_RUNNING', source: 'SOURCE_MASTER', reason: 'REASON_RECONCILIATION' });
    await scheduler.settle();
    expect(health()).toEqual([true]);
  });
});
