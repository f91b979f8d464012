/** What differs between two definitions of an app, by what has to happen because of it (design §8; behaviour §4.2). */
import type { AppDefinition } from './definition.ts';
import { isSame, isSameSet } from './same.ts';

/**
 * `none`: equal but for the version stamps. `scale`: only the count of instances. `metadata`: what running tasks need not know, perhaps with
 * another count. `config`: anything that needs new tasks, perhaps with the others.
 */
export type ChangeKind = 'none' | 'scale' | 'metadata' | 'config';

type Member = Exclude<keyof AppDefinition, 'id' | 'version' | 'versionInfo' | 'instances'>;

/** How each member is compared, and what a difference means. The type makes sure that none is forgotten. */
const members: Readonly<Record<Member, { readonly kind: 'metadata' | 'config'; readonly isSet?: boolean }>> = {
  cmd: { kind: 'config' },
  args: { kind: 'config' },
  user: { kind: 'config' },
  env: { kind: 'config' },
  secrets: { kind: 'config' },
  cpus: { kind: 'config' },
  mem: { kind: 'config' },
  disk: { kind: 'config' },
  gpus: { kind: 'config' },
  executor: { kind: 'config' },
  executorResources: { kind: 'config' },
  resourceLimits: { kind: 'config' },
  constraints: { kind: 'config', isSet: true },
  acceptedResourceRoles: { kind: 'config', isSet: true },
  role: { kind: 'config' },
  container: { kind: 'config' },
  networks: { kind: 'config' },
  portDefinitions: { kind: 'config' },
  requirePorts: { kind: 'config' },
  healthChecks: { kind: 'config' },
  check: { kind: 'config' },
  fetch: { kind: 'config' },
  taskKillGracePeriodSeconds: { kind: 'config' },
  tty: { kind: 'config' },
  labels: { kind: 'metadata' },
  dependencies: { kind: 'metadata', isSet: true },
  upgradeStrategy: { kind: 'metadata' },
  backoffSeconds: { kind: 'metadata' },
  backoffFactor: { kind: 'metadata' },
  maxLaunchDelaySeconds: { kind: 'metadata' },
  killSelection: { kind: 'metadata' },
  replaceBeforeKill: { kind: 'metadata' },
  unreachableStrategy: { kind: 'metadata' },
  readinessChecks: { kind: 'metadata' },
};

const namesOf = (kind: 'metadata' | 'config'): readonly Member[] =>
  (Object.keys(members) as Member[]).filter((name) => members[name].kind === kind);

const configMembers = namesOf('config');
const metadataMembers = namesOf('metadata');

const differs = (before: AppDefinition, after: AppDefinition) => (name: Member) => {
  const a = before[name];
  const b = after[name];
  if (a === b) return false;
  return members[name].isSet
    ? !isSameSet(a as readonly unknown[] | undefined, b as readonly unknown[] | undefined)
    : !isSame(a, b);
};

/** Compares by value; members that are the same object cost nothing. Versions and ids are not compared. */
export function kindOfChange(before: AppDefinition, after: AppDefinition): ChangeKind {
  if (before === after) return 'none';
  const isChanged = differs(before, after);
  if (configMembers.some(isChanged)) return 'config';
  if (metadataMembers.some(isChanged)) return 'metadata';
  return before.instances === after.instances ? 'none' : 'scale';
}
