/** Leader detection against a real ZooKeeper (mesos-v1 §1.9, recording 19). */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/infra/clock.ts';
import type { MasterDetector } from '../../../src/infra/mesos/detector.ts';
import { createMasterDetector } from '../../../src/infra/mesos/link-options.ts';
import { addressOf, leaderOf } from '../../../src/infra/mesos/zookeeper-detector.ts';
import type { ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';
import { type Ensemble, startEnsemble } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { createInbox, type Inbox, startFakeMaster } from './fake-master.ts';
import { useLinkHarness } from './link-harness.ts';

let ensemble: Ensemble;
const undo: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  ensemble = await startEnsemble(1);
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => ensemble.close());

/** MasterInfo as a real master writes it (recording 19). */
const infoOf = (port: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      address: { hostname: 'localhost', ip: '127.0.0.1', port },
      hostname: 'localhost',
      id: 'an-id',
      ip: 16_777_343,
      pid: `master@127.0.0.1:${port}`,
      port,
      version: '1.12.0',
    }),
  );

interface Watched {
  readonly detector: MasterDetector;
  /** Ports of the leaders it has told of; 0 for none. */
  readonly leaders: Inbox<number>;
}

function watch(url: string): Watched {
  const detector = createMasterDetector({
    master: url,
    clock: systemClock,
    ids: { uuid: () => '', timeUuid: () => '', random: () => 0.5 },
    logger: createSilentLogger(),
    metrics: createSilentMetrics(),
  });
  const leaders = createInbox<number>();
  detector.start(() => leaders.put(detector.candidate()?.port ?? 0));
  undo.push(() => detector.stop());
  return { detector, leaders };
}

async function session(url: string): Promise<ZooKeeperSession> {
  const opened = await openTestSession(url);
  undo.push(() => opened.close());
  return opened;
}

const stand = (own: ZooKeeperSession, port: number): Promise<string> =>
  own.create('/json.info_', infoOf(port), 'ephemeralSequential');

describe('C-15: the election of the masters in ZooKeeper', () => {
  it('C-15: the lowest json.info_ leads, its successor when it goes, nobody when all have gone; other nodes are ignored', async () => {
    const url = ensemble.url('/mesos-a');
    const first = await session(url);
    const { leaders, detector } = watch(url);
    await first.ensurePath('/');
    await first.create('/info_0000000000', Buffer.from([0, 1, 2]));
    await first.create('/log_replicas', Buffer.alloc(0));
    const mine = await stand(first, 5001);
    expect(await leaders.next()).toBe(5001);
    const second = await session(url);
    await stand(second, 5002);
    await first.remove(mine, 'any');
    expect(await leaders.next()).toBe(5002);
    await second.close();
    expect(await leaders.next()).toBe(0);
    expect(detector.candidate()).toBeUndefined();
    expect(leaders.unread()).toEqual([]);
  });

  it('C-15: the content of the leader is watched too', async () => {
    const url = ensemble.url('/mesos-b');
    const own = await session(url);
    await own.ensurePath('/');
    const node = await stand(own, 5001);
    const { leaders } = watch(url);
    expect(await leaders.next()).toBe(5001);
    await own.setData(node, infoOf(5009), 'any');
    expect(await leaders.next()).toBe(5009);
  });

  it('C-15: nodes that only its user may read are read with the digest of the address', async () => {
    const url = ensemble.url('/mesos-c', 'mesos:s3cret');
    const own = await session(url);
    await own.ensurePath('/');
    await stand(own, 5003);
    expect(await watch(url).leaders.next()).toBe(5003);
    const stranger = watch(ensemble.url('/mesos-c'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stranger.detector.candidate()).toBeUndefined();
  });

  it('the last known leader stays while ZooKeeper is away, and a new one is found afterwards', async () => {
    const url = ensemble.url('/mesos-d');
    const own = await session(url);
    await own.ensurePath('/');
    await stand(own, 5004);
    const { leaders, detector } = watch(url);
    expect(await leaders.next()).toBe(5004);
    const [member] = ensemble.members;
    await member!.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(detector.candidate()?.port).toBe(5004);
    await member!.start();
    await ensemble.ready();
    const again = await session(url);
    await again.ensurePath('/');
    for (const child of await again.children('/')) await again.remove(`/${child}`, 'any');
    await stand(again, 5005);
    for (let seen = -1; seen !== 5005; ) seen = await leaders.next();
  });

  it('chooses by number and reads the address that can be reached without names', () => {
    expect(leaderOf(['json.info_0000000010', 'json.info_0000000009', 'info_0000000001', 'log_replicas'])).toBe(
      'json.info_0000000009',
    );
    expect(leaderOf(['json.info_1', 'x'])).toBeUndefined();
    expect(addressOf(infoOf(5050).toString(), false)).toMatchObject({ host: '127.0.0.1', port: 5050, trusted: true });
    expect(addressOf(infoOf(5050).toString(), true)).toMatchObject({ host: 'localhost', tls: true });
    expect(addressOf('{"hostname":"h","port":5050}', false)).toMatchObject({ host: 'h', port: 5050 });
    for (const text of ['', 'x', 'null', '{}', '{"hostname":"h"}', '{"address":{"ip":"1.2.3.4","port":"5050"}}']) {
      expect(addressOf(text, false), text).toBeUndefined();
    }
  });
});

describe('C-16: a link that finds its master through ZooKeeper', () => {
  const on = useLinkHarness();

  it('C-16: leaves the old master before it asks the new one, and keeps its framework id', async () => {
    const url = ensemble.url('/mesos-e');
    const own = await session(url);
    await own.ensurePath('/');
    const node = await stand(own, on.master.port);
    const next = await startFakeMaster();
    undo.push(() => next.close());
    // The election needs real time.
    on.link({ master: url, clock: systemClock }).start(undefined, on.events.put);
    const stream = await on.master.subscribes.next();
    stream.accept('kept-0001');
    await on.event('subscribed');
    const closed = new Promise((resolve) => stream.socket.on('close', resolve));
    await stand(own, next.port);
    await own.remove(node, 'any');
    expect((await on.event('disconnected')).reason).toBe('another master leads');
    await closed;
    const again = await next.subscribes.next();
    expect(again.body).toMatchObject({
      framework_id: { value: 'kept-0001' },
      subscribe: { framework_info: { id: { value: 'kept-0001' } } },
    });
    again.accept('kept-0001');
    expect(await on.event('subscribed')).toMatchObject({ isNew: false, masterAddress: next.address });
  });
});
