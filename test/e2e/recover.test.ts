/** Work survives a restart of the local cluster with `--recover`, seen through the server: the same instances in the same processes. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inPlayground, isAlive, killIfThere, type Playground } from '../support/processes.ts';
import type { RestClient } from '../support/rest-client.ts';
import { startAll, startCluster, startServer } from '../support/stack.ts';

const sleeper = (instances: number): object => ({
  id: '/sleeper',
  cmd: 'exec sleep 1000',
  instances,
  cpus: 0.01,
  mem: 8,
  backoffSeconds: 1,
});
/** Ends well as soon as there is a file of its name in the directory. */
const ending = (directory: string): object => ({
  id: '/ending',
  cmd: `until [ -e ${directory}/end-$MESOS_EXECUTOR_ID ]; do sleep 0.1; done; exit 3`,
  cpus: 0.01,
  mem: 8,
  backoffSeconds: 1,
});
const waitMs = 40_000;

const idsOf = (tasks: readonly { readonly id: string }[]): readonly string[] => tasks.map(({ id }) => id).sort();

/** Exactly these tasks, each as one living process. */
async function expectExactly(
  playground: Playground,
  rest: RestClient,
  wanted: ReadonlyMap<string, number>,
): Promise<void> {
  expect(idsOf(await rest.tasks())).toEqual([...wanted.keys()].sort());
  expect(playground.tasks()).toEqual(wanted);
}

describe('a local cluster with --recover', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'ended by %s and started again has the same tasks in the same processes, and new ones can be launched',
    async (signal) => {
      await inPlayground(async (playground) => {
        const cluster = await startCluster(playground, ['--recover']);
        const { rest } = await startServer(playground, cluster.address);
        await rest.must('POST', '/v2/apps', sleeper(4));
        await rest.must('POST', '/v2/apps', ending(playground.dir));
        await rest.running('/sleeper', 4);
        await rest.running('/ending', 1);
        const before = new Map(playground.tasks());
        expect(before.size).toBe(5);
        await cluster.program.end(signal);
        expect([...before.values()].every(isAlive)).toBe(true);
        const next = await startCluster(playground, ['--recover'], cluster.address);
        // A change that needs the cluster shows that the server is back on it.
        await rest.must('PUT', '/v2/apps/sleeper', { instances: 5 });
        await rest.running('/sleeper', 5, waitMs);
        await rest.running('/ending', 1, waitMs);
        const after = new Map(playground.tasks());
        for (const [id, pid] of before) expect(after.get(id)).toBe(pid);
        expect(after.size).toBe(6);
        await expectExactly(playground, rest, after);
        expect(await next.program.end('SIGUSR1')).toEqual({ code: 0, signal: null });
        expect(playground.tasks().size).toBe(0);
        rest.close();
      });
    },
  );

  it('tells how a task ended while it was away, so that exactly that one is replaced', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--recover']);
      const { rest } = await startServer(playground, cluster.address);
      await rest.must('POST', '/v2/apps', sleeper(2));
      await rest.must('POST', '/v2/apps', ending(playground.dir));
      await rest.running('/sleeper', 2);
      const [ended] = await rest.running('/ending', 1);
      const before = new Map(playground.tasks());
      await cluster.program.end('SIGKILL');
      writeFileSync(playground.path(`end-${ended!.id}`), '');
      await eventually('it has ended', () => !isAlive(before.get(ended!.id)!));
      const next = await startCluster(playground, ['--recover'], cluster.address);
      await eventually(
        'it is replaced',
        async () => {
          const tasks = await rest.tasks('/ending');
          return tasks.length === 1 && tasks[0]!.id !== ended!.id && tasks[0]!.state === 'TASK_RUNNING';
        },
        waitMs,
      );
      const { lastTaskFailure } = (
        (await rest.get('/v2/apps/ending?embed=app.lastTaskFailure')).json() as {
          app: { lastTaskFailure: { taskId: string; state: string; message: string } };
        }
      ).app;
      expect(lastTaskFailure).toMatchObject({
        taskId: ended!.id,
        state: 'TASK_FAILED',
        message: 'Command exited with status 3',
      });
      before.delete(ended!.id);
      const after = playground.tasks();
      for (const [id, pid] of before) expect(after.get(id)).toBe(pid);
      expect(after.size).toBe(3);
      await next.program.end('SIGUSR1');
      rest.close();
    });
  });

  it('in start: the cluster, and start itself, are killed and come back to the same processes; SIGTERM ends everything', async () => {
    await inPlayground(async (playground) => {
      const first = await startAll(playground, ['--recover']);
      await first.rest.must('POST', '/v2/apps', sleeper(3));
      await first.rest.running('/sleeper', 3);
      const before = new Map(playground.tasks());
      const clusterPid = playground.processes().find(({ command }) => command.includes('local-mesos'))!.pid;
      killIfThere(clusterPid, 'SIGKILL');
      await first.program.says(/cluster ended/, 'stderr');
      await first.rest.must('PUT', '/v2/apps/sleeper?force=true', { instances: 4 });
      await first.rest.running('/sleeper', 4, waitMs);
      const middle = new Map(playground.tasks());
      for (const [id, pid] of before) expect(middle.get(id)).toBe(pid);
      first.rest.close();
      await first.program.end('SIGKILL');
      expect([...middle.values()].every(isAlive)).toBe(true);
      const { program, rest } = await startAll(playground, ['--recover']);
      await rest.must('PUT', '/v2/apps/sleeper?force=true', { instances: 5 });
      await rest.running('/sleeper', 5, waitMs);
      const after = new Map(playground.tasks());
      for (const [id, pid] of middle) expect(after.get(id)).toBe(pid);
      await expectExactly(playground, rest, after);
      rest.close();
      expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(playground.processes()).toEqual([]);
    });
  });
});
