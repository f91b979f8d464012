/** The flags of `ultramarathon local-mesos`. */
import { err, ok, type Result } from '../core/result.ts';
import { type IsolationWish, isIsolationWish } from './process/cgroups/isolation.ts';

export interface LocalMesosFlags {
  readonly host: string;
  readonly port: number;
  readonly agents: number;
  readonly attributes: string | undefined;
  readonly resources: string | undefined;
  readonly workDir: string;
  /** Directory that relative URIs of tasks start from. */
  readonly frameworksHome: string | undefined;
  /** `docker`, `podman`, a path, or `none`; undefined: whichever answers. */
  readonly containerEngine: string | undefined;
  readonly containerEngineOptions: readonly string[];
  readonly containerRunOptions: readonly string[];
  readonly isolation: IsolationWish;
  readonly cgroupsRoot: string | undefined;
  readonly hardCpuLimit: boolean;
  readonly simulate: boolean;
  /** Undefined: as the other flags want it. */
  readonly recover: boolean | undefined;
  /** `zk://host:port/path`. */
  readonly zk: string | undefined;
  /** Seconds. */
  readonly zkSessionTimeoutSeconds: number | undefined;
  readonly help: boolean;
  /** Seconds; undefined: offers never expire. */
  readonly offerTimeoutSeconds: number | undefined;
  readonly domains: string | undefined;
  readonly masterDomain: string | undefined;
  /** Seconds. */
  readonly heartbeatSeconds: number | undefined;
}

export const helpText = `Usage: ultramarathon local-mesos [flags]

Runs a Mesos-compatible master and agents in this process; tasks are processes of this machine.

  --port PORT           port of the master (default 5050; 0: any free one)
  --host ADDRESS        address to listen on (default 127.0.0.1)
  --agents N            number of agents (default 3)
  --attributes TEXT     attributes of the agents, such as "rack:a;zone:z"; {n} is the agent's number,
                        sets separated by | are dealt out in turn: "rack:a|rack:b"
  --resources TEXT      resources of each agent, such as "cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
                        with {n} and | likewise; agents with the same ports divide them among themselves
                        (default: what this machine has, shared out)
  --work_dir DIR        ids, sandboxes and logs (default .ultramarathon/mesos)
  --frameworks_home DIR directory that relative URIs of tasks start from (default: the present one)
  --offer_timeout SECS  rescind offers that nobody answers (default: never)
  --domains TEXT        fault domains region/zone of the agents, with {n} and | likewise
  --master_domain TEXT  fault domain of the master; frameworks that are not REGION_AWARE get nothing of other regions
  --heartbeat_interval SECS  between two heartbeats (default 15)
  --container_engine PROGRAM  client of the engine that runs container images (default: docker or podman,
                        whichever answers; none: no images)
  --container_engine_options TEXT  options for each call of that client, separated by spaces
  --container_run_options TEXT  options for each container, such as "--ulimit=nofile=1024:1024"
  --isolation MODE      cgroups: the kernel ends tasks that use more memory than they asked for, and shares
                        the cpus by what they asked for; auto: where that is possible; none (the default):
                        tasks may use what there is. Containers are limited by their engine in any case
  --cgroups_root DIR    cgroup below which tasks get theirs, seen from the top (default: that of this program)
  --cgroups_enable_cfs  a task uses no more cpus than it asked for, even if others are idle
  --simulate            run nothing: tasks exist on paper, thousands of agents are fine,
                        faults are commanded under /simulate
  --recover             go on with the tasks that an earlier run on the directory has left, and leave them running at
                        the end; without it, tasks that were left are ended
  --zk URL              zk://host:port,host:port/path: stand for election with other local-mesos on the same --work_dir;
                        the leader has the agents, and when it dies, the next one takes them up (implies --recover)
  --zk_session_timeout SECS  after which a silent leader is given up (default 10)
  --help                this text

Flags may be written with - in place of _ and as --flag=value. SIGTERM and SIGINT end the program, and the tasks too unless
--recover is given; SIGUSR1 ends both in any case.
`;

