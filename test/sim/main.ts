/** `npm run sim -- --seed N [--count K] [--quiet] [--first-failure]`: runs seeds and prints what happened. */
import { simulate } from './simulation.ts';

const words = process.argv.slice(2);
const numberAfter = (flag: string, otherwise: number): number => {
  const at = words.indexOf(flag);
  return at < 0 ? otherwise : Number(words[at + 1]);
};

const first = numberAfter('--seed', 1);
const count = numberAfter('--count', 1);
const endsAtFirst = words.includes('--first-failure');
const isQuiet = words.includes('--quiet') || count > 1;
let failed = 0;
let ran = 0;
for (let seed = first; seed < first + count && !(endsAtFirst && failed > 0); seed++) {
  ran++;
  const report = await simulate(seed, isQuiet ? undefined : (line) => process.stdout.write(`${line}\n`));
  const [violation] = report.violations;
  if (violation) failed++;
  const minutes = (report.simulatedMs / 60_000).toFixed(1);
  const outcome = violation ? `FAILED ${violation.checker}: ${violation.text}` : 'held';
  const faults = [...report.faults.values()].reduce((sum, n) => sum + n, 0);
  if (violation || count === 1) {
    process.stdout.write(
      `seed ${seed}: ${minutes} min, ${faults} faults, ${JSON.stringify(Object.fromEntries(report.counts))}: ${outcome}\n`,
    );
  }
}
process.stdout.write(`${ran - failed} of ${ran} seeds held\n`);
process.exitCode = failed > 0 ? 1 : 0;
