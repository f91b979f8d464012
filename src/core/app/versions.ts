/** Version stamps of a changed app (behaviour §4.2; design §8 for metadata). */
import type { Timestamp } from '../time.ts';
import type { AppDefinition, VersionInfo, VersionRange } from './definition.ts';
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
      ...(isReconfigured ? {} : keptRanges(before.versionInfo)),
    },
  };
}

const keptRanges = ({ sameConfig }: VersionInfo) => (sameConfig === undefined ? {} : { sameConfig });

/**
 * True if tasks of this version run the app's present configuration, so that nobody need replace them: those since the last change of
 * it (design §8), and those of earlier times that a rollback came back to.
 */
export function isCurrent(version: Timestamp, { versionInfo }: Pick<AppDefinition, 'versionInfo'>): boolean {
  if (version >= versionInfo.lastConfigChangeAt) return true;
  return versionInfo.sameConfig?.some(({ from, before }) => version >= from && version < before) === true;
}

/** How many rollbacks an app remembers; tasks from before that are replaced as if they were of another configuration. */
const maxSameConfig = 4;

/**
 * `restored` has been stamped as a new version of what `original` was before `replaced` took its place: tasks that still run the
 * original configuration count as present ones.
 */
export function rememberingTasksOf(
  original: AppDefinition,
  replaced: AppDefinition,
  restored: AppDefinition,
): AppDefinition {
  const range: VersionRange = {
    from: original.versionInfo.lastConfigChangeAt,
    before: replaced.versionInfo.lastConfigChangeAt,
  };
  if (range.from >= range.before) return restored;
  const sameConfig = [...(original.versionInfo.sameConfig ?? []), range].slice(-maxSameConfig);
  return { ...restored, versionInfo: { ...restored.versionInfo, sameConfig } };
}
