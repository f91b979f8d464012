import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { MasterAddress, MasterDetector } from '../../../src/infra/mesos/detector.ts';
import { FRAMEWORK_ID, type SeenSubscribe } from './fake-master.ts';
import { useLinkHarness } from './link-harness.ts';
import { recorded, recordOf } from './recorded.ts';

const { answers } = recorded;

describe('the end of a stream', () => {
  const on = useLinkHarness();

  it('is told once, whichever way it comes, and the retry is quick', async () => {
    const ways: ((stream: SeenSubscribe) => void)[] = [(stream) => stream.end(), (stream) => stream.cut()];
    const { link, stream } = await on.connected({ stableAfterMs: 0 });
    let current = stream;
    for (const way of ways) {
      way(current);
      await on.event('disconnected');
      expect(link.isConnected()).toBe(false);
      expect(await on.clock.pass(0, 10_000 - 1)).toBe(50);
      current = await on.master.subscribes.next();
      current.accept();
      await on.event('subscribed');
    }
    expect(on.events.unread()).toEqual([]);
  });

  // deviation(defaults): `--mesos_heartbeat_interval`
  //   Marathon: what the link expects
  //   here: shown in `/v2/info`; the master's own interval is used
  //   why: Mesos says it on subscribing
  it('comes after five silent heartbeat intervals, while any byte counts as a sign of life', async () => {
    const { link, stream } = await on.connected();
    on.clock.advance(74_999);
    expect(link.isConnected()).toBe(true);
    stream.send({ type: 'HEARTBEAT' }, recordOf('RESCIND'));
    await on.event('rescinded');
    on.clock.advance(74_999);
    await new Promise(setImmediate);
    expect(link.isConnected()).toBe(true);
    on.clock.advance(1);
    expect((await on.event('disconnected')).reason).toBe('missed heartbeats');
  });

  it('follows the announced interval and the configured number of misses', async () => {
    const link = on.link({ missedHeartbeats: 2 });
    link.start(undefined, on.events.put);
    (await on.master.subscribes.next()).accept(FRAMEWORK_ID, 3);
    await on.event('subscribed');
    on.clock.advance(5_999);
    await new Promise(setImmediate);
    expect(link.isConnected()).toBe(true);
    on.clock.advance(1);
    await on.event('disconnected');
  });

  it('does not wait for ever for SUBSCRIBED', async () => {
    on.link({ subscribeTimeoutMs: 12_345 }).start(undefined, on.events.put);
    const first = await on.master.subscribes.next();
    first.begin();
    await on.clock.pass(12_345, 12_345);
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
  });

  it('lets nothing of an old stream through after it was given up', async () => {
    const { stream } = await on.connected();
    stream.send({ type: 'ERROR', error: { message: 'Framework failed over' } }, recordOf('OFFERS'), recordOf('UPDATE'));
    await on.event('disconnected');
    await on.clock.pass(1_000, 2_000);
    const again = await on.master.subscribes.next();
    stream.send(recordOf('OFFERS'));
    again.accept();
    await on.event('subscribed');
    again.send(recordOf('RESCIND'));
    await on.event('rescinded');
  });

  it('leads to longer and longer pauses, which a stable stream ends', async () => {
    const { stream } = await on.connected({ stableAfterMs: 5_000 });
    let current = stream;
    const pauses: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      current.cut();
      await on.event('disconnected');
      pauses.push(await on.clock.pass(0, 10_000 - 1));
      current = await on.master.subscribes.next();
      current.accept();
      await on.event('subscribed');
    }
    expect(pauses).toEqual([50, 150, 300, 600, 1_200, 2_400, 4_800, 7_500, 7_500, 7_500]);
    on.clock.advance(5_000);
    current.cut();
    await on.event('disconnected');
    expect(await on.clock.armed(0, 10_000 - 1)).toBe(50);
  });
});

describe('a refused subscription', () => {
  const on = useLinkHarness();

  it('is repeated while no master leads', async () => {
    on.link().start(undefined, on.events.put);
    const { status, raw_body, headers } = answers.noLeader;
    (await on.master.subscribes.next()).answer(status, raw_body, headers);
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).answer(404);
    await on.clock.pass(100, 200);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
  });

  it('is repeated slowly and loudly when the credentials are wrong', async () => {
    on.link().start(undefined, on.events.put);
    const { status, raw_body, headers } = answers.unauthorized;
    (await on.master.subscribes.next()).answer(status, raw_body, headers);
    await on.clock.armed(5_000, 10_000 - 1);
    expect(on.log.find((line) => line.level === 'error')?.fields?.['reason']).toBe('status 401: 401 Unauthorized.');
  });

  it('is repeated slowly after an ERROR event', async () => {
    on.link().start(undefined, on.events.put);
    const stream = await on.master.subscribes.next();
    stream.begin();
    stream.send({ type: 'ERROR', error: { message: 'Not authorized to use roles' } });
    await on.clock.pass(5_000, 10_000 - 1);
    await on.master.subscribes.next();
    expect(on.events.unread()).toEqual([]);
  });

  it('ends everything when the framework has been removed', async () => {
    on.link().start('gone-0001', on.events.put);
    const stream = await on.master.subscribes.next();
    stream.begin();
    stream.send({ type: 'ERROR', error: { message: 'Framework has been removed' } });
    stream.end();
    expect((await on.event('frameworkRemoved')).reason).toBe('Framework has been removed');
    expect(on.clock.pending()).toBe(0);
    expect(on.master.subscribes.unread()).toEqual([]);
    expect(on.events.unread()).toEqual([]);
  });

  it('ends everything when a living framework is removed, after telling that the stream is gone', async () => {
    const { link, stream } = await on.connected();
    stream.send({ type: 'ERROR', error: { message: 'Framework has been removed' } });
    await on.event('disconnected');
    await on.event('frameworkRemoved');
    expect(link.isConnected()).toBe(false);
    expect(on.clock.pending()).toBe(0);
  });
});

