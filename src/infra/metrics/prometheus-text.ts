/** `/metrics/prometheus` as Marathon writes it (rest-api §12.2), with quantiles as gauges in addition (clients §4). */
import { quantiles } from './histogram.ts';
import type { Rates } from './meter.ts';
import { type Recorded, readGauge } from './recorded.ts';

/** `marathon.apps.active.gauge` → `marathon_apps_active_gauge`. */
const nameOf = (dotted: string): string => dotted.replace(/[^a-zA-Z0-9_]/g, '_');

const numeral = (value: number): string => {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
};

/** Collects families; a name that is taken already (two dotted names may become one) is left out. */
class Families {
  readonly #taken = new Set<string>();
  readonly #blocks: string[] = [];

  add(name: string, type: 'counter' | 'gauge' | 'summary', samples: readonly (readonly [string, number])[]): void {
    if (this.#taken.has(name) || samples.some(([suffix]) => suffix.startsWith('_') && this.#taken.has(name + suffix)))
      return;
    this.#taken.add(name);
    for (const [suffix] of samples) if (suffix.startsWith('_')) this.#taken.add(name + suffix);
    const lines = samples.map(([suffix, value]) => `${name}${suffix} ${numeral(value)}\n`);
    this.#blocks.push(`# TYPE ${name} ${type}\n${lines.join('')}`);
  }

  gauge(name: string, value: number): void {
    this.add(name, 'gauge', [['', value]]);
  }

  text(): string {
    return this.#blocks.map((block) => `${block}\n`).join('');
  }
}

/** All families, a blank line after each. */
export function prometheusText({ counters, gauges, meters, timers }: Recorded): string {
  const families = new Families();
  for (const [name, { value }] of counters) families.add(nameOf(name), 'counter', [['', value]]);
  for (const [name, { read }] of gauges) families.gauge(nameOf(name), readGauge(read));
  for (const [name, meter] of meters) {
    const rates = meter.rates();
    families.gauge(`${nameOf(name)}_count`, rates.count);
    addRates(families, nameOf(name), rates);
  }
  for (const [dotted, { histogram, meter }] of timers) {
    const name = nameOf(dotted);
    const shot = histogram.snapshot();
    const labelled = quantiles.map(([q], i) => [`{quantile="${q}"}`, shot.quantiles[i] ?? 0] as const);
    families.add(name, 'summary', [...labelled, ['_count', shot.count]]);
    for (const key of ['min', 'mean', 'max', 'stddev'] as const) families.gauge(`${name}_${key}`, shot[key]);
    quantiles.forEach(([, short], i) => {
      families.gauge(`${name}_${short}`, shot.quantiles[i] ?? 0);
    });
    addRates(families, name, meter.rates());
  }
  return families.text();
}

function addRates(families: Families, name: string, rates: Rates): void {
  families.gauge(`${name}_mean_rate`, rates.meanRate);
  families.gauge(`${name}_m1_rate`, rates.m1Rate);
  families.gauge(`${name}_m5_rate`, rates.m5Rate);
  families.gauge(`${name}_m15_rate`, rates.m15Rate);
}
