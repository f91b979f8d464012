/** Volumes of a container that need no reservation: of the host, and external ones (behaviour §8.3, §10.6). */
import type { Container, Volume } from '../app/definition.ts';

/**
 * The `volumes` of a ContainerInfo. Persistent and secret volumes are not among them: they come as resources and from
 * plugins.
 */
export function wireVolumes(container: Container | undefined): readonly unknown[] {
  const type = container?.type ?? 'MESOS';
  return (container?.volumes ?? []).flatMap((volume) => {
    const common = { container_path: volume.containerPath, mode: volume.mode ?? 'RW' };
    if (volume.hostPath !== undefined) return [{ ...common, host_path: volume.hostPath }];
    return volume.external === undefined ? [] : [{ ...common, ...externalVolume(volume.external, type) }];
  });
}

/** The one driver that Docker is told for all external volumes of a container. */
export function volumeDriver(volumes: readonly Volume[]): string | undefined {
  for (const { external } of volumes) {
    const driver = external === undefined ? undefined : optionsOf(external)['dvdi/driver'];
    if (typeof driver === 'string') return driver;
  }
  return undefined;
}

type Members = Readonly<Record<string, unknown>>;

const optionsOf = (external: Members): Members => (external['options'] ?? {}) as Members;

/**
 * Docker mounts by volume name; Mesos is told the driver and its options, and for CSI the volume and how to attach
 * it.
 */
function externalVolume(external: Members, type: Container['type']): Members {
  const name = external['name'];
  if (external['provider'] === 'csi') return { source: csiSource(name, optionsOf(external)) };
  if (type === 'DOCKER') return { host_path: name };
  const { 'dvdi/driver': driver, ...rest } = optionsOf(external);
  const options = Object.entries(rest).map(([key, value]) => [key.replace(/^dvdi\//, ''), String(value)] as const);
  const size = external['size'] === undefined ? [] : [['size', String(external['size'])] as const];
  const parameter = [...new Map([...options, ...size])].map(([key, value]) => ({ key, value }));
  return {
    source: {
      type: 'DOCKER_VOLUME',
      docker_volume: { driver, name, ...(parameter.length === 0 ? {} : { driver_options: { parameter } }) },
    },
  };
}

function csiSource(name: unknown, options: Members): Members {
  const capability = (options['capability'] ?? {}) as Members;
  const { accessMode, accessType, fsType, mountFlags } = capability;
  const mount = {
    ...(fsType === undefined ? {} : { fs_type: fsType }),
    ...(mountFlags === undefined ? {} : { mount_flags: mountFlags }),
  };
  const context = options['volumeContext'];
  return {
    type: 'CSI_VOLUME',
    csi_volume: {
      plugin_name: options['pluginName'],
      static_provisioning: {
        volume_id: name,
        volume_capability: {
          ...(accessType === 'block' ? { block: {} } : { mount }),
          access_mode: { mode: accessMode },
        },
        readonly: typeof accessMode === 'string' && accessMode.includes('READER_ONLY'),
        ...(context === undefined ? {} : { volume_context: context }),
      },
    },
  };
}
