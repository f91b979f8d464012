/** The metrics of this process, under Marathon's names, as Dropwizard JSON and as Prometheus text (rest-api §12). */
import type { Clock, Metrics } from '../../actors/ports.ts';
import { dropwizardJson } from './dropwizard-json.ts';
import { Histogram } from './histogram.ts';
import { Meter } from './meter.ts';
import { createProcessMetrics, type ProcessMetrics } from './process-metrics.ts';
import { prometheusText } from './prometheus-text.ts';
import type { Recorded, Timer } from './recorded.ts';
import { registerRuntimeGauges } from './runtime-gauges.ts';

/** Distinct names that are kept of each kind; more of them are dropped and counted in `metrics.dropped`. */
export const maxNamesPerKind = 5_000;

export interface MetricsRegistry extends Metrics {
  /** Counts `by` events (1 unless told otherwise) on a meter. */
  readonly mark: (name: string, by?: number) => void;
  /** A Prometheus histogram of our own; the name gets the prefix `ultramarathon_`. Returns how to observe a value. */
  readonly histogram: (name: string, help: string, buckets: readonly number[]) => (value: number) => void;
  readonly renderJson: () => string;
  readonly renderPrometheus: () => Promise<string>;
}

export interface RegistryOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** `--metrics_name_prefix`. */
  readonly prefix?: string;
  /** False leaves out `nodejs_*`, `process_*` and the gauges that stand in for a JVM's. */
  readonly withProcess?: boolean;
}

const byteCounters: ReadonlySet<string> = new Set([
  'http.requests.size',
  'http.responses.size',
  'http.responses.size.gzipped',
  'http.responses.event-stream.size',
]);

/** The unit that ends a gauge's or counter's name. */
function unitOf(name: string): string {
  if (byteCounters.has(name)) return '.bytes';
  if (name === 'uptime' || name === 'leadership.duration') return '.seconds';
  if (/^jvm\.memory\.[\w-]+\.(?:init|used|max|committed)$/.test(name)) return '.bytes';
  return /^jvm\.buffers\.\w+\.(?:capacity|memory\.used)$/.test(name) ? '.bytes' : '';
}

/** Makes an empty registry. */
export function createMetricsRegistry({
  clock,
  prefix = 'marathon',
  withProcess = true,
}: RegistryOptions): MetricsRegistry {
  const counters = new Map<string, { value: number }>();
  const gauges = new Map<string, () => number>();
  const meters = new Map<string, Meter>();
  const timers = new Map<string, Timer>();
  /** Short name → metric, so that recording builds no names. */
  const byShortName = {
    counter: new Map<string, { value: number }>(),
    meter: new Map<string, Meter>(),
    timer: new Map<string, Timer>(),
  };
  let dropped = 0;
  gauges.set(`${prefix}.metrics.dropped.gauge`, () => dropped);

  const lookUp = <T>(
    short: Map<string, T>,
    full: Map<string, T>,
    name: string,
    ending: string,
    make: () => T,
  ): T | undefined => {
    const known = short.get(name);
    if (known !== undefined) return known;
    if (full.size >= maxNamesPerKind) {
      dropped += 1;
      return undefined;
    }
    const made = make();
    short.set(name, made);
    full.set(`${prefix}.${name}${ending}`, made);
    return made;
  };

  const recording: Metrics & Pick<MetricsRegistry, 'mark'> = {
    count: (name, by = 1) => {
      const counter = lookUp(byShortName.counter, counters, name, `.counter${unitOf(name)}`, () => ({ value: 0 }));
      if (counter) counter.value += by;
    },
    gauge: (name, read) => {
      const full = `${prefix}.${name}.gauge${unitOf(name)}`;
      if (gauges.has(full) || gauges.size < maxNamesPerKind) gauges.set(full, read);
      else dropped += 1;
    },
    time: (name, durationMs) => {
      const timer = lookUp(byShortName.timer, timers, name, '.timer.seconds', () => ({
        histogram: new Histogram(clock),
        meter: new Meter(clock),
      }));
      timer?.histogram.record(durationMs / 1000);
      timer?.meter.mark();
    },
    mark: (name, by = 1) => lookUp(byShortName.meter, meters, name, '.meter', () => new Meter(clock))?.mark(by),
  };

  const ofProcess: ProcessMetrics | undefined = withProcess ? createProcessMetrics() : undefined;
  if (withProcess) registerRuntimeGauges(recording, clock);
  const recorded: Recorded = { counters, gauges, meters, timers };
  return {
    ...recording,
    histogram: (name, help, buckets) => ofProcess?.histogram(name, help, buckets) ?? (() => {}),
    renderJson: () => dropwizardJson(recorded),
    renderPrometheus: async () => prometheusText(recorded) + (ofProcess ? await ofProcess.render() : ''),
  };
}
