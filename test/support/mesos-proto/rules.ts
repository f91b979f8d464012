/**
 * What Mesos' master and agents refuse in a task that is well-formed: the rules of its `validation.cpp` and of what starts Docker containers,
 * in our words. Stricter where Mesos only writes a warning to its log.
 */
import type { TaskInfo } from '../../../src/core/mesos/types.ts';

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;
const members = (value: unknown): Members => (isObject(value) ? value : {});
const list = (value: unknown): readonly Members[] => (Array.isArray(value) ? value.map(members) : []);

/** Everything that would make a real Mesos refuse the task, or fail it before it begins. */
export function refusalsOf(task: TaskInfo): readonly string[] {
  const given = members(JSON.parse(JSON.stringify(task)));
  return [
    ...idRules(given),
    ...commandRules(given),
    ...checkRules('health_check', given['health_check']),
    ...checkRules('check', given['check']),
    ...resourceRules(given),
    ...containerRules(given, members(given['container'])),
    ...containerRules(given, members(members(given['executor'])['container'])),
  ];
}

/** Longest id: it becomes the name of a directory. */
const nameMax = 255;

function idRules(task: Members): readonly string[] {
  const ids = [task['task_id'], task['agent_id'], members(task['executor'])['executor_id']];
  return ids.flatMap((id) => {
    const value = members(id)['value'];
    if (value === undefined) return [];
    const text = String(value);
    if (text === '' || text === '.' || text === '..') return [`the id '${text}'`];
    if (Buffer.byteLength(text) > nameMax) return ['an id of more than 255 bytes'];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is forbidden.
    return /[\x00-\x1f\x7f/\\]/.test(text) ? ['characters in an id'] : [];
  });
}

function commandRules(task: Members): readonly string[] {
  const executor = task['executor'];
  const found: string[] = [];
  if ((executor === undefined) === (task['command'] === undefined)) found.push('not one of command and executor');
  if (executor !== undefined) {
    const { type, command } = members(executor);
    if (type !== 'CUSTOM' || command === undefined) found.push('an executor that is not CUSTOM or has no command');
  }
  const commands = [task['command'], members(executor)['command']];
  for (const { environment } of commands.map(members)) {
    for (const { name, type = 'VALUE', value, secret } of list(members(environment)['variables'])) {
      const isRight = type === 'VALUE' ? value !== undefined && secret === undefined : secret !== undefined;
      if (!isRight) found.push(`the variable ${String(name)}`);
    }
  }
  const grace = members(members(task['kill_policy'])['grace_period'])['nanoseconds'];
  if (grace !== undefined && Number(grace) < 0) found.push('a negative grace period');
  return found;
}

const times = ['delay_seconds', 'grace_period_seconds', 'interval_seconds', 'timeout_seconds'] as const;

function checkRules(name: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  const check = members(value);
  const found: string[] = [];
  const { command, http, tcp } = check;
  if (check['type'] === 'COMMAND') {
    const asked = members(name === 'check' ? members(command)['command'] : command);
    if (asked['value'] === undefined) found.push(`${name} without a command`);
  } else if (check['type'] === 'HTTP') {
    const { path, scheme = 'http' } = members(http);
    if (http === undefined) found.push(`${name} without http`);
    if (path !== undefined && !String(path).startsWith('/')) found.push(`${name} with a relative path`);
    if (scheme !== 'http' && scheme !== 'https') found.push(`${name} with the scheme ${String(scheme)}`);
  } else if (check['type'] === 'TCP') {
    if (tcp === undefined) found.push(`${name} without tcp`);
  } else found.push(`${name} without a type`);
  for (const time of times) if (Number(check[time] ?? 0) < 0) found.push(`${name} with a negative ${time}`);
  return found;
}

