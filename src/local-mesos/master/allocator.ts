/**
 * Who is offered what. Resources that become free, a REVIVE and a new framework lead to offers in the same turn of the loop;
 * ended filters and returned remainders wait for the tick, as with Mesos (mesos-v1 §4.3). A run looks at the agents that
 * changed; only the tick and a REVIVE look at every agent that has something free.
 */
import { addToBag, type Bag, bagContains, isEmptyBag, partForRole, takeFromBag } from '../resources/bag.ts';
import { isEligible, isEnough } from './eligibility.ts';
import { offersEvent, rescindEvent } from './events.ts';
import type { Agent, Filter, Framework, Holding, MasterState, OfferRecord } from './model.ts';
import { type Client, Sharing } from './sharing.ts';

/** An OFFERS event carries at most this many offers, so that a reader can begin before all are encoded. */
const maxOffersPerEvent = 250;
/** Of a filter (mesos-v1 §4.3). */
const defaultRefuseSeconds = 5;
const maxRefuseSeconds = 31_536_000;

export class Allocator {
  readonly #state: MasterState;
  /** Agents whose resources are offered. */
  readonly #present = new Set<Agent>();
  readonly #withFree = new Set<Agent>();
  readonly #changed = new Set<Agent>();
  #all = false;
  #scheduled = false;
  #nextOffer = 0;
  readonly #totals: Holding = { cpus: 0, mem: 0, disk: 0, offers: 0 };
  readonly #timer: NodeJS.Timeout | undefined;
  /** Called with each periodic run. */
  onTick: () => void = () => {};

