/** What prom-client knows of this process (`nodejs_*`, `process_*`), and histograms of our own. */
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export interface ProcessMetrics {
  readonly histogram: (name: string, help: string, buckets: readonly number[]) => (value: number) => void;
  readonly render: () => Promise<string>;
}

/** Watches the event loop and the garbage collector from now on. */
export function createProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    histogram: (name, help, buckets) => {
      const made = new Histogram({
        name: `ultramarathon_${name}`,
        help,
        buckets: [...buckets],
        registers: [registry],
      });
      return (value) => made.observe(value);
    },
    // prom-client spells it `Nan`, which strict readers do not know.
    render: async () => (await registry.metrics()).replace(/ Nan$/gm, ' NaN'),
  };
}
