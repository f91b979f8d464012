/** Agents and tasks of the simulated Mesos: the truth, and what the master of the moment knows of it. */
import type { MesosTaskState, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import { type FakeAgent, type FakeTask, portsOf, terminal } from '../support/fake-mesos-resources.ts';

export interface SimAgent extends FakeAgent {
  readonly zone: string;
  readonly rack: string;
  /** The machine has died; it never comes back under this id. */
  isDead: boolean;
  /** What the master thinks: after a failover it waits for agents to come back. */
  standing: 'registered' | 'unreachable' | 'gone' | 'awaited';
  /** Monotonic time until which its offers are held back. */
  filteredUntilMs: number;
}

export class SimTask implements FakeTask {
  readonly id: string;
  readonly info: TaskInfo;
  readonly agent: SimAgent;
  readonly ports: readonly number[];
  /** The truth on the agent. */
  state: MesosTaskState = 'TASK_STAGING';
  /** What the master says when it is asked. */
  masterState: MesosTaskState = 'TASK_STAGING';
  /** Unacknowledged updates, oldest first; the agent sends one at a time. */
  readonly updates: TaskStatus[] = [];
  /** The agent never got it. */
  isUndelivered = false;
  /** Its agent was out of reach at some time. */
  wasUnreachable = false;
  /** When its agent came back and the framework was told, monotonic. */
  returnedAtMs: number | undefined;
  /** Answers its health checks with an error. */
  isSick = false;
  isBeingKilled = false;
  readonly launchedAtMs: number;

  constructor(info: TaskInfo, agent: SimAgent, launchedAtMs: number) {
    this.id = info.task_id.value;
    this.info = info;
    this.agent = agent;
    this.ports = portsOf(info);
    this.launchedAtMs = launchedAtMs;
  }

  /** It takes up resources of its agent. */
  get isAlive(): boolean {
    return !terminal.has(this.state) && !this.agent.isDead && !this.isUndelivered;
  }
}

/** A new agent; `number` makes its id, `host` may come back under another id. */
export const newAgent = (number: number, host: number, ports: number): SimAgent => ({
  id: `S${number}`,
  host: `host${host}`,
  zone: `z${host % 2}`,
  rack: `r${host % 3}`,
  cpus: 4,
  mem: 4_096,
  ports: [31_000, 31_000 + ports - 1],
  isReachable: true,
  isDead: false,
  standing: 'registered',
  filteredUntilMs: Number.NEGATIVE_INFINITY,
});

/** What a master answers of a task that it does not know; undefined while it waits for the agent (mesos-v1 §5). */
export function unknownTaskOf(agent: SimAgent | undefined): MesosTaskState | undefined {
  switch (agent?.standing) {
    case undefined:
      return 'TASK_UNKNOWN';
    case 'registered':
      return 'TASK_GONE';
    case 'unreachable':
      return 'TASK_UNREACHABLE';
    case 'gone':
      return 'TASK_GONE_BY_OPERATOR';
    case 'awaited':
      return undefined;
  }
}
