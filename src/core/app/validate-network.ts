/** Rules of networks and ports (rest-api §7.4, §7.5, §9.3). */
import type { AppDefinition, Network, PortMapping } from './definition.ts';
import { isHostNetworked } from './definition.ts';
import { areUnique, type Must } from './violations.ts';

/** Which networks may go together, and which need a name. */
export function checkNetworks(app: AppDefinition, must: Must): void {
  const { networks } = app;
  const at = '/networks';
  const ofMode = (mode: Network['mode']): readonly Network[] => networks.filter((network) => network.mode === mode);
  const containerNetworks = ofMode('container');
  for (const network of ofMode('host')) {
    const isBare = network.name === undefined && network.labels === undefined;
    must(isBare, at, 'Host networks may not have names or labels');
  }
  for (const network of ofMode('container/bridge')) {
    must(network.name === undefined, at, 'Bridge networks may not have names');
  }
  must(
    containerNetworks.every((network) => network.name !== undefined),
    at,
    'Network name must be specified when container network is selected.',
  );
  const isOneOfAKind = networks.length === containerNetworks.length || networks.length === 1;
  must(isOneOfAKind, at, 'May specify a single host network, single bridge network, or else 1-to-n container networks');
  must(areUnique(containerNetworks.map((network) => network.name)), at, 'Duplicate networks are not allowed');
  must(
    app.container?.type !== 'DOCKER' || containerNetworks.length <= 1,
    '/',
    'may only specify a single container network when using the Docker container engine',
  );
}

/** Names and numbers of ports, and which list of ports goes with which network. */
export function checkPorts(app: AppDefinition, must: Must): void {
  const definitions = app.portDefinitions ?? [];
  const mappings = app.container?.portMappings ?? [];
  must(areUnique(definitions.map((d) => d.name)), '/portDefinitions', 'Port names must be unique.');
  const fixed = definitions.filter((d) => d.port !== 0);
  must(areUnique(fixed.map((d) => d.port)), '/portDefinitions', 'Ports must be unique.');
  must(areUnique(mappings.map((m) => m.name)), '/container/portMappings', 'Port names must be unique.');
  const isHost = isHostNetworked(app);
  must(!isHost || mappings.length === 0, '/', 'portMappings are not allowed with host-networking');
  must(isHost || definitions.length === 0, '/', 'portDefinitions are only allowed with host-networking');
  const names = app.networks.flatMap((network) => (network.mode === 'container' && network.name ? [network.name] : []));
  mappings.forEach((mapping, i) => {
    checkNetworkNames(mapping, names, `/container/portMappings(${i})`, must);
  });
}

function checkNetworkNames(mapping: PortMapping, names: readonly string[], path: string, must: Must): void {
  const chosen = mapping.networkNames ?? [];
  must(
    names.length <= 1 || mapping.hostPort === undefined || chosen.length === 1,
    path,
    'networkNames must be a single item list when hostPort is specified and more than 1 container network is defined',
  );
  chosen.forEach((name, j) => {
    must(names.includes(name), `${path}/networkNames(${j})`, `is not one of (${names.join(',')})`);
  });
}
