/** What every script does first, with nothing installed yet: the Node version, the packages, the build. No dependencies. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const wantedNode = [20, 19];
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.ultramarathon-lock');
const buildStamp = join(root, 'dist', '.built');

/** Ends the script with one line and exit code 2. */
export function refuse(line) {
  process.stderr.write(`ultramarathon: ${line}\n`);
  process.exit(2);
}

/** Refuses a Node that is too old. */
export function checkNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < wantedNode[0] || (major === wantedNode[0] && minor < wantedNode[1]);
  if (isOld) refuse(`Node ${wantedNode.join('.')} or newer is needed, this is ${version}`);
}

/** Runs a program of this machine; its output is shown only if it fails. */
function runQuietly(what, command, args) {
  process.stdout.write(`${what} … `);
  const started = Date.now();
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0) {
    process.stdout.write('failed\n');
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
    refuse(`${what} failed (see above)`);
  }
  process.stdout.write(`done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

/** Installs what package-lock.json says, if it is missing or was changed since. */
export function ensureInstalled() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lock) return;
  // npm ci empties the folder first, and would follow the link into a folder that is somebody else's.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    refuse(
      'node_modules is a link, and its packages are not those of package-lock.json; remove the link, then try again',
    );
  }
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []];
  runQuietly('Installing packages', command, [...first, 'ci', '--no-audit', '--no-fund']);
  writeFileSync(stampFile, lock);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Builds if a source is newer than the last build. */
export function ensureBuilt() {
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((p) =>
    newest(join(root, p)),
  );
  if (existsSync(buildStamp) && statSync(buildStamp).mtimeMs >= Math.max(...sources)) return;
  const startedAt = new Date();
  runQuietly('Building', process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(buildStamp, startedAt.toISOString());
}
