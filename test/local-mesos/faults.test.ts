/**
 * The whole scheduler with a real link on a local cluster while streams break, masters fail over, agents vanish, freeze and
 * return, updates get lost and tasks fail: in the end exactly the wanted instances run, and nothing waits for an acknowledgement.
 */
import { describe, expect, it } from 'vitest';
import type { Orchestrator } from '../../src/actors/orchestrator.ts';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { seededRandom } from '../../src/local-mesos/simulate/behaviour.ts';
import { eventually } from '../support/eventually.ts';
import { isLong } from '../support/stack.ts';
import { cluster } from './cluster-fixture.ts';
import { putApp, schedulerOn } from './scheduler-on.ts';

const seeds = Array.from({ length: isLong ? 20 : 3 }, (_, i) => i + 1);
const faultMs = 4_000;
const wanted = { '/a': 12, '/b': 5 } as const;

/** One random fault; whatever it breaks is mended by `mend`. */
function hurt(mesos: LocalMesos, random: () => number): string {
  const { master, simulation } = mesos;
  const agents = [...master.state.agents.values()];
  const agent = agents[Math.floor(random() * agents.length)]!;
  const tasks = [...simulation!.taskIds()];
  const task = tasks[Math.floor(random() * tasks.length)];
  const faults: Record<string, () => void> = {
    'stream breaks': () => {
      for (const framework of master.state.frameworks.values()) framework.stream?.breakOff();
    },
    'master fails over': () => {
      master.failOver(`master-${Math.floor(random() * 1e9)}`);
      setTimeout(() => master.agentsBack(), random() * 300).unref();
    },
    'agent dies': () => master.lifecycle.disconnect(agent),
    'agent freezes': () => master.lifecycle.freeze(agent),
    'agent is lost': () => master.lifecycle.lose(agent),
    'agent returns': () => {
      master.lifecycle.thaw(agent);
      master.lifecycle.comeBack(agent);
    },
    'task fails': () => {
      if (task !== undefined) simulation!.command(task, 'TASK_FAILED');
    },
  };
  const names = Object.keys(faults);
  const name = names[Math.floor(random() * names.length)]!;
  faults[name]?.();
  return name;
}

function mend(mesos: LocalMesos): void {
  const { master, simulation } = mesos;
  simulation!.change(calm);
  for (const agent of master.state.agents.values()) {
    master.lifecycle.thaw(agent);
    master.lifecycle.comeBack(agent);
  }
  if (master.state.recovering) master.agentsBack();
}

/** What is not as it should be. */
function wrong(mesos: LocalMesos, scheduler: Orchestrator): string | undefined {
  const [framework, ...more] = [...mesos.master.state.frameworks.values()];
  if (framework === undefined || more.length > 0) return `frameworks: ${mesos.master.state.frameworks.size}`;
  const count = Object.values(wanted).reduce((sum, one) => sum + one, 0);
  if (mesos.simulation!.size !== count) return `live tasks: ${mesos.simulation!.size}`;
  if (framework.unacknowledged.size > 0) return `unacknowledged: ${framework.unacknowledged.size}`;
  for (const [app, instances] of Object.entries(wanted)) {
    const known = [...scheduler.read.instancesOf(app)];
    const running = known.filter(({ condition }) => condition === 'Running');
    if (running.length !== instances || known.length !== instances) {
      return `${app}: ${known.map(({ condition }) => condition).join()}`;
    }
  }
  return undefined;
}

const stormy = {
  ...{ dropUpdateRate: 0.2, doubleUpdateRate: 0.2, delayUpdateRate: 0.3, updateDelayMs: 400 },
  ...{ failRate: 0.05, failAfterMs: 50 },
};
const calm = { dropUpdateRate: 0, doubleUpdateRate: 0, delayUpdateRate: 0, failRate: 0 };

describe('a storm of faults', () => {
  it.each(seeds)('leaves exactly the wanted instances and no unacknowledged update (seed %i)', async (seed) => {
    const mesos = await cluster({
      agents: 5,
      settings: { retryMs: 200, agentTimeoutMs: 600 },
      simulation: { seed, behaviour: { ...stormy, sendStarting: true } },
    });
    const scheduler = await schedulerOn(mesos.port, 500);
    for (const [id, instances] of Object.entries(wanted)) {
      const update = {
        cmd: 'sleep 1000',
        cpus: 0.1,
        mem: 32,
        instances,
        backoffSeconds: 0.1,
        maxLaunchDelaySeconds: 0.5,
      };
      await putApp(scheduler, id, update);
    }
    const random = seededRandom(seed);
    const hurts: string[] = [];
    for (const until = performance.now() + faultMs; performance.now() < until; ) {
      hurts.push(hurt(mesos, random));
      await new Promise((resolve) => setTimeout(resolve, 20 + random() * 200));
    }
    mend(mesos);
    let last: string | undefined;
    await eventually('everything is as wanted', async () => {
      last = wrong(mesos, scheduler);
      return last === undefined;
    }).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${last} after ${hurts.join(', ')} (${String(error)})`);
    });
    expect(last).toBeUndefined();
  });
});
