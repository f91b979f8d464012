/** Why a store could not be opened. The message is always one line for the operator. */

/** This version must not or cannot use it: a newer format, a foreign tree, a damaged file. Trying again does not help. */
export class StoreUnusable extends Error {
  readonly code = 'STORE_UNUSABLE';
}

/** It cannot be reached at the moment. Trying again helps. */
export class StoreAway extends Error {
  readonly code = 'STORE_AWAY';
}

/** Somebody else was elected meanwhile, or our candidature is gone: whoever opens is not the leader (design §5.3). */
export class ClaimLost extends Error {
  readonly code = 'CLAIM_LOST';
}
