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
  for (const name of ['cpus', 'mem', 'disk', 'gpus', 'requirePorts'] as const) {
    must(before[name] === after[name], `/${name}`, fixed('resource requirements'));
  }
  must(isSame(hostPortsOf(before), hostPortsOf(after)), '/', fixed('host ports'));
  must(
    before.role === after.role || options.force,
    '/role',
    'It is not possible to change the role for existing reservations. If you proceed with this change, all existing ' +
      `instances will continue to run under the previous role, ${before.role}. Only new instances will be ` +
      `allocated with the new role, ${after.role}. In order to continue, retry your request with ?force=true`,
  );
}

const fixed = (what: string): string =>
  `Services with persistent volumes configured may not change ${what}. ` +
  'If you need to make this change, please create a new service.';

const hostPortsOf = (app: AppDefinition): readonly (number | undefined)[] =>
  portEntries(app)
    .map((entry) => entry.requestedHostPort)
    .sort((a, b) => (a ?? -1) - (b ?? -1));
