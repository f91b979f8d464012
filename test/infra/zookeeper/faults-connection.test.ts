/**
 * The faults of node-zookeeper-client in its connection (dependencies §5), one test or more for each, against a real ZooKeeper: what
 * the library would do alone is written beside it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import zookeeper from 'node-zookeeper-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/infra/clock.ts';
import { isZkError } from '../../../src/infra/zookeeper/errors.ts';
import { createLibraryClient } from '../../../src/infra/zookeeper/library.ts';
import type { SessionOptions, SessionState, ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { eventually } from '../../support/eventually.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { type Ensemble, startEnsemble, type ZkMember, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { breakNextTransaction, type Tap, tapFrames } from '../../support/zookeeper-wire.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const timeoutMs = 6_000;
/** The longest there is: nothing depends on a session that ends by itself. */
const longMs = 120_000;
const nothing = Buffer.alloc(0);

let ensemble: Ensemble;
let member: ZkMember;
let relay: Relay;
let tap: Tap;
let opened: ZooKeeperSession[];
let scripted: ScriptedServer | undefined;
beforeAll(async () => {
  if (zooKeeperMissing) return;
  ensemble = await startEnsemble(1);
  member = ensemble.members[0] as ZkMember;
});
beforeEach(async () => {
  opened = [];
  if (zooKeeperMissing) return;
  relay = await startRelay(member.host);
  tap = tapFrames(relay);
});
afterEach(async () => {
  for (const session of opened) await session.close();
  await relay?.close();
  await scripted?.close();
  scripted = undefined;
});
afterAll(() => ensemble?.close());

/** In the order in which they are given. */
const inOrder = (): (() => number) => {
  let next = 0;
  return () => next++;
};

async function open(options: Partial<SessionOptions> = {}, hosts = relay.address): Promise<ZooKeeperSession> {
  const session = await openTestSession(`zk://${hosts}`, { sessionTimeoutMs: timeoutMs, ...options });
  opened.push(session);
  return session;
}

const direct = (): Promise<ZooKeeperSession> => open({ sessionTimeoutMs: longMs }, member.host);

/** Every state from now on. */
function watchStates(session: ZooKeeperSession): readonly SessionState[] {
  const seen: SessionState[] = [];
  session.onState((state) => seen.push(state));
  return seen;
}

/** Another client takes the session over, by what the server had answered to its handshake, and ends it. */
async function closeFromElsewhere(handshake: Buffer): Promise<void> {
  const [sessionId, sessionPassword] = [handshake.subarray(12, 20), handshake.subarray(24, 40)];
  const client = zookeeper.createClient(member.host, { sessionTimeout: 6_000, sessionId, sessionPassword } as object);
  const connected = new Promise<void>((resolve) => {
    client.once('connected', () => resolve());
  });
  client.connect();
  await connected;
  const closed = new Promise<void>((resolve) => {
    client.once('disconnected', () => resolve());
  });
  client.close();
  await closed;
}

const codeOf = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => 'ok',
    (error: unknown) =>
      isZkError(error, error instanceof Error && 'code' in error ? (error.code as never) : 'OTHER')
        ? [error.code, error.isUnknown]
        : error,
  );

