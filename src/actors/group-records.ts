/** Records of definitions and their history. */
import type { AppDefinition } from '../core/app/definition.ts';
import type { Deployment } from '../core/deploy/plan-types.ts';
import type { AppId, DeploymentId } from '../core/ids.ts';
import type { RecordWrite } from '../core/journal/batch.ts';
import type { Services } from './services.ts';

/** One stored version of an app. */
export const versionRecord = (app: AppDefinition): RecordWrite => ({
  kind: 'appVersion',
  key: `${app.id}@${app.version}`,
  value: app,
});

/**
 * Versions beyond `--zk_max_versions`, oldest first, dropped from the book as well; never one that an instance runs or a running
 * deployment names (behaviour §9.2).
 */
export function expiredVersions(
  services: Services,
  id: AppId,
  running: ReadonlyMap<DeploymentId, Deployment>,
): readonly RecordWrite[] {
  const { versions, views, settings } = services;
  const stored = versions.versionsOf(id);
  if (stored.length <= settings.maxVersions) return [];
  const used = new Set<string>();
  for (const instance of views.instancesOf(id)) used.add(instance.version);
  for (const deployment of running.values()) {
    const affected = deployment.affected.find((a) => a.id === id);
    if (affected?.before) used.add(affected.before);
    if (affected?.after) used.add(affected.after);
    if (affected?.until) used.add(affected.until);
  }
  const records: RecordWrite[] = [];
  for (const version of stored.slice(0, stored.length - settings.maxVersions)) {
    if (used.has(version)) continue;
    versions.remove(id, version);
    records.push({ kind: 'appVersion', key: `${id}@${version}`, value: undefined });
  }
  return records;
}
