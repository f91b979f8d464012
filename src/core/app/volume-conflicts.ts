/** Volumes of outside that one app alone may use: two apps that write to the same one would destroy its content (rest-api §9.6). */
import type { Violation } from '../refusal.ts';
import { type ExternalBody, externalOf } from './bodies.ts';
import type { AppDefinition, Volume } from './definition.ts';
import { isSame } from './same.ts';

interface Claim {
  /** Provider and name. */
  readonly key: string;
  readonly name: string;
  /** Nobody else may have it. */
  readonly isExclusive: boolean;
}

type Change = { readonly before: AppDefinition | undefined; readonly after: AppDefinition | undefined };

/** How far a volume of the Container Storage Interface may be shared. */
const accessMode = (external: ExternalBody): unknown =>
  (external.options?.['capability'] as { readonly accessMode?: unknown } | undefined)?.accessMode;

const sharedModes: ReadonlySet<unknown> = new Set(['MULTI_NODE_READER_ONLY', 'MULTI_NODE_MULTI_WRITER']);

function claimOf(volume: Volume, external: ExternalBody): Claim | undefined {
  const { provider, name } = external;
  const key = `${provider}\n${name}`;
  if (provider !== 'csi') return { key, name, isExclusive: external.shared !== true };
  const mode = accessMode(external);
  const isOfOneWriter = mode === 'MULTI_NODE_SINGLE_WRITER';
  // Its readers are in nobody's way.
  if (isOfOneWriter && volume.mode === 'RO') return undefined;
  return { key, name, isExclusive: !sharedModes.has(mode) };
}

function claimsOf(app: AppDefinition | undefined): readonly Claim[] {
  const claims: Claim[] = [];
  for (const volume of app?.container?.volumes ?? []) {
    const external = externalOf(volume);
    const claim = external && claimOf(volume, external);
    if (claim) claims.push(claim);
  }
  return claims;
}

/**
 * Volumes that an app wants for itself and another one has as well, once the changes are made; `all` are the apps as they will be. Told of
 * every app that finds its volume taken. Looks through all apps only if a change brings volumes of outside.
 */
export function volumeConflicts(changes: readonly Change[], all: () => Iterable<AppDefinition>): readonly Violation[] {
  const claimed = new Set<string>();
  for (const { before, after } of changes) {
    if (before?.container === after?.container || isSame(before?.container, after?.container)) continue;
    for (const { key } of claimsOf(after)) claimed.add(key);
  }
  if (claimed.size === 0) return [];
  const users = new Map<string, { readonly app: AppDefinition; readonly claim: Claim }[]>();
  for (const app of all()) {
    for (const claim of claimsOf(app)) {
      if (!claimed.has(claim.key)) continue;
      const known = users.get(claim.key);
      if (known) known.push({ app, claim });
      else users.set(claim.key, [{ app, claim }]);
    }
  }
  return [...users.values()].flatMap((of) => of.flatMap(({ app, claim }) => conflictOf(app, claim, of)));
}

function conflictOf(
  { id }: AppDefinition,
  { name }: Claim,
  users: readonly { readonly app: AppDefinition; readonly claim: Claim }[],
): readonly Violation[] {
  const others = users.filter(({ app, claim }) => claim.isExclusive && app.id !== id).map(({ app }) => app.id);
  if (others.length === 0) return [];
  const message = `Volume name '${name}' in ${id} conflicts with volume(s) of same name in app(s): ${others.join(', ')}`;
  return [{ path: `/apps/${id}/container`, errors: [message] }];
}
