/** Everything that may go wrong, one function each. */
import type { Dice } from './dice.ts';
import type { FaultName } from './profile.ts';
import type { SimServer } from './server.ts';
import type { SimWorld } from './world.ts';

type Fault = (world: SimWorld, dice: Dice) => void;

const someServer = (world: SimWorld, dice: Dice): SimServer | undefined => {
  const living = world.servers.filter((s) => s.isUp);
  // The leader is where it hurts.
  const leading = living.filter((s) => s.isServing);
  const from = leading.length > 0 && dice.chance(0.7) ? leading : living;
  return from.length > 0 ? dice.pick(from) : undefined;
};

/** Sets something now, and back after a while. */
function forAWhile(world: SimWorld, ms: number, begin: () => void, end: () => void): void {
  begin();
  world.clock.after(ms, end);
}

export const faults: Readonly<Record<FaultName, Fault>> = {
  agentPartition: ({ mesos, clock, chronicle }, dice) => {
    const agents = mesos.reachableAgents();
    if (agents.length < 1) return;
    const agent = dice.pick(agents);
    const patienceMs = dice.pick([500, 5_000, 20_000]);
    const forMs = dice.pick([200, 4_000, 25_000, 90_000, 300_000]);
    chronicle.fault('agentPartition', `${agent.id} for ${forMs} ms`);
    mesos.partition(agent, patienceMs);
    clock.after(forMs, () => mesos.rejoin(agent));
  },
  agentDeath: ({ mesos, clock, chronicle }, dice) => {
    const agents = mesos.reachableAgents();
    if (agents.length < 2) return;
    const agent = dice.pick(agents);
    chronicle.fault('agentDeath', agent.id);
    mesos.destroy(agent, dice.between(500, 20_000));
    const host = Number(agent.host.slice(4));
    clock.after(dice.between(1_000, 120_000), () => mesos.addAgent(host));
    if (dice.chance(0.3)) clock.after(60_000, () => mesos.markGone(agent));
  },
  masterFailover: ({ mesos, chronicle }, dice) => {
    if (!mesos.isUp) return;
    chronicle.fault('masterFailover');
    mesos.failover(dice.between(100, 20_000));
  },
  connectionBreak: ({ mesos, chronicle }, dice) => {
    chronicle.fault('connectionBreak');
    mesos.breakStream(dice.pick([0, 100, 5_000, 15_000]));
  },
  callsBreak: ({ mesos, chronicle }) => {
    chronicle.fault('callsBreak');
    mesos.breakCalls();
  },
  rescind: ({ mesos, chronicle }) => {
    if (mesos.outstandingOffers === 0) return;
    chronicle.fault('rescind');
    mesos.rescindSome();
  },
  taskEnd: ({ mesos, chronicle }, dice) => {
    const running = mesos.alive().filter((t) => t.state === 'TASK_RUNNING');
    if (running.length === 0) return;
    const task = dice.pick(running);
    chronicle.fault('taskEnd', task.id);
    mesos.move(task, dice.pick(['TASK_FAILED', 'TASK_FINISHED', 'TASK_KILLED', 'TASK_LOST']));
  },
  sickness: ({ mesos, clock, chronicle }, dice) => {
    const tasks = mesos.alive().filter((t) => t.ports.length > 0);
    if (tasks.length === 0) return;
    const task = dice.pick(tasks);
    chronicle.fault('sickness', task.id);
    forAWhile(
      { clock } as SimWorld,
      dice.pick([1_000, 8_000, 100_000]),
      () => {
        task.isSick = true;
      },
      () => {
        task.isSick = false;
      },
    );
  },
  commitFails: (world) => {
    world.chronicle.fault('commitFails');
    world.journalChecker.expectFailure();
    world.store.failNext('the disk is full');
  },
  fence: (world) => {
    world.chronicle.fault('fence');
    world.journalChecker.fenced();
    world.store.fence();
  },
  storeAway: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    const forMs = dice.pick([100, 2_000, 8_000, 30_000]);
    world.chronicle.fault('storeAway', `${server.name} for ${forMs} ms`);
    forAWhile(
      world,
      forMs,
      () => {
        server.isStoreAway = true;
      },
      () => server.storeIsBack(),
    );
  },
  crash: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    world.chronicle.fault('crash', server.name);
    server.die();
  },
  crashAtCommit: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    world.chronicle.fault('crashAtCommit', server.name);
    server.crashAt = { what: 'commit', left: dice.between(1, 12) };
  },
  crashAtCall: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    world.chronicle.fault('crashAtCall', server.name);
    server.crashAt = { what: 'call', left: dice.between(1, 12) };
  },
  freeze: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    const forMs = dice.pick([500, 3_000, 10_000, 40_000]);
    world.chronicle.fault('freeze', `${server.name} for ${forMs} ms`);
    forAWhile(
      world,
      forMs,
      () => {
        server.isFrozen = true;
      },
      () => server.thaw(),
    );
  },
  electionCut: (world, dice) => {
    const server = someServer(world, dice);
    const { election } = server ?? {};
    if (!server || !election) return;
    const forMs = dice.pick([1_000, 5_000, 15_000]);
    // Whoever is cut from the ensemble is cut from the store that lies in it.
    world.chronicle.fault('electionCut', `${server.name} for ${forMs} ms`);
    forAWhile(
      world,
      forMs,
      () => {
        election.cut();
        election.isBlind = dice.chance(0.3);
        server.isStoreAway = true;
      },
      () => {
        election.heal();
        election.isBlind = false;
        server.storeIsBack();
      },
    );
  },
  mesosCut: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    const forMs = dice.pick([2_000, 30_000, 120_000]);
    world.chronicle.fault('mesosCut', `${server.name} for ${forMs} ms`);
    if (world.mesos.session?.link.owner.name === server.name) world.mesos.breakStream(dice.pick([0, 10_000]));
    forAWhile(
      world,
      forMs,
      () => {
        server.reachesMesos = false;
      },
      () => {
        server.reachesMesos = true;
      },
    );
  },
  abdicate: (world, dice) => {
    const server = someServer(world, dice);
    if (!server?.isServing) return;
    world.chronicle.fault('abdicate', server.name);
    void server.orchestrator.control.abdicate({});
  },
  clockJump: (world, dice) => {
    const server = someServer(world, dice);
    if (!server) return;
    const byMs = dice.pick([-60_000, -5_000, 3_000, 30_000, 600_000]);
    world.chronicle.fault('clockJump', `${server.name} by ${byMs} ms`);
    server.skewMs += byMs;
  },
  stray: ({ mesos, chronicle, nextId }, dice) => {
    const agents = mesos.reachableAgents().filter((a) => a.standing === 'registered');
    if (agents.length === 0) return;
    const id = dice.pick([
      `a.instance-${nextId()}-0000-1000-8000-000000000000._app.1`,
      `g_c.instance-${nextId()}-0000-1000-8000-000000000000._app.3`,
      `stranger-${nextId()}`,
    ]);
    chronicle.fault('stray', id);
    mesos.addStray(id, dice.pick(agents));
  },
};
