/** Several servers, one of which leads (design §5.3, §5.5, §5.10, §5.11), in virtual time. */
import { describe, expect, it } from 'vitest';
import type { Instance } from '../../src/core/instance/instance.ts';
import type { HaServer } from '../support/ha-world.ts';
import { HaWorld } from '../support/ha-world.ts';
import { putOf } from '../support/world.ts';

async function threeServers(seed = 1): Promise<HaWorld> {
  const world = new HaWorld(seed);
  for (const name of ['a', 'b', 'c']) await world.add(name);
  await world.until('somebody leads', () => world.serving().length === 1);
  return world;
}

const change = async (world: HaWorld, server: HaServer, id: string, instances: number) => {
  const answer = server.orchestrator.control.changeApps([putOf(id, { instances })], { force: true });
  await world.settle();
  return answer;
};

const running = (server: HaServer, id: string): readonly Instance[] =>
  [...server.orchestrator.read.instancesOf(id)].filter((i) => i.condition === 'Running' && i.goal === 'Running');

const withHealthCheck = {
  instances: 3,
  portDefinitions: [{ port: 0, protocol: 'tcp' as const }],
  healthChecks: [{ protocol: 'HTTP' as const, path: '/', portIndex: 0 }],
};

describe('several servers', () => {
  it('have one leader, and the others know where it is', async () => {
    const world = await threeServers();
    const views = world.servers.map((s) => s.orchestrator.read.cluster());
    expect(views.map((v) => v.elected)).toEqual([true, false, false]);
    expect(views.map((v) => v.leader)).toEqual(['a:8080', 'a:8080', 'a:8080']);
    expect(views.map((v) => v.leaderUrl)).toEqual([undefined, 'http://a:8080', 'http://a:8080']);
  });

  it('refuse changes where they do not lead, and say that nothing was done', async () => {
    const world = await threeServers();
    const answer = await change(world, world.servers[1] as HaServer, '/web', 1);
    expect(answer).toMatchObject({
      ok: false,
      error: { status: 503, headers: { 'Retry-After': '1', 'Marathon-Write-Outcome': 'refused' } },
    });
  });

  it('take over from a dead leader with the same framework id, kill nothing, and launch nothing twice', async () => {
    const world = await threeServers();
    const [first] = world.servers as [HaServer, HaServer, HaServer];
    expect(await change(world, first, '/web', 5)).toMatchObject({ ok: true });
    await world.until('all run', () => running(first, '/web').length === 5);
    const tasks = world.mesos.alive().map((t) => t.id);
    world.kill(first);
    await world.until('another one leads', () => world.serving().length === 1);
    await world.advance(30_000);
    expect(world.leader.name).toBe('b');
    expect(world.leader.orchestrator.read.cluster().frameworkId).toBe('F');
    expect(world.mesos.alive().map((t) => t.id)).toEqual(tasks);
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(running(world.leader, '/web')).toHaveLength(5);
    world.expectSane();
  });

  it('go on with a deployment where it stood', async () => {
    const world = await threeServers();
    const first = world.leader;
    world.mesos.launchTo = () => 'staging';
    await change(world, first, '/web', 4);
    await world.advance(1_000);
    const [deployment] = [...first.orchestrator.read.deployments()];
    world.kill(first);
    await world.until('another one leads', () => world.serving().length === 1);
    expect([...world.leader.orchestrator.read.deployments()].map((d) => d.id)).toEqual([deployment?.id]);
    world.mesos.launchTo = () => 'running';
    for (const { id } of world.mesos.alive()) world.mesos.move(id, 'TASK_RUNNING');
    await world.until('the deployment ends', () => [...world.leader.orchestrator.read.deployments()].length === 0);
    expect(world.mesos.launched.size).toBe(4);
    world.expectSane();
  });

  it('keep the health of tasks, before the new leader has asked once', async () => {
    const world = await threeServers();
    const first = world.leader;
    const answer = first.orchestrator.control.changeApps([putOf('/web', withHealthCheck)], { force: true });
    await world.until('all are healthy', () => running(first, '/web').filter((i) => i.healthy === true).length === 3);
    expect(await answer).toMatchObject({ ok: true });
    world.kill(first);
    const second = world.servers[1] as HaServer;
    let asked = 0;
    const probe = second.prober.probe;
    Object.assign(second.prober, {
      probe: (...args: Parameters<typeof probe>) => {
        asked++;
        probe(...args);
      },
    });
    await world.until('another one leads', () => second.orchestrator.read.cluster().elected);
    expect(asked).toBe(0);
    const { read } = second.orchestrator;
    for (const { id, healthy } of read.instancesOf('/web')) {
      expect(healthy).toBe(true);
      expect(read.healthOf(id)).toEqual([expect.objectContaining({ lastSuccessMs: expect.any(Number) })]);
    }
  });

  it('keep counting events where the last leader stopped', async () => {
    const world = await threeServers();
    const first = world.leader;
    await change(world, first, '/web', 1);
    await world.advance(2_000);
    world.kill(first);
    await world.until('another one leads', () => world.serving().length === 1);
    await change(world, world.leader, '/web', 2);
    await world.advance(2_000);
    let next = 1;
    for (const { firstEvent, events } of world.store.batches) {
      expect(firstEvent).toBe(next);
      next += events.length;
    }
    expect(next).toBeGreaterThan(1);
  });
});

