/** `node --import tsx test/sim/hunt.ts`: hunts every mutant and writes what caught it to docs/reports. */
import { writeFile } from 'node:fs/promises';
import { mutants } from './mutants.ts';
import { type Caught, hunt, reportFile, reportOf } from './mutate.ts';

const seeds = 300;
const caught: Caught[] = [];
for (const mutant of mutants) {
  const one = await hunt(mutant, seeds);
  caught.push(one);
  process.stdout.write(`${one.seed === undefined ? 'MISSED' : `seed ${one.seed}, ${one.checker}`}: ${one.mutant}\n`);
}
await writeFile(reportFile, reportOf(caught, seeds));
process.exitCode = caught.some((c) => c.seed === undefined) ? 1 : 0;
