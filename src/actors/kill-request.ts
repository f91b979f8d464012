/** What a request to kill comes to: changes of counts, or tasks that end. Read from what is durable. */
import type { AppChange } from '../core/app/change.ts';
import { type Preview, plainPreview } from '../core/deploy/preview.ts';
import type { AppId, InstanceId } from '../core/ids.ts';
import { isActive } from '../core/instance/instance.ts';
import type { KillRequest, ReadModel } from './front.ts';

type Read = Pick<ReadModel, 'app' | 'instance'>;

/** With `scale`: each app's count less its instances here, which are sentenced (behaviour §4.9). */
export function scaleChanges(read: Read, { instances }: Pick<KillRequest, 'instances'>): readonly AppChange[] {
  const sentenced = new Map<AppId, InstanceId[]>();
  for (const id of instances) {
    const instance = read.instance(id);
    if (!instance) continue;
    const list = sentenced.get(instance.appId);
    if (list) list.push(instance.id);
    else sentenced.set(instance.appId, [instance.id]);
  }
  const changes: AppChange[] = [];
  for (const [id, ids] of sentenced) {
    const app = read.app(id);
    if (!app) continue;
    const counted = ids.filter((one) => isCountedDown(read, one)).length;
    changes.push({ type: 'scale', id, instances: Math.max(0, app.instances - counted), sentenced: ids });
  }
  return changes;
}

const isCountedDown = (read: Read, id: InstanceId): boolean => {
  const condition = read.instance(id)?.condition;
  return condition !== undefined && isActive(condition) && condition !== 'Killing';
};

/** Without `scale`: the tasks that would be told to end; others start in their place. */
export function killPreview(read: Read, { instances }: Pick<KillRequest, 'instances'>): Preview {
  const found = instances.flatMap((id) => read.instance(id) ?? []);
  const apps = [...new Set(found.map(({ appId }) => appId))].flatMap((id) => read.app(id) ?? []);
  return plainPreview(
    apps,
    found.flatMap(({ tasks }) => tasks.map(({ id }) => id)),
  );
}
