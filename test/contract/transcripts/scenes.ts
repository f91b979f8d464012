/** For each recording: the local cluster that stands for the recorded Mesos, and what the recorded actions mean for it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { err } from '../../../src/core/result.ts';
import type { LocalMesos, LocalMesosOptions } from '../../../src/local-mesos/cluster.ts';
import type { Agent } from '../../../src/local-mesos/master/model.ts';
import { eventually } from '../../support/eventually.ts';
import type { Sleeps } from './sleeps.ts';

type Act = (cluster: LocalMesos) => Promise<void> | void;

export interface SceneSettings {
  readonly options?: Partial<LocalMesosOptions>;
  readonly actions?: Readonly<Record<string, Act>>;
  /** By the number of a request: what is done as soon as it has been answered. */
  readonly answered?: Readonly<Record<number, Act>>;
  /** By task and seconds: the time of the entry before which such a `sleep` of it is over (see sleeps.ts). */
  readonly sleeps?: Sleeps;
}

/** Longer than any test. */
const neverMs = 3_600_000;
const agent = 'ports:[31000-32000];cpus:4;mem:4096;disk:10000';

export const commonOptions = { agents: 1, resources: agent, attributes: 'rack:r1;zone:z1' } as const;

/** The recorded agent takes neither DOCKER containers nor images. */
const noEngine = async () => err('no engine here');

const onAgent =
  (number: number, act: (cluster: LocalMesos, agent: Agent) => Promise<void> | void): Act =>
  async (cluster) => {
    const agent = [...cluster.master.state.agents.values()][number - 1];
    if (agent !== undefined) await act(cluster, agent);
  };

const killAgent = onAgent(1, (cluster, one) => cluster.master.lifecycle.disconnect(one));
const freeze = onAgent(1, (cluster, one) => cluster.master.lifecycle.freeze(one));
const thaw = onAgent(1, (cluster, one) => cluster.master.lifecycle.thaw(one));

