/** Apps with persistent volumes, and what may not change about them (rest-api §9.4; behaviour §10.5). */
import { persistentOf } from './bodies.ts';
import type { AppDefinition, Volume } from './definition.ts';
import { portEntries } from './definition.ts';
import { isSame } from './same.ts';
import type { Must } from './violations.ts';

const persistentVolumes = (app: AppDefinition): readonly Volume[] =>
  (app.container?.volumes ?? []).filter((volume) => persistentOf(volume) !== undefined);

/** True if the app has a persistent volume. */
export const isResident = (app: AppDefinition): boolean => persistentVolumes(app).length > 0;

/** Rules of an update of an app that is, becomes, or stops being resident. */
export function checkResidentUpdate(
  before: AppDefinition,
  after: AppDefinition,
  options: { readonly force: boolean },
  must: Must,
): void {
  if (!isResident(before) && !isResident(after)) return;
  const byPath = (app: AppDefinition) =>
    new Map(persistentVolumes(app).map((volume) => [volume.containerPath, volume]));
  const volumesBefore = byPath(before);
  const volumesAfter = byPath(after);
  const areKept =
    volumesBefore.size === volumesAfter.size &&
    [...volumesBefore].every(([path, volume]) => isSame(volume, volumesAfter.get(path)));
  must(areKept, '/', 'Persistent volumes can not be changed!');
  const isSameSize = (['cpus', 'mem', 'disk', 'gpus'] as const).every((name) => before[name] === after[name]);
  must(isSameSize, '/', 'Resource requirements can not be changed for apps with persistent volumes!');
  must(
    before.requirePorts === after.requirePorts && isSame(hostPortsOf(before), hostPortsOf(after)),
    '/',
    'Host ports can not be changed for apps with persistent volumes!',
  );
  must(
    before.role === after.role || options.force,
    '/role',
    'Reservations of existing instances keep the old role. Use force to change the role nevertheless',
  );
}

const hostPortsOf = (app: AppDefinition): readonly (number | undefined)[] =>
  portEntries(app)
    .map((entry) => entry.requestedHostPort)
    .sort((a, b) => (a ?? -1) - (b ?? -1));
