import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inPlayground, isAlive, killIfThere, type Playground } from '../support/processes.ts';
import type { RestClient } from '../support/rest-client.ts';
import { startAll, startCluster, startServer } from '../support/stack.ts';

/** An app that costs next to nothing. */
const sleeper = (id: string, instances: number): object => ({
  id,
  cmd: 'exec sleep 1000',
  instances,
  cpus: 0.01,
  mem: 8,
  backoffSeconds: 1,
});

/** Every task that the API lists is one living process, and no other task process lives. */
async function expectListedAreAlive(playground: Playground, rest: RestClient): Promise<readonly string[]> {
  const listed = (await rest.tasks()).map((task) => task.id).sort();
  expect([...playground.tasks().keys()].sort()).toEqual(listed);
  return listed;
}

const portOf = (url: string): string => new URL(url).port;

describe('after a crash', () => {
  it('a killed task is replaced, and only that one', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { rest } = await startServer(playground, cluster.address);
      await rest.must('POST', '/v2/apps', sleeper('/victim', 2));
      const before = await rest.running('/victim', 2);
      const victim = before[0]!.id;
      const pid = playground.tasks().get(victim);
      expect(pid, 'the task is a process').toBeDefined();
      killIfThere(pid!, 'SIGKILL');
      const after = await eventually('a replacement', async () => {
        const tasks = await rest.tasks('/victim');
        const isReplaced = !tasks.some((task) => task.id === victim);
        return isReplaced && tasks.length === 2 && tasks.every((task) => task.state === 'TASK_RUNNING') && tasks;
      });
      expect(after.map((task) => task.id)).toContain(before[1]!.id);
      await eventually('two processes', () => playground.tasks().size === 2);
      await expectListedAreAlive(playground, rest);
      rest.close();
    });
  });

  it('tasks outlive a killed server, and the next one knows every one of them and launches none twice', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const first = await startServer(playground, cluster.address);
      for (const n of [1, 2, 3]) await first.rest.must('POST', '/v2/apps', sleeper(`/kept/${n}`, n + 1));
      for (const n of [1, 2, 3]) await first.rest.running(`/kept/${n}`, n + 1);
      const before = await expectListedAreAlive(playground, first.rest);
      const pids = [...playground.tasks().values()].sort();
      // An answered write must survive, even if the server dies right after it.
      await first.rest.must('PUT', '/v2/apps/kept/1?force=true', { instances: 4 });
      await first.program.end('SIGKILL');
      first.rest.close();
      expect(pids.every(isAlive)).toBe(true);

      const { rest } = await startServer(playground, cluster.address, [], { port: portOf(first.url) });
      const apps = await rest.apps();
      expect(apps.map((app) => [app.id, app.instances])).toEqual([
        ['/kept/1', 4],
        ['/kept/2', 3],
        ['/kept/3', 4],
      ]);
      for (const app of apps) await rest.running(app.id, app.instances);
      const after = await expectListedAreAlive(playground, rest);
      expect(after).toHaveLength(11);
      expect(after).toEqual(expect.arrayContaining([...before]));
      expect([...playground.tasks().values()]).toEqual(expect.arrayContaining(pids));
      rest.close();
    });
  });

  it('tasks that died while no server ran are replaced when one is back', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const first = await startServer(playground, cluster.address);
      await first.rest.must('POST', '/v2/apps', sleeper('/absent', 3));
      const before = (await first.rest.running('/absent', 3)).map((task) => task.id);
      await first.program.end('SIGKILL');
      first.rest.close();
      killIfThere(playground.tasks().get(before[0]!)!, 'SIGKILL');
      await eventually('one process less', () => playground.tasks().size === 2);
      const { rest } = await startServer(playground, cluster.address);
      await eventually('a replacement', async () => {
        const ids = (await rest.tasks('/absent')).map((task) => task.id);
        return ids.length === 3 && !ids.includes(before[0]!);
      });
      const after = (await rest.running('/absent', 3)).map((task) => task.id);
      expect(after).toEqual(expect.arrayContaining(before.slice(1)));
      await expectListedAreAlive(playground, rest);
      rest.close();
    });
  });

  it('a killed cluster is reported, and once it is back the apps run again at the right count', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { rest, program } = await startServer(playground, cluster.address);
      await rest.must('POST', '/v2/apps', sleeper('/away', 3));
      await rest.must('POST', '/v2/apps', sleeper('/away-too', 1));
      await rest.running('/away', 3);
      await rest.running('/away-too', 1);
      const before = await expectListedAreAlive(playground, rest);
      await cluster.program.end('SIGKILL');
      await program.says(/mesos/i, 'stderr');
      // Reads and writes go on meanwhile.
      await rest.must('PUT', '/v2/apps/away-too?force=true', { instances: 2 });
      expect((await rest.app('/away-too')).instances).toBe(2);
      await startCluster(playground, [], cluster.address);
      await eventually(
        'three and two running processes',
        async () => {
          const tasks = await rest.tasks();
          const isRight = tasks.length === 5 && tasks.every((task) => task.state === 'TASK_RUNNING');
          const processes = playground.tasks();
          const areNew = tasks.every((task) => !before.includes(task.id));
          return isRight && areNew && processes.size === 5 && tasks.every((task) => processes.has(task.id));
        },
        30_000,
      );
      await rest.running('/away', 3);
      await rest.running('/away-too', 2);
      await expectListedAreAlive(playground, rest);
      rest.close();
    });
  });

  it('start brings its killed cluster back by itself, and the apps with it', async () => {
    await inPlayground(async (playground) => {
      const { rest, program } = await startAll(playground);
      await rest.must('POST', '/v2/apps', sleeper('/phoenix', 3));
      const before = (await rest.running('/phoenix', 3)).map((task) => task.id);
      const cluster = playground.processes().find(({ command }) => command.includes('local-mesos'));
      expect(cluster).toBeDefined();
      killIfThere(cluster!.pid, 'SIGKILL');
      await program.says(/local cluster ended \(SIGKILL\); it is started again/, 'stderr');
      await eventually(
        'three new processes',
        async () => {
          const tasks = await rest.tasks();
          const processes = playground.tasks();
          const areAlive = tasks.every((task) => task.state === 'TASK_RUNNING' && processes.has(task.id));
          const areNew = tasks.every((task) => !before.includes(task.id));
          return tasks.length === 3 && processes.size === 3 && areAlive && areNew;
        },
        30_000,
      );
      await rest.running('/phoenix', 3);
      expect(program.isOver()).toBe(false);
      rest.close();
    });
  });
});