export const scenes: Readonly<Record<string, SceneSettings>> = {
  '01-subscribe-fresh': {
    options: { agentsComeLater: true },
    actions: { 'an agent starts and registers': (cluster) => cluster.registerAgents() },
  },
  // The recorded agent was still preparing the task when the KILL came: as if it had both to read at once.
  '02-task-lifecycle': {
    actions: { 'KILL right after the ACCEPT, before the executor is there': freeze },
    answered: { 45: thaw },
    // The second KILL comes while the task is ending.
    sleeps: { 'ok.0': { 1: 2267 }, 'twice.1': { 1: 21746 } },
  },
  '02b-unacknowledged-update': { sleeps: { 't.1': { 2: 7037 } } },
  '02c-http-command-executor': { options: { settings: { httpCommandExecutor: true } } },
  '03-decline-suppress-revive': {
    actions: { 'agent stopped by SIGTERM while an offer is held: RESCIND': killAgent },
  },
  '04-invalid-operations': {
    options: {
      agents: 2,
      dividePorts: false,
      attributes: 'rack:r1;zone:z1|rack:r2;zone:z1',
      engine: noEngine,
    },
  },
  '04b-invalid-operations-not-partition-aware': {},
  '05-reconcile': {},
  '06-failover-resubscribe': {
    sleeps: { 't.2': { 4: 3580 } },
    actions: {
      't.2 ends while the framework is away': async ({ master }) => {
        const tasks = [...master.state.frameworks.values()].flatMap((one) => [...one.tasks.values()]);
        const ending = tasks.find(({ id }) => id === 't.2');
        await eventually('it has ended', () => ending?.state === 'TASK_FINISHED');
      },
    },
  },
  '06b-failover-timeout': {},
  '07-http-errors': {},
  '08-agent-lost': {
    options: { settings: { agentTimeoutMs: 3100 } },
    actions: {
      'agent killed with SIGKILL (its executors stay)': killAgent,
      'agent started again with the same work_dir': onAgent(1, (cluster, one) =>
        cluster.master.lifecycle.comeBack(one),
      ),
    },
  },
  '08b-agent-restart-quick': {
    actions: {
      'agent killed with SIGKILL and started again at once': async (cluster) => {
        await killAgent(cluster);
        await delay(2000);
        await onAgent(1, (_, one) => cluster.master.lifecycle.comeBack(one))(cluster);
      },
      'agent killed, its work_dir lost, executor and task killed too; a fresh agent starts on the same port': onAgent(
        1,
        (cluster, one) => cluster.replaceAgent(one.id),
      ),
    },
  },
  '08c-executor-and-agent-shutdown': {
    actions: {
      'SIGKILL to the executor of t.1': onAgent(1, (cluster, one) => {
        const task = [...one.tasks].find(({ id }) => id === 't.1');
        if (task !== undefined) cluster.master.executors.crashCommandExecutor(task);
      }),
      'SIGKILL to the default executor of pod-1': onAgent(1, (cluster, one) => {
        for (const executor of one.executors) cluster.master.executors.crash(executor);
      }),
      'SIGUSR1 to the agent: it unregisters and stops': onAgent(1, (cluster, one) =>
        cluster.master.lifecycle.remove(one, 'the agent unregistered'),
      ),
    },
  },
  '08d-agent-frozen': {
    // It comes back when the launch and the kill that waited have come to their ends, and not by the clock.
    options: { settings: { agentTimeoutMs: 3700, reregisterDelayMs: neverMs } },
    actions: {
      'SIGSTOP to the agent, then ACCEPT of its offer': freeze,
      SIGCONT: onAgent(1, async (cluster, one) => {
        cluster.master.lifecycle.thaw(one);
        await eventually('it has done what had waited', () => {
          const states = [...one.tasks].map(({ id, state }) => `${id} ${state}`).sort();
          return states.join() === 't.1 TASK_KILLED,t.2 TASK_RUNNING';
        });
        cluster.master.lifecycle.comeBack(one);
      }),
    },
  },
  '08e-launch-lost': {
    actions: {
      'SIGSTOP to the agent, ACCEPT of its offer, SIGKILL to the agent': freeze,
      'agent started again with the same work_dir': onAgent(1, (cluster, one) =>
        cluster.master.lifecycle.comeBack(one),
      ),
    },
    answered: { 5: killAgent },
  },
  // What the check looks for goes and comes back when the recorded number of checks has seen it there, or not.
  '09-health-checks': { sleeps: { 'cmd-flap': { 3: 11890, 2: 13898 } } },
  '10-pods': { sleeps: { 'p2.a': { 1: 4824 }, 'p3.b': { 3: 9648 } } },
  '11-reservation-volume': {},
  '11c-reservations-without-refinement': {
    options: { resources: 'cpus(dev):1;mem(dev):512;cpus:2;mem:1024;disk:1000;ports:[31000-31100]' },
  },
  '11b-static-reservation-multi-role': {
    options: {
      resources: 'cpus(dev):1;mem(dev):512;ports(dev):[31101-31200];cpus:2;mem:1024;disk:1000;ports:[31000-31100]',
    },
  },
  '12-endpoints': {},
  '13-many-agents': {
    options: {
      agents: 4,
      simulate: true,
      resources: `${agent}|${agent}|${agent}|ports:[31000-31500,32000-32010];cpus:2;mem:1024;disk:1000;gpus:2`,
      attributes: 'rack:r1;zone:z1;os:debian|rack:r2;zone:z1;cores:16;ratio:1.5|rack:r3;range:[1-5,10-12]|rack:r4',
      domains: 'here/a|here/b|away/x|here/b',
      masterDomain: 'here/a',
    },
  },
  '16-master-restart': {
    actions: {
      'master killed with SIGKILL': (cluster) => cluster.master.failOver(randomUUID()),
    },
    // Reconciliation right away: the agent is not yet back, but after the third of these requests.
    answered: { 10: (cluster) => cluster.master.agentsBack() },
  },
  '14-maintenance': {},
  '15-drain-and-gone': {},
  '17-offer-timeout': { options: { settings: { offerTimeoutMs: 3000 } } },
  '18-authentication': { options: { agents: 0, credentials: { probe: 's3cret', other: 'x' } } },
  '20-no-leader': {
    options: { agents: 0 },
    actions: {
      'no ZooKeeper at the address': (cluster) => {
        cluster.master.state.leadership = { kind: 'none' };
      },
      'elected, but the replicated log has no quorum': (cluster) => {
        cluster.master.state.leadership = { kind: 'leading', recovered: false };
      },
    },
  },
};

/** Recordings that are not replayed, and why. */
export const notReplayed: Readonly<Record<string, string>> = {
  '01b-wire-framing': 'raw bytes: see wire-framing.test.ts',
  '19-two-masters-zookeeper': 'needs ZooKeeper: see two-masters.test.ts',
};
