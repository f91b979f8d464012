/** Partial updates (rest-api §3.5): what the request names replaces the whole member, the rest stays. */
import type { AppBody, NetworkBody } from './bodies.ts';
import type { AppDefinition } from './definition.ts';

const isHost = (networks: readonly NetworkBody[] | undefined): boolean =>
  (networks ?? []).every((network) => network.mode === 'host');

/**
 * The stored app with the members of a rewritten request on top. Nothing is merged inside a member. Stored port members that do
 * not apply to the new network mode are dropped, those of the request are not: the defaults deal with them.
 */
export function mergeUpdate(current: AppDefinition, update: AppBody): AppBody {
  const { id: _id, version: _version, versionInfo: _versionInfo, ...changes } = update;
  const stored = current as unknown as AppBody;
  const merged: AppBody = { ...stored, ...changes };
  const networks = merged.networks ?? [];
  if (isHost(networks)) {
    return update.container || !merged.container?.portMappings ? merged : withoutMappings(merged);
  }
  if (update.portDefinitions) return merged;
  const { portDefinitions: _dropped, ...withoutPorts } = merged;
  return withoutPorts;
}

function withoutMappings(body: AppBody): AppBody {
  const { portMappings: _dropped, ...container } = body.container ?? {};
  return { ...body, container };
}
