/** Query parameters of a write that bound the deployment it makes: `deadline`, `maxLaunchAttempts`, `onFailure`. */
import type { DeploymentLimits, OnFailure } from '../core/deploy/plan-types.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { first, type Query } from './query.ts';

/** 30 days, in seconds. */
const maxDeadlineSeconds = 2_592_000;
const maxAttempts = 1_000;

const outcomes: readonly OnFailure[] = ['rollback', 'pause', 'keep'];

/** Spread into the options of a command: empty if the request sets no limits. */
export type WithLimits = { readonly limits?: DeploymentLimits };

/** What the request asks for; 400 with one line for a value that means nothing. An empty value counts as absent. */
export function readLimits(query: Query): Result<WithLimits, Refusal> {
  const deadline = given(query, 'deadline');
  const attempts = given(query, 'maxLaunchAttempts');
  const onFailure = given(query, 'onFailure');
  if (deadline === undefined && attempts === undefined) {
    return onFailure === undefined ? ok({}) : bad("'onFailure' needs 'deadline' or 'maxLaunchAttempts' beside it");
  }
  const deadlineSeconds = numberIn(deadline, /^\d{1,9}(\.\d{1,3})?$/, maxDeadlineSeconds);
  if (deadlineSeconds === null) {
    return bad(`'deadline' must be a number of seconds above 0 and up to ${maxDeadlineSeconds}, not '${deadline}'`);
  }
  const maxLaunchAttempts = numberIn(attempts, /^\d{1,9}$/, maxAttempts);
  if (maxLaunchAttempts === null) {
    return bad(`'maxLaunchAttempts' must be a whole number from 1 to ${maxAttempts}, not '${attempts}'`);
  }
  const outcome = onFailure === undefined ? 'keep' : outcomes.find((name) => name === onFailure.toLowerCase());
  if (outcome === undefined) return bad(`'onFailure' must be one of ${outcomes.join(', ')}, not '${onFailure}'`);
  return ok({
    limits: {
      ...(deadlineSeconds === undefined ? {} : { deadlineSeconds }),
      ...(maxLaunchAttempts === undefined ? {} : { maxLaunchAttempts }),
      onFailure: outcome,
    },
  });
}

const bad = (message: string): Result<never, Refusal> => err(refusal('badRequest', message));

function given(query: Query, name: string): string | undefined {
  const value = first(query, name)?.trim();
  return value === '' ? undefined : value;
}

/** Null for a text that is no such number. */
function numberIn(text: string | undefined, form: RegExp, max: number): number | undefined | null {
  if (text === undefined) return undefined;
  const value = form.test(text) ? Number(text) : 0;
  return value > 0 && value <= max ? value : null;
}
