/**
 * A master, or whatever stands in front of it, that breaks off, answers 500, trickles or invents: what the link makes of it at each
 * place of the protocol. Silent sockets and wrong stream ids of calls: see C-7 and C-13 in the statements.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { type SeenSubscribe, subscribedEvent } from './fake-master.ts';
import { useLinkHarness } from './link-harness.ts';
import { frame, recordOf } from './recorded.ts';
import { endSchedulers, lead, offerOf } from './scheduler-harness.ts';

const on = useLinkHarness();
const relays: Relay[] = [];
afterEach(async () => {
  await endSchedulers();
  for (const relay of relays.splice(0)) await relay.close();
});

const task = (id: string): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: 'S0' },
  resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } }],
  command: { value: 'sleep 1000' },
});

async function relayed(): Promise<Relay> {
  const relay = await startRelay(on.master.address);
  relays.push(relay);
  return relay;
}

/** Waits for the next attempt after a pause of at most so long, and accepts it. */
async function again(longestMs: number): Promise<SeenSubscribe> {
  await on.clock.pass(0, longestMs);
  const stream = await on.master.subscribes.next();
  stream.accept();
  await on.event('subscribed');
  return stream;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
const subscribedBytes = frame(subscribedEvent());

describe('a subscription', () => {
  it.each([
    ['in the status line', 10],
    ['in the headers', 60],
    ['in SUBSCRIBED', 260],
  ])('that is cut off %s was none: nothing is told, and it is tried again', async (_where, bytes) => {
    const relay = await relayed();
    relay.breakAfter('toClient', bytes);
    on.link({ master: relay.address }).start(undefined, on.events.put);
    (await on.master.subscribes.next()).accept();
    await again(100);
    expect(on.log.filter(({ event }) => event === 'mesos.subscribe.failed')).toHaveLength(1);
  });

  it('that is answered without a stream id, or with what is no stream, is tried again', async () => {
    on.link().start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(200, 'welcome');
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).answer(200, '', { 'Mesos-Stream-Id': 's' });
    await on.clock.pass(0, 200);
    const second = await on.master.subscribes.next();
    second.begin();
    second.send('{"type":"SUBSCRIBED","subscribed":{}}');
    await again(400);
  });

  it('whose answer comes byte by byte is understood', async () => {
    const relay = await relayed();
    relay.trickle(1);
    on.link({ master: relay.address }).start(undefined, on.events.put);
    const stream = await on.master.subscribes.next();
    stream.accept();
    await on.event('subscribed');
    stream.send(recordOf('RESCIND'));
    await on.event('rescinded');
  });

  it('whose SUBSCRIBED trickles in without an end is given up when its time is over, whatever has come of it', async () => {
    on.link({ subscribeTimeoutMs: 10_000 }).start(undefined, on.events.put);
    const stream = await on.master.subscribes.next();
    stream.begin();
    for (let at = 0; at < 5; at++) {
      on.clock.advance(1_900);
      stream.raw(subscribedBytes.subarray(at, at + 1));
      await turn();
    }
    on.clock.advance(500);
    await again(100);
    expect(on.log.find(({ event }) => event === 'mesos.subscribe.failed')?.fields?.['reason']).toBe(
      'no SUBSCRIBED in time',
    );
  });

  it('with a record that comes slowly is alive, and passes the record on when it is whole', async () => {
    const { link, stream } = await on.connected();
    const bytes = frame(recordOf('RESCIND'));
    for (let at = 0; at < bytes.length; at += 16) {
      stream.raw(bytes.subarray(at, at + 16));
      await turn();
      on.clock.advance(60_000);
      await new Promise(setImmediate);
      expect(link.isConnected()).toBe(true);
    }
    await on.event('rescinded');
  });

  it('with megabytes of bytes that are no record ends, and is opened again', async () => {
    const { stream } = await on.connected();
    stream.raw(Buffer.alloc(2 * 1024 * 1024, 'x'));
    await on.event('disconnected');
    await again(100);
  });
});

