/** Why apps wait, in numbers: the offer statistics of `/v2/queue` (behaviour §2.10). */
import type { AppId } from '../ids.ts';
import type { Offer } from '../mesos/types.ts';
import { type MatchResult, type OfferRefusal, type RefusalReason, refusalReasons } from './demand.ts';

/** Offers by their first reason. */
export type ReasonCounts = Readonly<Partial<Record<RefusalReason, number>>>;

export interface RejectStep {
  readonly reason: RefusalReason;
  /** Offers whose first reason is this one. */
  readonly declined: number;
  /** Offers that got as far as this step. */
  readonly processed: number;
}

/** The funnel: always ten steps; what an earlier one declined, no later one has seen (V111). */
export function rejectSummary(processed: number, counts: ReasonCounts): readonly RejectStep[] {
  let left = processed;
  return refusalReasons.map((reason) => {
    const step = { reason, declined: counts[reason] ?? 0, processed: left };
    left -= step.declined;
    return step;
  });
}

/** An offer that an app did not take, as `embed=lastUnusedOffers` shows it. */
export interface UnusedOffer {
  readonly offer: Offer;
  readonly reasons: readonly RefusalReason[];
  readonly atMs: number;
}

/** What is known of one app since it began to wait. */
export interface AppOfferStatistics {
  readonly processedOffers: number;
  readonly unusedOffers: number;
  readonly lastUnusedAtMs: number | undefined;
  readonly lastUsedAtMs: number | undefined;
  /** Over all offers since the app began to wait. */
  readonly launchAttempt: readonly RejectStep[];
  /** Over the latest refusal of each agent. */
  readonly lastOffers: readonly RejectStep[];
  /** The latest refusal of each agent, latest last. */
  readonly lastUnusedOffers: readonly UnusedOffer[];
}

/** Agents whose latest refusal is kept for one app; the one heard of longest ago is forgotten first. */
export const maxAgentsRemembered = 100;

interface Counters {
  processed: number;
  unused: number;
  lastUnusedAtMs: number | undefined;
  lastUsedAtMs: number | undefined;
  readonly counts: Partial<Record<RefusalReason, number>>;
  readonly byAgent: Map<string, UnusedOffer>;
}

const newCounters = (): Counters => ({
  processed: 0,
  unused: 0,
  lastUnusedAtMs: undefined,
  lastUsedAtMs: undefined,
  counts: {},
  byAgent: new Map(),
});

/**
 * Folds the results of passes into counters for each app. An offer that an app used and then refused the rest of
 * counts as two, as each question to it does. Costs O(launches + refusals) for each pass. Whoever owns it calls
 * `forget` when an app waits no more.
 */
export class QueueStatistics {
  readonly #byApp = new Map<AppId, Counters>();

  /** Adds a pass. */
  note({ used, refusals }: Pick<MatchResult, 'used' | 'refusals'>, nowMs: number): void {
    for (const { launches } of used) {
      for (const id of new Set(launches.map(({ app }) => app.id))) {
        const counters = this.#countersOf(id);
        counters.processed += 1;
        counters.lastUsedAtMs = nowMs;
      }
    }
    for (const refusal of refusals) noteRefusal(this.#countersOf(refusal.app.id), refusal, nowMs);
  }

  /** What is known of an app, undefined if nothing was offered to it since it began to wait. */
  of(id: AppId): AppOfferStatistics | undefined {
    const counters = this.#byApp.get(id);
    if (counters === undefined) return undefined;
    const lastUnusedOffers = [...counters.byAgent.values()];
    return {
      processedOffers: counters.processed,
      unusedOffers: counters.unused,
      lastUnusedAtMs: counters.lastUnusedAtMs,
      lastUsedAtMs: counters.lastUsedAtMs,
      launchAttempt: rejectSummary(counters.processed, counters.counts),
      lastOffers: rejectSummary(lastUnusedOffers.length, countFirst(lastUnusedOffers)),
      lastUnusedOffers,
    };
  }

  /** The app has nothing left to launch: a later launch begins at zero. */
  forget(id: AppId): void {
    this.#byApp.delete(id);
  }

  /** Apps with counters. */
  get size(): number {
    return this.#byApp.size;
  }

  #countersOf(id: AppId): Counters {
    let counters = this.#byApp.get(id);
    if (counters === undefined) {
      counters = newCounters();
      this.#byApp.set(id, counters);
    }
    return counters;
  }
}

function noteRefusal(counters: Counters, { offer, reasons }: OfferRefusal, nowMs: number): void {
  const [first] = reasons;
  counters.processed += 1;
  counters.unused += 1;
  counters.lastUnusedAtMs = nowMs;
  if (first !== undefined) counters.counts[first] = (counters.counts[first] ?? 0) + 1;
  const { byAgent } = counters;
  const agentId = offer.agent_id.value;
  byAgent.delete(agentId);
  byAgent.set(agentId, { offer, reasons, atMs: nowMs });
  if (byAgent.size <= maxAgentsRemembered) return;
  for (const oldest of byAgent.keys()) {
    byAgent.delete(oldest);
    return;
  }
}

function countFirst(offers: readonly UnusedOffer[]): ReasonCounts {
  const counts: Partial<Record<RefusalReason, number>> = {};
  for (const { reasons } of offers) {
    const [first] = reasons;
    if (first !== undefined) counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}
