/**
 * What the scheduler knows of agents: the latest offer of each, less what was launched from it, and its own tasks there. Nothing is
 * decided on it; it answers "why not" and "could it ever" between two offers. Owned by the scheduler.
 */
import type { AgentInfo } from '../core/instance/instance.ts';
import type { Offer, Range } from '../core/mesos/types.ts';
import { type AgentView, agentOf, viewOf } from '../core/offer/fields.ts';
import { amountsOf, type KnownAgent, largest, type SeenOffer, unionOf } from '../core/offer/known-agents.ts';
import { allocationRole } from '../core/offer/match.ts';
import { type Amounts, type Supply, scalarNames, supplyOf } from '../core/offer/resources.ts';

/** Agents that are remembered; beyond it the one heard of longest ago, and without tasks of ours, is forgotten. */
export const maxAgentsKnown = 10_000;

/**
 * Mesos offers what an ended task had as soon as it knows, but tells us of the end only behind the updates before it, which have to be
 * acknowledged first. So free and used together may count that task twice; they are believed if no task has ended there for this long
 * after the offer.
 */
const settlingMs = 10_000;

/** What one task of ours takes. */
export interface TaskUse {
  readonly agent: AgentInfo;
  readonly needs: Amounts;
  readonly hostPorts: readonly number[];
}

type Tally = { -readonly [Name in keyof Amounts]: Amounts[Name] };

interface Entry {
  agent: AgentInfo;
  view: AgentView;
  readonly byRole: Map<string, SeenOffer & { readonly offerId: string }>;
  readonly tasks: Set<string>;
  readonly used: Tally;
  /** The most that it is certain to have had. */
  peak: Amounts;
  /** Free and used when an offer came, if that may be more than there is; see `settlingMs`. */
  unsettled: { readonly amounts: Amounts; readonly atMs: number } | undefined;
  /** Ever offered, or used by us; what `loosePorts` adds is joined when somebody looks, since each joining costs all of them. */
  ports: readonly Range[];
  readonly loosePorts: Set<number>;
  offeredAtMs: number | undefined;
  /** What `agents` shows; dropped by every change. */
  known: KnownAgent | undefined;
}

/** Mutable; what `agents` gives is not. */
export class AgentBook {
  readonly #entries = new Map<string, Entry>();
  readonly #uses = new Map<string, TaskUse>();
  /** Agent of each offer that is remembered. */
  readonly #offers = new Map<string, string>();
  #revision = 0;
  #known: readonly KnownAgent[] | undefined;

  /** Agents that are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** Grows whenever `agents` would say something else. */
  get revision(): number {
    return this.#revision;
  }

  /** An offer has come; it replaces what the agent had on offer to this role. */
  offered(offer: Offer, nowMs: number): void {
    const agent = agentOf(offer);
    const entry = this.#entryOf(agent);
    if (!isSameAgent(entry.agent, agent)) {
      entry.agent = agent;
      entry.view = viewOf(agent);
    }
    const supply = supplyOf(offer);
    this.#see(entry, offer, supply, nowMs);
    entry.offeredAtMs = nowMs;
    const free = amountsOf(supply);
    settle(entry, nowMs);
    entry.peak = largest(entry.peak, free);
    entry.unsettled = { amounts: sum(free, entry.used), atMs: nowMs };
    for (const { ranges } of supply.ports) {
      if (!ranges.every((range) => isWithin(entry.ports, range))) entry.ports = unionOf(entry.ports, ranges);
    }
  }

  /** A match has launched from an offer, unless another one has come since. */
  taken(offer: Offer, left: Supply, nowMs: number): void {
    const entry = this.#entries.get(offer.agent_id.value);
    if (entry && this.#offers.has(offer.id.value)) this.#see(entry, offer, left, nowMs);
  }

  /** Mesos has taken an offer back: what it named is not there any more. */
  rescinded(offerId: string): void {
    const entry = this.#entries.get(this.#offers.get(offerId) ?? '');
    this.#offers.delete(offerId);
    for (const [role, seen] of entry?.byRole ?? []) if (seen.offerId === offerId) entry?.byRole.delete(role);
    this.#changed(entry);
  }

  /** The agent is gone, as far as the master knows. */
  lost(agentId: string): void {
    const entry = this.#entries.get(agentId);
    if (!entry) return;
    for (const taskId of entry.tasks) this.#uses.delete(taskId);
    for (const { offerId } of entry.byRole.values()) this.#offers.delete(offerId);
    this.#entries.delete(agentId);
    this.#changed(undefined);
  }

  /** The session is over, and with it every offer; agents are still remembered. */
  sessionOver(): void {
    this.#offers.clear();
    for (const entry of this.#entries.values()) {
      entry.byRole.clear();
      this.#changed(entry);
    }
  }

  /** A task of ours is on an agent, or about to be. A second word about the same task changes nothing. */
  occupied(taskId: string, use: TaskUse): void {
    if (this.#uses.has(taskId)) return;
    this.#uses.set(taskId, use);
    const entry = this.#entryOf(use.agent);
    entry.tasks.add(taskId);
    add(entry.used, use.needs, 1);
    for (const port of use.hostPorts) {
      if (!isWithin(entry.ports, { begin: port, end: port })) entry.loosePorts.add(port);
    }
    this.#changed(entry);
  }

  /** A task of ours is over. */
  vacated(taskId: string, nowMs: number): void {
    const use = this.#uses.get(taskId);
    if (!use) return;
    this.#uses.delete(taskId);
    const entry = this.#entries.get(use.agent.agentId);
    if (!entry?.tasks.delete(taskId)) return;
    settle(entry, nowMs);
    entry.unsettled = undefined;
    add(entry.used, use.needs, -1);
    if (entry.tasks.size === 0 && entry.offeredAtMs === undefined) this.#entries.delete(use.agent.agentId);
    this.#changed(entry);
  }

  /** All agents, in the order in which they were first heard of. The same objects as long as nothing changes. */
  agents(): readonly KnownAgent[] {
    this.#known ??= [...this.#entries.values()].map((entry) => {
      if (entry.known === undefined) {
        joinPorts(entry);
        entry.known = knownOf(entry);
      }
      return entry.known;
    });
    return this.#known;
  }

