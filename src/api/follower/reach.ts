/**
 * Whether a leader can be reached, as all requests that want it have found out. While it cannot, one of them tries at a time: a thousand
 * readers that wait for the next leader would otherwise keep two servers busy with connecting to a dead one.
 */

/** Pause between two attempts, in ms. */
const tryAgainMs = 50;

export class Reach {
  #isLost = false;
  #isTrying = false;
  #dueMs = 0;

  /** Whether a request may try now. While the leader is lost only one is told so, and must say `left` whatever becomes of it. */
  take(nowMs: number): boolean {
    if (!this.#isLost) return true;
    if (this.#isTrying || nowMs < this.#dueMs) return false;
    this.#isTrying = true;
    return true;
  }

  /** A connection came about: everybody may try. */
  reached(): void {
    this.#isLost = false;
    this.#isTrying = false;
  }

  /** No connection came about. */
  lost(nowMs: number): void {
    this.#isLost = true;
    this.#dueMs = nowMs + tryAgainMs;
  }

  /** An attempt is over. */
  left(): void {
    this.#isTrying = false;
  }
}
