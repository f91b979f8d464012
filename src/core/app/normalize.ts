/**
 * From a request to the one stored form of an app, in Marathon's order (rest-api §8): rules about deprecated members, old spellings → new
 * ones, defaults, rules about the whole.
 */
import type { AppId } from '../ids.ts';
import { invalid, type Refusal, type Violation } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { AppBody, ContainerBody } from './bodies.ts';
import { withDefaults } from './defaults.ts';
import type { AppDefinition } from './definition.ts';
import { rewriteDeprecated } from './deprecated.ts';
import { deprecatedViolations } from './deprecated-rules.ts';
import { mergeUpdate } from './merge.ts';
import { checkResidentUpdate } from './resident.ts';
import type { AppSettings } from './settings.ts';
import type { AppUpdate } from './update.ts';
import { validateApp } from './validate.ts';
import { Violations } from './violations.ts';

/** What a request is measured against. */
export interface NormalizeContext {
  readonly settings: AppSettings;
  /** The app that the definition will replace. */
  readonly current?: AppDefinition | undefined;
  readonly force?: boolean;
}

const refused = (violations: readonly Violation[]): Result<never, Refusal> => err(invalid(violations));

/**
 * A request that describes the whole app: what it leaves out takes its default. The version of the result is a placeholder. Refused with 422 `invalid`, all broken rules at once.
 */
export function normalizeComplete(
  id: AppId,
  update: AppUpdate,
  context: NormalizeContext,
): Result<AppDefinition, Refusal> {
  const body = modern(update, context.settings, undefined);
  return body.ok ? finish(id, body.value, context) : body;
}

/** A request that changes members of a stored app; otherwise as above. */
export function normalizePartial(
  current: AppDefinition,
  update: AppUpdate,
  context: Omit<NormalizeContext, 'current'>,
): Result<AppDefinition, Refusal> {
  const full = { ...context, current };
  const body = modern(update, context.settings, current);
  return body.ok ? finish(current.id, mergeUpdate(current, body.value), full) : body;
}

function modern(update: AppUpdate, settings: AppSettings, stored: AppDefinition | undefined): Result<AppBody, Refusal> {
  // The body's schema has checked the loose members.
  const body = update as unknown as AppBody;
  const violations = deprecatedViolations(body, stored?.container?.type);
  if (violations.length > 0) return refused(violations);
  return ok(rewriteDeprecated(body, settings, stored?.container as ContainerBody | undefined));
}

function finish(id: AppId, body: AppBody, context: NormalizeContext): Result<AppDefinition, Refusal> {
  const app = withDefaults(id, body, context.settings);
  const violations = validateApp(app, { ...context, hasOwnStrategy: body.upgradeStrategy !== undefined });
  if (violations.length > 0) return refused(violations);
  if (!context.current) return ok(app);
  const update = new Violations();
  checkResidentUpdate(context.current, app, { force: context.force ?? false }, update.must);
  const broken = update.list();
  return broken.length > 0 ? refused(broken) : ok(app);
}
