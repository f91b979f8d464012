/** Where a task's ports can be reached from outside (behaviour §6.2). */
import type { AppDefinition } from '../app/definition.ts';
import { needsOf } from './needs.ts';

export interface PortAddress {
  readonly host: string;
  readonly port: number;
}

export interface TaskLocation {
  /** Host name of the agent. */
  readonly agentHost: string;
  /** Ports on the agent, in the order of the app's entries that have one. */
  readonly hostPorts: readonly number[];
  readonly ipAddresses: readonly { readonly ipAddress: string }[];
}

/**
 * One address for each port entry: the agent and the host port where there is one, else the task's first IP and the
 * container port on a container network, else undefined: not reachable, or not yet known (V106, V107).
 */
export function portAddresses(app: AppDefinition, task: TaskLocation): readonly (PortAddress | undefined)[] {
  const ip = app.networks.some(({ mode }) => mode === 'container') ? task.ipAddresses[0]?.ipAddress : undefined;
  let next = 0;
  return needsOf(app).entries.map(({ requestedHostPort, declaredPort }) => {
    if (requestedHostPort === undefined) return ip === undefined ? undefined : { host: ip, port: declaredPort };
    const port = task.hostPorts[next];
    next += 1;
    return port === undefined ? undefined : { host: task.agentHost, port };
  });
}
