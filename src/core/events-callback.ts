/** HTTP callbacks: who may subscribe, and what an answer to a posted event means (rest-api §6A.5, §10.5). */
import type { EventPosition } from './journal/event-id.ts';
import type { Refusal } from './refusal.ts';
import { invalid } from './refusal.ts';
import { err, ok, type Result } from './result.ts';

/** A subscription as it is stored, by its URL. */
export interface Subscription {
  readonly url: string;
  /** Signs what is posted. */
  readonly secret?: string;
  /** The next event that it needs; a subscriber may get some again that come after it. */
  readonly next: EventPosition;
}

/** Events that a subscriber has not got and never will: ids of the first and the last one; what lies between may have arrived. */
export interface MissedEvents {
  readonly from: string;
  readonly to: string;
}

/** What is missing after something more is. */
export const alsoMissed = (before: MissedEvents | undefined, more: MissedEvents): MissedEvents => ({
  from: before?.from ?? more.from,
  to: more.to,
});

/** Subscriptions that may be stored. */
export const maxSubscriptions = 100;
/** Longest callback URL, in characters. */
export const maxUrlLength = 2_048;
/** Length of a secret, in characters. */
const secretLength = { min: 16, max: 256 } as const;
/** Pause after the first failure; doubles with each one, up to the longest. */
const firstBackoffMs = 1_000;
export const longestBackoffMs = 300_000;
/** An event that a subscriber refuses so many times, though it answers, is left out: others wait behind it. */
export const maxRefusals = 8;

/** 422 unless events can be posted there: http or https, a host, no fragment. */
export function checkCallbackUrl(text: string): Result<string, Refusal> {
  const refuse = (why: string): Result<never, Refusal> => err(invalid([{ path: '/callbackUrl', errors: [why] }]));
  if (text.length > maxUrlLength) return refuse(`must not be longer than ${maxUrlLength} characters`);
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return refuse('must be an absolute URL');
  const { protocol, hash, port } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return refuse('must begin with http:// or https://');
  if (!/^https?:\/\//i.test(text)) return refuse('must begin with http:// or https://');
  if (hash !== '') return refuse('must not have a fragment');
  if (port === '0') return refuse('must not have the port 0');
  return ok(text);
}

/** 422 unless it is a usable secret. */
export function checkSecret(secret: unknown): Result<string, Refusal> {
  const { min, max } = secretLength;
  if (typeof secret === 'string' && secret.length >= min && secret.length <= max) return ok(secret);
  return err(invalid([{ path: '/secret', errors: [`must be a text of ${min} to ${max} characters`] }]));
}

/** What became of one POST. */
export type PostResult =
  | { readonly type: 'answered'; readonly status: number; readonly durationMs: number }
  | { readonly type: 'failed'; readonly cause: string };

/** What to do with the event, and with the subscriber. */
export interface PostVerdict {
  /** The next event comes; otherwise this one comes again. */
  readonly isOver: boolean;
  /** It got the event. */
  readonly isDelivered: boolean;
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** Pause before the next POST, in ms. */
  readonly pauseMs: number;
  /** For the log; absent if all is well. */
  readonly trouble?: string;
}

/**
 * 2xx is success; a slow one counts against the subscriber as a failure does. Redirects are not followed. What fails is tried again
 * after 2^n seconds, for as long as the log has it; only an event that the subscriber itself refuses is left out in the end.
 */
export function judgePost(
  result: PostResult,
  before: { readonly failures: number; readonly refusals: number },
  slowMs: number,
): PostVerdict {
  const failures = before.failures + 1;
  const pauseMs = backoffMs(failures);
  if (result.type === 'failed') {
    return { isOver: false, isDelivered: false, failures, pauseMs, trouble: result.cause };
  }
  const { status, durationMs } = result;
  if (status >= 200 && status < 300) {
    if (durationMs <= slowMs) return { isOver: true, isDelivered: true, failures: 0, pauseMs: 0 };
    return {
      isOver: true,
      isDelivered: true,
      failures,
      pauseMs,
      trouble: `answered after ${Math.round(durationMs)} ms`,
    };
  }
  const isOver = isRefusal(result) && before.refusals + 1 >= maxRefusals;
  const why = status >= 300 && status < 400 ? `answered ${status}: redirects are not followed` : `answered ${status}`;
  return { isOver, isDelivered: false, failures, pauseMs, trouble: isOver ? `${why}; the event is left out` : why };
}

/** The subscriber is there and will not have this event; 408 and 429 mean "later". */
export const isRefusal = (result: PostResult): boolean =>
  result.type === 'answered' &&
  result.status >= 400 &&
  result.status < 500 &&
  result.status !== 408 &&
  result.status !== 429;

/** 1 s, 2 s, 4 s, … */
export const backoffMs = (failures: number): number =>
  Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(20, failures - 1));
