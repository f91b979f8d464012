/** Who waits for offers, since when, and why the last offers would not do. Owned by the scheduler. */
import type { AppDefinition } from '../core/app/definition.ts';
import type { AppId, InstanceId } from '../core/ids.ts';
import type { OfferRefusal, RefusalReason } from '../core/offer/demand.ts';
import type { QueueEntry } from './front.ts';
import type { Waiting } from './protocol.ts';

/** A launch is on its way for so long at most; after that Mesos knows its task, or never will. */
const launchingMs = 60_000;
/** Agents whose latest refusal is remembered for each app, while few apps wait. */
const maxRefusalsKept = 1_000;
/** Refusals that are remembered in all; when many apps wait, each has its share of them, but at least `minRefusalsKept`. */
export const maxRefusalsKeptInAll = 100_000;
const minRefusalsKept = 10;

export interface EligibleApp {
  readonly app: AppDefinition;
  readonly waiting: readonly Waiting[];
}

interface Entry {
  app: AppDefinition;
  readonly waiting: Map<InstanceId, Waiting>;
  /** Role → how many of them wait in it. */
  readonly roles: Map<string, number>;
  /** Matched, and no word from Mesos yet; they still count as queued. */
  readonly provisioned: Map<InstanceId, number>;
  notBeforeMs: number | undefined;
  readonly sinceMs: number;
  processed: number;
  unused: number;
  lastUnusedAtMs: number | undefined;
  lastUsedAtMs: number | undefined;
  readonly attempt: Partial<Record<RefusalReason, number>>;
  readonly lastRefusals: Map<string, QueueEntry['lastRefusals'][number]>;
}

/** The launch queue. An app leaves it, with its statistics, when nothing of it waits any more. */
export class DemandBook {
  readonly #entries = new Map<AppId, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Roles in which somebody may launch now. */
  wantedRoles(nowMs: number): ReadonlySet<string> {
    const wanted = new Set<string>();
    for (const entry of this.#entries.values()) {
      if (isEligible(entry, nowMs)) for (const role of entry.roles.keys()) wanted.add(role);
    }
    return wanted;
  }

  /** Apps that may launch now, with the first `limit` of those that wait. */
  *eligible(nowMs: number, limit: number): Iterable<EligibleApp> {
    for (const entry of this.#entries.values()) {
      if (!isEligible(entry, nowMs)) continue;
      const waiting: Waiting[] = [];
      for (const one of entry.waiting.values()) {
        if (waiting.length >= limit) break;
        waiting.push(one);
      }
      yield { app: entry.app, waiting };
    }
  }

