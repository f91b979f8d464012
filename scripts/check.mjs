/** `npm run check`: lint, types, the rules about the tree, and the quick tests; everything before a commit. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, ensureInstalled, root } from './prepare.mjs';

checkNode();
ensureInstalled();
const modules = join(root, 'node_modules');
const steps = [
  ['lint', [join(modules, '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.']],
  ['types', [join(modules, 'typescript', 'bin', 'tsc')]],
  [
    'tests',
    [
      join(modules, 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=dot',
      '--project=tidy',
      '--project=core',
      '--project=actors',
    ],
  ],
];
for (const [name, args] of steps) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(`check: ${name} failed\n`);
    process.exit(1);
  }
}
