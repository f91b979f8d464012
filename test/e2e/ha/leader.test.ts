/** Whatever becomes of the leader, nobody notices: the servers behind three ZooKeepers while clients write all the time. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt, outcomeOf } from '../../support/attempt.ts';
import { eventually } from '../../support/eventually.ts';
import type { HaServer } from '../../support/ha-server.ts';
import { type HaStack, startHaStack } from '../../support/ha-stack.ts';
import { callMesos, tapMesos } from '../../support/mesos-tap.ts';
import { isLong } from '../../support/stack.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';

/** Clients work so long before and after a fault. */
const workMs = isLong ? 5_000 : 1_000;
const pausesMs = isLong ? [5_000, 30_000] : [5_000];
const abdications = isLong ? 12 : 2;
const abdicationEveryMs = isLong ? 5_000 : 2_500;
const kills = isLong ? 10 : 1;

let stack: HaStack;
beforeAll(async () => {
  if (!zooKeeperMissing) stack = await startHaStack();
});
afterAll(() => stack?.close());

describe.skipIf(zooKeeperMissing)('the leader', () => {
  it('is killed: another one leads', async () => {
    await stack.during('kill -9 of the leader', async () => {
      for (let n = 0; n < kills; n++) {
        await delay(workMs);
        const leader = await stack.theLeader();
        await leader.kill();
        stack.history.note(`${leader.name} is killed`);
        await stack.writable(stack.followers(leader));
        expect((await stack.another(leader)).name).not.toBe(leader.name);
        await leader.start();
        await stack.writable();
      }
    });
  });

  it.each(pausesMs)('pauses for %i ms: it can neither write nor launch afterwards, and follows', async (pauseMs) => {
    await stack.during(`SIGSTOP of the leader for ${pauseMs} ms`, async () => {
      await delay(workMs);
      const old = await stack.theLeader();
      const mesos = tapMesos(old.mesos);
      // What the clients do makes it speak to Mesos.
      await eventually(
        'a call of the leader',
        () => mesos.streamId() !== undefined && mesos.frameworkId() !== undefined,
      );
      const stream = mesos.streamId() as string;
      old.freeze();
      stack.history.note(`${old.name} is frozen`);
      // These wait in its socket until it wakes up.
      const late = [1, 2, 3].map(() => stack.write(old, pauseMs + stack.recoveryMs));
      await Promise.all([stack.writable(stack.followers(old)), delay(pauseMs)]);
      const next = await stack.another(old);
      mesos.forget();
      old.thaw();
      stack.history.note(`${old.name} wakes up, ${next.name} leads`);
      for (const one of await Promise.all(late)) expect(one.type, JSON.stringify(one)).toBe('answer');
      await stack.writable();
      // Whatever it said to Mesos on its old stream was refused, or broke with its connection.
      const loud = mesos.calls().filter((call) => call === 'ACCEPT' || call === 'KILL');
      if (loud.length > 0 && (await stack.leader()) === next) expect(mesos.statuses()).not.toContain(202);
      const accept = {
        framework_id: { value: mesos.frameworkId() },
        type: 'ACCEPT',
        accept: { offer_ids: [{ value: 'none' }], operations: [], filters: {} },
      };
      // At the latest when the new leader has subscribed.
      await eventually('a call on the old stream is refused', async () => {
        return (await callMesos(stack.cluster.address, stream, accept)).status === 400;
      });
      old.mesos.inspect(undefined);
    });
  });

  it('is stopped cleanly: another one leads without waiting for a session to end', async () => {
    await stack.during('SIGTERM of the leader', async () => {
      await delay(workMs);
      const leader = await stack.theLeader();
      const saidBefore = leader.log().length;
      const stopped = leader.stop();
      stack.history.note(`${leader.name} is stopped`);
      await stack.writable(stack.followers(leader));
      await stopped;
      // It has closed the session, so that nobody had to wait for its end.
      expect(leader.log().slice(saidBefore)).toMatch(/"zookeeper\.ended","session":"election","reason":"closed"/);
      await leader.start();
      await stack.writable();
    });
  });

  it('abdicates again and again', async () => {
    await stack.during('abdications', async () => {
      for (let n = 0; n < abdications; n++) {
        const leader = await stack.theLeader();
        const through = stack.servers[n % stack.servers.length] as HaServer;
        const answer = await attempt(through.url, 'DELETE', '/v2/leader', undefined, stack.recoveryMs);
        expect([answer.type === 'answer' && answer.status, outcomeOf(answer)]).toEqual([200, 'ok']);
        stack.history.note(`${leader.name} abdicates`);
        await Promise.all([delay(abdicationEveryMs), stack.another(leader)]);
        await stack.writable();
      }
    });
  });

  it('and all others are restarted one after the other', async () => {
    await stack.during('rolling restart', async () => {
      for (const server of stack.servers) {
        await server.stop();
        stack.history.note(`${server.name} is stopped`);
        await stack.writable(stack.followers(server));
        await server.start();
        await stack.writable();
      }
    });
  });
});
