/** What service discovery is told about a task's ports (behaviour §8.3). */
import { type AppDefinition, isHostNetworked, type PortEntry, type Protocol } from '../app/definition.ts';
import type { DiscoveryPort, Label } from '../mesos/types.ts';

/** The protocols of an entry, each on its own: `udp,tcp` is two. */
export const protocolsOf = (protocol: Protocol): readonly string[] => protocol.split(',');

/** A record as the label list of the wire. */
export const wireLabels = (labels: Readonly<Record<string, string>>): readonly Label[] =>
  Object.entries(labels).map(([key, value]) => ({ key, value }));

/** The container networks that an entry belongs to: those it names, else all of the app. */
export function networkNamesOf(app: AppDefinition, entry: Pick<PortEntry, 'networkNames'>): readonly string[] {
  if (entry.networkNames !== undefined && entry.networkNames.length > 0) return entry.networkNames;
  return app.networks.flatMap(({ mode, name }) => (mode === 'container' && name !== undefined ? [name] : []));
}

/** What is the same for all tasks of a definition: the ports of one entry, without the number of a host port. */
export interface EntryDiscovery {
  readonly onHost: readonly Omit<DiscoveryPort, 'number'>[];
  /** For an entry without host port. */
  readonly inContainer: readonly DiscoveryPort[];
}

/** Prepares the discovery ports of each entry. */
export function discoveryOf(app: AppDefinition, entries: readonly PortEntry[]): readonly EntryDiscovery[] {
  const hostScope = isHostNetworked(app) ? {} : { 'network-scope': 'host' };
  return entries.map((entry) => {
    const names = networkNamesOf(app, entry);
    const scopes = names.length === 0 ? [{}] : names.map((name) => ({ 'network-name': name }));
    return {
      onHost: byProtocol(entry, hostScope),
      inContainer: scopes
        .flatMap((scope) => byProtocol(entry, { 'network-scope': 'container', ...scope }))
        .map((port) => ({ number: entry.declaredPort, ...port })),
    };
  });
}

/**
 * One port for each protocol of an entry that has a host port; otherwise one for each protocol and container network
 * with the container port. `hostPorts` has one element for each entry.
 */
export function discoveryPorts(
  entries: readonly EntryDiscovery[],
  hostPorts: readonly (number | undefined)[],
): readonly DiscoveryPort[] {
  const ports: DiscoveryPort[] = [];
  entries.forEach((entry, i) => {
    const number = hostPorts[i];
    if (number === undefined) ports.push(...entry.inContainer);
    else for (const port of entry.onHost) ports.push({ number, ...port });
  });
  return ports;
}

function byProtocol(entry: PortEntry, scope: Readonly<Record<string, string>>): Omit<DiscoveryPort, 'number'>[] {
  const labels = wireLabels({ ...entry.labels, ...scope });
  return protocolsOf(entry.protocol).map((protocol) => ({
    ...(entry.name === undefined ? {} : { name: entry.name }),
    protocol,
    ...(labels.length === 0 ? {} : { labels: { labels } }),
  }));
}
