/**
 * The agents that the framework has heard of: by offers, and by the tasks on them. A framework is told no more than that; what others use of
 * an agent it cannot know. Not durable: after a start it fills as offers come.
 */
import type { Offer } from '../core/mesos/types.ts';

/** Agents remembered without a task on them; the one that was heard of longest ago goes first. */
export const maxKnownAgents = 10_000;

export interface KnownAgent {
  readonly agentId: string;
  /** The latest offer; it may be spent or rescinded by now. */
  readonly offer: Offer;
  readonly offeredAtMs: number;
  /** The master said after that offer that the agent is gone. */
  readonly isGone: boolean;
}

export class AgentBook {
  /** In the order in which they were heard of last. */
  readonly #agents = new Map<string, KnownAgent>();

  get size(): number {
    return this.#agents.size;
  }

  /** Notes an offer. */
  offered(offer: Offer, nowMs: number): void {
    const agentId = offer.agent_id.value;
    this.#agents.delete(agentId);
    this.#agents.set(agentId, { agentId, offer, offeredAtMs: nowMs, isGone: false });
    if (this.#agents.size <= maxKnownAgents) return;
    for (const oldest of this.#agents.keys()) {
      this.#agents.delete(oldest);
      return;
    }
  }

  /** Notes that the master has removed an agent. */
  gone(agentId: string): void {
    const known = this.#agents.get(agentId);
    if (known) this.#agents.set(agentId, { ...known, isGone: true });
  }

  all(): Iterable<KnownAgent> {
    return this.#agents.values();
  }

  clear(): void {
    this.#agents.clear();
  }
}
