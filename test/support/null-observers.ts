import type { LogFields, Logger, Metrics } from '../../src/actors/ports.ts';

/** Lines and times that are kept; older ones go. */
const KEPT = 10_000;

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: LogFields;
  readonly cause: unknown;
}

/** Prints nothing and remembers its last lines. */
export interface SilentLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** The lines of one event. */
  readonly of: (event: string) => readonly LogLine[];
}

export function createSilentLogger(): SilentLogger {
  const lines: LogLine[] = [];
  const keep = (level: LogLine['level']) => (event: string, fields?: LogFields, cause?: unknown) => {
    lines.push({ level, event, fields: fields ?? {}, cause });
    if (lines.length > KEPT) lines.splice(0, KEPT / 2);
  };
  return {
    lines,
    of: (event) => lines.filter((line) => line.event === event),
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
  };
}

/** Remembers what was counted and timed. */
export interface SilentMetrics extends Metrics {
  /** The sum of a counter; 0 if it was never touched. */
  readonly counted: (name: string) => number;
  /** What a gauge reads now; undefined if nobody registered it. */
  readonly gauged: (name: string) => number | undefined;
  /** The last durations of a name, in milliseconds. */
  readonly timed: (name: string) => readonly number[];
}

export function createSilentMetrics(): SilentMetrics {
  const counts = new Map<string, number>();
  const gauges = new Map<string, () => number>();
  const times = new Map<string, number[]>();
  return {
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
    gauge: (name, read) => gauges.set(name, read),
    time: (name, durationMs) => {
      const kept = times.get(name);
      if (kept === undefined) times.set(name, [durationMs]);
      else {
        kept.push(durationMs);
        if (kept.length > KEPT) kept.splice(0, KEPT / 2);
      }
    },
    counted: (name) => counts.get(name) ?? 0,
    gauged: (name) => gauges.get(name)?.(),
    timed: (name) => times.get(name) ?? [],
  };
}
