/** What an ACCEPT may take of an offer. */
import type { TaskInfo } from '../../src/core/mesos/types.ts';
import { type Free, portsOf } from '../support/fake-mesos-resources.ts';
import type { SimAgent } from './mesos-agents.ts';

export interface HeldOffer {
  readonly agent: SimAgent;
  readonly free: Free;
  readonly sinceMs: number;
}

/** How much of a scalar a task asks for, in thousandths. */
const milli = (info: TaskInfo, name: string): number =>
  info.resources.reduce((sum, r) => (r.name === name ? sum + Math.round((r.scalar?.value ?? 0) * 1000) : sum), 0);

/** What is wrong with launching these tasks on this offer. */
export function* checkAccept(offer: HeldOffer, tasks: readonly TaskInfo[]): Iterable<string> {
  const ports = new Set<number>();
  let cpus = 0;
  let mem = 0;
  for (const info of tasks) {
    const id = info.task_id.value;
    if (info.agent_id.value !== offer.agent.id) yield `${id} is meant for ${info.agent_id.value}`;
    cpus += milli(info, 'cpus');
    mem += milli(info, 'mem');
    for (const port of portsOf(info)) {
      if (ports.has(port)) yield `port ${port} is used twice`;
      ports.add(port);
      if (!offer.free.ports.some(([begin, end]) => port >= begin && port <= end)) yield `port ${port} was not offered`;
    }
  }
  if (cpus > Math.round(offer.free.cpus * 1000)) yield `${cpus} of ${offer.free.cpus} cpus are used`;
  if (mem > offer.free.mem * 1000) yield `${mem} of ${offer.free.mem} MiB are used`;
}