  /** End of the next back-off, if somebody is only waiting for that. */
  nextDueMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const { waiting, notBeforeMs } of this.#entries.values()) {
      if (waiting.size === 0 || notBeforeMs === undefined || notBeforeMs <= nowMs) continue;
      if (next === undefined || notBeforeMs < next) next = notBeforeMs;
    }
    return next;
  }

  add(app: AppDefinition, waiting: readonly Waiting[], notBeforeMs: number | undefined, nowMs: number): void {
    const entry = this.#entries.get(app.id) ?? newEntry(app, nowMs);
    entry.app = app;
    entry.notBeforeMs = notBeforeMs;
    for (const one of waiting) {
      entry.provisioned.delete(one.instanceId);
      waitNoMore(entry, one.instanceId);
      entry.waiting.set(one.instanceId, one);
      entry.roles.set(one.role, (entry.roles.get(one.role) ?? 0) + 1);
    }
    this.#entries.set(app.id, entry);
  }

  /** The definition to launch, or the delay, is another one now. */
  change(app: AppDefinition, notBeforeMs: number | undefined): void {
    const entry = this.#entries.get(app.id);
    if (!entry) return;
    entry.app = app;
    entry.notBeforeMs = notBeforeMs;
  }

  remove(appId: AppId, ids: readonly InstanceId[]): void {
    const entry = this.#entries.get(appId);
    if (!entry) return;
    for (const id of ids) {
      waitNoMore(entry, id);
      entry.provisioned.delete(id);
    }
    this.#dropIfEmpty(appId, entry);
  }

  /** What is to be launched of an app, and from when on; undefined if nothing of it is queued. */
  of(appId: AppId): { readonly app: AppDefinition; readonly notBeforeMs: number | undefined } | undefined {
    return this.#entries.get(appId);
  }

  waiting(appId: AppId, id: InstanceId): Waiting | undefined {
    return this.#entries.get(appId)?.waiting.get(id);
  }

  /** Matched to an offer: no longer waiting, still queued until Mesos says something. */
  launched(appId: AppId, id: InstanceId, monotonicMs: number): void {
    const entry = this.#entries.get(appId);
    if (entry && waitNoMore(entry, id)) entry.provisioned.set(id, monotonicMs);
  }

  /** Matched a moment ago, and Mesos has not spoken of its task yet. Times are monotonic. */
  isLaunching(appId: AppId, id: InstanceId, monotonicMs: number): boolean {
    const sinceMs = this.#entries.get(appId)?.provisioned.get(id);
    return sinceMs !== undefined && monotonicMs - sinceMs < launchingMs;
  }

  /** Mesos has spoken of its task. */
  confirmed(appId: AppId, id: InstanceId): void {
    const entry = this.#entries.get(appId);
    if (entry?.provisioned.delete(id)) this.#dropIfEmpty(appId, entry);
  }

  /** Counts an offer that launched something of the app. */
  used(appId: AppId, nowMs: number): void {
    const entry = this.#entries.get(appId);
    if (!entry) return;
    entry.processed++;
    entry.lastUsedAtMs = nowMs;
  }

  /** Remembers why an offer would not do. */
  refused(refusal: OfferRefusal, nowMs: number): void {
    const entry = this.#entries.get(refusal.app.id);
    const reason = refusal.reasons[0];
    if (!entry || !reason) return;
    entry.processed++;
    entry.unused++;
    entry.lastUnusedAtMs = nowMs;
    entry.attempt[reason] = (entry.attempt[reason] ?? 0) + 1;
    const { lastRefusals } = entry;
    const agentId = refusal.offer.agent_id.value;
    // The latest refusal stands last, so that the first one is the oldest.
    lastRefusals.delete(agentId);
    const share = Math.floor(maxRefusalsKeptInAll / this.#entries.size);
    const most = Math.max(minRefusalsKept, Math.min(maxRefusalsKept, share));
    for (const oldest of lastRefusals.keys()) {
      if (lastRefusals.size < most) break;
      lastRefusals.delete(oldest);
    }
    lastRefusals.set(agentId, { offer: refusal.offer, reasons: refusal.reasons, atMs: nowMs });
  }

  /** Refusals that are remembered. */
  get refusalsKept(): number {
    let kept = 0;
    for (const { lastRefusals } of this.#entries.values()) kept += lastRefusals.size;
    return kept;
  }

  /** The queue as `/v2/queue` shows it. */
  entries(): readonly QueueEntry[] {
    return [...this.#entries.values()].map((entry) => ({
      app: entry.app,
      role: entry.app.role,
      count: entry.waiting.size + entry.provisioned.size,
      sinceMs: entry.sinceMs,
      notBeforeMs: entry.notBeforeMs,
      processedOffersCount: entry.processed,
      unusedOffersCount: entry.unused,
      ...(entry.lastUnusedAtMs === undefined ? {} : { lastUnusedOfferAtMs: entry.lastUnusedAtMs }),
      ...(entry.lastUsedAtMs === undefined ? {} : { lastUsedOfferAtMs: entry.lastUsedAtMs }),
      launchAttempt: { ...entry.attempt },
      lastRefusals: [...entry.lastRefusals.values()],
    }));
  }

  #dropIfEmpty(appId: AppId, entry: Entry): void {
    if (entry.waiting.size === 0 && entry.provisioned.size === 0) this.#entries.delete(appId);
  }
}

const isEligible = (entry: Entry, nowMs: number): boolean =>
  entry.waiting.size > 0 && (entry.notBeforeMs === undefined || entry.notBeforeMs <= nowMs);

/** True if it waited. */
function waitNoMore({ waiting, roles }: Entry, id: InstanceId): boolean {
  const one = waiting.get(id);
  if (one === undefined) return false;
  waiting.delete(id);
  const left = (roles.get(one.role) ?? 1) - 1;
  if (left === 0) roles.delete(one.role);
  else roles.set(one.role, left);
  return true;
}

const newEntry = (app: AppDefinition, nowMs: number): Entry => ({
  app,
  waiting: new Map(),
  roles: new Map(),
  provisioned: new Map(),
  notBeforeMs: undefined,
  sinceMs: nowMs,
  processed: 0,
  unused: 0,
  lastUnusedAtMs: undefined,
  lastUsedAtMs: undefined,
  attempt: {},
  lastRefusals: new Map(),
});
