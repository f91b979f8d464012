import { describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { TEARDOWN_TIMEOUT_MS } from '../../../src/infra/mesos/link.ts';
import { FRAMEWORK_ID, type SeenRequest } from './fake-master.ts';
import { useLinkHarness } from './link-harness.ts';
import { recorded, recordOf } from './recorded.ts';

const task = (id: string, command = 'sleep 1000'): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: 'S0' },
  resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } }],
  command: { value: command },
});

describe('calls', () => {
  const on = useLinkHarness();

  async function take(count: number): Promise<SeenRequest[]> {
    const calls: SeenRequest[] = [];
    while (calls.length < count) calls.push(await on.master.calls.next());
    return calls;
  }

  it('carry framework id, stream id and exact media types, over a connection that is not the stream', async () => {
    const { link, stream } = await on.connected();
    link.kill('t.1', 'S0');
    const { body, headers, socket } = await on.master.calls.next();
    expect(body).toEqual({
      framework_id: { value: FRAMEWORK_ID },
      type: 'KILL',
      kill: { task_id: { value: 't.1' }, agent_id: { value: 'S0' } },
    });
    expect(headers['mesos-stream-id']).toBe(stream.streamId);
    expect(headers['content-type']).toBe('application/json');
    expect(headers.accept).toBe('application/json');
    expect(headers.host).toBe(on.master.address);
    expect(socket).not.toBe(stream.socket);
  });

  it('keep their order, with ACCEPT before the KILL that follows, over one connection', async () => {
    const { link } = await on.connected();
    link.accept(['O1', 'O2'], [task('t.1'), task('t.2', 'echo "größe"')], 5);
    link.kill('t.1', undefined);
    link.decline(['O3'], 120);
    link.accept(['O4'], [], 7);
    link.reconcile([{ taskId: 't.9', agentId: 'S1' }]);
    link.suppress(['dev']);
    link.revive([]);
    const calls = await take(7);
    const rest = calls.map(({ body: { framework_id: _, ...call } }) => call);
    expect(rest).toEqual([
      {
        type: 'ACCEPT',
        accept: {
          offer_ids: [{ value: 'O1' }, { value: 'O2' }],
          operations: [{ type: 'LAUNCH', launch: { task_infos: [task('t.1'), task('t.2', 'echo "größe"')] } }],
          filters: { refuse_seconds: 5 },
        },
      },
      { type: 'KILL', kill: { task_id: { value: 't.1' } } },
      { type: 'DECLINE', decline: { offer_ids: [{ value: 'O3' }], filters: { refuse_seconds: 120 } } },
      { type: 'DECLINE', decline: { offer_ids: [{ value: 'O4' }], filters: { refuse_seconds: 7 } } },
      { type: 'RECONCILE', reconcile: { tasks: [{ task_id: { value: 't.9' }, agent_id: { value: 'S1' } }] } },
      { type: 'SUPPRESS', suppress: { roles: ['dev'] } },
      { type: 'REVIVE', revive: {} },
    ]);
    expect(new Set(calls.map((call) => call.socket)).size).toBe(1);
    expect(Object.fromEntries(on.counts)).toMatchObject({
      'mesos.offers.used': 2,
      'mesos.offers.declined': 2,
      'mesos.offer-operations.launch': 2,
      'mesos.calls.suppress': 1,
      'mesos.calls.revive': 1,
    });
  });

  it('acknowledge over a connection of their own', async () => {
    const { link } = await on.connected();
    link.kill('t.1', 'S0');
    const { socket } = await on.master.calls.next();
    const update = recordOf('UPDATE').update?.status;
    link.acknowledge(update?.task_id.value ?? '', update?.agent_id?.value ?? '', update?.uuid ?? '');
    const call = await on.master.calls.next();
    expect(call.body['acknowledge']).toEqual({
      agent_id: update?.agent_id,
      task_id: update?.task_id,
      uuid: update?.uuid,
    });
    expect(call.socket).not.toBe(socket);
  });

  it('are dropped and counted while there is no stream', async () => {
    const link = on.link();
    link.kill('t.1', 'S0');
    link.accept(['O1'], [task('t.1')], 5);
    link.acknowledge('t.1', 'S0', 'x');
    link.revive([]);
    expect(on.counts.get('mesos.calls.dropped')).toBe(4);
    expect(on.counts.get('mesos.calls.revive')).toBeUndefined();
    link.start(undefined, on.events.put);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
    link.suppress([]);
    expect((await on.master.calls.next()).body.type).toBe('SUPPRESS');
  });

  it('may be made from within the event that says that they may', async () => {
    const link = on.link();
    link.start(undefined, (event) => {
      if (event.type === 'subscribed') link.reconcile([]);
    });
    (await on.master.subscribes.next()).accept();
    expect((await on.master.calls.next()).body['reconcile']).toEqual({ tasks: [] });
  });
});

