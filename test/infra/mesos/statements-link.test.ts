/** The statements C-1 to C-14 and C-44 of mesos-v1 §7.2 against a scripted master, good and bad. C-15, C-16: see the detector. */
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../../src/core/mesos/types.ts';
import { createRecordDecoder } from '../../../src/infra/mesos/recordio.ts';
import { FRAMEWORK_ID, type SeenSubscribe, subscribedEvent } from './fake-master.ts';
import { useLinkHarness } from './link-harness.ts';
import { frame, recordOf } from './recorded.ts';

const on = useLinkHarness();

const task = (id: string): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: 'S0' },
  resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } }],
  command: { value: 'sleep 1000' },
});

/** Waits for the next attempt after a pause of at most so long, and accepts it. */
async function again(longestMs: number, frameworkId?: string): Promise<SeenSubscribe> {
  await on.clock.pass(0, longestMs);
  const stream = await on.master.subscribes.next();
  stream.accept(frameworkId);
  await on.event('subscribed');
  return stream;
}

/** A server that answers a connection with raw bytes; closed by the returned function. */
async function rawServer(serve: (socket: Socket) => void): Promise<{ address: string; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

describe('the wire', () => {
  it('C-1: media types are exactly application/json, of SUBSCRIBE and of calls', async () => {
    const { link, stream } = await on.connected();
    link.revive([]);
    for (const { headers } of [stream, await on.master.calls.next()]) {
      expect(headers['content-type']).toBe('application/json');
      expect(headers.accept).toBe('application/json');
    }
  });

  it('C-2: SUBSCRIBE carries no stream id, every other call the current one', async () => {
    const { link, stream } = await on.connected();
    expect(stream.headers['mesos-stream-id']).toBeUndefined();
    link.suppress([]);
    expect((await on.master.calls.next()).headers['mesos-stream-id']).toBe(stream.streamId);
    stream.cut();
    await on.event('disconnected');
    const fresh = await again(100);
    expect(fresh.headers['mesos-stream-id']).toBeUndefined();
    link.suppress([]);
    expect((await on.master.calls.next()).headers['mesos-stream-id']).toBe(fresh.streamId);
    expect(fresh.streamId).not.toBe(stream.streamId);
  });

  it('C-3: calls go over other connections than the stream, and none before SUBSCRIBED', async () => {
    const link = on.link();
    link.start(undefined, on.events.put);
    const stream = await on.master.subscribes.next();
    link.kill('early', 'S0');
    stream.begin();
    link.kill('early', 'S0');
    stream.send(subscribedEvent());
    await on.event('subscribed');
    link.kill('late', 'S0');
    const first = await on.master.calls.next();
    expect(first.body).toMatchObject({ kill: { task_id: { value: 'late' } } });
    expect(first.socket).not.toBe(stream.socket);
    expect(on.counts.get('mesos.calls.dropped')).toBe(2);
  });

  it('C-4: records are found however the bytes are cut: 1 byte, many in one, many MB, multi-byte characters on the edges', () => {
    const texts = ['x', '{"größe":"→𝄞"}', 'y'.repeat(2 * 1024 * 1024), '0', `"${'é'.repeat(70_000)}"`];
    const bytes = Buffer.concat(texts.map(frame));
    for (const step of [1, 2, 3, 5, 4093, bytes.length]) {
      const found: string[] = [];
      const decoder = createRecordDecoder((record) => found.push(record));
      let faults = 0;
      for (let at = 0; at < bytes.length; at += step) {
        if (decoder.push(bytes.subarray(at, at + step)) !== undefined) faults += 1;
      }
      expect(faults).toBe(0);
      expect(found.length).toBe(texts.length);
      expect(found.every((text, i) => text === texts[i])).toBe(true);
    }
  });

  it.each(['x\n{}', '-5\nabcde', '0\n', '5 \nabcde', '99999999999999999999999\n', '\n{}'])(
    'C-5: a length such as %j ends the stream, which is opened again',
    async (bytes) => {
      const { stream } = await on.connected();
      stream.raw(bytes);
      await on.event('disconnected');
      await again(100);
    },
  );

  it('C-5: a record that is no JSON, or cut in the middle, ends the stream, and nothing of it is passed on', async () => {
    const { stream } = await on.connected();
    stream.send('{"type":');
    await on.event('disconnected');
    const second = await again(200);
    second.raw(frame(recordOf('OFFERS')).subarray(0, 100));
    second.cut();
    await on.event('disconnected');
    await again(400);
    expect(on.events.unread()).toEqual([]);
  });

  it('C-6: unknown types, members and enums are passed over', async () => {
    const { stream } = await on.connected();
    stream.send(
      '{"type":"BRAND_NEW","brand_new":{"a":1}}',
      '{"type":"RESCIND","rescind":{"offer_id":{"value":"O1"},"why":"x"},"more":[]}',
      '{"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_SOMETHING","source":"SOURCE_MOON"}}}',
      '{"no":"type"}',
      '{"type":"UPDATE"}',
    );
    expect(await on.event('rescinded')).toEqual({ type: 'rescinded', offerId: 'O1' });
    expect((await on.event('statusUpdate')).status.state).toBe('TASK_SOMETHING');
    stream.send(recordOf('RESCIND'));
    await on.event('rescinded');
    expect(on.counts.get('mesos.events.ignored')).toBe(3);
  });

  it('C-44: bytes in data come through as they are, base64 in and out', async () => {
    const { stream } = await on.connected();
    const data = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('base64');
    stream.send(
      `{"type":"MESSAGE","message":{"agent_id":{"value":"S0"},"executor_id":{"value":"E"},"data":"${data}"}}`,
      `{"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","data":"${data}"}}}`,
    );
    expect((await on.event('frameworkMessage')).data).toBe(data);
    expect((await on.event('statusUpdate')).status.data).toBe(data);
  });

  it('int64: nanoseconds keep all their digits', async () => {
    const { stream } = await on.connected();
    stream.send(
      '{"type":"UPDATE","update":{"status":{"task_id":{"value":"\\"nanoseconds\\":1795346676494232201,"},' +
        '"state":"TASK_LOST","unreachable_time":{"nanoseconds":1795346676494232201}}}}',
      '{"type":"UPDATE","update":{"status":{"task_id":{"value":"t"},"state":"TASK_LOST","unreachable_time":{"nanoseconds":5000000000}}}}',
    );
    const { status } = await on.event('statusUpdate');
    expect(status.task_id.value).toBe('"nanoseconds":1795346676494232201,');
    expect(status.unreachable_time).toEqual({
      nanoseconds: Number('1795346676494232201'),
      nanoseconds_exact: '1795346676494232201',
    });
    expect((await on.event('statusUpdate')).status.unreachable_time).toEqual({ nanoseconds: 5_000_000_000 });
  });
});

describe('staying connected', () => {
  it('C-7: five announced intervals without a byte end the stream; without an announcement 15 s are assumed', async () => {
    const { link, stream } = await on.connected();
    on.clock.advance(74_999);
    await new Promise(setImmediate);
    expect(link.isConnected()).toBe(true);
    on.clock.advance(1);
    await on.event('disconnected');
    stream.cut();
    await on.clock.pass(0, 100);
    const second = await on.master.subscribes.next();
    second.begin();
    second.send(`{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"${FRAMEWORK_ID}"}}}`);
    await on.event('subscribed');
    on.clock.advance(74_999);
    await new Promise(setImmediate);
    expect(link.isConnected()).toBe(true);
    on.clock.advance(1);
    expect((await on.event('disconnected')).reason).toBe('missed heartbeats');
  });

  it('C-8: pauses grow from half a second at most to 15 s at most, and are short again after a stable stream', async () => {
    on.link({ stableAfterMs: 1_000 }).start(undefined, on.events.put);
    const pauses: number[] = [];
    for (let i = 0; i < 12; i++) {
      (await on.master.subscribes.next()).answer(503);
      pauses.push(await on.clock.pass(0, 15_000 - 1));
    }
    expect(pauses[0]).toBeLessThanOrEqual(500);
    for (const [i, pause] of pauses.entries()) {
      if (i > 0) expect(pause).toBeGreaterThanOrEqual(Math.min(pauses[i - 1]!, 5_000));
      expect(pause).toBeLessThanOrEqual(15_000);
    }
    const stream = await on.master.subscribes.next();
    stream.accept();
    await on.event('subscribed');
    on.clock.advance(1_000);
    stream.cut();
    await on.event('disconnected');
    expect(await on.clock.armed(0, 15_000 - 1)).toBeLessThanOrEqual(500);
  });

  it.each([
    (to: string) => `//${to}/api/v1/scheduler`,
    (to: string) => `http://${to}/api/v1/scheduler`,
    (to: string) => to,
  ])('C-9: 307 is followed, whatever form its location has (%#)', async (locationOf) => {
    const leader = await on.anotherMaster();
    const link = on.link();
    link.start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(307, '', { Location: locationOf(leader.address) });
    (await leader.subscribes.next()).accept();
    expect((await on.event('subscribed')).masterAddress).toBe(leader.address);
    link.revive([]);
    await leader.calls.next();
  });

  it('C-9: 307 to a call means another leader: a new subscription follows it; hops are bounded and loops found', async () => {
    const leader = await on.anotherMaster();
    const { link } = await on.connected();
    on.master.answersCalls = false;
    link.revive([]);
    (await on.master.calls.next()).answer(307, '', { Location: `//${leader.address}/api/v1/scheduler` });
    await on.event('disconnected');
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${leader.address}` });
    (await leader.subscribes.next()).answer(307, '', { Location: `//${on.master.address}` });
    await on.clock.armed(0, 200);
    expect(on.master.subscribes.unread()).toEqual([]);
    expect(leader.subscribes.unread()).toEqual([]);
  });

  it('C-10: from a leader that cannot be reached it goes back to the list after a pause', async () => {
    const dead = await on.anotherMaster();
    await dead.close();
    on.link().start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${dead.address}` });
    await again(100);
  });

  it('C-11: 503, 404, 500 and refused connections are tried again', async () => {
    on.link().start(undefined, on.events.put);
    for (const [i, status] of [503, 404, 500, 502].entries()) {
      (await on.master.subscribes.next()).answer(status, 'No leader elected');
      await on.clock.pass(0, 100 * 2 ** i);
    }
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
    const dead = await on.anotherMaster();
    await dead.close();
    on.link({ master: `${dead.address},${on.master.address}` }).start(undefined, on.events.put);
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
  });

  it('C-12: 401 and 403 are loud and slow, and credentials stay with hosts the operator has named', async () => {
    const foreign = await on.anotherMaster();
    on.link({ credentials: { principal: 'p', secret: 's' } }).start(undefined, on.events.put);
    for (const status of [401, 403]) {
      (await on.master.subscribes.next()).answer(status, `${status} no.`);
      expect(await on.clock.pass(5_000, 10_000)).toBeGreaterThanOrEqual(5_000);
    }
    expect(on.log.filter(({ level }) => level === 'error')).toHaveLength(2);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${foreign.address}` });
    expect((await foreign.subscribes.next()).headers.authorization).toBeUndefined();
  });

  it.each([
    [403, 'Framework is not subscribed'],
    [
      400,
      "The stream ID 'x' included in this request didn't match the stream ID currently associated with framework ID y",
    ],
    [400, 'Framework cannot be found'],
  ])('C-13: %i "%s" to a call leads to a new subscription, and the call is not sent again', async (status, text) => {
    on.master.answersCalls = false;
    const { link } = await on.connected();
    link.accept(['O1'], [task('t.1')], 5);
    (await on.master.calls.next()).answer(status, text);
    expect(await on.event('acceptFailed')).toMatchObject({ taskIds: ['t.1'] });
    await on.event('disconnected');
    on.master.answersCalls = true;
    await again(100);
    link.revive([]);
    expect((await on.master.calls.next()).body.type).toBe('REVIVE');
  });

  it('C-14: calls die with their stream: what was unanswered or unsent is not sent on the next', async () => {
    on.master.answersCalls = false;
    const { link, stream } = await on.connected({ senderLimits: { maxUnanswered: 1 } });
    link.accept(['O1'], [task('t.1')], 5);
    link.accept(['O2'], [task('t.2')], 5);
    link.kill('t.3', 'S0');
    await on.master.calls.next();
    stream.cut();
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.1']);
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.2']);
    await on.event('disconnected');
    on.master.answersCalls = true;
    const fresh = await again(100);
    link.revive([]);
    const first = await on.master.calls.next();
    expect(first.body.type).toBe('REVIVE');
    expect(first.headers['mesos-stream-id']).toBe(fresh.streamId);
  });

  it('half-open: a socket that takes a call and answers nothing is given up, and its calls are reported lost', async () => {
    on.master.answersCalls = false;
    const { link } = await on.connected({ senderLimits: { answerTimeoutMs: 4_000 } });
    link.accept(['O1'], [task('t.1')], 5);
    await on.master.calls.next();
    on.clock.advance(4_000);
    expect((await on.event('acceptFailed')).taskIds).toEqual(['t.1']);
    expect(link.isConnected()).toBe(true);
  });

  it('slow bytes: an answer that trickles in is no dead stream, one that never ends its head is', async () => {
    const slow = await rawServer((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nMesos-Stream-'));
    });
    on.link({ master: slow.address }).start(undefined, on.events.put);
    await on.clock.pass(15_000, 15_000);
    await on.clock.armed(0, 200);
    await slow.close();
  });
});
