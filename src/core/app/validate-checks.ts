/** Rules of health checks, the check and readiness checks (rest-api §7.6–7.8, §9.3). */
import type { CheckBody } from './bodies.ts';
import type { AppDefinition, HealthCheck } from './definition.ts';
import { portEntries } from './definition.ts';
import type { Must } from './violations.ts';

const indexMessage = 'Health check port indices must address an element of the ports array or container port mappings.';
const checkIndexMessage = 'check port index must address an element of the ports array or container port mappings.';

/** All three kinds. */
export function checkChecks(app: AppDefinition, must: Must): void {
  const entries = portEntries(app);
  app.healthChecks.forEach((check, i) => {
    checkHealthCheck(check, app, entries.length, `/healthChecks(${i})`, must);
  });
  // COMMAND checks were not counted once, so definitions that have several, or one beside another kind, stay valid.
  must(
    app.healthChecks.filter((check) => check.protocol.startsWith('MESOS_')).length <= 1,
    '/',
    'AppDefinition can contain at most one Mesos health check',
  );
  if (app.check) checkCheck(app.check as CheckBody, app, entries.length, must);
  checkReadiness(app, new Set(entries.map((entry) => entry.name)), must);
}

interface Address {
  readonly portIndex?: number | string;
  readonly port?: number;
}

const reachesPort = (address: Address, portCount: number): boolean =>
  typeof address.portIndex === 'number' ? address.portIndex < portCount : address.port !== undefined || portCount === 1;

function checkHealthCheck(check: HealthCheck, app: AppDefinition, portCount: number, path: string, must: Must): void {
  if (check.protocol === 'COMMAND') {
    must(check.command !== undefined, `${path}/command`, 'must be given for protocol COMMAND');
    return;
  }
  must(reachesPort(check, portCount), path, indexMessage);
  must(
    check.ipProtocol !== 'IPv6' || (check.protocol.startsWith('MESOS_') && app.container?.type === 'DOCKER'),
    path,
    'IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks',
  );
}

function checkCheck(check: CheckBody, app: AppDefinition, portCount: number, must: Must): void {
  must(app.container?.type !== 'DOCKER', '/', "AppDefinition must not use 'checks' if using docker");
  const kinds = [check.http, check.tcp, check.exec].filter((kind) => kind !== undefined);
  must(kinds.length === 1, '/check', 'exactly one of http, tcp or exec must be given');
  for (const address of [check.http, check.tcp]) {
    if (address) must(reachesPort(address, portCount), '/check', checkIndexMessage);
  }
  const command = check.exec?.command;
  const hasOneCommand = (command?.shell === undefined) !== (command?.argv === undefined);
  must(!command || hasOneCommand, '/check/exec/command', 'exactly one of shell or argv must be given');
}

function checkReadiness(app: AppDefinition, portNames: ReadonlySet<string | undefined>, must: Must): void {
  const count = app.readinessChecks.length;
  must(count <= 1, '/readinessChecks/size', `got ${count}, expected 1 or less`);
  app.readinessChecks.forEach((check, i) => {
    const path = `/readinessChecks(${i})`;
    const { portName, timeoutSeconds, intervalSeconds } = check;
    must(portNames.has(portName), `${path}/portName`, `No port definition reference for portName ${portName}`);
    must(
      timeoutSeconds < intervalSeconds,
      `${path}/timeoutSeconds`,
      `got ${timeoutSeconds}, expected less than ${intervalSeconds}`,
    );
  });
}