describe('the recorded bytes of a real master', () => {
  const on = useLinkHarness();

  it.each([1, 2, 7, 100, 1_000])('are understood in pieces of %i', async (step) => {
    const bytes = Buffer.from(recorded.wireHead + recorded.wireBody);
    const server = createServer((socket) => {
      socket.setNoDelay(true);
      socket.once('data', async () => {
        for (let at = 0; at < bytes.length; at += step) {
          socket.write(bytes.subarray(at, at + step));
          if (at % 16 === 0) await new Promise(setImmediate);
        }
        socket.destroySoon();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    on.link({ master: `127.0.0.1:${port}` }).start(undefined, on.events.put);
    expect((await on.event('subscribed')).frameworkId).toBe('7b3bac29-4e09-40db-9473-83151984fb0a-0000');
    expect((await on.event('offers')).offers[0]?.hostname).toBe('localhost');
    // The connection ends without the last chunk, as with a master that was killed.
    await on.event('disconnected');
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a detector that watches an election', () => {
  const on = useLinkHarness();

  it('has the old stream closed before the new master is asked', async () => {
    const next = await on.anotherMaster();
    let leader: MasterAddress | undefined;
    let changed = (): void => {};
    const detector: MasterDetector = {
      start: (call) => {
        changed = call;
      },
      candidate: () => leader,
      failed: () => {},
      redirected: () => false,
      succeeded: () => {},
      stop: () => {},
    };
    const at = (port: number): MasterAddress => ({
      host: '127.0.0.1',
      port,
      tls: false,
      path: '/api/v1/scheduler',
      trusted: true,
    });
    on.link({ detector, master: '' }).start(undefined, on.events.put);
    await on.clock.armed(0, 100);
    leader = at(on.master.port);
    changed();
    const stream = await on.master.subscribes.next();
    stream.accept();
    await on.event('subscribed');
    changed();
    const closed = new Promise((resolve) => stream.socket.on('close', resolve));
    leader = at(next.port);
    changed();
    expect((await on.event('disconnected')).reason).toBe('another master leads');
    await closed;
    await on.clock.pass(0, 100);
    (await next.subscribes.next()).accept();
    expect((await on.event('subscribed')).masterAddress).toBe(next.address);
  });
});

describe('redirects and several masters', () => {
  const on = useLinkHarness();

  it('follows the recorded kind of location for SUBSCRIBE, and sends the calls to that path', async () => {
    const leader = await on.anotherMaster();
    const link = on.link();
    link.start(undefined, on.events.put);
    const location = answers.redirect.headers['Location']?.replace('localhost:5050', leader.address) ?? '';
    expect(location).toBe(`//${leader.address}/master/api/v1/scheduler`);
    (await on.master.subscribes.next()).answer(307, '', { Location: location });
    const stream = await leader.subscribes.next();
    expect(stream.path).toBe('/master/api/v1/scheduler');
    stream.accept();
    expect((await on.event('subscribed')).masterAddress).toBe(leader.address);
    link.revive([]);
    expect((await leader.calls.next()).path).toBe('/master/api/v1/scheduler');
  });

  it('goes back to the list when the named leader cannot be reached', async () => {
    const dead = await on.anotherMaster();
    await dead.close();
    on.link().start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${dead.address}/api/v1/scheduler` });
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    expect((await on.event('subscribed')).masterAddress).toBe(on.master.address);
  });

  it('breaks off a circle of redirects and waits', async () => {
    const other = await on.anotherMaster();
    on.link().start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${other.address}` });
    (await other.subscribes.next()).answer(307, '', { Location: `//${on.master.address}` });
    await on.clock.armed(0, 100);
    expect(on.master.subscribes.unread()).toEqual([]);
  });

  it('keeps the credentials from hosts that only a redirect has named', async () => {
    const foreign = await on.anotherMaster();
    const credentials = { principal: 'p', secret: 's' };
    on.link({ credentials }).start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${foreign.address}` });
    expect((await foreign.subscribes.next()).headers.authorization).toBeUndefined();
    on.link({ credentials, trustRedirects: true }).start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(307, '', { Location: `//${foreign.address}` });
    expect((await foreign.subscribes.next()).headers.authorization).toBe('Basic cDpz');
  });

  it('tries the next of the list when one cannot be reached', async () => {
    const dead = await on.anotherMaster();
    await dead.close();
    on.link({ master: `${dead.address},http://${on.master.address}` }).start(undefined, on.events.put);
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    expect((await on.event('subscribed')).masterAddress).toBe(on.master.address);
  });

  it('tries another address after one that takes the connection and says nothing', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    on.link({ master: `127.0.0.1:${port},${on.master.address}` }).start(undefined, on.events.put);
    await on.clock.pass(15_000, 15_000);
    await on.clock.pass(0, 100);
    (await on.master.subscribes.next()).accept();
    await on.event('subscribed');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => mute.close(resolve));
  });
});
