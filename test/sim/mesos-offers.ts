/** What an ACCEPT may take of an offer. */
import type { Offer, TaskInfo } from '../../src/core/mesos/types.ts';
import { type Free, freeOf, offerOf, portsOf } from '../support/fake-mesos-resources.ts';
import type { SimAgent, SimTask } from './mesos-agents.ts';
import type { Session } from './mesos-link.ts';

export interface HeldOffer {
  readonly agent: SimAgent;
  readonly free: Free;
  readonly sinceMs: number;
}

/** The offers of a master, and what became of them. */
export class OfferBook {
  /** Neither answered nor taken back. */
  readonly held = new Map<string, HeldOffer>();
  readonly #answered = new Set<string>();
  /** The stream on which each offer was made. */
  readonly #madeOn = new Map<string, Session>();

  make(session: Session, agent: SimAgent, free: Free, nowMs: number): Offer {
    const id = `O${this.#madeOn.size + 1}`;
    this.#madeOn.set(id, session);
    this.held.set(id, { agent, free, sinceMs: nowMs });
    const attributes = [{ name: 'rack', type: 'TEXT' as const, text: { value: agent.rack } }];
    const domain = { fault_domain: { region: { name: 'region' }, zone: { name: agent.zone } } };
    return { ...offerOf(id, agent, free, '*'), attributes, domain };
  }

  /** Takes an offer out, if it is still held, and remembers that it was answered. */
  take(id: string): HeldOffer | undefined {
    const offer = this.held.get(id);
    this.held.delete(id);
    this.#answered.add(id);
    return offer;
  }

  /** What is wrong with accepting this offer now. */
  *faultsOf(id: string, session: Session | undefined): Iterable<string> {
    if (this.#answered.has(id)) yield 'was answered twice';
    if (this.#madeOn.get(id) !== session) yield 'is of an earlier stream';
  }

  madeBefore(atMs: number): readonly string[] {
    return [...this.held].flatMap(([id, { sinceMs }]) => (sinceMs < atMs ? [id] : []));
  }
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

/** What neither runs nor is offered, as the master sees it. */
export function freeBeside(agent: SimAgent, used: readonly SimTask[], offers: Iterable<HeldOffer>): Free {
  let { cpus, mem, ports } = freeOf(agent, used);
  for (const offer of offers) {
    if (offer.agent !== agent) continue;
    cpus -= offer.free.cpus;
    mem -= offer.free.mem;
    ports = singles(ports).filter(([port]) => !offer.free.ports.some(([b, e]) => port >= b && port <= e));
  }
  return { cpus: Math.round(cpus * 1000) / 1000, mem, ports };
}

/** Two offers of one agent, as resources that came free at different times make them. */
export function halves({ cpus, mem, ports }: Free): readonly Free[] {
  if (cpus < 0.2 || mem < 2) return [{ cpus, mem, ports }];
  const half = Math.floor(cpus * 500) / 1000;
  const some = Math.floor(mem / 2);
  const each = singles(ports);
  const cut = Math.floor(each.length / 2);
  return [
    { cpus: half, mem: some, ports: each.slice(0, cut) },
    { cpus: Math.round((cpus - half) * 1000) / 1000, mem: mem - some, ports: each.slice(cut) },
  ];
}

/** Ranges of one port each. */
const singles = (ports: Free['ports']): Free['ports'] =>
  ports.flatMap(([b, e]) => Array.from({ length: e - b + 1 }, (_, i) => [b + i, b + i] as const));

/** What a launched task takes that somebody else has. */
export function* checkLaunch(task: SimTask, alive: readonly SimTask[]): Iterable<string> {
  const { agent, id, ports } = task;
  const here = alive.filter((t) => t.agent === agent);
  for (const other of here) {
    const clash = other === task ? undefined : other.ports.find((p) => ports.includes(p));
    if (clash !== undefined) yield `port ${clash} of ${agent.host}: ${other.id}, ${id}`;
  }
  const left = freeOf(agent, here);
  if (left.cpus < -1e-6 || left.mem < 0) yield `${agent.host} is over-used by ${id}`;
}
