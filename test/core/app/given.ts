/** Apps for tests: made from requests, as users make them. */
import { applyChange } from '../../../src/core/app/apply-change.ts';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { type AppSettings, defaultAppSettings } from '../../../src/core/app/settings.ts';
import type { AppUpdate } from '../../../src/core/app/update.ts';
import type { AppId } from '../../../src/core/ids.ts';
import type { Refusal } from '../../../src/core/refusal.ts';
import type { Result } from '../../../src/core/result.ts';

export const web = '/web' as AppId;

/** Any body: tests name members as a request would. */
export type Body = Readonly<Record<string, unknown>>;

export const withFeatures = (...features: readonly string[]): AppSettings => ({
  ...defaultAppSettings,
  features: new Set(features),
});

/** POST of the body as `/web`, or as the id that it names. */
export const create = (body: Body, settings = defaultAppSettings): Result<AppDefinition, Refusal> =>
  applyChange(
    undefined,
    { type: 'create', id: (body['id'] as AppId | undefined) ?? web, update: body as AppUpdate },
    settings,
  );

/** Partial PUT. */
export const update = (current: AppDefinition, body: Body, settings = defaultAppSettings, force = false) =>
  applyChange(current, { type: 'put', id: current.id, update: body as AppUpdate, partial: true }, settings, { force });

/** The value, or a failing test that says why there is none. */
export function must<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

export const define = (body: Body, settings = defaultAppSettings): AppDefinition => must(create(body, settings));

/** `path: message` of every violation; empty if there is none. */
export function complaints(result: Result<unknown, Refusal>): readonly string[] {
  if (result.ok) return [];
  const { details, message } = result.error;
  if (details === undefined || typeof details === 'string') return [message];
  return details.flatMap(({ path, errors }) => errors.map((error) => `${path}: ${error}`));
}
