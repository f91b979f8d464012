/** The rules that a whole definition must keep, whatever request it came from (rest-api §9.3). */
import type { Violation } from '../refusal.ts';
import type { AppDefinition } from './definition.ts';
import { featureMessage } from './features.ts';
import { checkId } from './id-rules.ts';
import { checkLimits } from './limits.ts';
import type { AppSettings } from './settings.ts';
import { isUri } from './uri.ts';
import { checkChecks } from './validate-checks.ts';
import { checkConstraints } from './validate-constraints.ts';
import { checkContainer } from './validate-container.ts';
import { checkNetworks, checkPorts } from './validate-network.ts';
import { checkRoles } from './validate-roles.ts';
import { checkSecrets } from './validate-secrets.ts';
import { checkPresetStrategy, checkStrategies } from './validate-strategies.ts';
import { decimal, type Must, Violations } from './violations.ts';

/** What the rules need besides the definition: the flags, and what it replaces. */
export interface ValidationContext {
  readonly settings: AppSettings;
  readonly current?: AppDefinition | undefined;
  /** False if the upgrade strategy is a default. */
  readonly hasOwnStrategy: boolean;
}

/** Everything that is wrong with the definition; empty = valid. Costs O(size of the definition). */
export function validateApp(
  app: AppDefinition,
  { settings, current, hasOwnStrategy }: ValidationContext,
): readonly Violation[] {
  const violations = new Violations();
  const { must } = violations;
  checkId(app.id, '/id', must);
  checkLimits(app, must);
  app.dependencies.forEach((dependency, i) => {
    checkId(dependency, `/dependencies(${i})`, must);
  });
  checkCommand(app, must);
  checkResources(app, settings, must);
  checkContainer(app, settings, must);
  checkNetworks(app, must);
  checkPorts(app, must);
  checkChecks(app, must);
  app.fetch.forEach((fetch, i) => {
    must(isUri(fetch.uri), `/fetch(${i})/uri`, 'URI has invalid syntax.');
  });
  checkConstraints(app.constraints, must);
  checkRoles(app, settings, current, must);
  checkSecrets(app, settings, must);
  checkStrategies(app, hasOwnStrategy, must);
  checkMigrationLabels(app, must);
  const found = violations.list();
  if (found.length > 0 || hasOwnStrategy) return found;
  checkPresetStrategy(app, must);
  return violations.list();
}

function checkCommand(app: AppDefinition, must: Must): void {
  const hasCmd = app.cmd !== undefined;
  const hasArgs = app.args !== undefined;
  const hasImage = (app.container?.docker?.image ?? '') !== '';
  must(
    hasCmd !== hasArgs || (!hasCmd && hasImage),
    '/',
    "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.",
  );
  must(app.cmd !== '', '/', 'must not be an empty string');
}

const executorPattern = /^(?:\/\/cmd|\/?[^/]+(?:\/[^/]+)*|)$/;

function checkResources(app: AppDefinition, settings: AppSettings, must: Must): void {
  must(app.instances >= 0, '/instances', `got ${app.instances}, expected 0 or more`);
  must(app.cpus >= 0, '/cpus', `got ${app.cpus}, expected 0 or more`);
  must(app.mem >= 0, '/mem', `got ${app.mem}, expected 0 or more`);
  must(app.disk >= 0, '/disk', `got ${app.disk}, expected 0 or more`);
  must(app.gpus >= 0, '/gpus', `got ${app.gpus}, expected 0 or more`);
  must(
    executorPattern.test(app.executor),
    '/executor',
    "must fully match regular expression '^(//cmd)|(/?[^/]+(/[^/]+)*)|$'",
  );
  if (app.gpus > 0) {
    must(settings.features.has('gpu_resources'), '/', featureMessage('gpu_resources'));
    must(app.container?.type !== 'DOCKER', '/', 'GPU resources only work with the Mesos containerizer');
  }
  for (const name of ['cpus', 'mem'] as const) {
    const limit = app.resourceLimits?.[name];
    if (limit === undefined || limit === 'unlimited') continue;
    const isNumber = typeof limit === 'number';
    const path = `/resourceLimits/${name}`;
    must(isNumber, path, `'${limit}' is an invalid resource limit. It must be 'unlimited' or a number`);
    const atLeast = `resource limit must be greater than or equal to requested resource (${decimal(app[name])})`;
    must(!isNumber || limit >= app[name], path, atLeast);
  }
}

/** DC/OS services that name a migration API must name all of it (rest-api §7.15). */
function checkMigrationLabels({ labels }: AppDefinition, must: Must): void {
  const version = labels['DCOS_MIGRATION_API_VERSION'] ?? '';
  if (version === '') return;
  const hasRest = !!labels['DCOS_PACKAGE_FRAMEWORK_NAME'] && !!labels['DCOS_MIGRATION_API_PATH'];
  must(
    version === 'v1' && hasRest,
    '/',
    'DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION',
  );
}