describe('calls that fail', () => {
  const on = useLinkHarness();

  it('report exactly the unanswered ACCEPTs when the connection is cut, and never send them again', async () => {
    const { link, stream } = await on.connected();
    on.master.answersCalls = false;
    for (let n = 1; n <= 5; n += 1) {
      link.accept([`O${n}`], [task(`t.${n}`), task(`u.${n}`)], 5);
      link.kill(`k.${n}`, 'S0');
    }
    const calls: SeenRequest[] = [];
    while (calls.length < 10) calls.push(await on.master.calls.next());
    for (const call of calls.slice(0, 4)) call.answer(202);
    // The third answer pair is the proof that the first two arrived: answers come in order.
    calls[4]?.answer(400, 'Failed to validate scheduler::Call: something', { 'Content-Type': 'text/plain' });
    expect((await on.event('acceptRefused')).taskIds).toEqual(['t.3', 'u.3']);
    calls[9]?.socket.destroy();
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.4', 'u.4']);
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.5', 'u.5']);
    // The stream goes on, and with it the offers, which nobody else gets.
    expect((await on.event('offersInDoubt')).offerIds).toEqual(['O5']);
    on.master.answersCalls = true;
    link.revive([]);
    expect((await on.master.calls.next()).body.type).toBe('REVIVE');
    expect(on.events.unread()).toEqual([]);
    expect(link.isConnected()).toBe(true);
    stream.send(recordOf('RESCIND'));
    await on.event('rescinded');
  });

  it('report a refused ACCEPT with a reason that shows nothing of the task', async () => {
    const { link } = await on.connected();
    on.master.answersCalls = false;
    link.accept(['O1'], [task('t.1', 'PASSWORD=hunter2 run')], 5);
    const near = 'Failed to parse body into JSON: syntax error at line 1 near: "PASSWORD=hunter2 run"}}';
    (await on.master.calls.next()).answer(400, near);
    const { reason, taskIds } = await on.event('acceptRefused');
    expect(taskIds).toEqual(['t.1']);
    expect(reason).toBe('status 400: Failed to parse body into JSON: syntax error at line 1 near …');
    expect(JSON.stringify(on.log)).not.toContain('hunter2');
    expect(on.counts.get('mesos.calls.refused')).toBe(1);
  });

  it.each(['notSubscribed', 'staleStream', 'unknownFramework', 'noLeader', 'redirect'] as const)(
    'lead to a new subscription when the answer is "%s"',
    async (name) => {
      const { status, raw_body, headers } = recorded.answers[name];
      const { link } = await on.connected();
      on.master.answersCalls = false;
      link.accept(['O1'], [task('t.1')], 5);
      link.accept(['O2'], [task('t.2')], 5);
      (await on.master.calls.next()).answer(status, raw_body, headers);
      expect((await on.event('acceptFailed')).taskIds).toEqual(['t.1']);
      expect((await on.event('acceptFailed')).taskIds).toEqual(['t.2']);
      await on.event('disconnected');
      expect(link.isConnected()).toBe(false);
      await on.clock.pass(0, 100);
      (await on.master.subscribes.next()).accept();
      await on.event('subscribed');
      expect(on.events.unread()).toEqual([]);
    },
  );

  it('do not end the stream when only the call was wrong', async () => {
    const { link, stream } = await on.connected();
    on.master.answersCalls = false;
    link.kill('t.1', 'S0');
    const { status, raw_body, headers } = recorded.answers.badAccept;
    (await on.master.calls.next()).answer(status, raw_body, headers);
    on.master.answersCalls = true;
    link.kill('t.1', 'S0');
    await on.master.calls.next();
    stream.send(recordOf('RESCIND'));
    await on.event('rescinded');
  });

  it('report the unanswered ACCEPTs before the end of the stream', async () => {
    const { link, stream } = await on.connected();
    on.master.answersCalls = false;
    link.accept(['O1'], [task('t.1')], 5);
    await on.master.calls.next();
    stream.cut();
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.1']);
    await on.event('disconnected');
  });

  it('report an ACCEPT that finds the queue full', async () => {
    const { link } = await on.connected({ senderLimits: { maxUnanswered: 1, maxQueued: 1 } });
    on.master.answersCalls = false;
    link.accept(['O1'], [task('t.1')], 5);
    const first = await on.master.calls.next();
    link.accept(['O2'], [task('t.2')], 5);
    link.accept(['O3'], [task('t.3')], 5);
    expect(on.events.unread()).toEqual([]);
    expect(await on.event('acceptFailed')).toMatchObject({ taskIds: ['t.3'] });
    expect(on.counts.get('mesos.calls.dropped')).toBe(1);
    first.answer(202);
    expect(JSON.stringify((await on.master.calls.next()).body)).toContain('t.2');
  });

  it('are given up when nothing answers in time', async () => {
    const { link } = await on.connected({ senderLimits: { answerTimeoutMs: 4_321 } });
    on.master.answersCalls = false;
    link.accept(['O1'], [task('t.1')], 5);
    await on.master.calls.next();
    on.clock.advance(4_321);
    expect(await on.event('acceptFailed')).toMatchObject({ taskIds: ['t.1'], reason: 'no answer in time' });
  });
});

