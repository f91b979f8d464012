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
const maxNamesPerKind = 5_000;

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

/** Metrics of one kind, found by their short names, so that recording builds no names. */
class Kind<T> {
  readonly byFullName = new Map<string, T>();
  readonly #byShortName = new Map<string, T>();
  readonly #fullName: (name: string) => string;
  readonly #make: () => T;
  /** Calls that found no room. */
  dropped = 0;

  constructor(fullName: (name: string) => string, make: () => T) {
    this.#fullName = fullName;
    this.#make = make;
  }

  find(name: string): T | undefined {
    const known = this.#byShortName.get(name);
    if (known !== undefined) return known;
    if (this.#byShortName.size >= maxNamesPerKind) {
      this.dropped += 1;
      return undefined;
    }
    const made = this.#make();
    this.#byShortName.set(name, made);
    this.byFullName.set(this.#fullName(name), made);
    return made;
  }
}

/** Makes an empty registry. */
export function createMetricsRegistry({
  clock,
  prefix = 'marathon',
  withProcess = true,
}: RegistryOptions): MetricsRegistry {
  const gauges = new Kind(
    (name) => `${prefix}.${name}.gauge${unitOf(name)}`,
    () => ({ read: (): number => 0 }),
  );
  const counters = new Kind(
    (name) => `${prefix}.${name}.counter${unitOf(name)}`,
    () => ({ value: 0 }),
  );
  const meters = new Kind(
    (name) => `${prefix}.${name}.meter`,
    () => new Meter(clock),
  );
  const timers = new Kind(
    (name) => `${prefix}.${name}.timer.seconds`,
    (): Timer => ({ histogram: new Histogram(clock), meter: new Meter(clock) }),
  );
  const recording: Metrics & Pick<MetricsRegistry, 'mark'> = {
    count: (name, by = 1) => {
      const counter = counters.find(name);
      if (counter) counter.value += by;
    },
    gauge: (name, read) => {
      const gauge = gauges.find(name);
      if (gauge) gauge.read = read;
    },
    time: (name, durationMs) => {
      const timer = timers.find(name);
      timer?.histogram.record(durationMs / 1000);
      timer?.meter.mark();
    },
    mark: (name, by = 1) => meters.find(name)?.mark(by),
  };
  recording.gauge('metrics.dropped', () =>
    [gauges, counters, meters, timers].reduce((sum, kind) => sum + kind.dropped, 0),
  );
  const ofProcess: ProcessMetrics | undefined = withProcess ? createProcessMetrics() : undefined;
  if (withProcess) registerRuntimeGauges(recording, clock);
  const recorded: Recorded = {
    counters: counters.byFullName,
    gauges: gauges.byFullName,
    meters: meters.byFullName,
    timers: timers.byFullName,
  };
  return {
    ...recording,
    histogram: (name, help, buckets) => ofProcess?.histogram(name, help, buckets) ?? (() => {}),
    renderJson: () => dropwizardJson(recorded),
    renderPrometheus: async () => prometheusText(recorded) + (ofProcess ? await ofProcess.render() : ''),
  };
}
