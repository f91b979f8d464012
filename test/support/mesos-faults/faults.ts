/** What may happen to a world. Each fault does its harm, lets it last, and mends it. */
import { setTimeout as delay } from 'node:timers/promises';
import { killIfThere } from '../processes.ts';
import { agentTimeoutMs, type FaultWorld, type Hurtable, silenceLimitMs } from './world.ts';

export type Random = (below: number) => number;

export interface Fault {
  readonly what: string;
  /** Two faults of one subject do not happen at once. */
  readonly subject: 'network' | 'updates' | 'cluster' | 'server' | 'tasks';
  readonly run: (world: FaultWorld, random: Random) => Promise<void>;
  /** Only where tasks are so. */
  readonly only?: 'processes' | 'simulated';
}

/** Lasts at least a moment, and until records were really hurt; not for ever, since another fault may keep all away. */
async function until(isHurt: () => boolean, random: Random): Promise<void> {
  await shortly(random);
  const deadlineMs = performance.now() + longestWaitMs;
  while (!isHurt() && performance.now() < deadlineMs) await delay(50);
}
const longestWaitMs = 90_000;

/** Some last less than the limits of patience, some longer. */
const silence = (random: Random): Promise<void> => delay(random(silenceLimitMs * 1.5));
const shortly = (random: Random): Promise<void> => delay(300 + random(900));

async function killAndStart(program: Hurtable, random: Random): Promise<void> {
  await program.kill();
  await delay(random(800));
  await program.start();
}

async function freezeAndThaw(program: Hurtable, random: Random): Promise<void> {
  program.freeze();
  await silence(random);
  program.thaw();
}

async function withAgent({ cluster, agents }: FaultWorld, random: Random, harm: string, remedy: string): Promise<void> {
  const agent = 1 + random(agents);
  await cluster.command(`/agents/${agent}/${harm}`);
  await delay(random(agentTimeoutMs * 2));
  await cluster.command(`/agents/${agent}/${remedy}`);
}

const networkFaults: readonly Fault[] = [
  {
    what: 'the network breaks all connections',
    subject: 'network',
    run: async ({ relay }, random) => {
      for (let n = 1 + random(3); n > 0; n--) {
        relay.reset();
        await delay(random(300));
      }
    },
  },
  {
    what: 'the network refuses all connections',
    subject: 'network',
    run: async ({ relay }, random) => {
      relay.cut('reset');
      await silence(random);
      relay.heal();
    },
  },
  {
    what: 'the network takes everything and says nothing',
    subject: 'network',
    run: async ({ relay }, random) => {
      relay.cut('blackHole');
      await silence(random);
      if (random(2) === 0) relay.reset();
      relay.heal();
    },
  },
  {
    what: 'the network carries one way only',
    subject: 'network',
    run: async ({ relay }, random) => {
      relay.stall(random(2) === 0 ? 'toTarget' : 'toClient');
      await silence(random);
      if (random(2) === 0) relay.reset();
      relay.flow();
    },
  },
  {
    what: 'the network is slow',
    subject: 'network',
    run: async ({ relay }, random) => {
      relay.trickle(1 + random(64));
      await shortly(random);
      relay.trickle(0);
    },
  },
  {
    what: 'connections break in the middle of records and calls',
    subject: 'network',
    run: async ({ meddler }, random) => {
      for (let n = 2 + random(2); n > 0; n--) {
        const { cut } = meddler.tally();
        if (n % 2 === 0) meddler.cutNextRecord();
        else meddler.cutNextCall();
        await until(() => meddler.tally().cut > cut, random);
      }
    },
  },
];

const updateFaults: readonly Fault[] = [
  {
    what: 'updates are lost and doubled',
    subject: 'updates',
    run: async ({ meddler }, random) => {
      const before = meddler.tally();
      meddler.meddle({ lose: 0.4, double: 0.5 });
      await until(() => {
        const { lost, doubled } = meddler.tally();
        return lost > before.lost && doubled > before.doubled;
      }, random);
      meddler.meddle({});
    },
  },
  {
    what: 'updates are late and overtake each other',
    subject: 'updates',
    run: async ({ meddler }, random) => {
      const before = meddler.tally();
      meddler.meddle({ delay: 0.4, swap: 0.5 });
      await until(() => {
        const { delayed, swapped } = meddler.tally();
        return delayed > before.delayed && swapped > before.swapped;
      }, random);
      meddler.meddle({});
    },
  },
];

const programFaults: readonly Fault[] = [
  { what: 'the cluster is killed', subject: 'cluster', run: ({ cluster }, random) => killAndStart(cluster, random) },
  {
    what: 'the cluster stands still',
    subject: 'cluster',
    run: ({ cluster }, random) => freezeAndThaw(cluster, random),
  },
  { what: 'the server is killed', subject: 'server', run: ({ server }, random) => killAndStart(server, random) },
  { what: 'the server stands still', subject: 'server', run: ({ server }, random) => freezeAndThaw(server, random) },
  {
    what: 'another master takes over',
    subject: 'cluster',
    run: async ({ cluster }, random) => {
      await cluster.command('/failover', { agentsBackAfterMs: random(800) });
      await shortly(random);
    },
  },
];

const agentFaults: readonly Fault[] = [
  {
    what: 'an agent is killed and returns',
    subject: 'cluster',
    run: (world, random) => withAgent(world, random, 'kill', 'return'),
  },
  {
    what: 'an agent stands still',
    subject: 'cluster',
    run: (world, random) => withAgent(world, random, 'freeze', 'thaw'),
  },
  {
    what: 'an agent is cut off and returns',
    subject: 'cluster',
    run: (world, random) => withAgent(world, random, 'lost', 'return'),
  },
];

const taskFaults: readonly Fault[] = [
  {
    what: 'tasks are killed',
    subject: 'tasks',
    only: 'processes',
    run: async ({ playground }, random) => {
      for (let n = 1 + random(4); n > 0; n--) {
        const pids = [...playground.tasks().values()];
        const pid = pids[random(Math.max(1, pids.length))];
        if (pid !== undefined) killIfThere(pid, random(2) === 0 ? 'SIGKILL' : 'SIGTERM');
        await delay(random(300));
      }
    },
  },
  {
    what: 'tasks fail and updates get lost at the agents',
    subject: 'tasks',
    only: 'simulated',
    run: async ({ cluster }, random) => {
      await cluster.command('/behaviour', { dropUpdateRate: 0.3, failRate: 0.2, failAfterMs: 50, sendStarting: true });
      await cluster.command('/tasks', { state: 'TASK_FAILED', count: 1 + random(4) });
      await shortly(random);
      await cluster.command('/behaviour', { dropUpdateRate: 0, failRate: 0 });
    },
  },
  {
    what: 'the master is slow to answer',
    subject: 'tasks',
    only: 'simulated',
    run: async ({ cluster }, random) => {
      await cluster.command('/behaviour', { answerDelayMs: 50 + random(300) });
      await shortly(random);
      await cluster.command('/behaviour', { answerDelayMs: 0 });
    },
  },
];

/** All that can happen where tasks are processes, or where they are simulated. */
export const faultsFor = (kind: 'processes' | 'simulated'): readonly Fault[] =>
  [...networkFaults, ...updateFaults, ...programFaults, ...agentFaults, ...taskFaults].filter(
    ({ only }) => only === undefined || only === kind,
  );
