/** The launch queue as `/v2/queue` lists it (rest-api §5.5, behaviour §2.10). */
import type { QueueEntry } from '../../actors/front.ts';
import type { Attribute, Offer, Resource } from '../../core/mesos/types.ts';
import { type ReasonCounts, rejectSummary } from '../../core/offer/reject-summary.ts';
import { timestamp } from '../../core/time.ts';

/** Whole seconds until the back-off ends; 0 = overdue. */
const secondsLeft = (entry: Pick<QueueEntry, 'notBeforeMs'>, nowMs: number): number =>
  Math.max(0, Math.floor(((entry.notBeforeMs ?? nowMs) - nowMs) / 1000));

const isOverdue = (entry: QueueEntry, nowMs: number): boolean =>
  entry.notBeforeMs === undefined || entry.notBeforeMs <= nowMs;

/** True if the JSON of the queue changes by the clock alone. */
export const hasDelays = (queue: readonly QueueEntry[], nowMs: number): boolean =>
  queue.some((entry) => !isOverdue(entry, nowMs));

/** The JSON of one entry; `app` is the definition's own JSON. */
export function queueItemJson(entry: QueueEntry, app: string, nowMs: number, withOffers: boolean): string {
  const rest = JSON.stringify({
    count: entry.count,
    role: entry.role,
    delay: { timeLeftSeconds: secondsLeft(entry, nowMs), overdue: isOverdue(entry, nowMs) },
    since: timestamp(entry.sinceMs),
    processedOffersSummary: summary(entry),
    ...(withOffers ? { lastUnusedOffers: entry.lastRefusals.map(unusedOffer) } : {}),
  });
  return `{"app":${app},${rest.slice(1)}`;
}

const summary = (entry: QueueEntry): object => ({
  processedOffersCount: entry.processedOffersCount,
  unusedOffersCount: entry.unusedOffersCount,
  ...(entry.lastUnusedOfferAtMs === undefined ? {} : { lastUnusedOfferAt: timestamp(entry.lastUnusedOfferAtMs) }),
  ...(entry.lastUsedOfferAtMs === undefined ? {} : { lastUsedOfferAt: timestamp(entry.lastUsedOfferAtMs) }),
  rejectSummaryLastOffers: rejectSummary(entry.lastRefusals.length, firstReasons(entry)),
  rejectSummaryLaunchAttempt: rejectSummary(entry.processedOffersCount, entry.launchAttempt),
});

function firstReasons(entry: QueueEntry): ReasonCounts {
  const counts: Partial<Record<keyof ReasonCounts, number>> = {};
  for (const { reasons } of entry.lastRefusals) {
    const [first] = reasons;
    if (first !== undefined) counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

const unusedOffer = ({ offer, reasons, atMs }: QueueEntry['lastRefusals'][number]): object => ({
  offer: offerView(offer),
  reason: reasons,
  timestamp: timestamp(atMs),
});

const offerView = (offer: Offer): object => ({
  id: offer.id.value,
  hostname: offer.hostname,
  agentId: offer.agent_id.value,
  resources: offer.resources.map(resourceView),
  attributes: (offer.attributes ?? []).map(attributeView),
});

const valueView = (value: Pick<Resource, 'scalar' | 'ranges' | 'set'>): object => ({
  ...(value.scalar === undefined ? {} : { scalar: value.scalar.value }),
  ...(value.ranges === undefined ? {} : { ranges: value.ranges.range ?? [] }),
  ...(value.set === undefined ? {} : { set: value.set.item ?? [] }),
});

const resourceView = (resource: Resource): object => ({
  name: resource.name,
  role: resource.reservations?.at(-1)?.role ?? resource.reservation?.role ?? resource.role ?? '*',
  ...valueView(resource),
});

export const attributeView = (attribute: Attribute): object => ({
  name: attribute.name,
  ...(attribute.text === undefined ? {} : { text: attribute.text.value }),
  ...valueView(attribute),
});
