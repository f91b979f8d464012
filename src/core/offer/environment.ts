/** Environment of an app's task (behaviour §8.1). */
import type { AppDefinition, PortEntry } from '../app/definition.ts';
import type { EnvironmentVariable } from '../mesos/types.ts';

/** The part of the environment that all tasks of a definition share. */
export interface SharedEnvironment {
  /** Facts about the app and its labels, less those that the user overrides. */
  readonly context: readonly EnvironmentVariable[];
  readonly user: readonly EnvironmentVariable[];
  readonly contextNames: ReadonlySet<string>;
  readonly userNames: ReadonlySet<string>;
}

/** Longest label (name and value, exclusive) that is exported. */
const maxVariableLength = 512;
const labelPrefix = 'MARATHON_APP_LABEL_';

/** Computes the shared part. `enforceGroupRole` belongs to the top-level group of the app. */
export function sharedEnvironment(app: AppDefinition, enforceGroupRole: boolean): SharedEnvironment {
  const user = new Map<string, string>();
  for (const [name, value] of Object.entries(app.env)) if (typeof value === 'string') user.set(name, value);
  const context = new Map<string, string>([
    ['MARATHON_APP_ID', app.id],
    ['MARATHON_APP_VERSION', app.version],
    ['MARATHON_APP_RESOURCE_CPUS', javaDouble(app.cpus)],
    ['MARATHON_APP_RESOURCE_MEM', javaDouble(app.mem)],
    ['MARATHON_APP_RESOURCE_DISK', javaDouble(app.disk)],
    ['MARATHON_APP_RESOURCE_GPUS', String(app.gpus)],
    ['MARATHON_APP_ENFORCE_GROUP_ROLE', enforceGroupRole ? 'TRUE' : 'FALSE'],
    ...labelVariables(app.labels),
  ]);
  const image = app.container?.type === 'DOCKER' ? app.container.docker?.image : undefined;
  if (image !== undefined) context.set('MARATHON_APP_DOCKER_IMAGE', image);
  for (const name of user.keys()) context.delete(name);
  return {
    context: variables(context),
    user: variables(user),
    contextNames: new Set(context.keys()),
    userNames: new Set(user.keys()),
  };
}

const variables = (map: ReadonlyMap<string, string>): readonly EnvironmentVariable[] =>
  [...map].map(([name, value]) => ({ name, value }));

/** `MARATHON_APP_LABEL_<KEY>` for each exported label, and their names in `MARATHON_APP_LABELS` (V104). */
function labelVariables(labels: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  const exported = Object.entries(labels)
    .filter(([k, v]) => k.length < maxVariableLength - labelPrefix.length && v.length < maxVariableLength)
    .map(([k, v]) => [k.replace(/[^a-zA-Z0-9_]+/g, '_').toUpperCase(), v] as const);
  const names = [...new Set(exported.map(([name]) => name))].join(' ');
  return [['MARATHON_APP_LABELS', names], ...exported.map(([name, v]) => [labelPrefix + name, v] as const)];
}

/** Text of a double as Java prints it: always a fraction, exponent below 0.001 and from ten million on (V103). */
export function javaDouble(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

const firstRandomPort = 1_025;
const lastPort = 65_535;

/**
 * Port variables (V100–V102) without prefix, in order. `hostPorts` has one element for each entry, undefined where
 * the entry has no port on the agent; an entry that also leaves its own port open gets a random one that nothing else
 * of the task uses.
 */
export function portVariables(
  entries: readonly PortEntry[],
  hostPorts: readonly (number | undefined)[],
  random: () => number,
): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  if (entries.length === 0) return result;
  const generated: number[] = [];
  entries.forEach((entry, i) => {
    const { declaredPort, name } = entry;
    let effective = hostPorts[i] ?? declaredPort;
    if (effective === 0) {
      effective = randomPort([...entries.map((e) => e.declaredPort), ...hostPorts, ...generated], random);
      generated.push(effective);
    }
    const text = String(effective);
    result.set(`PORT${i}`, text);
    result.set(`PORT_${declaredPort === 0 ? text : declaredPort}`, text);
    if (name !== undefined) result.set(`PORT_${name.toUpperCase()}`, text);
  });
  const listed = [...hostPorts.filter((port) => port !== undefined), ...generated];
  if (listed[0] !== undefined) result.set('PORT', String(listed[0]));
  result.set('PORTS', listed.join(','));
  return result;
}

function randomPort(used: readonly (number | undefined)[], random: () => number): number {
  const count = lastPort - firstRandomPort + 1;
  let port = firstRandomPort + Math.floor(random() * count);
  while (used.includes(port)) port = port === lastPort ? firstRandomPort : port + 1;
  return port;
}

/** What differs from task to task. */
export interface TaskEnvironment {
  readonly taskId: string;
  readonly host: string;
  readonly ports: ReadonlyMap<string, string>;
  /** `--env_vars_prefix`: for HOST and the port variables only (V105). */
  readonly prefix: string | undefined;
}

/** All variables of one task: what the user sets beats ports and HOST, and these beat the facts about the app. */
export function taskEnvironment(shared: SharedEnvironment, task: TaskEnvironment): readonly EnvironmentVariable[] {
  const { contextNames, userNames } = shared;
  const prefix = task.prefix ?? '';
  const own: EnvironmentVariable[] = [{ name: 'MESOS_TASK_ID', value: task.taskId }];
  own.push({ name: `${prefix}HOST`, value: task.host });
  for (const [name, value] of task.ports) own.push({ name: prefix + name, value });
  const kept = userNames.size === 0 ? own : own.filter(({ name }) => !userNames.has(name));
  const context = kept.some(({ name }) => contextNames.has(name))
    ? shared.context.filter(({ name }) => !kept.some((variable) => variable.name === name))
    : shared.context;
  return [...context, ...kept, ...shared.user];
}
