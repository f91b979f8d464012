/**
 * Builds the image `ultramarathon-2048` that app-docker.json runs: `node build-image.mjs [engine [engine options…]]`. The engine is
 * docker or podman, whichever answers. Needs a static busybox (Debian: `apt-get install busybox-static`), and no network.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const image = 'ultramarathon-2048';
const busyboxes = [process.env.BUSYBOX, '/bin/busybox', '/usr/bin/busybox', '/bin/busybox.static'];

/** Ends with one line; what must be mended is outside of this script. */
function refuse(line) {
  console.error(line);
  process.exit(1);
}

/** A program that needs no library names no interpreter in its head. */
const isStatic = (file) => !readFileSync(file).subarray(0, 4096).includes('/ld-linux');

const [asked, ...options] = process.argv.slice(2);
/** A client may be there without its daemon: the local cluster looks for the engine in the same way. */
const answers = (program) => spawnSync(program, ['ps', '--quiet'], { stdio: 'ignore' }).status === 0;
const engine = asked ?? ['docker', 'podman'].find(answers);
if (engine === undefined) refuse('Neither docker nor podman answers: start one of them, or install podman.');
const busybox = busyboxes.find((file) => file && existsSync(file) && isStatic(file));
if (busybox === undefined) refuse('No static busybox is there: install busybox-static, or name one in BUSYBOX.');

const context = mkdtempSync(join(tmpdir(), '2048-image-'));
try {
  for (const name of ['Containerfile', 'serve.sh', 'page']) {
    cpSync(join(folder, name), join(context, name), { recursive: true });
  }
  copyFileSync(busybox, join(context, 'busybox'));
  chmodSync(join(context, 'busybox'), 0o755);
  const words = [...options, 'build', '--tag', image, '--file', join(context, 'Containerfile'), context];
  const { status, error } = spawnSync(engine, words, { stdio: 'inherit' });
  if (status !== 0) refuse(`${engine} cannot build the image${error ? `: ${error.message}` : ''}`);
  console.log(`${engine} has the image ${image} now.`);
} finally {
  rmSync(context, { recursive: true, force: true });
}
