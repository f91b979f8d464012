/** One try to have the leader answer, and what may follow from its end. */

/** Why the leader did not answer. */
export type Failure =
  /** No connection to it. */
  | 'unreachable'
  /** The connection broke before the first byte of the answer. */
  | 'broken'
  /** It has the request and says nothing. */
  | 'silent'
  /** It says that it does not lead, and did nothing. */
  | 'notLeading'
  /** Another server leads by now. */
  | 'moved'
  /** Too many requests are under way to it. */
  | 'busy';

export type Outcome =
  /** Answered, wholly or in part, or nobody is there to be answered. */
  | { readonly type: 'done' }
  /** Not answered. `sent`: the leader may have seen some of the request. */
  | { readonly type: 'failed'; readonly failure: Failure; readonly sent: boolean };

export const done: Outcome = { type: 'done' };

/** What became of a write that was not answered (design §5.5). */
export type WriteOutcome = 'refused' | 'unknown';

export interface Verdict {
  /** `again`: at once, and only once. `later`: as long as the request may wait. `never`: turn it away. */
  readonly retry: 'again' | 'later' | 'never';
  readonly writeOutcome: WriteOutcome;
}

/**
 * Whether to try again. A request that never left is free to go anywhere; one that left and is not safe goes nowhere, whatever
 * the leader says; a safe one goes once more (RFC 9110 §9.2.2).
 */
export function judge(
  { failure, sent }: { readonly failure: Failure; readonly sent: boolean },
  isSafe: boolean,
): Verdict {
  const writeOutcome = sent && failure !== 'notLeading' ? 'unknown' : 'refused';
  if (failure === 'busy') return { retry: 'never', writeOutcome };
  if (!sent || (failure === 'notLeading' && isSafe)) return { retry: 'later', writeOutcome };
  if (!isSafe || failure === 'silent') return { retry: 'never', writeOutcome };
  return { retry: 'again', writeOutcome };
}

/** One line for people. */
export function describeFailure(failure: Failure, url: string): string {
  const texts: Readonly<Record<Failure, string>> = {
    unreachable: `the leader at ${url} cannot be reached`,
    broken: `the connection to the leader at ${url} broke before it answered`,
    silent: `the leader at ${url} did not answer in time`,
    notLeading: `the server at ${url} does not serve as leader at the moment`,
    moved: `the leader has changed and ${url} did not answer`,
    busy: `too many requests to the leader at ${url} are under way`,
  };
  return texts[failure];
}
