/** Rules of containers and volumes (rest-api §7.3, §9.3). */
import { type ExternalBody, externalOf, type PersistentBody, persistentOf } from './bodies.ts';
import type { AppDefinition, Container, Volume } from './definition.ts';
import { featureMessage } from './features.ts';
import type { AppSettings } from './settings.ts';
import { isRegex } from './validate-constraints.ts';
import { checkDvdiOptions } from './validate-dvdi.ts';
import { areUnique, type Must } from './violations.ts';

/** The container's image and volumes; its ports belong to the network. */
export function checkContainer(app: AppDefinition, settings: AppSettings, must: Must): void {
  const { container } = app;
  if (!container) return;
  must(container.type !== 'DOCKER' || container.docker !== undefined, '/container/docker', 'not defined');
  must(container.docker === undefined || container.docker.image !== '', '/container/docker/image', 'must not be empty');
  checkLinuxInfo(container, must);
  container.volumes.forEach((volume, i) => {
    checkVolume(volume, app, container, settings, `/container/volumes(${i})`, must);
  });
  const names = container.volumes.map((volume) => externalOf(volume)?.name);
  must(areUnique(names), '/container/volumes', 'Volume names must be unique');
  for (const name of exclusiveTwice(container)) {
    must(false, '/', `Requested DVDI volume '${name}' is declared more than once within app ${app.id}`);
  }
}

/** Names of volumes of Docker volume drivers that the app wants for itself, and mounts twice. */
function exclusiveTwice({ volumes }: Container): ReadonlySet<string> {
  const names = volumes.flatMap((volume) => {
    const external = externalOf(volume);
    return external?.provider === 'dvdi' && external.shared !== true ? [external.name] : [];
  });
  return new Set(names.filter((name, i) => names.indexOf(name) < i));
}

function checkLinuxInfo({ type, linuxInfo }: Container, must: Must): void {
  if (!linuxInfo) return;
  must(type === 'MESOS', '/container/linuxInfo', 'must be empty');
  const { seccomp, ipcInfo } = linuxInfo as {
    readonly seccomp?: { readonly profileName?: string; readonly unconfined?: boolean };
    readonly ipcInfo?: { readonly mode: string; readonly shmSize?: number };
  };
  if (seccomp) {
    const at = '/container/linuxInfo/seccomp';
    const isUnconfined = seccomp.unconfined === true;
    const hasProfile = seccomp.profileName !== undefined;
    must(!hasProfile || !isUnconfined, at, 'Seccomp unconfined can NOT be true when Profile is defined');
    must(hasProfile || isUnconfined, at, 'Seccomp unconfined must be true when Profile is NOT defined');
  }
  const sharesParent = ipcInfo?.mode === 'SHARE_PARENT';
  must(
    !sharesParent || ipcInfo.shmSize === undefined,
    '/container/linuxInfo/ipcInfo',
    'ipcInfo shmSize can NOT be set when mode is SHARE_PARENT',
  );
}

function checkVolume(
  volume: Volume,
  app: AppDefinition,
  container: Container,
  settings: AppSettings,
  path: string,
  must: Must,
): void {
  const persistent = persistentOf(volume);
  const external = externalOf(volume);
  if (persistent) checkPersistent(volume, persistent, path, must);
  if (!external) return;
  must(settings.features.has('external_volumes'), path, featureMessage('external_volumes'));
  if (external.provider === 'dvdi') checkDvdi(volume, external, app, container, path, must);
  else if (external.provider === 'csi') checkCsi(volume, external, app, path, must);
  else must(false, `${path}/external/provider`, 'is unknown provider');
}

const isNavigation = (path: string): boolean => path === '.' || path === '..';
const noNavigation = 'can not be one of (.,..)';

