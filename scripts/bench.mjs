/** `npm run bench -- NAME`: runs one benchmark, or names them. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkNode, ensureBuilt, ensureInstalled, root } from './prepare.mjs';

checkNode();
ensureInstalled();
ensureBuilt();
const [name, ...rest] = process.argv.slice(2);
const known = readdirSync(join(root, 'benchmarks'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
if (!name || !known.includes(name)) {
  process.stderr.write(`which benchmark? (${known.join(', ')})\n`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['--expose-gc', '--import', 'tsx', join('benchmarks', `${name}.ts`), ...rest],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