function resourceRules(task: Members): readonly string[] {
  const resources = list(task['resources']);
  if (resources.length === 0) return ['no resources'];
  const found: string[] = [];
  const total = new Map<string, number>();
  for (const { name, scalar, ranges, disk } of [...resources, ...list(members(task['executor'])['resources'])]) {
    const value = Number(members(scalar)['value'] ?? 0);
    total.set(String(name), (total.get(String(name)) ?? 0) + value);
    if (scalar !== undefined && value !== 0 && Math.round(value * 1000) <= 0) found.push(`too little ${String(name)}`);
    if (disk !== undefined && name !== 'disk') found.push('a disk that is none');
    const parts = list(members(ranges)['range']).map(({ begin, end }) => [Number(begin), Number(end)] as const);
    const sorted = [...parts].sort(([a], [b]) => a - b);
    const overlap = sorted.some(([begin, end], i) => begin > end || begin <= (sorted[i - 1]?.[1] ?? -1));
    if (overlap) found.push(`overlapping ${String(name)}`);
  }
  if ((total.get('gpus') ?? 0) % 1 !== 0) found.push('a part of a GPU');
  const asked = (name: string): number =>
    resources
      .filter((resource) => resource['name'] === name)
      .reduce((sum, { scalar }) => sum + Number(members(scalar)['value'] ?? 0), 0);
  for (const [name, limit] of Object.entries(members(task['limits']))) {
    if (!['cpus', 'mem'].includes(name)) found.push(`a limit of ${name}`);
    else if (asked(name) === 0) found.push(`a limit of ${name} without a request`);
    else if (Number(members(limit)['value']) < asked(name)) found.push(`a limit of ${name} below the request`);
  }
  return found;
}

function containerRules(task: Members, container: Members): readonly string[] {
  const found: string[] = [];
  const volumes = list(container['volumes']);
  for (const volume of volumes) {
    const ways = ['host_path', 'image', 'source'].filter((way) => volume[way] !== undefined);
    if (ways.length !== 1) found.push('a volume that is not one of host_path, image and source');
    const { source } = volume;
    const { type } = members(source);
    if (source !== undefined && members(source)[String(type).toLowerCase()] === undefined)
      found.push('a volume source');
  }
  const { linux_info: linux } = container;
  const { seccomp, ipc_mode: ipcMode, shm_size: shmSize, share_cgroups: sharesCgroups } = members(linux);
  const { profile_name: profile, unconfined } = members(seccomp);
  if (profile !== undefined && unconfined === true) found.push('a profile of seccomp, and none');
  if (shmSize !== undefined && ipcMode !== 'PRIVATE') found.push('a size of shared memory that is not private');
  if (sharesCgroups !== undefined) found.push('share_cgroups');
  const networks = list(container['network_infos']);
  const names = networks.map(({ name }) => name);
  if (new Set(names).size < names.length) found.push('a network twice');
  return container['type'] === 'DOCKER' ? [...found, ...dockerRules(task, container, volumes, networks)] : found;
}

function dockerRules(
  task: Members,
  container: Members,
  volumes: readonly Members[],
  networks: readonly Members[],
): readonly string[] {
  const docker = members(container['docker']);
  const found: string[] = [];
  if (container['docker'] === undefined) found.push('no docker');
  if (task['check'] !== undefined) found.push('a check of a Docker container: its executor aborts');
  if (list(docker['parameters']).some(({ key }) => key === 'name')) found.push('a name for a Docker container');
  const { network = 'HOST' } = docker;
  if (network === 'USER' && (networks.length !== 1 || networks[0]?.['name'] === undefined))
    found.push('no one network');
  const mappings = list(docker['port_mappings']);
  if (mappings.length > 0 && (network === 'HOST' || network === 'NONE')) found.push('mappings without a network');
  const own = list(task['resources']).flatMap(({ name, ranges }) =>
    name === 'ports' ? list(members(ranges)['range']) : [],
  );
  for (const { host_port: port } of mappings) {
    const isOwn = own.some(({ begin, end }) => Number(begin) <= Number(port) && Number(port) <= Number(end));
    if (!isOwn) found.push(`port ${String(port)} is not among the resources`);
  }
  for (const { host_path: host, container_path: inside, source } of volumes) {
    const isRelative = (path: unknown): boolean => !String(path).startsWith('/');
    if (host !== undefined && isRelative(host) && isRelative(inside)) found.push('a volume with two relative paths');
    if (source !== undefined && members(source)['type'] !== 'DOCKER_VOLUME') found.push('a volume that is left out');
  }
  return found;
}
