/** `npm test`: sees to packages and system packages, runs every test, and ends with `N passed, N failed`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from './packages.mjs';
import { checkNode, ensureBuilt, ensureInstalled, root } from './prepare.mjs';

checkNode();
ensureInstalled();
ensureBuilt();
const missing = ensurePackages();
const words = process.argv.slice(2);
const isLong = words.includes('--long');
const folder = mkdtempSync(join(tmpdir(), 'ultramarathon-test-'));
const report = join(folder, 'report.json');
const env = {
  ...process.env,
  ULTRAMARATHON_TEST_LONG: isLong ? '1' : '',
  ULTRAMARATHON_TEST_MISSING: missing.join(','),
};
const rest = words.filter((w) => w !== '--long');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });

let results;
try {
  results = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  process.stderr.write('The test runner left no report.\n');
}
rmSync(folder, { recursive: true, force: true });

const listed = JSON.parse(readFileSync(join(root, 'test', 'skips.json'), 'utf8'));
const skipped = (results?.testResults ?? []).flatMap((file) =>
  file.assertionResults
    .filter((one) => one.status !== 'passed' && one.status !== 'failed')
    .map((one) => `${file.name.slice(root.length)} > ${one.fullName}`),
);
/** A listed skip counts only while what it needs is really missing: a test that could run must not be passed over. */
const isListed = (name, { test, prefix, needs }) =>
  (test === undefined ? name.startsWith(prefix) : name === test) && needs.some((need) => missing.includes(need));
let unlisted = 0;
for (const name of skipped) {
  const known = listed.find((one) => isListed(name, one));
  if (!known) unlisted++;
  process.stdout.write(
    known ? `SKIPPED: ${name}: ${known.reason}\n` : `SKIPPED WITHOUT A REASON in test/skips.json: ${name}\n`,
  );
}
const passed = results?.numPassedTests ?? 0;
const failedTests = results?.numFailedTests ?? 0;
// A file that does not even load has no failed test of its own.
const failedFiles = (results?.testResults ?? []).filter(
  (f) => f.status === 'failed' && f.assertionResults.every((a) => a.status !== 'failed'),
);
for (const file of failedFiles)
  process.stdout.write(`FAILED TO RUN: ${file.name.slice(root.length)}: ${file.message}\n`);
const failed =
  failedTests + failedFiles.length + unlisted + (status !== 0 && failedTests + failedFiles.length === 0 ? 1 : 0);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