describe('design §5.11: a leader that cannot prove that it leads', () => {
  // deviation(servers): losing ZooKeeper
  //   Marathon: the process ends and is started again
  //   here: reads until two thirds of the session time-out, then 503; goes on by itself
  //   why: no suicide loops
  it('stops within two thirds of the session, before anybody else can lead', async () => {
    const world = await threeServers();
    const first = world.leader;
    await change(world, first, '/web', 2);
    first.election.cut();
    first.fault = 'away';
    const cutAtMs = world.clock.monotonic();
    await world.until('it stops', () => !first.orchestrator.read.cluster().elected);
    expect(world.clock.monotonic() - cutAtMs).toBeLessThanOrEqual(4_000 + 100);
    expect(world.serving()).toEqual([]);
    await world.until('another one leads', () => world.serving().length === 1);
    first.election.heal();
    first.fault = 'none';
    await world.advance(20_000);
    expect(world.leader.name).toBe('b');
    expect(first.orchestrator.read.cluster().leaderUrl).toBe('http://b:8080');
    world.expectSane();
  });

  it('stops even if the election notices nothing', async () => {
    const world = await threeServers();
    const first = world.leader;
    first.election.cut();
    first.election.isBlind = true;
    await world.until('it stops', () => !first.orchestrator.read.cluster().elected, 4_100);
    expect(first.logger.of('leadership.given-up')).toHaveLength(1);
    await world.until('another one leads', () => world.serving().length === 1);
    expect(world.leader).not.toBe(first);
    world.expectSane();
  });

  it('that was frozen longer than its session can neither write nor call Mesos when it wakes', async () => {
    const world = await threeServers();
    const first = world.leader;
    await change(world, first, '/web', 2);
    await world.advance(1_000);
    const epoch = Math.max(...first.epochs);
    world.freeze(first);
    await world.until('another one leads', () => world.serving().length === 1);
    const batches = world.store.batches.length;
    // What wakes it finds work for it: an answer to give, an update to store, a timer.
    const answer = first.orchestrator.control.changeApps([putOf('/late')], { force: true });
    await world.thaw(first);
    await world.advance(5_000);
    expect(await answer).toMatchObject({ ok: false, error: { status: 503 } });
    expect(world.store.batches.slice(batches).every((b) => b.epoch > epoch)).toBe(true);
    expect(world.leader.orchestrator.read.app('/late')).toBeUndefined();
    expect(first.orchestrator.read.cluster()).toMatchObject({ elected: false, leaderUrl: 'http://b:8080' });
    world.expectSane();
  });

  it('that was frozen for a moment proves its session and goes on in the same epoch', async () => {
    const world = await threeServers();
    const first = world.leader;
    await change(world, first, '/web', 2);
    await world.advance(1_000);
    const epochs = first.epochs.size;
    world.freeze(first);
    await world.advance(3_500);
    await world.thaw(first);
    await world.advance(1_000);
    expect(first.metrics.counted('leadership.pauses')).toBe(1);
    expect(world.leader).toBe(first);
    expect(await change(world, first, '/web', 3)).toMatchObject({ ok: true });
    expect(first.epochs.size).toBe(epochs);
    world.expectSane();
  });

  it('shows no state while it waits for the proof', async () => {
    const world = await threeServers();
    const first = world.leader;
    first.election.prove = () => new Promise(() => {});
    world.freeze(first);
    await world.advance(3_000);
    await world.thaw(first);
    // Whatever the actors are told now waits.
    void first.orchestrator.control.changeApps([putOf('/web')], { force: true });
    await world.advance(50);
    expect(first.orchestrator.read.cluster()).toMatchObject({ elected: false, leaderUrl: undefined });
    expect(first.orchestrator.read.cluster().notServing).toMatch(/prove/);
  });
});