describe('stopping', () => {
  const on = useLinkHarness();

  it('ends the stream and tells nothing more, not even of calls without an answer', async () => {
    const { link, stream } = await on.connected();
    on.master.answersCalls = false;
    link.accept(['O1'], [task('t.1')], 5);
    await on.master.calls.next();
    const closed = new Promise((resolve) => stream.socket.on('close', resolve));
    await link.stop(false);
    await closed;
    expect(link.isConnected()).toBe(false);
    expect(on.clock.pending()).toBe(0);
    expect(on.events.unread()).toEqual([]);
    expect(on.master.calls.unread()).toEqual([]);
  });

  it('with teardown waits for the answer, which comes after the end of the stream', async () => {
    const { link, stream } = await on.connected();
    on.master.answersCalls = false;
    const stopped = link.stop(true);
    const call = await on.master.calls.next();
    expect(call.body).toEqual(recordedTeardown());
    stream.send(recordOf('OFFERS'));
    stream.end();
    await new Promise((resolve) => stream.socket.on('close', resolve));
    call.answer(202);
    await stopped;
    expect(on.log.some((line) => line.event === 'mesos.teardown')).toBe(true);
    expect(on.counts.get('mesos.offers.incoming')).toBeUndefined();
    expect(on.clock.pending()).toBe(0);
    expect(on.events.unread()).toEqual([]);
  });

  it('with teardown gives up when no answer comes', async () => {
    const { link } = await on.connected();
    on.master.answersCalls = false;
    const stopped = link.stop(true);
    await on.master.calls.next();
    on.clock.advance(TEARDOWN_TIMEOUT_MS);
    await stopped;
    expect(on.log.at(-1)?.event).not.toBe('mesos.teardown');
  });

  it('with teardown but without a stream ends at once', async () => {
    const link = on.link();
    link.start(undefined, on.events.put);
    await link.stop(true);
    expect(on.log.map((line) => line.event)).toContain('mesos.teardown.failed');
  });

  it('allows another start', async () => {
    const { link } = await on.connected();
    await link.stop(false);
    link.start(FRAMEWORK_ID, on.events.put);
    (await on.master.subscribes.next()).accept();
    expect((await on.event('subscribed')).isNew).toBe(false);
  });
});

const recordedTeardown = () => ({ ...recorded.calls['TEARDOWN']?.[0], framework_id: { value: FRAMEWORK_ID } });
