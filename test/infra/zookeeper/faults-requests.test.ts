/** The faults of node-zookeeper-client in its requests (dependencies §5), one test or more for each, against a real ZooKeeper. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isZkError } from '../../../src/infra/zookeeper/errors.ts';
import { maxRequestBytes } from '../../../src/infra/zookeeper/operations.ts';
import type { SessionOptions, ZkVersion, ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { type Tap, tapFrames } from '../../support/zookeeper-wire.ts';

const nothing = Buffer.alloc(0);

let ensemble: Ensemble;
let relay: Relay;
let tap: Tap;
let session: ZooKeeperSession;
let opened: ZooKeeperSession[];
beforeAll(async () => {
  if (!zooKeeperMissing) ensemble = await startEnsemble(1);
});
beforeEach(async () => {
  opened = [];
  if (zooKeeperMissing) return;
  relay = await startRelay(ensemble.members[0]!.host);
  tap = tapFrames(relay);
  session = await open();
});
afterEach(async () => {
  for (const one of opened) await one.close();
  await relay?.close();
});
afterAll(() => ensemble?.close());

async function open(options: Partial<SessionOptions> = {}, path = '', credentials = ''): Promise<ZooKeeperSession> {
  const one = await openTestSession(`zk://${credentials}${relay.address}${path}`, options);
  opened.push(one);
  return one;
}

const codeOf = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => 'ok',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

describe.skipIf(zooKeeperMissing)('what node-zookeeper-client gets wrong in requests', () => {
  it('fault 7: what would make the server drop the connection is refused, and nothing of it is sent', async () => {
    await session.create('/large', Buffer.alloc(maxRequestBytes - 1_000));
    const before = relay.passed('toTarget');
    const large = Buffer.alloc(maxRequestBytes);
    expect(await codeOf(session.create('/larger', large))).toBe('TOO_LARGE');
    expect(await codeOf(session.setData('/large', large, 'any'))).toBe('TOO_LARGE');
    const half = (path: string) => ({ type: 'create', path, data: Buffer.alloc(maxRequestBytes / 2) }) as const;
    expect(await codeOf(session.multi([half('/a'), half('/b')]))).toBe('TOO_LARGE');
    expect(
      await codeOf(session.multi([{ type: 'check', path: `/${'x'.repeat(maxRequestBytes)}`, version: 'any' }])),
    ).toBe('TOO_LARGE');
    expect(relay.passed('toTarget')).toBe(before);
    expect((await session.get('/large')).data.length).toBe(maxRequestBytes - 1_000);
    expect(relay.accepted()).toBe(1);
  });

  it('fault 9: a session ends before the counter of its requests overflows; what it was asked is answered', async () => {
    const worn = await open({ maxRequests: 60 });
    const ended: string[] = [];
    worn.onState((state, reason) => ended.push(`${state}: ${reason}`));
    const answers = await Promise.all(Array.from({ length: 100 }, () => codeOf(worn.exists('/'))));
    await eventually('the end', () => worn.state() === 'ended');
    expect(new Set(answers)).toEqual(new Set(['SESSION_ENDED']));
    expect(ended).toEqual(['ended: closed']);
    const patient = await open({ maxRequests: 20 });
    let done = 0;
    while ((await codeOf(patient.exists('/'))) === 'ok') done++;
    expect(done).toBeGreaterThan(10);
    expect(done).toBeLessThanOrEqual(20);
  });

  it('fault 10: only so many requests are with the library at a time, and only so many wait behind them', async () => {
    let [requests, answers, most] = [0, 0, 0];
    tap.judge(({ direction, xid }) => {
      if (xid >= 0) direction === 'toTarget' ? requests++ : answers++;
      most = Math.max(most, requests - answers);
      return 'pass';
    });
    const metrics = createSilentMetrics();
    const bounded = await open({ limits: { maxInFlight: 10, maxWaiting: 200 }, metrics });
    await eventually('no probe under way', () => bounded.inFlight() === 0);
    [requests, answers, most] = [0, 0, 0];
    const results = await Promise.all(Array.from({ length: 300 }, () => codeOf(bounded.get('/'))));
    expect(results.filter((one) => one === 'ok').length).toBe(210);
    expect(results.slice(210)).toEqual(Array.from({ length: 90 }, () => 'OVERLOADED'));
    expect(metrics.counted('zookeeper.errors')).toBe(90);
    expect(most).toBeGreaterThan(5);
    expect(most).toBeLessThanOrEqual(10);
    expect(await codeOf(bounded.get('/'))).toBe('ok');
  });

  it('fault 11: what a listener or a watch throws is logged, ends nothing, and reaches the others', async () => {
    const logger = createSilentLogger();
    const own = await open({ logger });
    const told: string[] = [];
    const fail = (): never => {
      throw new Error('a listener failed');
    };
    own.onState(fail);
    own.onState((state) => told.push(state));
    await own.exists('/fault-11', fail);
    await own.exists('/fault-11', () => told.push('watch'));
    await session.create('/fault-11', nothing);
    await eventually('the watch', () => told.includes('watch'));
    expect(await codeOf(own.get('/fault-11'))).toBe('ok');
    await own.close();
    await eventually('the end', () => told.includes('ended'));
    expect(logger.of('zookeeper.listener-failed').length).toBe(2);
  });

  it('fault 11: what the library itself throws becomes an answer', async () => {
    for (const path of ['relative', '/a//b', '/a/', '/a/../b']) {
      expect(await codeOf(session.create(path, nothing)), path).toBe('BAD_ARGUMENT');
      expect(await codeOf(session.get(path)), path).toBe('BAD_ARGUMENT');
    }
    await eventually('nothing under way', () => session.inFlight() === 0);
    expect(await codeOf(session.exists('/'))).toBe('ok');
  });

  it('fault 12: 64-bit numbers are numbers, and a node without data has empty data', async () => {
    await session.create('/empty', nothing);
    await session.create('/empty/own', Buffer.from('x'), 'ephemeral');
    const { data, stat } = await session.get('/empty');
    expect(data).toEqual(nothing);
    await session.multi([{ type: 'create', path: '/none', data: undefined as unknown as Buffer }]);
    expect((await session.get('/none')).data).toEqual(nothing);
    expect(Math.abs(stat.ctimeMs - Date.now())).toBeLessThan(60_000);
    expect(stat).toMatchObject({ version: 0, ephemeralOwner: 0n, dataLength: 0, numChildren: 1, czxid: stat.mzxid });
    const own = await session.exists('/empty/own');
    expect(own?.ephemeralOwner).not.toBe(0n);
    expect(own!.czxid).toBeGreaterThan(stat.czxid);
    const { version, mtimeMs } = await session.setData('/empty', Buffer.from('y'), 'any');
    expect(version).toBe(1);
    expect(mtimeMs).toBeGreaterThanOrEqual(stat.mtimeMs);
  });

  it('fault 13: access is by digest alone; what was made with credentials is closed to everybody else', async () => {
    const owner = await open({}, '/closed', 'us%65r:se%3Acret@');
    await owner.ensurePath('/');
    await owner.create('/node', Buffer.from('x'));
    await owner.multi([{ type: 'create', path: '/node/below', data: nothing }]);
    for (const credentials of ['', 'user:wrong@', 'other:se%3Acret@']) {
      const stranger = await open({}, '/closed', credentials);
      expect(await codeOf(stranger.get('/node'))).toBe('NO_AUTH');
      expect(await codeOf(stranger.children('/node'))).toBe('NO_AUTH');
      expect(await codeOf(stranger.setData('/node', nothing, 'any'))).toBe('NO_AUTH');
      expect(await codeOf(stranger.create('/node/x', nothing))).toBe('NO_AUTH');
      expect(await codeOf(stranger.remove('/node/below', 'any'))).toBe('NO_AUTH');
      expect(await codeOf(stranger.multi([{ type: 'remove', path: '/node/below', version: 'any' }]))).toBe('NO_AUTH');
    }
    const same = await open({}, '/closed', 'user:se%3Acret@');
    expect((await same.get('/node')).data.toString()).toBe('x');
  });

  it('fault 13: credentials are given again on every connection', async () => {
    const owner = await open({}, '/again', 'user:secret@');
    await owner.ensurePath('/');
    await owner.create('/node', nothing);
    const states: string[] = [];
    owner.onState((state) => states.push(state));
    relay.reset();
    await eventually('connected again', () => states.includes('connected'));
    expect(await codeOf(owner.setData('/node', nothing, 'any'))).toBe('ok');
  });

  it('fault 15: a version of 0 is refused wherever it would mean "any version"', async () => {
    await session.create('/versioned', nothing);
    const before = relay.passed('toTarget');
    const path = '/versioned';
    for (const version of [0, -1, 1.5, Number.NaN, undefined as unknown as ZkVersion, null as unknown as ZkVersion]) {
      expect(await codeOf(session.setData(path, nothing, version))).toBe('BAD_ARGUMENT');
      expect(await codeOf(session.remove(path, version))).toBe('BAD_ARGUMENT');
      expect(await codeOf(session.multi([{ type: 'check', path, version }]))).toBe('BAD_ARGUMENT');
      expect(await codeOf(session.multi([{ type: 'setData', path, data: nothing, version }]))).toBe('BAD_ARGUMENT');
      expect(await codeOf(session.multi([{ type: 'remove', path, version }]))).toBe('BAD_ARGUMENT');
    }
    expect(await codeOf(session.multi([]))).toBe('BAD_ARGUMENT');
    expect(relay.passed('toTarget')).toBe(before);
  });

  it('fault 15: a transaction that checks a version fails once somebody has changed the node, and says what failed', async () => {
    await session.create('/fenced', nothing);
    const { version } = await session.setData('/fenced', nothing, 'any');
    const write = () =>
      session.multi([
        { type: 'create', path: `/fenced/n${Math.random()}`, data: nothing },
        { type: 'check', path: '/fenced', version },
      ]);
    expect((await write())[0]?.path).toMatch(/^\/fenced\/n/);
    await session.setData('/fenced', nothing, 'any');
    const error = await write().catch((one: unknown) => one);
    expect(isZkError(error, 'BAD_VERSION') && [error.operation, error.isUnknown]).toEqual([1, false]);
    expect((await session.children('/fenced')).length).toBe(1);
  });

  it('fault 16: only an answered write counts as proof that the majority has heard of the session', async () => {
    expect(session.writtenAtMs()).toBe(Number.NEGATIVE_INFINITY);
    const before = performance.now();
    await session.get('/');
    expect(session.writtenAtMs()).toBe(Number.NEGATIVE_INFINITY);
    expect(session.provenAtMs()).toBeGreaterThanOrEqual(before);
    // A refused write has passed the majority as well.
    expect(await codeOf(session.setData('/not-there', nothing, 'any'))).toBe('NO_NODE');
    const written = session.writtenAtMs();
    expect(written).toBeGreaterThanOrEqual(before);
    expect(written).toBeLessThanOrEqual(performance.now());
    relay.stall('toClient');
    const pending = codeOf(session.multi([{ type: 'check', path: '/', version: 'any' }]));
    await eventually('the request', () => session.inFlight() > 0);
    expect(session.writtenAtMs()).toBe(written);
    const atMs = performance.now();
    relay.flow();
    expect(await pending).toBe('ok');
    // When it was sent, not when the answer came.
    expect(session.writtenAtMs()).toBeLessThanOrEqual(atMs);
    expect(session.writtenAtMs()).toBeGreaterThan(written);
  });

  it('paths are below the path of the address, and are made as far as they are missing', async () => {
    const below = await open({}, '/a/b');
    expect(await below.exists('/')).toBeUndefined();
    await Promise.all([below.ensurePath('/c/d'), below.ensurePath('/c/d')]);
    await below.ensurePath('/c/d');
    expect(await session.exists('/a/b/c/d')).toBeDefined();
    expect(await below.create('/c/d/s-', nothing, 'persistentSequential')).toBe('/c/d/s-0000000000');
    expect(await below.multi([{ type: 'create', path: '/c/e', data: nothing }])).toEqual([{ path: '/c/e' }]);
    expect(await below.children('/c')).toEqual(expect.arrayContaining(['d', 'e']));
  });
});
