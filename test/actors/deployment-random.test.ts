import { describe, expect, it } from 'vitest';
import type { DeploymentLimits, OnFailure } from '../../src/core/deploy/plan-types.ts';
import { waitingReasons } from '../../src/core/deploy/waiting.ts';
import { isLong } from '../support/stack.ts';
import { createWorld, putOf, seededRandom, type World } from '../support/world.ts';

const seeds = isLong ? 400 : 80;
const seedsPerTest = 10;
const stepsPerSeed = 30;
const wanted = 4;
/** Minimum 3, at most 5 at once. */
const upgradeStrategy = { minimumHealthCapacity: 0.75, maximumOverCapacity: 0.25 };
const healthChecks = [{ protocol: 'HTTP', path: '/health', intervalSeconds: 2, timeoutSeconds: 1 }] as const;
const readinessChecks = [{ path: '/ready', portName: 'main', intervalSeconds: 2, timeoutSeconds: 1 }] as const;
const portDefinitions = [{ port: 0, protocol: 'tcp', name: 'main' }] as const;
const outcomes: readonly OnFailure[] = ['rollback', 'pause', 'keep'];
/** What the commands of the versions stand for. */
const kinds = ['good', 'good', 'sick', 'cold', 'crashing'] as const;

const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

const app = (kind: string, number: number) => ({
  cmd: `${kind} ${number}`,
  instances: wanted,
  upgradeStrategy,
  healthChecks,
  readinessChecks,
  portDefinitions,
  backoffSeconds: 1,
  backoffFactor: 1,
});

/** What the task with this port runs: `good`, `sick`, … */
function kindAt(world: World, port: number): string {
  const task = world.mesos.alive().find((t) => t.ports.includes(port));
  const instance = world.instances('/web').find((i) => i.tasks.some((t) => t.id === task?.id));
  return (instance && world.read.appAt('/web', instance.version)?.cmd?.split(' ')[0]) ?? 'good';
}

function serve(world: World): void {
  world.prober.answer = ({ port, path }) => {
    const kind = kindAt(world, port);
    const isBad = path === '/health' ? kind === 'sick' || kind === 'crashing' : kind === 'cold';
    return { type: 'answered', status: isBad ? 503 : 200 };
  };
}

const goodTasks = (world: World): number =>
  world
    .running('/web')
    .filter((i) => i.healthy === true && world.read.appAt('/web', i.version)?.cmd?.startsWith('good')).length;

function randomLimits(random: () => number): DeploymentLimits | undefined {
  if (random() < 0.3) return undefined;
  const onFailure = pick(random, outcomes);
  const deadlineSeconds = 5 + Math.floor(random() * 60);
  return random() < 0.5
    ? { deadlineSeconds, onFailure }
    : { deadlineSeconds: deadlineSeconds * 4, maxLaunchAttempts: 1 + Math.floor(random() * 3), onFailure };
}

interface Run {
  readonly world: World;
  readonly random: () => number;
  readonly deployments: Set<string>;
  number: number;
}

async function upgrade(run: Run, kind: string, limits: DeploymentLimits | undefined, force: boolean): Promise<void> {
  const options = limits ? { force, limits } : { force };
  const answer = run.world.control.changeApps([putOf('/web', app(kind, ++run.number))], options);
  await run.world.settle();
  const result = await answer;
  if (result.ok) run.deployments.add(result.value.deploymentId);
}

const actions: readonly ((run: Run) => Promise<void>)[] = [
  (run) => upgrade(run, pick(run.random, kinds), randomLimits(run.random), run.random() < 0.5),
  (run) => upgrade(run, pick(run.random, kinds), randomLimits(run.random), run.random() < 0.5),
  async ({ world }) => world.restart(),
  async ({ world, random, ...run }) => {
    // The process is killed in the middle of whatever it does; nobody hears what became of the request.
    let left = Math.floor(random() * 25);
    world.onStep = () => left-- > 0;
    const options = { force: random() < 0.5, limits: { deadlineSeconds: 20, onFailure: pick(random, outcomes) } };
    void world.control.changeApps([putOf('/web', app(pick(random, kinds), run.number + 1_000))], options);
    for (let i = 0; i < 5 && !world.isCrashed; i++) await world.advance(1_000);
    await world.restart();
  },
  async ({ world, random, deployments }) => {
    const id = world.deploymentIds()[0];
    if (id === undefined || random() < 0.5) return;
    const answer = world.control.cancelDeployment(id, { force: random() < 0.5 });
    await world.settle();
    const result = await answer;
    if (result.ok && result.value) deployments.add(result.value.deploymentId);
  },
  async ({ world, random }) => {
    const id = world.deploymentIds()[0];
    if (id !== undefined) void world.control.continueDeployment(id, randomLimits(random));
    await world.settle();
  },
  async ({ world }) => {
    // Crashing tasks die as soon as somebody looks.
    for (const task of world.mesos.alive()) {
      if (kindAt(world, task.ports[0] ?? 0) === 'crashing') world.mesos.move(task.id, 'TASK_FAILED');
    }
    await world.settle();
  },
];

/** What must hold at every moment. */
function look(world: World, seed: number): void {
  expect([seed, goodTasks(world) >= 3], 'fewer good tasks than the minimum').toEqual([seed, true]);
  expect([seed, world.tasksOf('/web').length <= 5], 'more tasks than the maximum').toEqual([seed, true]);
  for (const deployment of world.read.deployments()) {
    const { appAt, instancesOf, readinessOf, pendingOf } = world.read;
    const facts = { appAt, instancesOf, readinessOf, notBeforeMs: () => undefined, nowMs: world.clock.now() };
    const reasons = waitingReasons(deployment, pendingOf(deployment.id), facts);
    expect([seed, reasons.length > 0], 'a deployment waits for no reason').toEqual([seed, true]);
  }
}

async function runSeed(seed: number): Promise<void> {
  const world = await createWorld({ seed, agents: 3 });
  serve(world);
  const run: Run = { world, random: seededRandom(seed * 6151), deployments: new Set(), number: 0 };
  await upgrade(run, 'good', undefined, false);
  await world.advance(10_000);
  for (let step = 0; step < stepsPerSeed; step++) {
    await pick(run.random, actions)(run);
    look(world, seed);
    for (let i = Math.floor(run.random() * 15); i > 0; i--) {
      await world.advance(1_000);
      look(world, seed);
    }
  }
  await upgrade(run, 'good', undefined, true);
  await world.advance(120_000);
  expect([seed, world.deploymentIds()]).toEqual([seed, []]);
  expect([seed, goodTasks(world), world.tasksOf('/web').length]).toEqual([seed, wanted, wanted]);
  for (const id of run.deployments) expect([seed, world.read.finishedDeployment(id)?.result]).not.toContain(undefined);
  expect([seed, world.prober.open(), [...world.read.readinessOf('/web')]]).toEqual([seed, 0, []]);
  world.expectSane();
}

describe('Upgrades that go well or badly, with limits, cancellations and new leaders', () => {
  for (let block = 0; block < seeds / seedsPerTest; block++) {
    it(`keep enough good tasks, and end for a reason that is told (seeds of block ${block})`, async () => {
      for (let i = 0; i < seedsPerTest; i++) await runSeed(block * seedsPerTest + i + 1);
    });
  }
});
