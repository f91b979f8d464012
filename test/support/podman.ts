/**
 * Podman with storage, state and a network of the test's own: nothing of it is left, and no container or image of this machine is
 * touched. The settings are those of a sandbox without CAP_SYS_RESOURCE, systemd and overlay file systems; they do elsewhere too.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const missing = (process.env['ULTRAMARATHON_TEST_MISSING'] ?? '').split(',');
/** False when `npm test` found Podman, or what it needs, neither there nor to be installed. */
export const hasPodman = !['podman', 'runc', 'netavark', 'iptables', 'busybox-static'].some((program) =>
  missing.includes(program),
);

export interface Podman {
  /** Global options: `podman <options> verb …`. */
  readonly options: readonly string[];
  /** What must be in the environment of whoever calls it. */
  readonly env: Readonly<Record<string, string>>;
  /** Output of one call; throws with what it complained. */
  readonly call: (...args: readonly string[]) => string;
  /** Names of all containers, running or not. */
  readonly containers: () => readonly string[];
  /** Builds an image of a static busybox as `/bin/busybox` and `/bin/sh`, and lines of a Containerfile. */
  readonly buildBusybox: (tag: string, lines?: readonly string[]) => void;
  readonly close: () => void;
}

const callTimeoutMs = 240_000;
/** Below the hard limits of any machine: Podman's own defaults are above those of a sandbox. */
const limits = ['nofile=1024:1024', 'nproc=1024:1024'];

export function openPodman(): Podman {
  // Podman refuses long paths of its own state.
  const dir = mkdtempSync(join(tmpdir(), 'um-pod-'));
  const network = `um${process.pid}`;
  const config = join(dir, 'containers.conf');
  mkdirSync(join(dir, 'networks'));
  writeFileSync(config, settings(dir, network));
  writeFileSync(join(dir, 'networks', `${network}.json`), JSON.stringify(bridgeNetwork(network, process.pid)));
  const options = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--storage-driver', 'vfs'];
  const env = { CONTAINERS_CONF: config };
  const call = (...args: readonly string[]): string =>
    execFileSync('podman', [...options, ...args], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: callTimeoutMs,
    });
  return {
    options,
    env,
    call,
    containers: () => call('ps', '--all', '--format', '{{.Names}}').split('\n').filter(Boolean),
    buildBusybox: (tag, lines = []) => {
      const context = mkdtempSync(join(dir, 'image-'));
      copyFileSync('/bin/busybox', join(context, 'busybox'));
      const all = ['FROM scratch', 'COPY busybox /bin/busybox', 'COPY busybox /bin/sh', ...lines];
      writeFileSync(join(context, 'Containerfile'), `${all.join('\n')}\n`);
      call('build', '--quiet', '--tag', tag, context);
    },
    close: () => {
      call('rm', '--all', '--force', '--time', '0');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function settings(dir: string, network: string): string {
  return `[containers]
default_ulimits = [${limits.map((limit) => JSON.stringify(limit)).join(', ')}]
[network]
network_backend = "netavark"
default_network = "${network}"
network_config_dir = "${join(dir, 'networks')}"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "${join(dir, 'events')}"
`;
}

/**
 * A bridge and a subnet for each process, since test files run side by side. Written as Podman stores it: the `network create` of
 * old versions gives every first network the same interface.
 */
function bridgeNetwork(name: string, pid: number): object {
  const start = `10.${200 + ((pid >> 8) & 15)}.${pid & 255}`;
  return {
    name,
    id: createHash('sha256').update(`${name} ${start}`).digest('hex'),
    driver: 'bridge',
    network_interface: name,
    created: '2020-01-01T00:00:00Z',
    subnets: [{ subnet: `${start}.0/24`, gateway: `${start}.1` }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: false,
    ipam_options: { driver: 'host-local' },
  };
}
