/** The relay's knowledge of ZooKeeper's wire, against a real one: what the scenarios claim about a commit is what happens. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import {
  badVersion,
  breakNextTransaction,
  cutPoints,
  holdNextTransaction,
  type Tap,
  tapFrames,
} from '../../support/zookeeper-wire.ts';

let ensemble: Ensemble;
let relay: Relay;
let tap: Tap;
let direct: ZooKeeperSession;
beforeAll(async () => {
  if (zooKeeperMissing) return;
  ensemble = await startEnsemble(1);
  direct = await openTestSession(ensemble.url(''));
  relay = await startRelay(ensemble.members[0]!.host);
  tap = tapFrames(relay);
});
afterAll(async () => {
  await direct?.close();
  await relay?.close();
  await ensemble?.close();
});

const put = (session: ZooKeeperSession, path: string): Promise<unknown> =>
  session.multi([{ type: 'create', path, data: Buffer.from('x') }]);

async function isThere(path: string): Promise<boolean> {
  return (await direct.exists(path)) !== undefined;
}

describe.skipIf(zooKeeperMissing)('a transaction through the relay', () => {
  it.each(cutPoints)('is broken at the point named %s, and has happened only if it was sent whole', async (point) => {
    const session = await openTestSession(`zk://${relay.address}`);
    await put(session, `/before-${point}`);
    const broken = breakNextTransaction([tap], point);
    const result = await put(session, `/at-${point}`).then(
      () => 'ok',
      () => 'failed',
    );
    await broken;
    expect(await isThere(`/at-${point}`)).toBe(point !== 'beforeRequest' && point !== 'midRequest');
    if (point !== 'afterAnswer') expect(result).toBe('failed');
    await session.close();
  });

  it('is held, arrives late, and its result is told', async () => {
    const session = await openTestSession(`zk://${relay.address}`);
    await put(session, '/early');
    const holding = holdNextTransaction([tap]);
    const answer = put(session, '/late').catch(() => undefined);
    const held = await holding;
    expect(await isThere('/late')).toBe(false);
    expect(await held?.release()).toBe(0);
    expect(await isThere('/late')).toBe(true);
    await answer;
    await session.close();
  });

  it('is refused by ZooKeeper when a version that it checks has changed', async () => {
    const session = await openTestSession(`zk://${relay.address}`);
    await session.create('/epoch', Buffer.from(''));
    const { version } = await session.setData('/epoch', Buffer.from('mine'), 'any');
    const holding = holdNextTransaction([tap]);
    const answer = session
      .multi([
        { type: 'check', path: '/epoch', version },
        { type: 'create', path: '/fenced', data: Buffer.from('x') },
      ])
      .catch(() => undefined);
    const held = await holding;
    await direct.setData('/epoch', Buffer.from('theirs'), 'any');
    expect(await held?.release()).toBe(badVersion);
    expect(await isThere('/fenced')).toBe(false);
    await answer;
    await session.close();
  });
});
