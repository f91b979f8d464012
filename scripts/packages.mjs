/** System packages that tests use. What is missing is installed where that is possible, and named in one line where it is not. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian's package, and the program or file that shows it is there. */
const wanted = [
  { package: 'default-jre-headless', program: 'java', use: 'the tests with several servers' },
  { package: 'zookeeper', file: '/usr/share/java/zookeeper.jar', use: 'the tests with several servers' },
  { package: 'chromium', program: 'chromium', use: 'the browser tests' },
  { package: 'prometheus', program: 'promtool', use: 'checking the metrics text, and discovery' },
  { package: 'python3-marathon', file: '/usr/lib/python3/dist-packages/marathon/client.py', use: 'a client of others' },
  { package: 'podman', program: 'podman', use: 'the tests with containers' },
  { package: 'runc', program: 'runc', use: 'the tests with containers' },
  { package: 'netavark', file: '/usr/lib/podman/netavark', use: 'the tests with containers' },
  { package: 'iptables', program: 'iptables', use: 'the tests with containers' },
  { package: 'busybox-static', file: '/usr/share/doc/busybox-static', use: 'the tests with containers' },
];

const isThere = (wish) => (wish.file === undefined ? isOnPath(wish.program) : existsSync(wish.file));

const isOnPath = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, program)));

/** Installs what it can. Returns what is still missing: programs, `cgroups` and `pid-namespaces`. */
export function ensurePackages() {
  const missing = wanted.filter((w) => !isThere(w));
  if (missing.length > 0 && isOnPath('apt-get') && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    process.stdout.write(`Installing ${missing.map((m) => m.package).join(', ')} …\n`);
    spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
    for (const { package: name } of missing) {
      spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { env, stdio: 'ignore' });
    }
  }
  const left = missing.filter((w) => !isThere(w));
  for (const { package: name, use } of left) {
    process.stderr.write(`MISSING: ${name} (for ${use}); install it with "apt-get install ${name}"\n`);
  }
  const notAllowed = rights.filter(({ isGiven }) => !isGiven());
  for (const { what, use } of notAllowed) process.stderr.write(`MISSING: ${what} (for ${use})\n`);
  return [...left.map((w) => w.program ?? w.package), ...notAllowed.map(({ name }) => name)];
}

/** What no package brings: the machine gives it to this user, or not. */
const rights = [
  {
    name: 'cgroups',
    what: 'cgroups for memory and cpu that this user may write',
    use: 'the tests of task limits',
    isGiven: canLimit,
  },
  {
    name: 'pid-namespaces',
    what: 'PID namespaces of our own',
    use: "the test of tasks' processes in one that was entered from outside",
    isGiven: () => spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0,
  },
];

/** Tries what the tests of task limits do: a cgroup below our own (version 1), or below the top (version 2). */
function canLimit() {
  try {
    const own = /^\d+:(?:.*,)?memory(?:,.*)?:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
    const parent = own === undefined ? '/sys/fs/cgroup' : join('/sys/fs/cgroup/memory', own);
    if (own === undefined) writeFileSync(join(parent, 'cgroup.subtree_control'), '+cpu +memory');
    const trial = join(parent, `ultramarathon-trial-${process.pid}`);
    mkdirSync(trial);
    rmdirSync(trial);
    return true;
  } catch {
    return false;
  }
}