const defaults: LocalMesosFlags = {
  host: '127.0.0.1',
  port: 5050,
  agents: 3,
  attributes: undefined,
  resources: undefined,
  workDir: '.ultramarathon/mesos',
  frameworksHome: undefined,
  containerEngine: undefined,
  containerEngineOptions: [],
  containerRunOptions: [],
  isolation: 'none',
  cgroupsRoot: undefined,
  hardCpuLimit: false,
  simulate: false,
  recover: undefined,
  zk: undefined,
  zkSessionTimeoutSeconds: undefined,
  help: false,
  offerTimeoutSeconds: undefined,
  domains: undefined,
  masterDomain: undefined,
  heartbeatSeconds: undefined,
};

type Change = Result<Partial<LocalMesosFlags>, string>;

const valueFlags: Readonly<Record<string, (value: string) => Change>> = {
  host: (value) => (value === '' ? err('--host needs an address') : ok({ host: value })),
  port: (value) => wholeNumber('port', value, 65_535, (port) => ({ port })),
  agents: (value) => wholeNumber('agents', value, 65_000, (agents) => ({ agents })),
  attributes: (value) => ok({ attributes: value }),
  resources: (value) => ok({ resources: value }),
  work_dir: (value) => (value === '' ? err('--work_dir needs a directory') : ok({ workDir: value })),
  frameworks_home: (value) =>
    value === '' ? err('--frameworks_home needs a directory') : ok({ frameworksHome: value }),
  container_engine: (value) =>
    value === '' ? err('--container_engine needs a program') : ok({ containerEngine: value }),
  container_engine_options: (value) => ok({ containerEngineOptions: words(value) }),
  container_run_options: (value) => ok({ containerRunOptions: words(value) }),
  isolation: (value) =>
    isIsolationWish(value)
      ? ok({ isolation: value })
      : err(`--isolation: "${value}" is not one of auto, cgroups, none`),
  cgroups_root: (value) => (value === '' ? err('--cgroups_root needs a directory') : ok({ cgroupsRoot: value })),
  domains: (value) => ok({ domains: value }),
  master_domain: (value) => ok({ masterDomain: value }),
  offer_timeout: (value) => seconds('offer_timeout', value, (offerTimeoutSeconds) => ({ offerTimeoutSeconds })),
  zk: (value) => ok({ zk: value }),
  zk_session_timeout: (value) =>
    seconds('zk_session_timeout', value, (zkSessionTimeoutSeconds) => ({ zkSessionTimeoutSeconds })),
  heartbeat_interval: (value) => seconds('heartbeat_interval', value, (heartbeatSeconds) => ({ heartbeatSeconds })),
};

const switches: Readonly<Record<string, Partial<LocalMesosFlags>>> = {
  simulate: { simulate: true },
  recover: { recover: true },
  cgroups_enable_cfs: { hardCpuLimit: true },
  help: { help: true },
};

/** Reads the flags; the error is one line. */
export function parseFlags(argv: readonly string[]): Result<LocalMesosFlags, string> {
  let flags = defaults;
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    const match = /^--([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(arg === '-h' ? '--help' : arg);
    if (match === null) return err(`unexpected argument "${arg}"`);
    const name = (match[1] ?? '').replaceAll('-', '_');
    const inline = match[2];
    if (Object.hasOwn(switches, name)) {
      if (inline !== undefined && inline !== 'true') return err(`--${name} takes no value`);
      flags = { ...flags, ...switches[name] };
      continue;
    }
    const read = Object.hasOwn(valueFlags, name) ? valueFlags[name] : undefined;
    if (read === undefined) return err(`unknown flag ${arg}`);
    const value = inline ?? argv[++i];
    if (value === undefined) return err(`--${name} needs a value`);
    const change = read(value);
    if (!change.ok) return change;
    flags = { ...flags, ...change.value };
  }
  return ok(flags);
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

function seconds(name: string, value: string, make: (n: number) => Partial<LocalMesosFlags>): Change {
  const number = Number(/^(\d+(?:\.\d+)?)(?:secs?)?$/.exec(value)?.[1] ?? Number.NaN);
  return number > 0 ? ok(make(number)) : err(`--${name}: "${value}" is not a number of seconds`);
}

function wholeNumber(name: string, value: string, max: number, make: (n: number) => Partial<LocalMesosFlags>): Change {
  const number = Number(value);
  if (/^\d+$/.test(value) && number <= max) return ok(make(number));
  return err(`--${name}: "${value}" is not a whole number from 0 to ${max}`);
}
