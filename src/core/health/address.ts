/** Whom a check of the leader asks (behaviour §6.2). */
import type { AppDefinition, HealthCheck } from '../app/definition.ts';
import { isHostNetworked, portEntries } from '../app/definition.ts';
import type { Instance } from '../instance/instance.ts';

export interface CheckAddress {
  readonly host: string;
  readonly port: number;
}

/** True if the leader asks itself; the other kinds are run by the agent. */
export const isRunByLeader = (check: HealthCheck): boolean =>
  check.protocol === 'HTTP' || check.protocol === 'HTTPS' || check.protocol === 'TCP';

/**
 * Host and port to ask: a host port on the agent, a container port on the task's own address. Undefined while there is none, which
 * is no failure of the task.
 */
export function checkAddress(
  app: AppDefinition,
  check: Pick<HealthCheck, 'port' | 'portIndex'>,
  instance: Instance,
): CheckAddress | undefined {
  const task = instance.tasks[0];
  const host = instance.agent?.host;
  if (!task || host === undefined) return undefined;
  const isContainerNetworked = app.networks.some((n) => n.mode === 'container');
  const ownAddress = isContainerNetworked ? task.ipAddresses[0]?.ipAddress : host;
  if (check.port !== undefined && check.port !== 0) {
    return ownAddress === undefined ? undefined : { host: ownAddress, port: check.port };
  }
  const entries = portEntries(app);
  const index = indexOf(check, entries);
  const entry = entries[index];
  if (!entry) return undefined;
  if (entry.requestedHostPort !== undefined || isHostNetworked(app)) {
    const place = entries.slice(0, index).filter((e) => e.requestedHostPort !== undefined).length;
    const port = task.hostPorts[place];
    return port === undefined ? undefined : { host, port };
  }
  return ownAddress === undefined || entry.declaredPort === 0
    ? undefined
    : { host: ownAddress, port: entry.declaredPort };
}

function indexOf(check: Pick<HealthCheck, 'portIndex'>, entries: readonly { readonly name?: string }[]): number {
  if (typeof check.portIndex === 'number') return check.portIndex;
  if (check.portIndex === undefined) return 0;
  return entries.findIndex((e) => e.name === check.portIndex);
}
