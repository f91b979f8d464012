/** Rules about deprecated members, checked on the request alone before it is rewritten (rest-api §9.2). */
import type { Violation } from '../refusal.ts';
import type { AppBody, ContainerBody, DockerBody } from './bodies.ts';
import { isSame } from './same.ts';
import { isUri } from './uri.ts';
import { areUnique, type Must, Violations } from './violations.ts';

const has = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;

/**
 * What is contradictory or unsupported about the deprecated members. Members that say the same as their successors are no
 * contradiction: a client may send back what a server with old and new members showed it. `storedType` is the type of the container that
 * a partial update leaves in place.
 */
export function deprecatedViolations(body: AppBody, storedType?: 'DOCKER' | 'MESOS'): readonly Violation[] {
  const violations = new Violations();
  if (body.container) checkContainer(body.container, violations.must);
  checkFetch(body, violations.must);
  checkNetworks(body, storedType, violations.must);
  checkPorts(body, violations.must);
  return violations.list();
}

function checkContainer(container: ContainerBody, must: Must): void {
  const docker: DockerBody = container.docker ?? {};
  const at = '/container/docker';
  must(docker.credential === undefined, `${at}/credential`, 'must be empty');
  if (container.type === 'MESOS') {
    must(docker.network === undefined, `${at}/network`, 'must be empty');
    must(!has(docker.parameters), `${at}/parameters`, 'must be empty');
    must(!has(docker.portMappings), `${at}/portMappings`, 'must be empty');
  }
  must(docker.network !== 'NONE', `${at}/network`, 'network mode NONE is not supported');
  must(areUnique((docker.portMappings ?? []).map((m) => m.name)), `${at}/portMappings`, 'Port names must be unique.');
  must(
    !has(docker.portMappings) || !has(container.portMappings) || isSame(docker.portMappings, container.portMappings),
    `${at}/portMappings`,
    'may not be set in conjunction with container.portMappings',
  );
}

function checkFetch(body: AppBody, must: Must): void {
  const uris = body.uris ?? [];
  uris.forEach((uri, i) => {
    must(isUri(uri), `/uris(${i})`, 'URI has invalid syntax.');
  });
  const isRepeated = isSame(
    uris,
    body.fetch?.map((f) => f.uri),
  );
  must(!has(uris) || !has(body.fetch) || isRepeated, '/uris', 'may not be set in conjunction with fetch');
}

const modeOf = { HOST: 'host', BRIDGE: 'container/bridge', USER: 'container', NONE: undefined } as const;

function checkNetworks(body: AppBody, storedType: 'DOCKER' | 'MESOS' | undefined, must: Must): void {
  const { networks, ipAddress, container } = body;
  const legacyMode = container?.docker?.network;
  const isRepeated =
    legacyMode !== undefined && has(networks) && networks?.every((n) => (n.mode ?? 'container') === modeOf[legacyMode]);
  must(
    legacyMode === undefined || !has(networks) || isRepeated === true,
    '/',
    'must not specify both container.docker.network and networks',
  );
  must(!has(networks) || ipAddress === undefined, '/', 'must not specify both networks and ipAddress');
  const isDocker = (container ? (container.type ?? 'DOCKER') : storedType) === 'DOCKER';
  must(!isDocker || !ipAddress?.discovery, '/ipAddress', 'ipAddress/discovery is not allowed for Docker containers');
  must(
    !has(ipAddress?.discovery?.ports) || !has(container?.portMappings),
    '/ipAddress',
    'container.portMappings and ipAddress.discovery.ports must not both be set',
  );
}

function checkPorts(body: AppBody, must: Must): void {
  const { ports, portDefinitions, ipAddress } = body;
  must(areUnique((ports ?? []).filter((port) => port !== 0)), '/', 'ports must be unique');
  must(
    ipAddress === undefined || (!has(ports) && !has(portDefinitions)),
    '/',
    'cannot specify both an IP address and port',
  );
  const isRepeated = isSame(
    ports,
    portDefinitions?.map((d) => d.port ?? 0),
  );
  must(
    ports === undefined || portDefinitions === undefined || isRepeated,
    '/',
    'cannot specify both ports and port definitions',
  );
}
