/** Old spellings → new ones, within one request (rest-api §8.1). The rules of `deprecated-rules.ts` hold by then. */
import type { AppBody, ContainerBody, IpAddressBody, NetworkBody, PortMappingBody } from './bodies.ts';
import type { AppSettings } from './settings.ts';
import { isArchive } from './uri.ts';

/**
 * The same request without deprecated members: `uris`, `ports`, `ipAddress`, `residency`, `container.docker.network` and
 * `container.docker.portMappings`. `stored` is the app's present container, which `ipAddress.discovery` adds to if the request
 * brings none. No default is filled in: what the request does not speak of stays absent.
 */
export function rewriteDeprecated(
  body: AppBody,
  settings: Pick<AppSettings, 'mesosBridgeName'>,
  stored?: ContainerBody,
): AppBody {
  const { uris, ports, ipAddress, residency: _without, ...rest } = body;
  const networks = networksOf(body, settings);
  const container = containerOf(body, stored);
  return {
    ...rest,
    // An empty list says nothing, least of all that an app fetches nothing any more.
    ...(!uris || uris.length === 0 || (body.fetch?.length ?? 0) > 0 ? {} : { fetch: uris.map(fetchOf) }),
    ...(ports === undefined || body.portDefinitions ? {} : { portDefinitions: ports.map((port) => ({ port })) }),
    ...(networks ? { networks } : {}),
    ...(container ? { container } : {}),
  };
}

const fetchOf = (uri: string) => ({ uri, extract: isArchive(uri) });

function networksOf(body: AppBody, settings: Pick<AppSettings, 'mesosBridgeName'>): readonly NetworkBody[] | undefined {
  if (body.networks && body.networks.length > 0) return body.networks;
  const { ipAddress } = body;
  const labels = labelsOf(ipAddress);
  switch (body.container?.docker?.network) {
    case 'HOST':
      return [{ mode: 'host' }];
    case 'BRIDGE':
      return [{ mode: 'container/bridge', ...labels }];
    case 'USER':
      return [{ mode: 'container', ...nameOf(ipAddress), ...labels }];
    default:
  }
  if (!ipAddress) return body.networks;
  return ipAddress.networkName === settings.mesosBridgeName
    ? [{ mode: 'container/bridge', ...labels }]
    : [{ mode: 'container', ...nameOf(ipAddress), ...labels }];
}

const labelsOf = (ipAddress: IpAddressBody | undefined) => (ipAddress?.labels ? { labels: ipAddress.labels } : {});

const nameOf = (ipAddress: IpAddressBody | undefined) =>
  ipAddress?.networkName === undefined ? {} : { name: ipAddress.networkName };

function containerOf(body: AppBody, stored: ContainerBody | undefined): ContainerBody | undefined {
  const discovered = discoveredPorts(body.ipAddress);
  if (!body.container) {
    if (discovered.length === 0) return undefined;
    return { type: 'MESOS', ...(stored?.type === 'MESOS' ? stored : {}), portMappings: discovered };
  }
  const { portMappings, docker, ...rest } = body.container;
  const { network: _network, portMappings: old, ...modernDocker } = docker ?? {};
  const mappings = [portMappings, old, discovered].find((list) => list && list.length > 0) ?? portMappings ?? old;
  return {
    ...rest,
    ...(docker ? { docker: modernDocker } : {}),
    ...(mappings ? { portMappings: mappings } : {}),
  };
}

const discoveredPorts = (ipAddress: IpAddressBody | undefined): readonly PortMappingBody[] =>
  (ipAddress?.discovery?.ports ?? []).map(({ number, ...rest }) => ({ containerPort: number, ...rest }));
