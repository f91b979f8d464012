/** A server on two local masters with a ZooKeeper election: the leading master is killed, and the work goes on under the other. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { inPlayground, isAlive } from '../../support/processes.ts';
import { type RunningCluster, startCluster, startServer } from '../../support/stack.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';

/** Long enough for sessions that have to end first. */
const waitMs = 90_000;
let ensemble: Ensemble;
beforeAll(async () => {
  if (!zooKeeperMissing) ensemble = await startEnsemble(1);
});
afterAll(() => ensemble?.close());

interface MasterState {
  readonly id: string;
  readonly frameworks: readonly {
    readonly id: string;
    readonly active: boolean;
    readonly tasks: readonly { readonly id: string; readonly state: string }[];
  }[];
  readonly slaves: readonly { readonly id: string }[];
}

/** What a master says of itself; undefined when it does not lead. */
async function stateOf({ address }: RunningCluster): Promise<MasterState | undefined> {
  const answer = await fetch(`http://${address}/master/state`, { redirect: 'manual' }).catch(() => undefined);
  return answer?.status === 200 ? ((await answer.json()) as MasterState) : undefined;
}

const app = (instances: number): object => ({
  id: '/kept',
  cmd: 'exec sleep 1000',
  instances,
  cpus: 0.01,
  mem: 8,
  backoffSeconds: 1,
});

/** The master that leads, once its agents and the server are with it. */
async function leaderOf(masters: readonly RunningCluster[]): Promise<{ master: RunningCluster; state: MasterState }> {
  return eventually(
    'one master leads and has everything',
    async () => {
      for (const master of masters) {
        const state = master.program.isOver() ? undefined : await stateOf(master);
        if (state?.frameworks[0]?.active === true && state.slaves.length === 2) return { master, state };
      }
      return undefined;
    },
    waitMs,
  );
}

async function endAll(masters: readonly RunningCluster[], last: RunningCluster): Promise<void> {
  const others = masters.filter((one) => !one.program.isOver() && one !== last);
  for (const { program } of others) await program.end('SIGTERM');
  await last.program.end('SIGUSR1');
}

describe.skipIf(zooKeeperMissing)('two local masters', () => {
  it('the leader is killed twice: same framework, same processes, exact count, and new launches', async () => {
    await inPlayground(async (playground) => {
      const zk = ensemble.url('/mesos');
      const flags = ['--zk', zk, '--zk_session_timeout', '10', '--agents', '2'];
      const masters = [await startCluster(playground, flags), await startCluster(playground, flags)];
      const { rest, program } = await startServer(playground, zk);
      await rest.must('POST', '/v2/apps', app(3));
      await rest.running('/kept', 3, waitMs);
      const leader = () => leaderOf(masters);
      const first = await leader();
      let known = new Map(playground.tasks());
      for (const count of [4, 5]) {
        const { master, state } = await leader();
        await master.program.end('SIGKILL');
        expect([...known.values()].every(isAlive)).toBe(true);
        // In place of the dead one, so that there is a follower again.
        masters.push(await startCluster(playground, flags));
        const next = await leader();
        expect(next.state.id).not.toBe(state.id);
        await rest.must('PUT', '/v2/apps/kept?force=true', { instances: count });
        await rest.running('/kept', count, waitMs);
        const tasks = new Map(playground.tasks());
        for (const [id, pid] of known) expect(tasks.get(id)).toBe(pid);
        expect(tasks.size).toBe(count);
        expect((await rest.tasks()).map(({ id }) => id).sort()).toEqual([...tasks.keys()].sort());
        known = tasks;
      }
      const last = await leader();
      expect(last.state.frameworks.map(({ id }) => id)).toEqual([first.state.frameworks[0]!.id]);
      expect(last.state.slaves.map(({ id }) => id).sort()).toEqual(first.state.slaves.map(({ id }) => id).sort());
      const running = last.state.frameworks[0]!.tasks.filter(({ state }) => state === 'TASK_RUNNING');
      expect(running.map(({ id }) => id).sort()).toEqual([...known.keys()].sort());
      rest.close();
      await program.end();
      await endAll(masters, last.master);
    });
  });

  it('the leader is frozen for longer than its session: it ends when it runs again, and the other one has the tasks', async () => {
    await inPlayground(async (playground) => {
      const zk = ensemble.url('/frozen');
      const flags = ['--zk', zk, '--zk_session_timeout', '6', '--agents', '2'];
      const masters = [await startCluster(playground, flags), await startCluster(playground, flags)];
      const { rest, program } = await startServer(playground, zk);
      await rest.must('POST', '/v2/apps', app(3));
      await rest.running('/kept', 3, waitMs);
      const known = new Map(playground.tasks());
      const { master: frozen, state } = await leaderOf(masters);
      const other = masters.find((one) => one !== frozen)!;
      process.kill(frozen.program.pid, 'SIGSTOP');
      try {
        // It leads, and is without agents as long as the frozen one has them.
        const early = await eventually('the other one is elected', () => stateOf(other), waitMs);
        expect(early.id).not.toBe(state.id);
        expect(early.slaves).toEqual([]);
      } finally {
        process.kill(frozen.program.pid, 'SIGCONT');
      }
      expect(await frozen.program.exited).toEqual({ code: 1, signal: null });
      expect(frozen.program.stderr()).toContain('lost the election');
      await leaderOf([other]);
      await rest.must('PUT', '/v2/apps/kept?force=true', { instances: 4 });
      await rest.running('/kept', 4, waitMs);
      const tasks = new Map(playground.tasks());
      for (const [id, pid] of known) expect(tasks.get(id)).toBe(pid);
      expect(tasks.size).toBe(4);
      rest.close();
      await program.end();
      await endAll(masters, other);
    });
  });
});