describe('design §5.5: what becomes of a write', () => {
  // deviation(servers): interrupted writes
  //   Marathon: an error
  //   here: 503 with `Marathon-Write-Outcome: refused` or `unknown`
  //   why: a client knows whether to send it again
  it('is refused while the store is away, and unknown if it was under way', async () => {
    const world = await threeServers();
    const first = world.leader;
    first.fault = 'losesAnswers';
    const ready = { type: 'ready' } as const;
    const answer = (async () => {
      // The moment before the store notices: the change is decided and sent, and no answer comes.
      first.fault = 'none';
      const pending = first.orchestrator.control.changeApps([putOf('/unknown')], { force: true });
      first.fault = 'losesAnswers';
      return pending;
    })();
    await world.settle();
    expect(ready.type).toBe('ready');
    expect(await change(world, first, '/refused', 1)).toMatchObject({
      error: { status: 503, headers: { 'Marathon-Write-Outcome': 'refused' } },
    });
    world.kill(world.servers[2] as HaServer);
    first.election.cut();
    await world.until('another one leads', () => world.serving().length === 1 && world.leader !== first);
    expect(await answer).toMatchObject({ error: { status: 503, headers: { 'Marathon-Write-Outcome': 'unknown' } } });
    const { read } = world.leader.orchestrator;
    expect(read.app('/unknown')).toBeDefined();
    expect(read.app('/refused')).toBeUndefined();
  });
});

describe('giving up the lead', () => {
  // deviation(servers): `DELETE /v2/leader`
  //   Marathon: the process ends
  //   here: it steps down and follows; with one server it starts anew from its store. `backup=` and `restore=` take
  //     `file:` URIs
  it('by an abdication hands over to the next one, after the answer', async () => {
    const world = await threeServers();
    const first = world.leader;
    expect(await first.orchestrator.control.abdicate({})).toMatchObject({ ok: true });
    expect(world.leader).toBe(first);
    await world.advance(2_000);
    expect(world.leader.name).toBe('b');
    const second = world.leader;
    await second.orchestrator.control.abdicate({});
    await world.advance(2_000);
    expect(world.leader.name).toBe('c');
    expect(await change(world, world.leader, '/web', 1)).toMatchObject({ ok: true });
    world.expectSane();
  });

  it('refuses a backup where there are none to be had', async () => {
    const world = await threeServers();
    const answer = await world.leader.orchestrator.control.abdicate({ backup: 's3://bucket/x' });
    expect(answer).toMatchObject({ ok: false, error: { status: 422 } });
  });

  it('by stopping lets the next one lead at once', async () => {
    const world = await threeServers();
    const first = world.leader;
    await change(world, first, '/web', 2);
    const stopping = first.orchestrator.stop(false);
    await world.settle();
    await stopping;
    await world.advance(200);
    expect(world.servers[1]?.orchestrator.read.cluster().elected).toBe(true);
    expect(world.mesos.alive()).toHaveLength(2);
  });

  it('happens when Mesos is out of reach for a minute and another server reaches it, at most once in ten minutes', async () => {
    const world = await threeServers();
    const first = world.leader;
    await world.advance(15_000);
    first.reachesMesos = false;
    world.mesos.disconnect();
    await world.advance(59_000);
    expect(world.leader).toBe(first);
    await world.advance(20_000);
    expect(world.leader).not.toBe(first);
    expect(world.leader.orchestrator.read.cluster().mesosConnected).toBe(true);
  });

  it('does not happen when nobody reaches Mesos', async () => {
    const world = await threeServers();
    const first = world.leader;
    for (const server of world.servers) server.reachesMesos = false;
    await world.advance(15_000);
    world.mesos.disconnect();
    await world.advance(180_000);
    expect(world.leader).toBe(first);
  });
});

