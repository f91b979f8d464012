import { describe, expect, it } from 'vitest';
import type { AppId } from '../../src/core/ids.ts';
import type { MesosTaskState } from '../../src/core/mesos/types.ts';
import { createWorld, putOf, seededRandom, type World } from '../support/world.ts';

const seeds = 200;
const stepsPerSeed = 60;
const ids = ['/a', '/b', '/g/c', '/g/d'] as const;
const ends: readonly MesosTaskState[] = ['TASK_FAILED', 'TASK_FINISHED', 'TASK_KILLED', 'TASK_LOST'];

/** What users were told is true: the last acknowledged count of each app, undefined once it was deleted. */
type Promised = Map<string, number | undefined>;

interface Run {
  readonly world: World;
  readonly random: () => number;
  readonly promised: Promised;
  /** Apps with a request that was never answered: either outcome is right. */
  readonly doubtful: Set<string>;
}

const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Asks for something and notes what was promised; a crash before the answer leaves it open. */
async function ask(
  run: Run,
  id: string,
  wanted: number | undefined,
  request: () => Promise<{ ok: boolean }>,
): Promise<void> {
  const { world } = run;
  let isAnswered = false;
  let isOk = false;
  void request().then((answer) => {
    isAnswered = true;
    isOk = answer.ok;
  });
  await world.settle();
  if (isAnswered && isOk) run.promised.set(id, wanted);
  else if (!isAnswered) run.doubtful.add(id);
}

const actions: readonly ((run: Run) => Promise<void>)[] = [
  async (run) => {
    const id = pick(run.random, ids);
    const instances = Math.floor(run.random() * 6);
    const cmd = `sleep ${1 + Math.floor(run.random() * 3)}`;
    const isForced = run.random() < 0.6;
    await ask(run, id, instances, () =>
      run.world.request([putOf(id, { instances, cmd, backoffSeconds: 1 })], isForced),
    );
  },
  async (run) => {
    const id = pick(run.random, ids);
    if (!run.world.read.app(id)) return;
    const instances = Math.floor(run.random() * 8);
    const change = { type: 'scale', id: id as AppId, instances, sentenced: [] } as const;
    await ask(run, id, instances, () => run.world.request([change], run.random() < 0.6));
  },
  async (run) => {
    const id = pick(run.random, ids);
    if (!run.world.read.app(id) || run.random() < 0.5) return;
    await ask(run, id, undefined, () => run.world.request([{ type: 'delete', id: id as AppId }], true));
  },
  async ({ world, random }) => {
    const instances = world.instances(pick(random, ids)).slice(0, 2);
    const wipe = random() < 0.3;
    void world.control.kill({ instances: instances.map((i) => i.id), scale: false, wipe, force: false });
    await world.settle();
  },
  async ({ world, random }) => {
    const task = pick(random, world.mesos.alive());
    if (task?.agent.isReachable) world.mesos.move(task.id, pick(random, ends));
    if (random() < 0.5) await world.settle();
  },
  async ({ world, random }) => {
    world.mesos.disconnect();
    if (random() < 0.5) await world.settle();
    world.mesos.reconnect();
  },
  async ({ world, random }) => {
    const agent = pick(random, world.mesos.agents);
    if (agent.isReachable) world.mesos.partition(agent);
    else world.mesos.rejoin(agent);
    if (random() < 0.5) await world.settle();
  },
  async ({ world, random }) => {
    world.mesos.losesKills = random() < 0.5;
    world.mesos.losesAcknowledgements = random() < 0.3;
    world.mesos.failsNextAccept = random() < 0.3;
    world.mesos.launchTo = () => (random() < 0.8 ? 'running' : random() < 0.5 ? 'staging' : 'failed');
  },
  async ({ world, random }) => {
    let left = Math.floor(random() * 12);
    world.onStep = () => left-- > 0;
  },
  async ({ world, random }) => {
    if (random() < 0.3) await world.restart();
  },
  async ({ world, random }) => {
    world.store.hold();
    await world.settle();
    world.mesos.pump(Math.floor(random() * 4));
    world.store.release();
  },
  async ({ world, random }) => {
    if (random() < 0.2) world.store.fence();
  },
  async ({ world, random }) => {
    const deploymentIds = world.deploymentIds();
    const id = pick(random, deploymentIds);
    if (id === undefined || random() < 0.5) return;
    // Only by force: what a rollback would leave cannot be told from here.
    void world.control.cancelDeployment(id, { force: true });
    await world.settle();
  },
];

async function runSeed(seed: number): Promise<Run> {
  const world = await createWorld({ seed, agents: 3 });
  const run: Run = { world, random: seededRandom(seed * 7919), promised: new Map(), doubtful: new Set() };
  for (let step = 0; step < stepsPerSeed; step++) {
    await pick(run.random, actions)(run);
    if (run.random() < 0.6) await world.advance(Math.floor(run.random() ** 3 * 20_000));
    if (world.isCrashed) await world.restart();
  }
  return run;
}

/** The faults are over: after a while everything is as it was promised. */
async function calm({ world }: Run): Promise<void> {
  world.onStep = undefined;
  const { mesos } = world;
  mesos.losesKills = false;
  mesos.losesAcknowledgements = false;
  mesos.failsNextAccept = false;
  mesos.launchTo = () => 'running';
  for (const task of mesos.alive()) if (task.state === 'TASK_STAGING') mesos.move(task.id, 'TASK_RUNNING');
  for (const agent of mesos.agents) if (!agent.isReachable) mesos.rejoin(agent);
  if (world.isCrashed) await world.restart();
  mesos.reconnect();
  await world.advance(700_000);
}

function check({ world, promised, doubtful }: Run, seed: number): void {
  world.expectSane();
  const found = ids.map((id) => {
    const app = world.read.app(id);
    return {
      seed,
      id,
      isPromised: doubtful.has(id) || app?.instances === promised.get(id),
      running: world.running(id).length,
      instances: world.instances(id).length,
      tasks: world.tasksOf(id).join(),
    };
  });
  const wanted = ids.map((id) => {
    const count = world.read.app(id)?.instances ?? 0;
    const tasks = world.running(id).map((i) => i.tasks[0]?.id as string);
    return { seed, id, isPromised: true, running: count, instances: count, tasks: tasks.sort().join() };
  });
  expect(found).toEqual(wanted);
  expect([seed, world.deploymentIds()]).toEqual([seed, []]);
  expect([seed, world.mesos.alive().length]).toEqual([seed, wanted.reduce((sum, w) => sum + w.running, 0)]);
  expect([seed, world.read.queue()]).toEqual([seed, []]);
  expect([seed, [...world.mesos.tasks.values()].filter((t) => t.updates.length > 0).map((t) => t.id)]).toEqual([
    seed,
    [],
  ]);
}

describe('Whatever happens in whatever order', () => {
  for (let block = 0; block < 4; block++) {
    it(`everything is as promised in the end (seeds of block ${block})`, async () => {
      for (let i = 0; i < seeds / 4; i++) {
        const seed = block * (seeds / 4) + i + 1;
        const run = await runSeed(seed);
        await calm(run);
        check(run, seed);
      }
    });
  }
});
