/** The funnel of refusals in `/v2/queue` (behaviour §2.10). */
import { type RefusalReason, refusalReasons } from './demand.ts';

/** Refusals counted over a set of offers: the first reason of each. */
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
