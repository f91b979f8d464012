/**
 * Readiness checks (behaviour §4.5, rest-api §7.8): a deployment asks each new instance, until it says that it is ready. Unlike health
 * checks they end with the deployment, and a refusal is no failure.
 */
import type { AppDefinition, ReadinessCheck } from '../app/definition.ts';
import type { InstanceId } from '../ids.ts';
import type { Instance } from '../instance/instance.ts';
import { type CheckAddress, checkAddress } from './address.ts';

/** What a deployment shows of the last answer. */
export interface ReadinessResult {
  readonly name: string;
  /** The instance's id, as Marathon 1.5 and later show it. */
  readonly taskId: InstanceId;
  readonly ready: boolean;
  readonly lastResponse?: HttpAnswer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What came back: an answer, or why there was none. */
export type ReadinessAnswer =
  | ({ readonly type: 'answered' } & HttpAnswer)
  | { readonly type: 'failed'; readonly cause: string };

/** Bytes of an answer's body that are kept with `preserveLastResponse`; what is longer is cut. */
export const maxKeptBody = 16 * 1024;

/** The port that the check names; undefined while the task has no address yet. */
export const readinessAddress = (
  app: AppDefinition,
  check: ReadinessCheck,
  instance: Instance,
): CheckAddress | undefined => checkAddress(app, { portIndex: check.portName }, instance);

/** Judges an answer. No answer at all means not ready, and is kept as a 504. */
export function readinessResult(check: ReadinessCheck, taskId: InstanceId, answer: ReadinessAnswer): ReadinessResult {
  const { status, contentType, body }: HttpAnswer =
    answer.type === 'answered' ? answer : { status: 504, contentType: 'text/plain', body: answer.cause };
  return {
    name: check.name,
    taskId,
    ready: answer.type === 'answered' && check.httpStatusCodesForReady.includes(status),
    ...(check.preserveLastResponse ? { lastResponse: { status, contentType, body } } : {}),
  };
}

const firstDelayMs = 100;

/**
 * Delay before the next question: the interval. A task that has never answered is only starting, though, and is asked again after
 * 100 ms, doubling up to the interval: `unanswered` questions so far. Nothing counts against it, and a whole interval would be lost.
 */
export function readinessDelayMs(check: ReadinessCheck, unanswered: number): number {
  const intervalMs = check.intervalSeconds * 1000;
  return unanswered === 0 || unanswered > 20 ? intervalMs : Math.min(intervalMs, firstDelayMs * 2 ** (unanswered - 1));
}
