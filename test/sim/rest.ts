/** The weather clears up: after a while everything must be as it was promised, or wait for a reason that can be shown. */
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { isCurrent } from '../../src/core/app/versions.ts';
import { parseTaskId } from '../../src/core/ids.ts';
import { whyViolations } from '../support/why-check.ts';
import { hasTask, isCounted, isReady } from './checkers/context.ts';
import { isMet } from './checkers/launches.ts';
import { hasRoom, infoOf } from './feasible.ts';
import type { SimTask } from './mesos-agents.ts';
import type { SimWorld } from './world.ts';

/** Longest time until somebody leads and is connected. */
const leaderWithinMs = 180_000;
/** What comes back too much is told to die within this time (design §8). */
const surplusWithinMs = 10_000;
/** Lost launches are found by the next full reconciliation; hung ones are given up after the launch time-out. */
const restWithinMs = 2_400_000;
const lookEveryMs = 20_000;
/** Nothing has happened for longer than the pause between two reconciliations: nothing will. */
const quietForMs = 680_000;

/** A kill that got lost is repeated within this time. */
const killRepeatMs = 35_000;

/** Ends all faults, waits, and checks. */
export async function comeToRest(world: SimWorld): Promise<void> {
  const clearAtMs = world.clock.monotonic();
  clearUp(world);
  await world.restartDead();
  if (!(await connected(world))) return;
  const absent = world.mesos.agents.filter((a) => !a.isDead && !a.isReachable);
  for (const agent of absent) world.mesos.rejoin(agent);
  const doomed = doomedTasks(world);
  if (!(await world.advance(1_000 + surplusWithinMs))) return;
  checkSurplus(world, clearAtMs);
  if (!(await world.advance(killRepeatMs))) return;
  for (const { id, isAlive, isBeingKilled } of doomed) {
    if (isAlive && !isBeingKilled) world.chronicle.violation('kills', `${id} was sentenced and is not killed`);
  }
  let quietMs = 0;
  for (let passed = 0; passed < restWithinMs && quietMs < quietForMs && !isAtRest(world); passed += lookEveryMs) {
    const events = world.mirror.events.length;
    if (!(await world.advance(lookEveryMs))) return;
    quietMs = world.mirror.events.length === events ? quietMs + lookEveryMs : 0;
  }
  // What waits for the next offer may have been looked at just before it came.
  if (await world.advance(130_000)) await checkRest(world);
}

function clearUp(world: SimWorld): void {
  const loss = { update: 0, double: 0, acknowledge: 0, kill: 0, accept: 0, demand: 0, reconcile: 0 };
  const { profile, mesos } = world;
  profile.value = { ...profile.value, loss, taskFails: 0, taskHangs: 0 };
  world.chronicle.log('the weather clears up');
  for (const server of world.servers) {
    server.crashAt = undefined;
    server.reachesMesos = true;
    server.election?.heal();
    if (server.election) server.election.isBlind = false;
    server.storeIsBack();
    if (server.isFrozen) server.thaw();
  }
  for (const task of mesos.tasks.values()) task.isSick = false;
  // A leader that was fenced while nothing was written finds out by the commit that goes before a subscription.
  if (world.serving().some((s) => !world.journalChecker.isSound(s.epoch))) mesos.breakStream(0);
}

async function connected(world: SimWorld): Promise<boolean> {
  for (let passed = 0; passed < leaderWithinMs; passed += 1_000) {
    const [leader] = world.serving();
    // A broken stream may look sound at this end for a while.
    const isConnected = leader !== undefined && world.mesos.session?.link.owner.name === leader.name;
    const isSound = leader !== undefined && world.journalChecker.isSound(leader.epoch);
    if (isSound && isConnected && leader.orchestrator.read.cluster().mesosConnected && passed > 3_000) return true;
    if (!(await world.advance(1_000))) return false;
  }
  world.chronicle.violation('rest', 'nobody leads with a connection to Mesos');
  return false;
}

/** What lives where it can be reached, and is meant to die. */
const doomedTasks = ({ mesos, mirror }: SimWorld): readonly SimTask[] =>
  mesos.alive().filter(({ id, agent }) => {
    const instance = mirror.instances.get(parseTaskId(id)?.instanceId ?? '');
    return instance?.tasks[0]?.id === id && instance.goal !== 'Running' && agent.standing === 'registered';
  });

/** What returned and is not wanted has been told to die. */
function checkSurplus({ mesos, mirror, chronicle, clock }: SimWorld, clearAtMs: number): void {
  for (const task of mesos.alive()) {
    if (
      task.returnedAtMs === undefined ||
      task.returnedAtMs < clearAtMs ||
      clock.monotonic() - task.returnedAtMs < surplusWithinMs
    )
      continue;
    const instance = mirror.instances.get(parseTaskId(task.id)?.instanceId ?? '');
    const isWanted = instance?.tasks[0]?.id === task.id && instance.goal === 'Running';
    if (!isWanted && !task.isBeingKilled) chronicle.violation('surplus', `${task.id} is back and still lives`);
  }
}

function isAtRest({ mirror, mesos }: SimWorld): boolean {
  if (mirror.deployments.size > 0) return false;
  for (const app of mirror.apps.values()) {
    const instances = mirror.instancesOf(app.id);
    if (instances.length !== app.instances || !instances.every((i) => isReady(i, mirror.definitionOf(i)))) return false;
  }
  return mesos.alive().length === [...mirror.apps.values()].reduce((sum, app) => sum + app.instances, 0);
}

