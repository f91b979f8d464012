/** The answers of a server that can neither answer a request nor hand it on (rest-api §1.5, design §8). */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { WriteOutcome } from './attempt.ts';
import { notLeadingHeader } from './hop-headers.ts';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** True for a method that may change something. */
export const isWrite = (method: string | undefined): boolean => !safeMethods.has(method ?? 'GET');

const outcomeOf = (method: string | undefined, outcome: WriteOutcome): Record<string, string> =>
  isWrite(method) ? { 'Marathon-Write-Outcome': outcome } : {};

/** 503 for a request that no leader has answered; only one that nobody has taken may be taken elsewhere. */
export const turnedAway = (method: string | undefined, message: string, outcome: WriteOutcome = 'refused'): Refusal =>
  refusal('unavailable', message, {
    headers: {
      'Retry-After': '1',
      ...(outcome === 'refused' ? { [notLeadingHeader]: 'true' } : {}),
      ...outcomeOf(method, outcome),
    },
  });

/** 502 for a request that has been here before: servers take each other for the leader. */
export const looped = (method: string | undefined): Refusal => ({
  code: 'internal',
  status: 502,
  message: 'Detected proxying loop.',
  headers: outcomeOf(method, 'refused'),
});
