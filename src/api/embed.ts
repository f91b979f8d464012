/** What a reader asks to be embedded in apps (rest-api §3.3). Counts and deployments are always there. */
import { all, type Query } from './query.ts';

export interface AppEmbeds {
  readonly tasks: boolean;
  readonly lastTaskFailure: boolean;
  readonly readiness: boolean;
  readonly taskStats: boolean;
  /** An addition to Marathon's: what the known agents can never give the app. */
  readonly warnings: boolean;
}

/** What an app list embeds unless asked for more. */
export const listEmbeds: AppEmbeds = {
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
  const names = new Set(asked.map((value) => value.replace(prefix, '')));
  const failures = names.has('failures');
  return {
    tasks: always.tasks || failures || names.has('tasks'),
    lastTaskFailure: always.lastTaskFailure || failures || names.has('lastTaskFailure'),
    readiness: always.readiness || names.has('readiness'),
    taskStats: always.taskStats || names.has('taskStats'),
    warnings: always.warnings || names.has('warnings'),
  };
}
