/** `/metrics` as Dropwizard writes it (rest-api §12.1). */
import { quantiles, type Snapshot } from './histogram.ts';
import type { Rates } from './meter.ts';
import { type Recorded, readGauge } from './recorded.ts';

const mapped = <T>(metrics: ReadonlyMap<string, T>, view: (metric: T) => object): object =>
  Object.fromEntries([...metrics].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, metric]) => [name, view(metric)]));

/** JSON knows no NaN, and clients expect a number. */
const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

const histogramView = (snapshot: Snapshot): object => ({
  count: snapshot.count,
  min: snapshot.min,
  mean: snapshot.mean,
  max: snapshot.max,
  stddev: snapshot.stddev,
  ...Object.fromEntries(quantiles.map(([, name], index) => [name, snapshot.quantiles[index] ?? 0])),
});

const rateView = ({ meanRate, m1Rate, m5Rate, m15Rate }: Rates): object => ({
  mean_rate: meanRate,
  m1_rate: m1Rate,
  m5_rate: m5Rate,
  m15_rate: m15Rate,
});

/** The whole answer as text. */
export const dropwizardJson = ({ counters, gauges, meters, timers }: Recorded): string =>
  JSON.stringify({
    version: '4.0.0',
    gauges: mapped(gauges, ({ read }) => ({ value: finite(readGauge(read)) })),
    counters: mapped(counters, ({ value }) => ({ count: value })),
    histograms: {},
    meters: mapped(meters, (meter) => {
      const rates = meter.rates();
      return { count: rates.count, ...rateView(rates), units: 'events/second' };
    }),
    timers: mapped(timers, ({ histogram, meter }) => ({
      ...histogramView(histogram.snapshot()),
      ...rateView(meter.rates()),
      duration_units: 'seconds',
      rate_units: 'calls/second',
    })),
  });
