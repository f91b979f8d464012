/** What a reader asks to be embedded in apps and groups (rest-api §3.3, §4.1). */
import { all, type Query } from './query.ts';

export interface AppEmbeds {
  /** Both always in lists of apps; in groups when asked for. */
  readonly counts: boolean;
  readonly deployments: boolean;
  readonly tasks: boolean;
  readonly lastTaskFailure: boolean;
  readonly readiness: boolean;
  readonly taskStats: boolean;
  /** An addition to Marathon's: what the known agents can never give the app. */
  readonly warnings: boolean;
}

/** What an app list embeds unless asked for more. */
export const listEmbeds: AppEmbeds = {
  counts: true,
  deployments: true,
  tasks: false,
  lastTaskFailure: false,
  readiness: false,
  taskStats: false,
  warnings: false,
};

/** What a single app and a wildcard list embed unless asked for more. */
export const singleEmbeds: AppEmbeds = { ...listEmbeds, tasks: true, lastTaskFailure: true };

const prefix = /^(?:group\.apps|apps|app)\./;

/** Adds the `embed` parameters, bare or with a prefix, to those that are always there; unknown values are ignored. */
export function appEmbeds(query: Query, always: AppEmbeds): AppEmbeds {
  const asked = all(query, 'embed');
  if (asked.length === 0) return always;
  return withNames(new Set(asked.map((value) => value.replace(prefix, ''))), always);
}

function withNames(names: ReadonlySet<string>, always: AppEmbeds): AppEmbeds {
  const failures = names.has('failures');
  return {
    counts: always.counts || names.has('counts'),
    deployments: always.deployments || failures || names.has('tasks') || names.has('deployments'),
    tasks: always.tasks || failures || names.has('tasks'),
    lastTaskFailure: always.lastTaskFailure || failures || names.has('lastTaskFailure'),
    readiness: always.readiness || names.has('readiness'),
    taskStats: always.taskStats || names.has('taskStats'),
    warnings: always.warnings || names.has('warnings'),
  };
}

/** What is shown of a group. */
export interface GroupEmbeds {
  readonly groups: boolean;
  readonly apps: boolean;
  readonly ofApps: AppEmbeds;
}

const bareApps: AppEmbeds = { ...listEmbeds, counts: false, deployments: false };

/** Everything, with apps as they are stored, unless the query names at least one `embed`: then what it names (rest-api §4.1). */
export function groupEmbeds(query: Query): GroupEmbeds {
  const asked = new Set(all(query, 'embed'));
  const isDefault = asked.size === 0;
  const ofApps = [...asked].flatMap((name) => (name.startsWith('group.apps.') ? [name.slice(11)] : []));
  return {
    groups: isDefault || asked.has('group.groups'),
    apps: isDefault || asked.has('group.apps'),
    ofApps: withNames(new Set(ofApps), bareApps),
  };
}
