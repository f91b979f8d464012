/** Checks that run on the agent: the one Mesos-level health check of a task, and its `check` (behaviour §6.1, §8.3). */
import { type AppDefinition, type HealthCheck, isHostNetworked, type PortEntry } from '../app/definition.ts';
import type { MesosHealthCheck } from '../mesos/types.ts';

/** Delay before the first probe unless the check names one (behaviour §6.1). */
const defaultDelaySeconds = 15;
const defaultIntervalSeconds = 60;
const defaultTimeoutSeconds = 20;

/** The first check of the app that an agent runs; Mesos takes only one. */
export const agentHealthCheck = (app: AppDefinition): HealthCheck | undefined =>
  app.healthChecks.find(({ protocol }) => protocol === 'COMMAND' || protocol.startsWith('MESOS_'));

/** Ports of a task as checks see them: one element for each entry. */
export interface CheckedPorts {
  readonly entries: readonly PortEntry[];
  readonly hostPorts: readonly (number | undefined)[];
}

/** The wire form of a health check, or undefined if it names a port that the task does not have. */
export function mesosHealthCheck(
  app: AppDefinition,
  check: HealthCheck,
  ports: CheckedPorts,
): MesosHealthCheck | undefined {
  const timing = {
    delay_seconds: check.delaySeconds ?? defaultDelaySeconds,
    interval_seconds: check.intervalSeconds,
    timeout_seconds: check.timeoutSeconds,
    grace_period_seconds: check.gracePeriodSeconds,
    consecutive_failures: check.maxConsecutiveFailures,
  };
  if (check.protocol === 'COMMAND') {
    return { type: 'COMMAND', command: { shell: true, value: check.command?.value ?? '' }, ...timing };
  }
  const port = check.port ?? portOnAgent(app, check.portIndex ?? 0, ports);
  if (port === undefined) return undefined;
  const family = check.ipProtocol === undefined ? {} : { protocol: check.ipProtocol };
  if (check.protocol === 'MESOS_TCP') return { type: 'TCP', tcp: { port, ...family }, ...timing };
  const scheme = check.protocol === 'MESOS_HTTPS' ? 'https' : 'http';
  return { type: 'HTTP', http: { scheme, port, path: absolutePath(check.path), ...family }, ...timing };
}

const absolutePath = (path = '/'): string => (path.startsWith('/') ? path : `/${path}`);

/** The port that a probe inside the task's network must use: the container port, on the host network the host port. */
function portOnAgent(app: AppDefinition, which: number | string, ports: CheckedPorts): number | undefined {
  const named = ports.entries.findIndex((entry) => entry.name === which);
  const index = typeof which === 'number' ? which : named >= 0 || !/^\d+$/.test(which) ? named : Number(which);
  const entry = ports.entries[index];
  if (entry === undefined) return undefined;
  const isInside = !isHostNetworked(app) && entry.declaredPort !== 0;
  return isInside ? entry.declaredPort : ports.hostPorts[index];
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;

/** The wire form of an app's `check`, or undefined if it has none or one without a port (rest-api §7.7). */
export function mesosCheck(app: AppDefinition, ports: CheckedPorts): unknown {
  const { check } = app;
  if (check === undefined) return undefined;
  const timing = {
    delay_seconds: check['delaySeconds'] ?? defaultDelaySeconds,
    interval_seconds: check['intervalSeconds'] ?? defaultIntervalSeconds,
    timeout_seconds: check['timeoutSeconds'] ?? defaultTimeoutSeconds,
  };
  const command = record(record(check['exec'])?.['command']);
  if (command !== undefined) return { type: 'COMMAND', command: { command: commandOf(command) }, ...timing };
  const http = record(check['http']);
  const probe = http ?? record(check['tcp']);
  const port = probe === undefined ? undefined : checkedPort(app, probe, ports);
  if (port === undefined) return undefined;
  if (http === undefined) return { type: 'TCP', tcp: { port }, ...timing };
  const path = typeof http['path'] === 'string' ? absolutePath(http['path']) : undefined;
  return { type: 'HTTP', http: { port, ...(path === undefined ? {} : { path }) }, ...timing };
}

function checkedPort(
  app: AppDefinition,
  probe: Readonly<Record<string, unknown>>,
  ports: CheckedPorts,
): number | undefined {
  if (typeof probe['port'] === 'number') return probe['port'];
  const index = probe['portIndex'];
  return portOnAgent(app, typeof index === 'number' || typeof index === 'string' ? index : 0, ports);
}

function commandOf(command: Readonly<Record<string, unknown>>): unknown {
  const { shell, argv } = command;
  return Array.isArray(argv) ? { shell: false, value: argv[0], arguments: argv } : { shell: true, value: shell };
}