describe('calls that are answered with 500', () => {
  it.each([500, 501, 502, 504])(
    '%i to KILL, RECONCILE, REVIVE and ACKNOWLEDGE leaves the stream as it is',
    async (status) => {
      const { link, stream } = await on.connected();
      on.master.answersCalls = false;
      link.kill('t.1', 'S0');
      link.reconcile([]);
      link.revive([]);
      link.acknowledge('t.1', 'S0', 'uuid');
      for (let n = 0; n < 4; n++) (await on.master.calls.next()).answer(status, 'oops');
      on.master.answersCalls = true;
      link.suppress([]);
      expect((await on.master.calls.next()).body.type).toBe('SUPPRESS');
      stream.send(recordOf('RESCIND'));
      await on.event('rescinded');
      expect(on.counts.get('mesos.calls.refused')).toBe(4);
    },
  );

  it.each([400, 500, 502])('%i to ACCEPT: its tasks have failed, and its offers may be ours still', async (status) => {
    const { link } = await on.connected();
    on.master.answersCalls = false;
    link.accept(['O1', 'O2'], [task('t.1')], 5);
    (await on.master.calls.next()).answer(status, 'oops');
    expect((await on.event(status === 400 ? 'acceptRefused' : 'acceptFailed')).taskIds).toEqual(['t.1']);
    expect((await on.event('offersInDoubt')).offerIds).toEqual(['O1', 'O2']);
    expect(link.isConnected()).toBe(true);
  });

  it.each([400, 500, 502])('%i to DECLINE: only a new stream gives the offers back, after a pause', async (status) => {
    const { link } = await on.connected();
    on.master.answersCalls = false;
    link.decline(['O1'], 5);
    link.accept(['O2'], [task('t.1')], 5);
    const decline = await on.master.calls.next();
    await on.master.calls.next();
    decline.answer(status, 'oops');
    // What dies with the stream is told before its end.
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.1']);
    expect((await on.event('disconnected')).reason).toContain(`offers cannot be given back: status ${status}`);
    await again(100);
  });

  it('a master that refuses everything is not asked again and again', async () => {
    const { link } = await on.connected();
    on.master.answersCalls = false;
    let asked = 0;
    for (const pause of [100, 200, 400, 800]) {
      link.decline(['O1'], 5);
      (await on.master.calls.next()).answer(500, 'oops');
      asked++;
      await on.event('disconnected');
      expect(on.master.calls.unread()).toEqual([]);
      await again(pause);
    }
    expect(asked).toBe(4);
    expect(on.events.unread()).toEqual([]);
  });
});

describe('the roles of the framework', () => {
  it.each(['lost', 500] as const)(
    'are told with a new stream when the call that told them is answered by: %s',
    async (how) => {
      const { link } = await on.connected();
      on.master.answersCalls = false;
      link.updateRoles(['*', 'dev']);
      const update = await on.master.calls.next();
      expect(update.body.type).toBe('UPDATE_FRAMEWORK');
      link.accept(['O1'], [task('t.1')], 5);
      await on.master.calls.next();
      if (how === 'lost') update.socket.destroy();
      else update.answer(how, 'oops');
      // All that failed with it is told before the end of the stream.
      expect((await on.event('acceptFailed')).taskIds).toEqual(['t.1']);
      await on.event('disconnected');
      on.master.answersCalls = true;
      const stream = await again(100);
      expect(stream.body['subscribe']).toMatchObject({ framework_info: { roles: ['*', 'dev'] } });
    },
  );

  it.each([
    [400, "Supplied FrameworkInfo is not valid: Roles { secret } are not present in the master's --roles"],
    [403, 'Not authorized to register framework'],
  ])('that the master does not want (%i) end nothing, and are not in the next subscription', async (status, text) => {
    const { link, stream } = await on.connected();
    on.master.answersCalls = false;
    link.revive(['secret']);
    const update = await on.master.calls.next();
    expect(update.body).toMatchObject({ update_framework: { framework_info: { roles: ['*', 'secret'] } } });
    update.answer(status, text);
    (await on.master.calls.next()).answer(202);
    stream.send(recordOf('RESCIND'));
    await on.event('rescinded');
    expect(link.isConnected()).toBe(true);
    // Who goes on to want it asks again.
    link.revive(['secret']);
    const again1 = await on.master.calls.next();
    expect(again1.body).toMatchObject({ update_framework: { framework_info: { roles: ['*', 'secret'] } } });
    again1.answer(status, text);
    (await on.master.calls.next()).answer(202);
    stream.send(recordOf('RESCIND'));
    await on.event('rescinded');
    stream.cut();
    await on.event('disconnected');
    const next = await again(100);
    expect(next.body['subscribe']).toMatchObject({ framework_info: { roles: ['*'] } });
  });

  it('come with a new stream when the master keeps to another user, which it does not mind in a subscription', async () => {
    const { link } = await on.connected();
    on.master.answersCalls = false;
    link.updateRoles(['*', 'dev']);
    const text = "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'a' to 'b'";
    (await on.master.calls.next()).answer(400, `FrameworkInfo update is not valid: ${text}`);
    await on.event('disconnected');
    const next = await again(100);
    expect(next.body['subscribe']).toMatchObject({ framework_info: { roles: ['*', 'dev'] } });
  });

  it('that shall get no offers still get none when another one is added', async () => {
    const { link, stream } = await on.connected();
    link.suppress(['*']);
    link.revive(['dev']);
    link.suppress([]);
    link.revive(['*']);
    link.revive(['test']);
    const bodies: unknown[] = [];
    for (let i = 0; i < 7; i++) bodies.push((await on.master.calls.next()).body);
    expect(bodies.filter((body) => (body as { type: string }).type === 'UPDATE_FRAMEWORK')).toMatchObject([
      { update_framework: { framework_info: { roles: ['*', 'dev'] }, suppressed_roles: ['*'] } },
      { update_framework: { framework_info: { roles: ['*', 'dev', 'test'] }, suppressed_roles: ['dev'] } },
    ]);
    // A new stream begins without.
    stream.cut();
    await on.event('disconnected');
    await again(100);
    link.updateRoles(['*', 'dev', 'test', 'new']);
    expect((await on.master.calls.next()).body).not.toHaveProperty(['update_framework', 'suppressed_roles']);
  });
});

