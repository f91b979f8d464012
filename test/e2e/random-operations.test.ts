import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { environmentOf, inPlayground, type Playground } from '../support/processes.ts';
import type { RestClient } from '../support/rest-client.ts';
import { isLong, startCluster, startServer } from '../support/stack.ts';

const operations = isLong ? 1_000 : 300;
/** Users who work at the same time, each on apps of their own, so that each knows what must come of it. */
const users = 3;
const appsPerUser = 4;
const maxInstances = 4;
const maxPauseMs = 60;

/** What was acknowledged: id → instances and the value that every task must see. */
type Wanted = Map<string, { readonly instances: number; readonly step: string }>;

/** A small generator with a seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface User {
  readonly name: string;
  readonly rest: RestClient;
  readonly random: (below: number) => number;
  readonly wanted: Wanted;
  readonly tally: Map<string, number>;
}

const appBody = (id: string, instances: number, step: string): object => ({
  id,
  cmd: 'exec sleep 1000',
  instances,
  cpus: 0.01,
  mem: 8,
  env: { STEP: step },
  upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0.5 },
});

/** One operation; what is answered decides what is wanted from now on. */
async function operate(user: User, n: number): Promise<void> {
  const { random, wanted, rest, tally } = user;
  const id = `/${user.name}/app-${random(appsPerUser)}`;
  const before = wanted.get(id);
  const force = random(3) > 0 ? '?force=true' : '';
  const count = (what: string, status: number): void => {
    const key = `${what} ${status}`;
    tally.set(key, (tally.get(key) ?? 0) + 1);
    expect(status, `${key} ${id}`).toBeLessThan(500);
  };
  const change = async (what: string, body: object, after: { instances: number; step: string }): Promise<void> => {
    const { status } = await rest.ask('PUT', `/v2/apps${id}${force}`, body);
    count(what, status);
    // Locked by a deployment is the one thing that may stand in the way.
    expect([200, 409]).toContain(status);
    if (status === 200) wanted.set(id, after);
  };
  if (before === undefined) {
    const instances = random(maxInstances + 1);
    const { status } = await rest.ask('POST', `/v2/apps${force}`, appBody(id, instances, String(n)));
    count('create', status);
    // The removal of an app of this name may still be going on.
    expect([201, 409]).toContain(status);
    if (status === 201) wanted.set(id, { instances, step: String(n) });
    return;
  }
  switch (random(8)) {
    case 0: {
      const { status } = await rest.ask('DELETE', `/v2/apps${id}`);
      count('delete', status);
      expect(status).toBe(200);
      wanted.delete(id);
      return;
    }
    case 1:
    case 2:
      return kill(user, id, before, count);
    case 3:
    case 4:
      return change('update', { env: { STEP: String(n) } }, { ...before, step: String(n) });
    default: {
      const instances = random(maxInstances + 1);
      return change('scale', { instances }, { ...before, instances });
    }
  }
}

async function kill(
  { rest, random, wanted }: User,
  id: string,
  before: { readonly instances: number; readonly step: string },
  count: (what: string, status: number) => void,
): Promise<void> {
  const tasks = await rest.tasks(id);
  const victim = tasks[random(Math.max(1, tasks.length))];
  if (victim === undefined) return;
  const scales = random(2) === 0;
  const { status } = await rest.ask('DELETE', `/v2/apps${id}/tasks/${victim.id}${scales ? '?scale=true' : ''}`);
  count(scales ? 'kill and scale' : 'kill', status);
  // The task may have ended by itself, or a deployment may hold the app.
  expect(scales ? [200, 404, 409] : [200, 404]).toContain(status);
  if (scales && status === 200) wanted.set(id, { ...before, instances: Math.max(0, before.instances - 1) });
}

/** Waits until exactly what is wanted runs, each task one process, and nothing else, and compares it once more. */
async function expectExactly(playground: Playground, rest: RestClient, wanted: Wanted): Promise<void> {
  const listed = (await rest.apps()).map((app) => [app.id, app.instances]).sort();
  expect(listed).toEqual([...wanted].map(([id, { instances }]) => [id, instances]).sort());
  const total = [...wanted.values()].reduce((sum, { instances }) => sum + instances, 0);
  // A task that was told to end at the end is still listed as running for a moment.
  const { tasks, processes } = await eventually(`${total} tasks, each one process`, async () => {
    await rest.idle();
    for (const [id, { instances }] of wanted) await rest.running(id, instances);
    const listed = await rest.tasks();
    const found = playground.tasks();
    const isSame = found.size === total && listed.length === total && listed.every(({ id }) => found.has(id));
    return isSame && { tasks: listed, processes: found };
  });
  const steps = tasks.map((task) => [task.appId, environmentOf(processes.get(task.id)!)['STEP']]);
  expect(steps.sort()).toEqual(tasks.map((task) => [task.appId, wanted.get(task.appId)!.step]).sort());
}

describe('random operations', () => {
  it(`${operations} of them end with exactly the desired instances, each a living process, and no other`, async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { rest } = await startServer(playground, cluster.address);
      const tally = new Map<string, number>();
      const all = Array.from({ length: users }, (_, k): User => {
        return { name: `user-${k}`, rest, random: randomFrom(20_261_123 + k), wanted: new Map(), tally };
      });
      await Promise.all(
        all.map(async (user) => {
          for (let n = 0; n < operations / users; n++) {
            await operate(user, n);
            // Some operations meet what the one before has set going, some meet what it has come to.
            await delay(user.random(2) === 0 ? 0 : user.random(maxPauseMs));
          }
        }),
      );
      const wanted: Wanted = new Map(all.flatMap((user) => [...user.wanted]));
      await expectExactly(playground, rest, wanted);
      // The run must have done what it is named for.
      for (const what of ['create 201', 'scale 200', 'update 200', 'kill 200', 'delete 200']) {
        expect(tally.get(what) ?? 0, `${what} of ${JSON.stringify([...tally])}`).toBeGreaterThan(operations / 100);
      }
      for (const id of wanted.keys()) await rest.must('DELETE', `/v2/apps${id}`);
      await eventually('no task', () => playground.tasks().size === 0);
      expect(await rest.tasks()).toEqual([]);
      rest.close();
    });
  });
});
