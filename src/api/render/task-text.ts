/** The text form of tasks that old load-balancer bridges parse (rest-api §5.4, behaviour §11.1). */
import { type AppDefinition, isHostNetworked, type PortEntry, portEntries } from '../../core/app/definition.ts';
import type { Instance, Task } from '../../core/instance/instance.ts';

/** Container networks whose addresses are listed too: names, or `*`. */
export type ContainerNetworks = ReadonlySet<string>;

/** One line for each service port of an app, or a single one if it has none. Only running tasks are listed. */
export function taskLines(app: AppDefinition, instances: Iterable<Instance>, networks: ContainerNetworks): string {
  const running = [...instances].filter(({ condition, tasks }) => condition === 'Running' && tasks.length > 0);
  const name = app.id.slice(1).replaceAll('/', '_').replaceAll(/\s/g, '_');
  const ports = portEntries(app);
  if (ports.length === 0)
    return line(
      name,
      ' ',
      running.map(({ agent }) => agent?.host ?? ''),
    );
  const listsAddresses = !isHostNetworked(app) && namesNetwork(app, networks);
  let hostPortIndex = 0;
  let text = '';
  for (const port of ports) {
    const index = port.requestedHostPort === undefined ? undefined : hostPortIndex++;
    text += line(
      name,
      String(port.servicePort),
      running.flatMap((instance) => endpoint(instance, port, index, listsAddresses)),
    );
  }
  return text;
}

const line = (name: string, port: string, endpoints: readonly string[]): string =>
  `${name}\t${port}\t${endpoints.map((each) => `${each}\t`).join('')}\n`;

const namesNetwork = (app: AppDefinition, networks: ContainerNetworks): boolean =>
  app.networks.some(
    ({ mode, name }) => mode === 'container' && (networks.has('*') || (name !== undefined && networks.has(name))),
  );

/** `host:port`; `address:containerPort` where there is no host port and the network was asked for; else nothing. */
function endpoint(
  instance: Instance,
  port: PortEntry,
  index: number | undefined,
  listsAddresses: boolean,
): readonly string[] {
  const task: Task | undefined = instance.tasks[0];
  if (index !== undefined) {
    const hostPort = task?.hostPorts[index];
    return hostPort === undefined ? [] : [`${instance.agent?.host ?? ''}:${hostPort}`];
  }
  const address = listsAddresses ? task?.ipAddresses[0]?.ipAddress : undefined;
  return address === undefined ? [] : [`${address}:${port.declaredPort}`];
}