  #see(entry: Entry, offer: Offer, supply: Supply, atMs: number): void {
    const role = allocationRole(offer);
    const offerId = offer.id.value;
    const before = entry.byRole.get(role);
    if (before) this.#offers.delete(before.offerId);
    this.#offers.set(offerId, entry.agent.agentId);
    entry.byRole.set(role, { role, supply, unavailability: offer.unavailability, atMs, offerId });
    this.#changed(entry);
  }

  #changed(entry: Entry | undefined): void {
    if (entry) entry.known = undefined;
    this.#revision += 1;
    this.#known = undefined;
  }

  #entryOf(agent: AgentInfo): Entry {
    const found = this.#entries.get(agent.agentId);
    if (found) return found;
    if (this.#entries.size >= maxAgentsKnown) this.#forgetOne();
    const entry: Entry = {
      agent,
      view: viewOf(agent),
      byRole: new Map(),
      tasks: new Set(),
      used: { cpus: 0, mem: 0, disk: 0, gpus: 0 },
      peak: { cpus: 0, mem: 0, disk: 0, gpus: 0 },
      unsettled: undefined,
      ports: [],
      loosePorts: new Set(),
      offeredAtMs: undefined,
      known: undefined,
    };
    this.#entries.set(agent.agentId, entry);
    return entry;
  }

  #forgetOne(): void {
    let oldest: { readonly id: string; readonly atMs: number } | undefined;
    for (const [id, { tasks, offeredAtMs = 0 }] of this.#entries) {
      if (tasks.size === 0 && (oldest === undefined || offeredAtMs < oldest.atMs)) oldest = { id, atMs: offeredAtMs };
    }
    const id = oldest?.id ?? this.#entries.keys().next().value;
    if (id !== undefined) this.lost(id);
  }
}

function knownOf({ agent, view, byRole, tasks, used, peak, ports, offeredAtMs }: Entry): KnownAgent {
  const seen = [...byRole.values()];
  // What one role declined may be on offer to another one: only one of them counts.
  const free = seen.map(({ supply }) => amountsOf(supply)).reduce(largest, nothing);
  const capacity = { amounts: largest(peak, sum(free, used)), ports };
  return { agent, view, seen, capacity, tasks: tasks.size, offeredAtMs };
}

function joinPorts(entry: Entry): void {
  const { loosePorts } = entry;
  if (loosePorts.size === 0) return;
  const single = [...loosePorts].map((port) => ({ begin: port, end: port }));
  entry.ports = unionOf(entry.ports, single);
  loosePorts.clear();
}

function settle(entry: Entry, nowMs: number): void {
  const { unsettled } = entry;
  if (unsettled && nowMs - unsettled.atMs >= settlingMs) entry.peak = largest(entry.peak, unsettled.amounts);
}

const nothing: Amounts = { cpus: 0, mem: 0, disk: 0, gpus: 0 };

const sum = (a: Amounts, b: Amounts): Amounts => ({
  cpus: a.cpus + b.cpus,
  mem: a.mem + b.mem,
  disk: a.disk + b.disk,
  gpus: a.gpus + b.gpus,
});

function add(to: Tally, amounts: Amounts, sign: 1 | -1): void {
  for (const name of scalarNames) to[name] += sign * amounts[name];
}

const isWithin = (ranges: readonly Range[], { begin, end }: Range): boolean =>
  ranges.some((range) => range.begin <= begin && end <= range.end);

/** Agents may come back with other attributes under the same id. */
function isSameAgent(a: AgentInfo, b: AgentInfo): boolean {
  if (a.host !== b.host || a.region !== b.region || a.zone !== b.zone) return false;
  if (a.attributes.length === 0 && b.attributes.length === 0) return true;
  return JSON.stringify(a.attributes) === JSON.stringify(b.attributes);
}
