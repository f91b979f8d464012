/** A group as requests carry it (rest-api §4.2, §7.17). Apps and groups inside are read by themselves, each at its place. */
import { Type } from 'typebox';
import { flag, optional, pathId } from './parts.ts';

const timestamp = Type.String({ format: 'timestamp' });

/** One level of a group. */
export const groupLevel = Type.Object({
  id: optional(pathId),
  apps: optional(Type.Array(Type.Unknown())),
  groups: optional(Type.Array(Type.Unknown())),
  dependencies: optional(Type.Array(pathId)),
  scaleBy: optional(Type.Number({ minimum: 0 })),
  version: optional(timestamp),
  enforceRole: optional(flag),
});

/** Body of `PATCH /v2/groups/{id}`. */
export const groupPatch = Type.Object({ enforceRole: optional(flag) });
