/** Records of groups and of the versions of the root (design §5.13). */
import { affectedBy } from '../core/deploy/plan.ts';
import type { Deployment } from '../core/deploy/plan-types.ts';
import type { AppTree } from '../core/group/app-tree.ts';
import type { ChangeSet } from '../core/group/change-set.ts';
import { rootDeltaKey } from '../core/group/group-record.ts';
import type { RootHistory } from '../core/group/root-history.ts';
import type { DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Services } from './services.ts';

export interface RootState {
  readonly services: Services;
  readonly tree: AppTree;
  readonly history: RootHistory;
  readonly running: ReadonlyMap<DeploymentId, Deployment>;
}

/**
 * Enters a change into the history, and returns what to store for it: the groups, the delta of this version, and what became unneeded,
 * as the oldest versions beyond `--zk_max_versions` go. Nothing if nothing changed.
 */
export function rootRecords(state: RootState, set: ChangeSet): readonly RecordWrite[] {
  const { history, services } = state;
  const apps = affectedBy(set.planned);
  if (apps.length === 0 && set.groups.length === 0) return [];
  const records: RecordWrite[] = set.groups.map(({ id, after }) => ({ kind: 'group', key: id, value: after }));
  const delta = history.merged({ version: set.version, apps, groups: set.groups });
  history.put(delta);
  records.push({ kind: 'group', key: rootDeltaKey(delta.version), value: delta });
  while (history.size > services.settings.maxVersions) records.push(...dropOldest(state));
  return records;
}

/** Drops the oldest version of the root, and the definitions of removed apps that nobody can come back to any more. */
function dropOldest({ history, services, tree, running }: RootState): readonly RecordWrite[] {
  const { oldest } = history;
  if (!oldest) return [];
  history.remove(oldest.version);
  const records: RecordWrite[] = [{ kind: 'group', key: rootDeltaKey(oldest.version), value: undefined }];
  for (const { id } of oldest.apps) {
    if (tree.get(id)) continue;
    if ([...running.values()].some((deployment) => deployment.affected.some((a) => a.id === id))) continue;
    records.push(...unneededVersions({ history, services }, id));
  }
  return records;
}

/** The definitions of a removed app that no version of the root needs, dropped from the book as well. */
export function unneededVersions(
  { history, services }: Pick<RootState, 'history' | 'services'>,
  id: Parameters<RootHistory['needs']>[0],
): readonly RecordWrite[] {
  const records: RecordWrite[] = [];
  for (const version of services.versions.versionsOf(id)) {
    if (history.needs(id, version)) continue;
    services.versions.remove(id, version);
    records.push({ kind: 'appVersion', key: `${id}@${version}`, value: undefined });
  }
  return records;
}
