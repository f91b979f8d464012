/**
 * An app as requests carry it: every member of every version, each optional (rest-api §7.2). The same schema gives the types, the
 * check and the description of the API. Members that it does not list are dropped when a body is read.
 */
import { type Static, Type } from 'typebox';
import { check, healthCheck, readinessCheck } from './checks.ts';
import { container, ipAddress, network, portDefinition } from './container.ts';
import { flag, int, labels, mapOf, nonEmptyText, oneOf, optional, pathId, port, text } from './parts.ts';

/** Default executor, a path, or nothing; what goes to Mesos as the program to run. */
const executor = Type.String({ pattern: '^(?://cmd|/?[^/]+(?:/[^/]+)*|)$' });
const amount = Type.Number({ minimum: 0 });
const limit = Type.Union([Type.Number({ minimum: 0 }), text]);
const capacity = Type.Number({ minimum: 0, maximum: 1 });
const timestamp = Type.String({ format: 'timestamp' });

const fetch = Type.Object({
  uri: Type.String({ minLength: 1, maxLength: 1024 }),
  extract: optional(flag),
  executable: optional(flag),
  cache: optional(flag),
  destPath: optional(text),
});

const unreachableStrategy = Type.Union([
  oneOf('disabled'),
  Type.Object({ inactiveAfterSeconds: optional(int()), expungeAfterSeconds: optional(int()) }),
]);

const members = {
  cmd: optional(nonEmptyText),
  args: optional(Type.Array(text)),
  user: optional(text),
  env: optional(mapOf(Type.Union([text, Type.Object({ secret: text })]))),
  secrets: optional(mapOf(Type.Object({ source: nonEmptyText }))),
  labels: optional(labels),
  instances: optional(int()),
  cpus: optional(Type.Number({ minimum: 0.001 })),
  mem: optional(amount),
  disk: optional(amount),
  gpus: optional(int()),
  executor: optional(executor),
  executorResources: optional(
    Type.Object({
      cpus: optional(Type.Number({ minimum: 0.1 })),
      mem: optional(Type.Number({ minimum: 32 })),
      disk: optional(Type.Number({ minimum: 10 })),
    }),
  ),
  resourceLimits: optional(Type.Object({ cpus: optional(limit), mem: optional(limit) })),
  constraints: optional(Type.Array(Type.Array(text))),
  acceptedResourceRoles: optional(Type.Array(text)),
  role: optional(nonEmptyText),
  container: optional(container),
  networks: optional(Type.Array(network)),
  portDefinitions: optional(Type.Array(portDefinition)),
  requirePorts: optional(flag),
  ports: optional(Type.Array(port)),
  ipAddress: optional(ipAddress),
  healthChecks: optional(Type.Array(healthCheck)),
  check: optional(check),
  readinessChecks: optional(Type.Array(readinessCheck)),
  fetch: optional(Type.Array(fetch)),
  uris: optional(Type.Array(Type.String({ maxLength: 1024 }))),
  dependencies: optional(Type.Array(pathId)),
  backoffSeconds: optional(int()),
  backoffFactor: optional(Type.Number({ minimum: 1 })),
  maxLaunchDelaySeconds: optional(int()),
  taskKillGracePeriodSeconds: optional(int()),
  upgradeStrategy: optional(
    Type.Object({ minimumHealthCapacity: optional(capacity), maximumOverCapacity: optional(capacity) }),
  ),
  replaceBeforeKill: optional(flag),
  killSelection: optional(oneOf('YOUNGEST_FIRST', 'OLDEST_FIRST')),
  unreachableStrategy: optional(unreachableStrategy),
  residency: optional(
    Type.Object({
      relaunchEscalationTimeoutSeconds: optional(int(0, Number.MAX_SAFE_INTEGER)),
      taskLostBehavior: optional(oneOf('WAIT_FOREVER', 'RELAUNCH_AFTER_TIMEOUT')),
    }),
  ),
  tty: optional(flag),
  version: optional(timestamp),
} as const;

/** Body of PUT and PATCH of one app, whose path names it. */
export const appBody = Type.Object({ id: optional(pathId), ...members });

/** Body of POST. */
export const appBodyWithId = Type.Object({ id: pathId, ...members });

/** Body of bulk PUT and PATCH. */
export const appBodies = Type.Array(appBody);

/** Body of bulk PUT with complete definitions. */
export const completeAppBodies = Type.Array(appBodyWithId);

/** Body of `POST /v2/tasks/delete` (rest-api §5.3). */
export const taskIdsBody = Type.Object({ ids: Type.Array(text) });

/** What the schema lets through. */
export type AppRequest = Static<typeof appBody>;