  constructor(state: MasterState) {
    this.#state = state;
    if (!state.settings.ticksByItself) return;
    this.#timer = setInterval(() => this.tick(), state.settings.allocationMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Offers and inverse offers are counted together. */
  nextOfferId(): string {
    return `${this.#state.identity.id}-O${this.#nextOffer++}`;
  }

  /** Offers what is free of one agent in this turn. */
  allocateAgent(agent: Agent): void {
    this.#touch(agent);
  }

  /** The numbers of offers begin anew. */
  restart(): void {
    this.#nextOffer = 0;
  }

  /** An agent is new or back. What one has that was away only briefly waits for the tick. */
  addAgent(agent: Agent, isNew = true): void {
    if (this.#present.has(agent)) return;
    this.#present.add(agent);
    count(this.#totals, agent.total, 1);
    this.#withFree.add(agent);
    if (isNew) this.#touch(agent);
  }

  /** An agent is away: its offers are rescinded, nothing of it is offered any more. */
  removeAgent(agent: Agent): void {
    if (!this.#present.delete(agent)) return;
    for (const offer of [...agent.offers]) this.rescind(offer);
    count(this.#totals, agent.total, -1);
    this.#withFree.delete(agent);
    this.#changed.delete(agent);
    for (const framework of this.#state.frameworks.values()) {
      for (const filters of framework.filters.values()) filters.delete(agent);
    }
  }

  /** Looks at everything that is free before the next events are handled: new framework, REVIVE. */
  allocateSoon(): void {
    this.#all = true;
    this.#schedule();
  }

  /** A task of an earlier run holds resources of an agent. */
  hold(framework: Framework, role: string, agent: Agent, bag: Bag): void {
    takeFromBag(agent.free, bag);
    count(holdingOf(framework, role), bag, 1);
  }

  /** A task needs its resources no more; they are offered in this turn. */
  release(framework: Framework, role: string, agent: Agent, bag: Bag): void {
    this.#giveBack(framework, role, agent, bag);
    if (this.#state.settings.offersFreedAtOnce) this.#touch(agent);
  }

  /** Resources of an offer that were not used. Refused ones come back after the filter, others at the next tick. */
  putBack(
    offer: Pick<OfferRecord, 'framework' | 'role' | 'agent'>,
    rest: Bag,
    refuseSeconds: number | undefined,
  ): void {
    this.#giveBack(offer.framework, offer.role, offer.agent, rest);
    const seconds = filterSeconds(refuseSeconds);
    if (seconds === 0 || isEmptyBag(rest)) return;
    const { settings } = this.#state;
    const untilMs = Date.now() + Math.max(seconds * 1000, settings.allocationMs);
    addFilter(offer.framework, offer.role, offer.agent, { refused: rest, untilMs });
  }

  /** Forgets an offer, whose resources the caller now answers for. */
  take(offer: OfferRecord): void {
    this.#state.offers.delete(offer.id);
    offer.agent.offers.delete(offer);
    offer.framework.offers.delete(offer);
  }

  /** Takes an offer back from a framework that still has it. */
  rescind(offer: OfferRecord): void {
    this.take(offer);
    this.#giveBack(offer.framework, offer.role, offer.agent, offer.bag);
    offer.framework.stream?.send(rescindEvent(offer.id));
    this.#state.counters.add('master/offers_rescinded');
  }

  /** A framework has gone or come anew: its offers die without a word, and others may have them at once. */
  dropOffers(framework: Framework): void {
    for (const offer of [...framework.offers]) {
      this.take(offer);
      this.#giveBack(framework, offer.role, offer.agent, offer.bag);
      if (this.#state.settings.offersFreedAtOnce) this.#touch(offer.agent);
    }
  }

  #giveBack(framework: Framework, role: string, agent: Agent, bag: Bag): void {
    addToBag(agent.free, bag);
    count(holdingOf(framework, role), bag, -1);
    if (this.#present.has(agent)) this.#withFree.add(agent);
  }

  #touch(agent: Agent): void {
    if (!this.#present.has(agent)) return;
    this.#changed.add(agent);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run(this.#all ? this.#withFree : this.#changed);
    });
  }

  /** The periodic run: offers what is free and in nobody's filter, and rescinds offers that have timed out. */
  tick(): void {
    this.#run(this.#withFree);
    this.onTick();
    const { offerTimeoutMs } = this.#state.settings;
    if (offerTimeoutMs === undefined) return;
    const oldestMs = Date.now() - offerTimeoutMs;
    for (const offer of this.#state.offers.values()) {
      if (offer.createdMs > oldestMs) break;
      this.rescind(offer);
    }
  }

  #run(agents: ReadonlySet<Agent>): void {
    const clients = this.#state.recovering ? [] : this.#clients();
    if (clients.length > 0) {
      const made = new Map<Framework, OfferRecord[]>();
      const { frameworks } = this.#state;
      const sharing = clients.length > 1 ? new Sharing(clients, frameworks.values(), this.#totals) : undefined;
      for (const agent of agents) this.#allocate(agent, sharing?.inOrder() ?? clients, sharing, made);
      for (const [framework, offers] of made) this.#send(framework, offers);
    }
    this.#all = false;
    this.#changed.clear();
  }

  #clients(): Client[] {
    const clients: Client[] = [];
    for (const framework of this.#state.frameworks.values()) {
      if (framework.stream === undefined) continue;
      for (const role of framework.roles) if (!framework.suppressed.has(role)) clients.push({ framework, role });
    }
    return clients;
  }

  #allocate(
    agent: Agent,
    ordered: readonly Client[],
    sharing: Sharing | undefined,
    made: Map<Framework, OfferRecord[]>,
  ): void {
    for (const client of ordered) {
      const { framework, role } = client;
      if (!isEligible(this.#state, agent, framework, role)) continue;
      const part = partForRole(agent.free, role);
      if (!isEnough(framework, role, part)) continue;
      if (isRefused(framework, role, agent, part)) continue;
      const offer = this.#offer(agent, framework, role, part);
      if (sharing !== undefined) {
        const held: Holding = { cpus: 0, mem: 0, disk: 0, offers: 1 };
        count(held, part, 1);
        sharing.offered(client, held);
      }
      const offers = made.get(framework);
      if (offers === undefined) made.set(framework, [offer]);
      else offers.push(offer);
    }
    if (isEmptyBag(agent.free)) this.#withFree.delete(agent);
  }

  #offer(agent: Agent, framework: Framework, role: string, bag: Bag): OfferRecord {
    const id = this.nextOfferId();
    const offer: OfferRecord = { id, agent, framework, role, bag, createdMs: Date.now() };
    takeFromBag(agent.free, bag);
    const holding = holdingOf(framework, role);
    count(holding, bag, 1);
    holding.offers++;
    this.#state.offers.set(id, offer);
    agent.offers.add(offer);
    framework.offers.add(offer);
    return offer;
  }

  #send(framework: Framework, offers: readonly OfferRecord[]): void {
    for (let i = 0; i < offers.length; i += maxOffersPerEvent) {
      framework.stream?.send(offersEvent(offers.slice(i, i + maxOffersPerEvent)));
    }
    this.#state.counters.add('master/offers_sent', offers.length);
  }
}

/** Absent, negative and unreadable mean 5 s; more than a year means a year (mesos-v1 §4.3). */
function filterSeconds(refuseSeconds: number | undefined): number {
  if (refuseSeconds === undefined || Number.isNaN(refuseSeconds) || refuseSeconds < 0) return defaultRefuseSeconds;
  return Math.min(refuseSeconds, maxRefuseSeconds);
}

function addFilter(framework: Framework, role: string, agent: Agent, filter: Filter): void {
  let ofRole = framework.filters.get(role);
  if (ofRole === undefined) {
    ofRole = new Map();
    framework.filters.set(role, ofRole);
  }
  const now = Date.now();
  const others = (ofRole.get(agent) ?? []).filter(
    (old) => old.untilMs > now && !(old.untilMs <= filter.untilMs && bagContains(filter.refused, old.refused)),
  );
  ofRole.set(agent, [...others, filter]);
}

function isRefused(framework: Framework, role: string, agent: Agent, part: Bag): boolean {
  const filters = framework.filters.get(role)?.get(agent);
  if (filters === undefined) return false;
  const now = Date.now();
  if (filters.some((filter) => filter.untilMs > now && bagContains(filter.refused, part))) return true;
  if (filters.every((filter) => filter.untilMs <= now)) framework.filters.get(role)?.delete(agent);
  return false;
}

function holdingOf(framework: Framework, role: string): Holding {
  let holding = framework.holdings.get(role);
  if (holding === undefined) {
    holding = { cpus: 0, mem: 0, disk: 0, offers: 0 };
    framework.holdings.set(role, holding);
  }
  return holding;
}

function count(holding: Holding, bag: Bag, sign: 1 | -1): void {
  for (const entry of bag) {
    if (entry.kind !== 'SCALAR') continue;
    if (entry.name === 'cpus') holding.cpus += sign * entry.milli;
    else if (entry.name === 'mem') holding.mem += sign * entry.milli;
    else if (entry.name === 'disk') holding.disk += sign * entry.milli;
  }
}
