import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { inPlayground, isAlive, killIfThere, type Playground } from '../support/processes.ts';
import { startAll, startCluster, startServer } from '../support/stack.ts';

const sleeper = { id: '/sleeper', cmd: 'exec sleep 1000', instances: 3, cpus: 0.01, mem: 8 };
/** Starts children, one of them in a session of its own, and does not end by SIGTERM. */
const stubborn = {
  id: '/stubborn',
  cmd: "trap '' TERM; setsid sleep 1000 & sleep 1000 & while true; do sleep 1; done",
  cpus: 0.01,
  mem: 8,
  taskKillGracePeriodSeconds: 1,
};

const clusterOf = (playground: Playground): number | undefined =>
  playground.processes().find(({ command }) => command.includes('local-mesos'))?.pid;

describe('stopping', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'start ends with everything it started on %s, with exit code 0',
    async (signal) => {
      await inPlayground(async (playground) => {
        const { program, rest } = await startAll(playground);
        await rest.must('POST', '/v2/apps', sleeper);
        await rest.must('POST', '/v2/apps', stubborn);
        await rest.running('/sleeper', 3);
        await rest.running('/stubborn', 1);
        rest.close();
        expect(await program.end(signal)).toEqual({ code: 0, signal: null });
        expect(playground.processes()).toEqual([]);
      });
    },
  );

  it('a server leaves its tasks alone, and a cluster ends them; both end with exit code 0', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const first = await startServer(playground, cluster.address);
      await first.rest.must('POST', '/v2/apps', sleeper);
      const before = await first.rest.running('/sleeper', 3);
      const pids = [...playground.tasks().values()];
      first.rest.close();
      expect(await first.program.end('SIGINT')).toEqual({ code: 0, signal: null });
      expect(pids).toHaveLength(3);
      expect(pids.every(isAlive)).toBe(true);

      const next = await startServer(playground, cluster.address);
      const after = await next.rest.running('/sleeper', 3);
      expect(after.map((task) => task.id).sort()).toEqual(before.map((task) => task.id).sort());
      next.rest.close();
      expect(await next.program.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect([...playground.tasks().values()].sort()).toEqual(pids.sort());
      expect(await cluster.program.end('SIGINT')).toEqual({ code: 0, signal: null });
      expect(playground.processes()).toEqual([]);
    });
  });

  it('a server ends although clients hold on to their connections', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { program, url, rest } = await startServer(playground, cluster.address);
      await rest.must('GET', '/v2/apps');
      const stream = await fetch(`${url}/v2/events`, { headers: { accept: 'text/event-stream' } });
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v2/events`);
      await once(socket, 'open');
      const read = stream.text().catch(() => 'cut');
      const closed = once(socket, 'close');
      expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await Promise.all([read, closed]);
      rest.close();
    });
  });

  it('start killed with -9 leaves nothing running, and the next one on its directory has the apps back', async () => {
    await inPlayground(async (playground) => {
      const first = await startAll(playground);
      await first.rest.must('POST', '/v2/apps', sleeper);
      await first.rest.must('POST', '/v2/apps', stubborn);
      await first.rest.running('/sleeper', 3);
      await first.rest.running('/stubborn', 1);
      first.rest.close();
      await first.program.end('SIGKILL');
      // At once: the next start waits for what is left of the one before.
      const { program, rest } = await startAll(playground);
      expect((await rest.apps()).map((app) => app.id)).toEqual(['/sleeper', '/stubborn']);
      await rest.running('/sleeper', 3);
      await rest.running('/stubborn', 1);
      await eventually('four tasks', () => playground.tasks().size === 4);
      expect([...playground.tasks().keys()].sort()).toEqual((await rest.tasks()).map((task) => task.id).sort());
      rest.close();
      await program.end('SIGKILL');
      await eventually('no process', () => playground.processes().length === 0);
    });
  });

  it('start ends its tasks also when its cluster was killed just before', async () => {
    await inPlayground(async (playground) => {
      const { program, rest } = await startAll(playground);
      await rest.must('POST', '/v2/apps', sleeper);
      await rest.running('/sleeper', 3);
      rest.close();
      killIfThere(clusterOf(playground)!, 'SIGKILL');
      await program.says(/cluster ended/, 'stderr');
      expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(playground.processes()).toEqual([]);
    });
  });
});