describe.skipIf(zooKeeperMissing)('what node-zookeeper-client gets wrong in a connection', () => {
  it('fault 1: a server that is frozen is noticed within two thirds of the session (alone: never)', async () => {
    const clock = createVirtualClock();
    const session = await open({ clock });
    const states = watchStates(session);
    const asked = codeOf(session.create('/frozen', nothing, 'ephemeral').then(() => session.exists('/frozen')));
    await asked;
    member.freeze();
    try {
      const lost = codeOf(session.create('/never', nothing));
      await eventually('it is asked', () => session.inFlight() > 0);
      clock.advance((timeoutMs * 2) / 3 - 1);
      expect(session.state()).toBe('connected');
      clock.advance(1);
      expect(session.state()).toBe('ended');
      expect(await lost).toEqual(['SESSION_ENDED', true]);
      expect(states).toEqual(['ended']);
    } finally {
      member.thaw();
    }
  });

  it('fault 1: a connection that is open while no byte passes is noticed likewise, and its socket is closed', async () => {
    const clock = createVirtualClock();
    const session = await open({ clock });
    relay.cut('blackHole');
    clock.advance((timeoutMs * 2) / 3);
    expect(session.state()).toBe('ended');
    // The relay holds the end of the connection as well until it is healed.
    relay.heal();
    await eventually('no socket', () => relay.connections() === 0);
    await delay(300);
    expect(relay.accepted()).toBe(1);
  });

  it('does not take its own pause for silence of the server, whose answers it had no time to read', async () => {
    const clock = createVirtualClock();
    let stalledMs = 0;
    const session = await open({ clock: { ...clock, monotonic: () => clock.monotonic() + stalledMs } });
    await session.exists('/');
    // Three quarters of the time-out go by in one turn of the loop.
    stalledMs = (timeoutMs * 3) / 4;
    clock.advance(timeoutMs / 6);
    expect(session.state()).toBe('connected');
    await eventually('its question is answered', () => session.inFlight() === 0);
    clock.advance(timeoutMs / 6);
    expect(session.state()).toBe('connected');
    // Now nobody answers, while it looks in time.
    relay.cut('blackHole');
    clock.advance((timeoutMs * 2) / 3);
    expect(session.state()).toBe('ended');
  });

  it('fault 2: a server that takes the connection and says nothing is given up in time (alone: never)', async () => {
    scripted = await startScriptedServer();
    const startedMs = performance.now();
    const result = await codeOf(openTestSession(`zk://${scripted.host}`, { connectTimeoutMs: 700 }));
    expect(result).toEqual(['CONNECTION_LOSS', false]);
    expect(performance.now() - startedMs).toBeGreaterThan(650);
    await eventually('no socket', () => scripted?.open() === 0);
    const accepted = scripted.accepted();
    await delay(500);
    expect(scripted.accepted()).toBe(accepted);
  });

  it('fault 2: the next server is tried when one takes the connection and says nothing', async () => {
    scripted = await startScriptedServer();
    const hosts = [scripted.host, relay.address].join(',');
    const session = await open({ sessionTimeoutMs: 1_500, connectTimeoutMs: 15_000, random: inOrder() }, hosts);
    expect(session.state()).toBe('connected');
    expect(scripted.accepted()).toBe(1);
  });

  it('fault 2: so it is when the connection has to be found again, and the session goes on', async () => {
    scripted = await startScriptedServer();
    const hosts = [relay.address, scripted.host].join(',');
    const session = await open({ random: inOrder() }, hosts);
    await session.create('/kept', nothing, 'ephemeral');
    const states = watchStates(session);
    relay.reset();
    await eventually('connected again', () => states.includes('connected'));
    expect(scripted.accepted()).toBe(1);
    expect(states).toEqual(['suspended', 'connected']);
    expect(await session.exists('/kept')).toBeDefined();
  });

  it('fault 3: nothing is kept for later while there is no connection (alone: it is sent after the reconnect)', async () => {
    const session = await open({ sessionTimeoutMs: longMs });
    relay.cut('reset');
    await eventually('suspended', () => session.state() === 'suspended');
    const writes = Array.from({ length: 5 }, (_, i) => codeOf(session.create(`/late-${i}`, nothing)));
    writes.push(codeOf(session.multi([{ type: 'create', path: '/late-multi', data: nothing }])));
    expect(await Promise.all(writes)).toEqual(writes.map(() => ['CONNECTION_LOSS', false]));
    relay.heal();
    await eventually('connected', () => session.state() === 'connected');
    await session.exists('/');
    expect((await session.children('/')).filter((name) => name.startsWith('late-'))).toEqual([]);
  });

  it('fault 4: every request is answered when the session ends, once, and says whether it may have been done', async () => {
    const clock = createVirtualClock();
    const session = await open({ clock });
    relay.cut('blackHole');
    const answers = Array.from({ length: 200 }, (_, i) =>
      codeOf(i % 2 === 0 ? session.create(`/fault-4-${i}`, nothing) : session.get('/')),
    );
    // 64 are with the library, the rest is waiting for its turn and was certainly not sent.
    await eventually('they are asked', () => session.inFlight() > 0);
    clock.advance((timeoutMs * 2) / 3);
    const expected = answers.map((_, i) => ['SESSION_ENDED', i % 2 === 0 && i < 64]);
    expect(await Promise.all(answers)).toEqual(expected);
    expect(session.inFlight()).toBe(0);
  });

  it('fault 5: a session that has expired says so, once, and another one can be opened (alone: dead and silent)', async () => {
    const handshakes: Buffer[] = [];
    tap.judge(({ direction, xid, bytes }) => {
      if (direction === 'toClient' && xid === 0) handshakes.push(bytes);
      return 'pass';
    });
    const session = await open({ sessionTimeoutMs: longMs });
    const states = watchStates(session);
    const reasons: string[] = [];
    session.onState((_, reason) => reasons.push(reason));
    const isTold = new Promise<void>((resolve) => {
      session.exists('/fault-5', resolve).catch(() => {});
    });
    await session.exists('/');
    relay.cut('reset');
    await closeFromElsewhere(handshakes[0] as Buffer);
    relay.heal();
    await isTold;
    await eventually('the end', () => session.state() === 'ended');
    expect(states).toEqual(['suspended', 'ended']);
    // By the ensemble's word, and not because nothing was heard for long.
    expect(reasons.at(-1)).toBe('the session has expired');
    expect(await codeOf(session.exists('/'))).toEqual(['SESSION_ENDED', false]);
    expect(await codeOf(session.setData('/', nothing, 'any'))).toEqual(['SESSION_ENDED', false]);
    expect(await (await open()).exists('/')).toBeDefined();
  });

  it('fault 6: what was sent once is never sent again by itself (with its `retries`: it is)', async () => {
    const session = await open({ sessionTimeoutMs: longMs });
    await session.ensurePath('/fault-6');
    let sent = 0;
    tap.judge(({ direction, bytes }) => {
      if (direction === 'toTarget' && bytes.includes('/fault-6/n')) sent++;
      return direction === 'toClient' && sent === 1 && bytes.includes('/fault-6/n') ? { breakAfterBytes: 0 } : 'pass';
    });
    expect(await codeOf(session.create('/fault-6/n', nothing, 'ephemeralSequential'))).toEqual([
      'CONNECTION_LOSS',
      true,
    ]);
    await eventually('connected', () => session.state() === 'connected');
    // The library would wait for a second.
    await delay(1_300);
    expect(sent).toBe(1);
    expect((await session.children('/fault-6')).length).toBe(1);
  });

  it('fault 8: a watch whose request failed is forgotten; one that was set fires once, also over a reconnect', async () => {
    const session = await open({ sessionTimeoutMs: longMs });
    let fired = 0;
    const count = (): void => {
      fired++;
    };
    for (let i = 0; i < 20; i++) expect(await codeOf(session.get('/fault-8', count))).toEqual(['NO_NODE', false]);
    await session.exists('/fault-8', count);
    expect(await member.watches()).toBe(1);
    const states = watchStates(session);
    relay.reset();
    await eventually('connected again', () => states.includes('connected'));
    await session.exists('/');
    expect(await member.watches()).toBe(1);
    const other = await direct();
    await other.create('/fault-8', nothing);
    await eventually('the watch', () => fired === 1);
    await other.setData('/fault-8', nothing, 'any');
    await session.exists('/');
    await session.close();
    await Promise.resolve();
    expect(fired).toBe(1);
  });

  it('fault 14: closing ends in time, connected or not, and whether anybody answers or not', async () => {
    const suspended = await open({ sessionTimeoutMs: longMs });
    relay.cut('reset');
    await eventually('suspended', () => suspended.state() === 'suspended');
    await suspended.close();
    relay.heal();
    const silent = await open({ sessionTimeoutMs: longMs });
    relay.cut('blackHole');
    const pending = codeOf(silent.create('/fault-14', nothing));
    await Promise.all([silent.close(), silent.close()]);
    expect(await pending).toEqual(['SESSION_ENDED', true]);
    relay.heal();
    await eventually('no socket', () => relay.connections() === 0);
  });

  it('an orderly close takes ephemeral nodes along at once', async () => {
    const other = await direct();
    const session = await open({ sessionTimeoutMs: longMs });
    await session.create('/mine', nothing, 'ephemeral');
    await session.close();
    expect(await other.exists('/mine')).toBeUndefined();
    expect(session.state()).toBe('ended');
  });

  it('a connection that breaks within an answer spoils nothing that comes after it (alone: the rest is misread)', async () => {
    const session = await open({ sessionTimeoutMs: longMs });
    const states = watchStates(session);
    for (let i = 0; i < 3; i++) {
      const broken = breakNextTransaction([tap], 'midAnswer');
      const write = codeOf(session.multi([{ type: 'create', path: `/half-${i}`, data: nothing }]));
      await broken;
      expect(await write).toEqual(['CONNECTION_LOSS', true]);
      await eventually('connected again', () => states.length === 2 * (i + 1));
      expect(await session.exists(`/half-${i}`)).toBeDefined();
    }
    expect(states).toEqual([1, 2, 3].flatMap(() => ['suspended', 'connected']));
  });

  it('servers are tried in our order, IPv6 literals too (alone: cut at their first colon)', async () => {
    scripted = await startScriptedServer();
    const hosts = ['[::1]:1', '[::2]:2', scripted.host];
    const library = createLibraryClient({ hosts, path: '' }, 1_000, inOrder(), systemClock, () => {});
    const { connectionManager } = library.client as unknown as { connectionManager: { servers: readonly unknown[] } };
    expect(connectionManager.servers).toEqual([
      { host: '::1', port: 1 },
      { host: '::2', port: 2 },
      { host: '127.0.0.1', port: Number(scripted.host.split(':')[1]) },
    ]);
    // The first two refuse at once.
    library.client.connect();
    await eventually('the third', () => scripted?.accepted() === 1);
    library.destroy();
  });

  it('a server that talks nonsense is left, and ends nothing but the attempt', async () => {
    scripted = await startScriptedServer((socket) => {
      // A frame of one byte; a frame of a negative length; an answer to a handshake that gives a session, and then nonsense.
      const frames = [
        '0000000101',
        'ffffffff00000000',
        `00000025${'00000000'}${'000003e8'}${'11'.repeat(8)}${'00000010'}${'22'.repeat(16)}00${'00000003'}010203`,
      ];
      socket.write(Buffer.from(frames[(scripted?.accepted() ?? 0) % frames.length] as string, 'hex'));
    });
    const session = await openTestSession(`zk://${scripted.host}`, {
      connectTimeoutMs: 60_000,
      sessionTimeoutMs: 600,
    });
    opened.push(session);
    await eventually('the end', () => session.state() === 'ended');
    expect(scripted.accepted()).toBeGreaterThan(2);
  });
});
