/** `npm run soak -- --minutes 10 [--seed N]`: new seeds for so long, and what was gone through in each minute. */
import { performance } from 'node:perf_hooks';
import { simulate } from './simulation.ts';

const words = process.argv.slice(2);
const numberAfter = (flag: string, otherwise: number): number => {
  const at = words.indexOf(flag);
  return at < 0 ? otherwise : Number(words[at + 1]);
};

const minutes = numberAfter('--minutes', 10);
let seed = numberAfter('--seed', 100_000);
const startMs = performance.now();
const total = { seeds: 0, simulatedMs: 0, faults: 0, launches: 0, failed: 0 };
const hours = (ms: number): string => (ms / 3_600_000).toFixed(1);

for (let minute = 1; minute <= minutes; minute++) {
  const before = { ...total };
  while (performance.now() - startMs < minute * 60_000) {
    const report = await simulate(seed);
    total.seeds++;
    total.simulatedMs += report.simulatedMs;
    total.launches += report.counts.get('launch') ?? 0;
    for (const count of report.faults.values()) total.faults += count;
    const [violation] = report.violations;
    if (violation) {
      total.failed++;
      process.stdout.write(`seed ${seed}: FAILED ${violation.checker}: ${violation.text}\n`);
    }
    seed++;
  }
  process.stdout.write(
    `minute ${minute}: ${hours(total.simulatedMs - before.simulatedMs)} simulated hours, ` +
      `${total.faults - before.faults} faults, ${total.launches - before.launches} launches, ` +
      `${total.seeds - before.seeds} seeds, ${total.failed - before.failed} failed\n`,
  );
}
process.stdout.write(
  `${total.seeds} seeds: ${hours(total.simulatedMs)} simulated hours, ${total.faults} faults, ${total.failed} failed\n`,
);
process.exitCode = total.failed > 0 ? 1 : 0;
