/** Agents and tasks of the fake Mesos, and the arithmetic of their resources. */
import type { DomainInfo, MesosTaskState, Offer, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';

export interface FakeAgent {
  readonly id: string;
  readonly host: string;
  readonly cpus: number;
  readonly mem: number;
  readonly ports: readonly [number, number];
  readonly domain?: DomainInfo;
  isReachable: boolean;
}

export type AgentSize = Partial<Pick<FakeAgent, 'cpus' | 'mem' | 'ports' | 'domain'>>;

/** The n-th agent. */
export const agentOf = (n: number, size: AgentSize): FakeAgent => ({
  id: `S${n}`,
  host: `host${n}`,
  cpus: size.cpus ?? 64,
  mem: size.mem ?? 65_536,
  ports: size.ports ?? [31_000, 31_999],
  isReachable: true,
  ...(size.domain === undefined ? {} : { domain: size.domain }),
});

/** An offer that was made and is not spent. */
export interface HeldOffer {
  readonly agent: FakeAgent;
  readonly role: string;
  readonly cpus: number;
  readonly mem: number;
}

export interface FakeTask {
  readonly id: string;
  readonly info: TaskInfo;
  readonly agent: FakeAgent;
  readonly ports: readonly number[];
  state: MesosTaskState;
  /** Undelivered or unacknowledged updates, oldest first. */
  readonly updates: TaskStatus[];
}

export const terminal: ReadonlySet<MesosTaskState> = new Set<MesosTaskState>([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
]);

/** What an agent has left. */
export interface Free {
  readonly cpus: number;
  readonly mem: number;
  readonly ports: readonly (readonly [number, number])[];
}

/** What the living tasks of an agent leave of it. */
export function freeOf(agent: FakeAgent, alive: readonly FakeTask[]): Free {
  let { cpus, mem } = agent;
  const used = new Set<number>();
  for (const task of alive) {
    if (task.agent !== agent) continue;
    cpus -= scalar(task.info, 'cpus');
    mem -= scalar(task.info, 'mem');
    for (const port of task.ports) used.add(port);
  }
  return { cpus: Math.round(cpus * 1000) / 1000, mem, ports: gaps(agent.ports, used) };
}

/** The offer of what is free. */
export function offerOf(id: string, agent: FakeAgent, free: Free, role: string): Offer {
  const allocation_info = { role };
  return {
    id: { value: id },
    framework_id: { value: 'F' },
    agent_id: { value: agent.id },
    hostname: agent.host,
    allocation_info,
    attributes: [],
    ...(agent.domain === undefined ? {} : { domain: agent.domain }),
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: free.cpus }, role: '*', allocation_info },
      { name: 'mem', type: 'SCALAR', scalar: { value: free.mem }, role: '*', allocation_info },
      { name: 'disk', type: 'SCALAR', scalar: { value: 100_000 }, role: '*', allocation_info },
      {
        name: 'ports',
        type: 'RANGES',
        ranges: { range: free.ports.map(([begin, end]) => ({ begin, end })) },
        role: '*',
        allocation_info,
      },
    ],
  };
}

const scalar = (info: TaskInfo, name: string): number =>
  info.resources.filter((r) => r.name === name).reduce((sum, r) => sum + (r.scalar?.value ?? 0), 0);

/** The ports that a task asks for. */
export function portsOf(info: TaskInfo): readonly number[] {
  const ports: number[] = [];
  for (const resource of info.resources) {
    if (resource.name !== 'ports') continue;
    for (const { begin, end } of resource.ranges?.range ?? []) for (let p = begin; p <= end; p++) ports.push(p);
  }
  return ports;
}

function gaps(
  [first, last]: readonly [number, number],
  used: ReadonlySet<number>,
): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  let begin = first;
  for (const port of [...used].sort((a, b) => a - b)) {
    if (port > begin) found.push([begin, port - 1]);
    begin = Math.max(begin, port + 1);
  }
  if (begin <= last) found.push([begin, last]);
  return found;
}

/** News from the master itself: nothing to acknowledge. */
export function masterStatus(
  taskId: string,
  agentId: string | undefined,
  state: MesosTaskState,
  reason: string,
  nowMs: number,
  more: Partial<TaskStatus> = {},
): TaskStatus {
  return {
    task_id: { value: taskId },
    ...(agentId === undefined ? {} : { agent_id: { value: agentId } }),
    state,
    reason,
    source: 'SOURCE_MASTER',
    timestamp: nowMs / 1000,
    ...more,
  };
}

/** What an executor says of a task as it is now; it lacks its uuid. */
export const executorStatus = ({ id, agent, state }: FakeTask, nowMs: number): TaskStatus => ({
  task_id: { value: id },
  agent_id: { value: agent.id },
  state,
  source: 'SOURCE_EXECUTOR',
  timestamp: nowMs / 1000,
});
