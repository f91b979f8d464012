/** Networks that fail between a server and ZooKeeper or Mesos. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt } from '../../support/attempt.ts';
import { eventually } from '../../support/eventually.ts';
import type { HaServer } from '../../support/ha-server.ts';
import { type HaStack, startHaStack } from '../../support/ha-stack.ts';
import { isLong } from '../../support/stack.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import {
  badVersion,
  breakNextTransaction,
  cutPoints,
  type Frame,
  holdNextTransaction,
  transactionResult,
} from '../../support/zookeeper-wire.ts';

const rounds = isLong ? 5 : 1;
const cutMs = isLong ? 20_000 : 5_000;
const latencyMs = isLong ? 300 : 100;
const workMs = isLong ? 10_000 : 1_500;

let stack: HaStack;
beforeAll(async () => {
  if (!zooKeeperMissing) stack = await startHaStack({ seed: 100 });
});
afterAll(() => stack?.close());

describe.skipIf(zooKeeperMissing)('the network', () => {
  it.each(cutPoints)('breaks around a commit (%s): it is neither lost nor done twice', async (point) => {
    await stack.during(`connection broken: ${point}`, async () => {
      for (let n = 0; n < rounds; n++) {
        const leader = await stack.theLeader();
        const broken = breakNextTransaction(leader.taps, point);
        await stack.write(leader);
        await broken;
        stack.history.note(`broken: ${point}`);
        await stack.writable();
      }
    });
  });

  it('holds a commit until another leader has taken over: ZooKeeper refuses it', async () => {
    await stack.during('a late commit', async () => {
      const leader = await stack.theLeader();
      const holding = holdNextTransaction(leader.taps);
      const held = stack.write(leader, stack.recoveryMs);
      const transaction = await holding;
      expect(transaction).toBeDefined();
      leader.freeze();
      stack.history.note(`${leader.name} is frozen, a commit of it is on its way`);
      await stack.writable(stack.followers(leader));
      const result = await transaction?.release();
      stack.history.note(`the late commit was answered ${result}`);
      // 0 would mean that it was executed.
      expect(result).not.toBe(0);
      leader.thaw();
      await held;
      await stack.writable();
    });
  });

  it('design §5.2: a leader whose epoch was taken is refused at its next commit, with BAD_VERSION on the wire', async () => {
    await stack.during('the epoch is taken from outside', async () => {
      const leader = await stack.theLeader();
      const results: number[] = [];
      for (const tap of leader.taps) tap.judge(transactionResults(results));
      const session = await openTestSession(stack.ensemble.url('/ultramarathon'));
      const { data } = await session.get('/state/epoch');
      await session.setData('/state/epoch', data, 'any');
      await session.close();
      await stack.writable();
      expect(results).toContain(badVersion);
    });
  });

  it.each(['reset', 'blackHole'] as const)('cuts the leader from ZooKeeper but not from Mesos (%s)', async (kind) => {
    await stack.during(`leader cut from ZooKeeper: ${kind}`, async () => {
      await delay(workMs);
      const leader = await stack.theLeader();
      leader.cutFromZooKeeper(kind);
      stack.history.note(`${leader.name} is cut from ZooKeeper`);
      await Promise.all([stack.writable(stack.followers(leader)), delay(cutMs)]);
      expect((await stack.another(leader)).name).not.toBe(leader.name);
      leader.heal();
      await stack.writable();
    });
  });

  it('cuts a follower from ZooKeeper: the others go on, and it never answers for them with what is old', async () => {
    await stack.during('follower cut from ZooKeeper', async () => {
      const leader = await stack.theLeader();
      const follower = stack.followers(leader)[0] as HaServer;
      await stack.keepsLeading(leader, async () => {
        follower.cutFromZooKeeper('blackHole');
        stack.history.note(`${follower.name} is cut from ZooKeeper`);
        await Promise.all([stack.writable(stack.followers(follower)), delay(cutMs)]);
      });
      follower.heal();
      await stack.writable();
    });
  });

  it('cuts the leader from Mesos but not from ZooKeeper: it goes on taking writes, and launches once it is back', async () => {
    await stack.during('leader cut from Mesos', async () => {
      const leader = await stack.theLeader();
      leader.cutFromMesos('reset');
      stack.history.note(`${leader.name} is cut from Mesos`);
      await delay(cutMs);
      await stack.writable();
      leader.heal();
    });
  });

  it('is slow between every server and ZooKeeper: everything goes on', async () => {
    await stack.during(`${latencyMs} ms to ZooKeeper and back`, async () => {
      const leader = await stack.theLeader();
      await stack.keepsLeading(leader, async () => {
        for (const server of stack.servers) for (const relay of server.zooKeeper) relay.delay(latencyMs / 2);
        await delay(workMs * 2);
        await stack.writable();
      });
    });
  });

  it('while no leader is reachable, a server says so at once and names a time to come again', async () => {
    await stack.during('everybody is cut from ZooKeeper', async () => {
      for (const server of stack.servers) server.cutFromZooKeeper('blackHole');
      const server = stack.servers[0] as HaServer;
      await eventually('a refusal', async () => {
        const answer = await attempt(server.url, 'PUT', '/v2/apps/nobody', { id: '/nobody', cmd: 'x', instances: 0 });
        return answer.type === 'answer' && answer.status === 503 && answer.writeOutcome === 'refused';
      });
      await eventually('a refused GET', async () => {
        const response = await fetch(`${server.url}/v2/apps`);
        return response.status === 503 && response.headers.get('retry-after') === '1';
      });
      expect((await fetch(`${server.url}/ping`)).status).toBe(200);
      for (const one of stack.servers) one.heal();
      await stack.writable();
    });
  });
});

/** Collects what the ensemble said to each transaction. */
function transactionResults(results: number[]): (frame: Frame) => 'pass' {
  const waiting = new Set<string>();
  return ({ connection, direction, xid, isTransaction, bytes }) => {
    const key = `${connection} ${xid}`;
    if (isTransaction) waiting.add(key);
    else if (direction === 'toClient' && waiting.delete(key)) results.push(transactionResult(bytes));
    return 'pass';
  };
}
