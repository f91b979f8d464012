/** A complete definition, for tests that care about a few members only. */
import type { AppDefinition } from '../../src/core/app/definition.ts';
import type { AppId } from '../../src/core/ids.ts';

/** An app with Marathon's defaults and no ports, stamped with `version`; `changes` says what matters. */
export const plainApp = (id: string, version: string, changes: Partial<AppDefinition> = {}): AppDefinition => ({
  id: id as AppId,
  cmd: 'sleep 1000',
  env: {},
  labels: {},
  instances: 1,
  cpus: 1,
  mem: 128,
  disk: 0,
  gpus: 0,
  executor: '',
  constraints: [],
  role: '*',
  networks: [{ mode: 'host' }],
  portDefinitions: [],
  requirePorts: false,
  healthChecks: [],
  readinessChecks: [],
  fetch: [],
  dependencies: [],
  backoffSeconds: 1,
  backoffFactor: 1.15,
  maxLaunchDelaySeconds: 300,
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
  killSelection: 'YOUNGEST_FIRST',
  unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  version,
  versionInfo: { lastScalingAt: version, lastConfigChangeAt: version },
  ...changes,
});