function checkPersistent(volume: Volume, persistent: PersistentBody, path: string, must: Must): void {
  const { containerPath, mode } = volume;
  must(!isNavigation(containerPath), `${path}/containerPath`, noNavigation);
  must(!containerPath.includes('/'), `${path}/containerPath`, 'value must not contain "/"');
  must(mode === 'RW', `${path}/mode`, 'does not equal RW');
  const { type, size, maxSize, constraints } = persistent;
  const at = `${path}/persistent`;
  must(size > 0, `${at}/size`, `got ${size}, expected more than 0`);
  must(maxSize === undefined || type === 'mount', at, 'Only mount volumes can have maxSize');
  must(maxSize === undefined || maxSize > size, at, 'Max size must be larger than size');
  if (!constraints || constraints.length === 0) return;
  must(type !== 'root', at, 'Constraints on root volumes are not supported');
  constraints.forEach((parts, j) => {
    const complaint = complaintAboutVolume(parts);
    must(complaint === undefined, `${at}/constraints(${j})`, complaint ?? '');
  });
}

const placementOperators: ReadonlySet<string> = new Set([
  'UNIQUE',
  'CLUSTER',
  'GROUP_BY',
  'LIKE',
  'UNLIKE',
  'MAX_PER',
  'IS',
]);

/** What is wrong with a constraint on the disk of a volume: only its path can be chosen, by a pattern. */
function complaintAboutVolume(parts: readonly string[]): string | undefined {
  const [field, operator, value] = parts;
  if (field !== 'path' || operator === undefined || value === undefined) {
    return `Unsupported constraint ${parts.join(',')}`;
  }
  if (!placementOperators.has(operator)) return `unknown constraint operator ${operator}`;
  if (operator !== 'LIKE' && operator !== 'UNLIKE') return 'Operator must be one of LIKE, UNLIKE';
  return isRegex(value) ? undefined : 'Invalid regular expression';
}

function checkDvdi(
  volume: Volume,
  external: ExternalBody,
  app: AppDefinition,
  container: Container,
  path: string,
  must: Must,
): void {
  must(!isNavigation(volume.containerPath), `${path}/containerPath`, noNavigation);
  const options = external.options ?? {};
  const at = `${path}/external`;
  checkDvdiOptions(options, at, must);
  if (container.type === 'DOCKER') {
    const others = Object.keys(options).filter((name) => name !== 'dvdi/driver');
    must(others.length === 0, `${at}/options`, 'must only contain dvdi/driver');
    must(external.size === undefined, `${at}/size`, 'must be undefined for Docker containers');
  } else {
    must(volume.mode === 'RW', `${path}/mode`, 'does not equal RW');
  }
  const onlyOne = `Number of instances is limited to 1 when declaring DVDI volumes in app [${app.id}]`;
  must(app.instances <= 1, '/', onlyOne);
}

const sharedModes: ReadonlySet<unknown> = new Set([
  'MULTI_NODE_READER_ONLY',
  'MULTI_NODE_SINGLE_WRITER',
  'MULTI_NODE_MULTI_WRITER',
]);

function checkCsi(volume: Volume, external: ExternalBody, app: AppDefinition, path: string, must: Must): void {
  const options = external.options ?? {};
  const at = `${path}/external/options`;
  const capability = options['capability'] as { readonly accessMode?: string } | undefined;
  must(typeof options['pluginName'] === 'string', `${at}/pluginName`, 'not defined');
  must(capability !== undefined, `${at}/capability`, 'not defined');
  const mode = capability?.accessMode;
  const atMostOne = `got ${app.instances}, expected 1 or less`;
  must(
    sharedModes.has(mode) || app.instances <= 1,
    '/instances',
    `${atMostOne} while non-shareable CSI volumes are defined`,
  );
  const isOnlyWriter = mode === 'MULTI_NODE_SINGLE_WRITER' && volume.mode === 'RW';
  must(
    !isOnlyWriter || app.instances <= 1,
    '/instances',
    `${atMostOne} while a multi-node single-writer volume is defined mounted as read/write`,
  );
  const isReadOnly = mode === 'SINGLE_NODE_READER_ONLY' || mode === 'MULTI_NODE_READER_ONLY';
  const readOnly = 'CSI volume must be mounted readonly with a read-only access mode';
  must(!isReadOnly || volume.mode === 'RO', path, readOnly);
}
