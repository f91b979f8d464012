/** Groups as `/v2/groups` shows them (rest-api §4.1, §7.17). */
import type { GroupView } from '../../actors/front.ts';
import type { GroupEmbeds } from '../embed.ts';
import type { AppRenderer } from './app-info.ts';

/**
 * The JSON of a group with what is embedded. `enforceRole` is shown where somebody has set it: readers from before roles throw on it.
 * There are no pods.
 */
export function groupJson(group: GroupView, embeds: GroupEmbeds, apps: AppRenderer, nowMs: number): string {
  const members: string[] = [`"id":${JSON.stringify(group.id)}`];
  if (embeds.apps) {
    members.push(`"apps":[${group.apps.map((app) => apps.info(app, embeds.ofApps, nowMs)).join(',')}]`);
  }
  if (embeds.groups) {
    members.push(`"groups":[${group.groups.map((one) => groupJson(one, embeds, apps, nowMs)).join(',')}]`);
  }
  if (embeds.pods) members.push('"pods":[]');
  members.push(`"dependencies":${JSON.stringify(group.dependencies)}`);
  members.push(`"version":${JSON.stringify(group.version)}`);
  if (group.enforceRole !== undefined) members.push(`"enforceRole":${group.enforceRole}`);
  return `{${members.join(',')}}`;
}
