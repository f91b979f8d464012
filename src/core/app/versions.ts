/** Version stamps of a changed app (behaviour §4.2; design §8 for metadata). */
import type { Timestamp } from '../time.ts';
import type { AppDefinition } from './definition.ts';
import type { ChangeKind } from './diff.ts';

/**
 * The definition with the stamps that its change earns; `kind` is what `kindOfChange(before, after)` says, `stamp` must be new for this
 * app. An unchanged app is `before` itself, so that nothing that holds on to it notices.
 *
 * | change | version | lastScalingAt | lastConfigChangeAt |
 * |---|---|---|---|
 * | new, config | stamp | stamp | stamp |
 * | scale | stamp | stamp | kept |
 * | metadata | stamp | stamp if the count changed too | kept |
 * | restart | stamp | stamp if the count changed too | stamp |
 */
export function stampVersions(
  before: AppDefinition | undefined,
  after: AppDefinition,
  stamp: Timestamp,
  kind: ChangeKind,
  restart: boolean,
): AppDefinition {
  if (!before) return { ...after, version: stamp, versionInfo: { lastScalingAt: stamp, lastConfigChangeAt: stamp } };
  if (kind === 'none' && !restart) return before;
  const isScaled = kind === 'config' || before.instances !== after.instances;
  const isReconfigured = kind === 'config' || restart;
  return {
    ...after,
    version: stamp,
    versionInfo: {
      lastScalingAt: isScaled ? stamp : before.versionInfo.lastScalingAt,
      lastConfigChangeAt: isReconfigured ? stamp : before.versionInfo.lastConfigChangeAt,
    },
  };
}
