/** What the guardian does from time to time, and the gauges of a server as a whole. */
import type { Clock, JournalStore, Logger, Metrics, TimerHandle } from './ports.ts';
import type { Views } from './views.ts';

/** How often the store may drop what nobody needs any more. */
const compactIntervalMs = 60_000;

/** Compacts the store while this server leads. Returns how to stop. */
export function compactRegularly(
  { clock, store, logger }: { readonly clock: Clock; readonly store: JournalStore; readonly logger: Logger },
  isLeading: () => boolean,
): () => void {
  let timer: TimerHandle | undefined;
  let isStopped = false;
  const later = (): void => {
    if (isStopped) return;
    timer = clock.after(compactIntervalMs, () => {
      const compacted = isLeading() ? store.compact() : Promise.resolve();
      compacted.catch((error: unknown) => logger.error('journal.compact-failed', {}, error)).finally(later);
    });
  };
  later();
  return () => {
    isStopped = true;
    timer?.cancel();
  };
}

/** `leadingSinceMs`: monotonic, undefined while this server does not lead. */
export function registerGauges(
  { metrics, clock }: { readonly metrics: Metrics; readonly clock: Clock },
  views: Views,
  leadingSinceMs: () => number | undefined,
): void {
  const startedMs = clock.monotonic();
  metrics.gauge('uptime', () => (clock.monotonic() - startedMs) / 1000);
  metrics.gauge('leadership.duration', () => {
    const sinceMs = leadingSinceMs();
    return sinceMs === undefined ? 0 : (clock.monotonic() - sinceMs) / 1000;
  });
  metrics.gauge('instances.running', () => views.countInstances().running);
  metrics.gauge('instances.staged', () => views.countInstances().staged);
}
