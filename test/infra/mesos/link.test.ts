import { describe, expect, it } from 'vitest';
import { FRAMEWORK_ID } from './fake-master.ts';
import { framework, useLinkHarness } from './link-harness.ts';
import { frame, recorded, recordOf } from './recorded.ts';

describe('subscribing', () => {
  const on = useLinkHarness();

  it('sends SUBSCRIBE without any id the first time, with the exact media types and no stream id', async () => {
    on.link().start(undefined, on.events.put);
    const { body, headers, path } = await on.master.subscribes.next();
    expect(body).toEqual({ type: 'SUBSCRIBE', subscribe: { framework_info: framework } });
    expect(path).toBe('/api/v1/scheduler');
    expect(headers['content-type']).toBe('application/json');
    expect(headers.accept).toBe('application/json');
    expect(headers.host).toBe(on.master.address);
    expect(headers['mesos-stream-id']).toBeUndefined();
    expect(headers.authorization).toBeUndefined();
  });

  it('has the shape of the recorded subscriptions', async () => {
    const recordedCall = recorded.calls['RESUBSCRIBE']?.[0] as unknown as {
      framework_id: { value: string };
      subscribe: { framework_info: typeof framework & { id: unknown } };
    };
    const { id: _, ...settings } = recordedCall.subscribe.framework_info;
    on.link({ framework: settings }).start(recordedCall.framework_id.value, on.events.put);
    expect((await on.master.subscribes.next()).body).toEqual(recordedCall);
  });

  it('tells of a new framework id, the master and its address', async () => {
    const link = on.link();
    link.start(undefined, on.events.put);
    expect(link.isConnected()).toBe(false);
    expect(on.gauges.get('mesos.connected')?.()).toBe(0);
    (await on.master.subscribes.next()).accept('given-0001');
    expect(await on.event('subscribed')).toEqual({
      type: 'subscribed',
      frameworkId: 'given-0001',
      master: recordOf('SUBSCRIBED').subscribed?.master_info,
      masterAddress: on.master.address,
      isNew: true,
    });
    expect(link.isConnected()).toBe(true);
    expect(on.gauges.get('mesos.connected')?.()).toBe(1);
  });

  it('sends a stored id in both places and tells that the stream was resumed', async () => {
    on.link().start('stored-0007', on.events.put);
    const stream = await on.master.subscribes.next();
    const id = { value: 'stored-0007' };
    expect(stream.body).toEqual({
      framework_id: id,
      type: 'SUBSCRIBE',
      subscribe: { framework_info: { ...framework, id } },
    });
    stream.accept('stored-0007');
    expect((await on.event('subscribed')).isNew).toBe(false);
  });

  it('resubscribes with the id it was given', async () => {
    const { stream } = await on.connected();
    stream.cut();
    await on.event('disconnected');
    await on.clock.pass(0, 100);
    const again = await on.master.subscribes.next();
    expect(again.body['framework_id']).toEqual({ value: FRAMEWORK_ID });
    again.accept();
    expect((await on.event('subscribed')).isNew).toBe(false);
  });

  it('sends the credentials with SUBSCRIBE and with calls', async () => {
    const { link, stream } = await on.connected({ credentials: { principal: 'probe', secret: 's3cret' } });
    link.revive([]);
    const call = await on.master.calls.next();
    expect(stream.headers.authorization).toBe('Basic cHJvYmU6czNjcmV0');
    expect(call.headers.authorization).toBe('Basic cHJvYmU6czNjcmV0');
    expect(JSON.stringify(on.log)).not.toMatch(/s3cret|cHJvYmU6czNjcmV0/);
  });

  it('asks before each SUBSCRIBE whether it may, and asks again later if not', async () => {
    const answers = [false, true];
    on.link({ beforeSubscribe: () => Promise.resolve(answers.shift() ?? false) }).start(undefined, on.events.put);
    await on.clock.armed(0, 100);
    expect(answers).toEqual([true]);
    expect(on.master.subscribes.unread()).toEqual([]);
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
  });

  it('refuses options that cannot work', () => {
    expect(() => on.link({ master: 'zk://a:b/mesos' })).toThrow(/not a ZooKeeper host/);
    expect(() => on.link({ master: 'a b' })).toThrow(/not a master address/);
    expect(() => on.link({ credentials: { principal: 'a:b', secret: 'x' } })).toThrow(/colon/);
  });
});

describe('events', () => {
  const on = useLinkHarness();

  it('passes on what the recorded frames say, in their order', async () => {
    const { stream } = await on.connected();
    stream.send(...recorded.records.filter((record) => !['SUBSCRIBED', 'ERROR'].includes(record.type ?? '')));
    stream.end();
    const types: string[] = [];
    for (let type = ''; type !== 'disconnected'; types.push(type)) type = (await on.events.next()).type;
    const told: Record<string, string> = {
      OFFERS: 'offers',
      UPDATE: 'statusUpdate',
      RESCIND: 'rescinded',
      FAILURE: 'agentFailure',
    };
    const expected = recorded.records.map((record) => told[record.type ?? '']).filter((type) => type !== undefined);
    expect(types).toEqual([...expected, 'disconnected']);
    expect(on.counts.get('mesos.offers.incoming')).toBe(1);
  });

  it('hands over offers, updates and the rest as they are on the wire', async () => {
    const { stream } = await on.connected();
    const offers = recordOf('OFFERS');
    const update = recordOf('UPDATE');
    const message = { agent_id: { value: 'S0' }, executor_id: { value: 'e' }, data: 'aGVsbG8=' };
    stream.send(offers, update, { type: 'RESCIND', rescind: { offer_id: { value: 'O1' } } });
    stream.send({ type: 'MESSAGE', message }, { type: 'FAILURE', failure: { agent_id: { value: 'S0' } } });
    expect((await on.event('offers')).offers).toEqual(offers.offers?.offers);
    expect((await on.event('statusUpdate')).status).toEqual(update.update?.status);
    expect((await on.event('rescinded')).offerId).toBe('O1');
    expect(await on.event('frameworkMessage')).toMatchObject({ agentId: 'S0', executorId: 'e', data: 'aGVsbG8=' });
    expect(await on.event('agentFailure')).toMatchObject({ agentId: 'S0', executorId: undefined, status: undefined });
  });

  it('ignores and counts event types it does not know', async () => {
    const { stream } = await on.connected();
    stream.send({ type: 'NOVELTY' }, { type: 'HEARTBEAT' }, '{}', recordOf('RESCIND'));
    await on.event('rescinded');
    expect(on.counts.get('mesos.events.ignored')).toBe(2);
  });

  it('reads frames whose bytes come one write at a time', async () => {
    const { stream } = await on.connected();
    const update = {
      type: 'UPDATE',
      update: { status: { task_id: { value: 'größe-€' }, state: 'TASK_RUNNING' as const } },
    };
    for (const byte of frame(update)) stream.raw(Buffer.from([byte]));
    expect((await on.event('statusUpdate')).status.task_id.value).toBe('größe-€');
  });

  it.each(['x\n', '0\n', '3\n{]}', '4\nnull'])('resubscribes after the broken frame %j', async (bytes) => {
    const { stream } = await on.connected();
    stream.raw(bytes);
    await on.event('disconnected');
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
  });
});
