/** ZooKeeper itself fails: members die, the quorum goes, everything is restarted. */
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt } from '../../support/attempt.ts';
import { type HaStack, startHaStack } from '../../support/ha-stack.ts';
import { isLong } from '../../support/stack.ts';
import { type ZkMember, zooKeeperMissing } from '../../support/zookeeper.ts';

const quorumLostMs = isLong ? 60_000 : 10_000;
const workMs = isLong ? 5_000 : 1_000;

let stack: HaStack;
beforeAll(async () => {
  if (!zooKeeperMissing) stack = await startHaStack({ seed: 200 });
});
afterAll(() => stack?.close());

/**
 * Every write to a file of this process fails from now on, as on a full disk: no file may become longer than one byte. For good: the
 * process has to be started again. Needs no rights over the file system.
 */
function refuseDiskWrites(pid: number): void {
  execFileSync('prlimit', ['--pid', String(pid), '--fsize=1:1']);
}

async function withRole(wanted: 'leader' | 'follower'): Promise<ZkMember> {
  for (const member of stack.ensemble.members) if ((await member.role()) === wanted) return member;
  throw new Error(`no ${wanted} in the ensemble`);
}

describe.skipIf(zooKeeperMissing)('the ensemble', () => {
  it.each(['follower', 'leader'] as const)('loses its %s', async (role) => {
    await stack.during(`ZooKeeper's ${role} is killed`, async () => {
      await delay(workMs);
      const member = await withRole(role);
      await member.kill();
      stack.history.note(`${member.host} is killed`);
      await stack.writable();
      await member.start();
      await stack.ensemble.ready();
      await stack.writable();
    });
  });

  it('has a frozen member', async () => {
    await stack.during('a member of the ensemble is frozen', async () => {
      const member = await withRole('leader');
      member.freeze();
      try {
        await stack.writable();
      } finally {
        member.thaw();
      }
      await stack.ensemble.ready();
      await stack.writable();
    });
  });

  it('has a member whose disk is full', async () => {
    await stack.during('a disk of the ensemble is full', async () => {
      const member = await withRole('leader');
      refuseDiskWrites(member.pid());
      stack.history.note(`${member.host} cannot write to its disk`);
      await stack.writable();
      await member.kill();
      await member.start();
      await stack.ensemble.ready();
      await stack.writable();
    });
  });

  it('has no disk left at all: writes are refused or unknown, and what was acknowledged stays', async () => {
    await stack.during('all disks of the ensemble are full', async () => {
      for (const member of stack.ensemble.members) refuseDiskWrites(member.pid());
      stack.history.note('no member can write to its disk');
      await delay(quorumLostMs / 2);
      for (const member of stack.ensemble.members) await member.kill();
      await Promise.all(stack.ensemble.members.map((member) => member.start()));
      await stack.ensemble.ready();
      await stack.writable();
    });
  });

  it('loses its quorum for a while: writes are refused, tasks go on, and all comes back by itself', async () => {
    await stack.during('quorum lost', async () => {
      await delay(workMs);
      const gone = stack.ensemble.members.slice(0, 2);
      const pids = JSON.stringify([...stack.playground.tasks()]);
      for (const member of gone) await member.kill();
      stack.history.note('two members are killed');
      await delay(quorumLostMs);
      for (const server of stack.servers) {
        const answer = await attempt(
          server.url,
          'PUT',
          '/v2/apps/nobody',
          { id: '/nobody', cmd: 'x', instances: 0 },
          60_000,
        );
        expect(answer, server.name).toMatchObject({ type: 'answer', status: 503 });
      }
      const after = stack.playground.tasks();
      for (const [id, pid] of JSON.parse(pids) as [string, number][]) {
        if (id.startsWith('steady_')) expect(after.get(id)).toBe(pid);
      }
      for (const member of gone) await member.start();
      await stack.ensemble.ready();
      await stack.writable();
    });
  });

  it('is restarted as a whole', async () => {
    await stack.during('all members are restarted', async () => {
      await delay(workMs);
      for (const member of stack.ensemble.members) await member.kill();
      stack.history.note('all members are killed');
      await Promise.all(stack.ensemble.members.map((member) => member.start()));
      await stack.ensemble.ready();
      await stack.writable();
    });
  });
});
