/** Finds who answers a request: this server, the leader, or nobody within the time that a request may wait. */
import type { Clock } from '../../actors/ports.ts';
import { describeFailure, judge, type Outcome, type WriteOutcome } from './attempt.ts';
import type { LeaderLink } from './leader-link.ts';
import type { LeaderWatch } from './leader-watch.ts';

/** Pause before a server is asked again that turned the request away. */
const askAgainMs = 50;
/** A connection that is begun gets at least so long, however little of the wait is left. */
const minConnectMs = 250;

export interface Seeking {
  readonly watch: LeaderWatch;
  readonly clock: Clock;
  readonly waitForLeaderMs: number;
  /** May be sent twice. */
  readonly isSafe: boolean;
  /** Came from another server, which does the waiting. */
  readonly isForwarded: boolean;
  readonly isGone: () => boolean;
  readonly attempt: (link: LeaderLink, startWithinMs: number) => Promise<Outcome>;
  readonly onFailure: () => void;
}

export type Found =
  | { readonly type: 'here' }
  | { readonly type: 'done' }
  | { readonly type: 'turnedAway'; readonly reason: string; readonly outcome: WriteOutcome };

/** `here`: this server is to answer; `done`: the leader has, or the caller is gone; otherwise why nobody does. */
export async function seek(seeking: Seeking): Promise<Found> {
  const { watch, clock, isSafe, isGone } = seeking;
  const untilMs = clock.monotonic() + (seeking.isForwarded ? 0 : seeking.waitForLeaderMs);
  let hasRetried = false;
  for (;;) {
    const place = watch.place();
    if (place.type === 'here') return place;
    if (place.type === 'nowhere') {
      const waited = await watch.untilKnown(untilMs, isGone);
      if (waited === 'gone') return { type: 'done' };
      if (waited === 'yes') continue;
      const reason = waited === 'full' ? 'too many requests wait for a leader' : place.reason;
      return { type: 'turnedAway', reason, outcome: 'refused' };
    }
    const { link } = place;
    const turn = await watch.room.wait({
      holds: () => link.isRetired || link.reach.take(clock.monotonic()),
      untilMs,
      isGone,
    });
    if (turn === 'gone') return { type: 'done' };
    if (turn !== 'yes') {
      return { type: 'turnedAway', reason: describeFailure('unreachable', link.url), outcome: 'refused' };
    }
    if (link.isRetired) continue;
    const outcome = await tryOnce(seeking, link, Math.max(minConnectMs, untilMs - clock.monotonic()));
    if (outcome.type === 'done') return outcome;
    seeking.onFailure();
    const { retry, writeOutcome } = judge(outcome, isSafe);
    const givenUp: Found = {
      type: 'turnedAway',
      reason: describeFailure(outcome.failure, link.url),
      outcome: writeOutcome,
    };
    if (retry === 'never' || (retry === 'again' && hasRetried)) return givenUp;
    if (retry === 'again') {
      hasRetried = true;
      continue;
    }
    const waited = await watch.pause(askAgainMs, untilMs, isGone);
    if (waited === 'gone') return { type: 'done' };
    if (waited !== 'yes') return givenUp;
  }
}

async function tryOnce({ attempt, clock }: Seeking, link: LeaderLink, startWithinMs: number): Promise<Outcome> {
  try {
    const outcome = await attempt(link, startWithinMs);
    if (outcome.type === 'failed' && outcome.failure === 'unreachable') link.reach.lost(clock.monotonic());
    return outcome;
  } finally {
    link.reach.left();
  }
}
