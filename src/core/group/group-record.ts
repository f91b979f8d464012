/** What is stored of groups beyond the apps in them (design §5.13): members of their own, and the deltas that past trees are made from. */
import type { AffectedApp } from '../deploy/plan-types.ts';
import type { Timestamp } from '../time.ts';

/** A group that exists by itself. One that is only implied by the apps in it has none, and no members of its own. */
export interface GroupRecord {
  readonly id: string;
  /** Stamp of the latest change of the members below. */
  readonly version: Timestamp;
  /** Absolute paths. */
  readonly dependencies: readonly string[];
  /** Of top-level groups only; absent = nobody said. True: services in it must have the role of the group's name (rest-api §7.14). */
  readonly enforceRole?: boolean;
}

/** One group of a change; absent = did not, or will not, exist by itself. */
export interface GroupDelta {
  readonly id: string;
  readonly before?: GroupRecord;
  readonly after?: GroupRecord;
}

/** What one version of the root changed. All changes with one stamp make one version. */
export interface RootDelta {
  readonly version: Timestamp;
  readonly apps: readonly AffectedApp[];
  readonly groups: readonly GroupDelta[];
}

/** Records of kind `group`: `/path` → group, `@version` → delta. */
export const rootDeltaKey = (version: Timestamp): string => `@${version}`;

/** The version whose delta a key names, or undefined for the key of a group. */
export const versionOfKey = (key: string): Timestamp | undefined => (key.startsWith('@') ? key.slice(1) : undefined);

/** Where a tree without any change stands. */
export const emptyRootVersion: Timestamp = '1970-01-01T00:00:00.000Z';