describe('a server that was elected', () => {
  it('and cannot use the store stands back with the reason', async () => {
    const world = await threeServers();
    const second = world.servers[1] as HaServer;
    second.fault = 'unusable';
    world.kill(world.leader);
    await world.until('the third leads', () => world.servers[2]?.orchestrator.read.cluster().elected === true);
    expect(second.election.reason).toBe('too new');
    second.fault = 'none';
    await world.advance(40_000);
    expect(second.election.reason).toBeUndefined();
  });

  it('and cannot reach the store lets another one try', async () => {
    const world = await threeServers();
    const second = world.servers[1] as HaServer;
    second.fault = 'away';
    world.kill(world.leader);
    await world.until('the third leads', () => world.servers[2]?.orchestrator.read.cluster().elected === true, 120_000);
  });

  it('design §5.10: subscribes only after a commit in its own epoch', async () => {
    const world = await threeServers();
    const first = world.leader;
    const commits = world.store.batches.length;
    world.mesos.disconnect();
    await world.advance(1_000);
    expect(commits).toBeGreaterThan(0);
    world.kill(first);
    await world.until('another one leads', () => world.serving().length === 1);
    await world.until('and is connected', () => world.leader.orchestrator.read.cluster().mesosConnected);
    const [epoch] = [...world.leader.epochs];
    const own = world.store.batches.filter((b) => b.epoch === epoch);
    expect(own[0]).toMatchObject({ records: [], events: [] });
  });
});

describe('whatever happens', () => {
  it.each(Array.from({ length: 12 }, (_, i) => i + 1))(
    'one leads, nothing acknowledged is lost, seed %i',
    async (seed) => {
      const world = await threeServers(seed);
      const wanted = new Map<string, number>();
      const pick = <T>(list: readonly T[]): T => list[Math.floor(world.random() * list.length)] as T;
      for (let round = 0; round < 25; round++) {
        const living = world.servers.filter((s) => !s.isDead && !s.isFrozen);
        const server = pick(living);
        const dice = world.random();
        if (dice < 0.45) {
          const id = `/app-${Math.floor(world.random() * 3)}`;
          const instances = Math.floor(world.random() * 4);
          for (const one of living) {
            if (!one.orchestrator.read.cluster().elected) continue;
            const answer = one.orchestrator.control.changeApps([putOf(id, { instances })], { force: true });
            let heard: Awaited<typeof answer> | undefined;
            void answer.then((a) => {
              heard = a;
            });
            await world.until('an answer', () => heard !== undefined, 30_000);
            if (heard?.ok) wanted.set(id, instances);
            else if (heard?.error.headers?.['Marathon-Write-Outcome'] === 'unknown') wanted.delete(id);
          }
        } else if (dice < 0.6) {
          world.freeze(server);
          await world.advance(500 + world.random() * 9_000);
          await world.thaw(server);
        } else if (dice < 0.75) {
          server.election.cut();
          await world.advance(500 + world.random() * 9_000);
          server.election.heal();
        } else if (dice < 0.85) {
          if (server.orchestrator.read.cluster().elected) await server.orchestrator.control.abdicate({});
        } else if (living.length > 1 && world.servers.length < 6) {
          world.kill(server);
          await world.add(`n${round}`);
        }
        await world.advance(world.random() * 4_000);
      }
      await world.until('somebody leads', () => world.serving().length === 1, 120_000);
      await world.advance(30_000);
      const { leader } = world;
      for (const [id, instances] of wanted) {
        expect({ id, instances: leader.orchestrator.read.app(id)?.instances }).toEqual({ id, instances });
        expect({ id, running: running(leader, id).length }).toEqual({ id, running: instances });
      }
      world.expectSane();
    },
  );
});