describe('answers to calls', () => {
  it('that come byte by byte are understood', async () => {
    const relay = await relayed();
    const link = on.link({ master: relay.address });
    link.start(undefined, on.events.put);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
    relay.trickle(1);
    for (let n = 0; n < 3; n++) link.kill(`t.${n}`, 'S0');
    for (let n = 0; n < 3; n++) await on.master.calls.next();
    const unanswered = on.gauges.get('mesos.calls.unanswered')!;
    while (unanswered() > 0) await turn();
    expect(on.counts.get('mesos.calls.lost')).toBeUndefined();
    expect(on.counts.get('mesos.calls.refused')).toBeUndefined();
  });

  it('that are cut in the middle are none: the call is lost, its offers are in doubt, and the next one has a new connection', async () => {
    const relay = await relayed();
    const link = on.link({ master: relay.address });
    link.start(undefined, on.events.put);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
    relay.breakAfter('toClient', 12);
    link.decline(['O1'], 5);
    const first = await on.master.calls.next();
    expect((await on.event('offersInDoubt')).offerIds).toEqual(['O1']);
    expect(link.isConnected()).toBe(true);
    link.decline(['O1'], 0);
    const second = await on.master.calls.next();
    expect(second.socket).not.toBe(first.socket);
  });

  it('that never end, or say nothing for too long between two bytes, are given up', async () => {
    const relay = await relayed();
    const link = on.link({ master: relay.address, senderLimits: { answerTimeoutMs: 4_000 } });
    link.start(undefined, on.events.put);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
    relay.inspect(({ direction, data }) => {
      if (direction === 'toTarget' || !data.includes('HTTP/1.1 202')) return 'pass';
      return { pass: data.subarray(0, 20), thenBreak: false };
    });
    const before = relay.passed('toClient');
    link.decline(['O1'], 5);
    await on.master.calls.next();
    while (relay.passed('toClient') < before + 20) await turn();
    on.clock.advance(4_000);
    expect((await on.event('offersInDoubt')).offerIds).toEqual(['O1']);
  });
});

describe('the scheduler on such a master', () => {
  it('gives the offers of a refused ACCEPT back, asks about its tasks, and launches nothing twice', async () => {
    const scheduler = await lead(on);
    await scheduler.put('/app');
    await scheduler.call('REVIVE');
    on.master.answersCalls = false;
    scheduler.offer(offerOf('O1'));
    const accept = await scheduler.call('ACCEPT');
    accept.answer(500, 'oops');
    // Which of the two is asked first does not matter.
    const next = [await on.master.calls.next(), await on.master.calls.next()];
    for (const call of next) call.answer(202);
    const bodyOf = (type: string): string => JSON.stringify(next.find(({ body }) => body.type === type)?.body);
    expect(bodyOf('DECLINE')).toContain('"offer_ids":[{"value":"O1"}]');
    expect(bodyOf('RECONCILE')).toContain('app.instance-');
    on.master.answersCalls = true;
    const rest = await scheduler.settle();
    expect(rest.filter(({ type }) => type === 'ACCEPT')).toEqual([]);
  });
});