/** What the why-answers say is what a search finds. The judge does not know fault domains. */
function checkWhy(world: SimWorld): void {
  const { chronicle, clock } = world;
  const isJudged = ({ constraints }: AppDefinition): boolean => constraints.every(([field]) => !field.startsWith('@'));
  for (const { orchestrator } of world.serving()) {
    for (const violation of whyViolations(orchestrator.read, clock.now(), isJudged))
      chronicle.violation('why', violation);
  }
}

async function checkRest(world: SimWorld): Promise<void> {
  const { mirror, mesos, chronicle, users } = world;
  checkWhy(world);
  const waiting = new Set<string>();
  users.check();
  for (const app of mirror.apps.values()) if (!checkApp(world, app)) waiting.add(app.id);
  for (const instance of mirror.instances.values()) {
    if (!mirror.apps.has(instance.appId) && !isHeld(world, instance.appId)) {
      chronicle.violation('rest', `${instance.id} (${instance.goal} ${instance.condition}) belongs to no app`);
    }
  }
  for (const task of mesos.alive()) checkTask(world, task);
  for (const { id, affected, steps, currentStep } of mirror.deployments.values()) {
    const actions = steps[currentStep - 1]?.actions ?? [];
    if (affected.some((a) => waiting.has(a.id)) || actions.some((a) => waiting.has(a.app))) continue;
    chronicle.violation('deployments', `${id} waits at step ${currentStep} ${JSON.stringify(actions)} for no reason`);
  }
  const forgotten = mesos.offersOlderThan(10_000);
  if (forgotten.length > 0) chronicle.violation('offers', `${forgotten.join(', ')} held by nobody`);
  for (const task of mesos.tasks.values()) {
    if (task.updates.length > 0 && !task.agent.isDead)
      chronicle.violation('acknowledgements', `${task.id} has open updates`);
  }
  if (chronicle.violations.length === 0) await checkLocks(world, waiting);
}

const isHeld = ({ mirror }: SimWorld, appId: string): boolean => mirror.deploymentsOf(appId).length > 0;

function checkTask({ mirror, chronicle }: SimWorld, task: SimTask): void {
  const instance = mirror.instances.get(parseTaskId(task.id)?.instanceId ?? '');
  if (instance?.tasks[0]?.id !== task.id) chronicle.violation('rest', `${task.id} is a stray`);
}

/** True if the app is as it should be; false if it waits for a reason; otherwise a violation. */
function checkApp(world: SimWorld, app: AppDefinition): boolean {
  const { mirror, chronicle } = world;
  const instances = mirror.instancesOf(app.id);
  const held = mirror.deploymentsOf(app.id);
  const ready = instances.filter((i) => isReady(i, mirror.definitionOf(i)));
  const isExact = instances.length === app.instances && ready.length === app.instances;
  // Whether a deployment of it should have ended is for the deployment to say.
  if (isExact) return true;
  // Waiting for its turn behind what waits for a reason of its own.
  const isTurn = held.some((d) => d.steps[d.currentStep - 1]?.actions.some((a) => a.app === app.id));
  if (held.length > 0 && !isTurn) return true;
  const waits = instances.filter((i) => i.goal === 'Running' && !hasTask(i) && !i.condition.startsWith('Unreachable'));
  const lost = instances.filter((i) => i.condition.startsWith('Unreachable'));
  const counted = instances.filter(isCounted);
  if (waits.length > 0) {
    noteStarvation(world, app);
    return false;
  }
  // A strategy that never gives up waits for an agent that never returns.
  if (app.unreachableStrategy === 'disabled' && lost.length > 0) return false;
  if (lost.length > 0 && counted.length <= app.instances) return false;
  const all = instances.map((i) => `${i.goal} ${i.condition} ${i.healthy ?? ''}`).join(', ');
  chronicle.violation(
    'rest',
    `${app.id} has ${ready.length} of ${app.instances} ready${held.length > 0 ? ', deploying' : ''}: ${all}`,
  );
  return true;
}

/** Nobody may wait where there is a place. */
function noteStarvation({ mirror, mesos, chronicle }: SimWorld, app: AppDefinition): void {
  if (app.constraints.some(([, operator]) => operator === 'GROUP_BY')) return;
  const others = mirror
    .instancesOf(app.id)
    .filter((i) => hasTask(i) && isCurrent(i.version, app))
    .flatMap((i) => i.agent ?? []);
  const tasks = mesos.alive();
  const fit = mesos
    .reachableAgents()
    .find(
      (agent) =>
        agent.standing === 'registered' &&
        hasRoom(app, agent, tasks) &&
        app.constraints.every((c) => isMet(c, infoOf(agent), others)),
    );
  if (fit) chronicle.violation('starvation', `${app.id} waits although it fits on ${fit.id}`);
}

/** No lock outlives its deployment: whatever is not deployed can be changed without force. */
async function checkLocks(world: SimWorld, waiting: ReadonlySet<string>): Promise<void> {
  const { mirror, chronicle, users } = world;
  for (const id of [...mirror.apps.keys()]) {
    if (isHeld(world, id) || waiting.has(id)) continue;
    // A leader that was fenced while nothing was written finds out by the first write.
    let status: number | undefined = 503;
    for (let attempt = 0; attempt < 3 && status === 503; attempt++) {
      const [leader] = world.serving();
      status = leader ? await statusOf(world, users.touch(leader, id)) : 503;
    }
    if (status !== 200) chronicle.violation('locks', `${id} cannot be changed at rest: ${status}`);
  }
}

async function statusOf(world: SimWorld, answer: ReturnType<SimWorld['users']['touch']>): Promise<number | undefined> {
  let status: number | undefined;
  answer.then(
    (result) => {
      status = result.ok ? 200 : result.error.status;
    },
    (error: unknown) => world.chronicle.violation('answers', String(error)),
  );
  await world.advance(12_000);
  return status;
}
