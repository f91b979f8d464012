/** Strays, and when Mesos is to be asked for each of them. */
import { maxStrays, type Stray, strayKnownMs } from '../core/task/stray.ts';

/** First wait for an answer that settles it; doubles with each question up to the longest. */
const firstWaitMs = 1_000;
const longestWaitMs = 15_000;
/** About the ten minutes in which a new master expects the agents of the old one; later ones are rare. */
const frequentQuestions = 42;
const rareWaitMs = 60_000;

interface Kept extends Stray {
  /** Questions since something happened that makes an answer more likely. */
  asked: number;
  /** Monotonic. */
  dueMs: number;
}

export class StrayBook {
  /** In the order of coming. */
  readonly #strays = new Map<string, Kept>();
  readonly #byAgent = new Map<string, Set<string>>();
  /** Agents that have been heard of in this session. */
  readonly #seen = new Set<string>();

  /** Stored ones, in any order; beyond the limit the oldest are left out. */
  constructor(stored: readonly Stray[] = []) {
    const latest = stored.toSorted((a, b) => a.sinceMs - b.sinceMs).slice(-maxStrays);
    for (const stray of latest) this.add(stray, Number.NEGATIVE_INFINITY);
  }

  get size(): number {
    return this.#strays.size;
  }

  has(taskId: string): boolean {
    return this.#strays.has(taskId);
  }

  /** Keeps it; what is returned had to go for it. `nowMs` is monotonic. */
  add({ taskId, agentId, sinceMs }: Stray, nowMs: number): Stray | undefined {
    const [oldest] = this.#strays.size >= maxStrays && !this.has(taskId) ? this.#strays.values() : [];
    if (oldest) this.remove(oldest.taskId);
    this.#strays.set(taskId, { taskId, agentId, sinceMs, asked: 0, dueMs: nowMs + firstWaitMs });
    const own = this.#byAgent.get(agentId);
    if (own) own.add(taskId);
    else this.#byAgent.set(agentId, new Set([taskId]));
    return oldest;
  }

  remove(taskId: string): void {
    const stray = this.#strays.get(taskId);
    if (!stray) return;
    this.#strays.delete(taskId);
    const own = this.#byAgent.get(stray.agentId);
    own?.delete(taskId);
    if (own?.size === 0) this.#byAgent.delete(stray.agentId);
  }

  /** Another master may lead: everything is asked for anew. */
  sessionBegan(nowMs: number): void {
    this.#seen.clear();
    for (const stray of this.#strays.values()) hurry(stray, nowMs + firstWaitMs);
  }

  /** Mesos knows this agent now, and what runs there. True if that makes a question due. */
  agentSeen(agentId: string, nowMs: number): boolean {
    if (this.#strays.size === 0 || this.#seen.has(agentId)) return false;
    const own = this.#byAgent.get(agentId);
    if (own === undefined) return false;
    this.#seen.add(agentId);
    for (const taskId of own) {
      const stray = this.#strays.get(taskId);
      if (stray) hurry(stray, nowMs);
    }
    return true;
  }

  /** Removes and returns those that were asked for long enough. `wallMs` is epoch milliseconds. */
  takeExpired(wallMs: number): readonly Stray[] {
    const expired = [...this.#strays.values()].filter(({ sinceMs }) => wallMs - sinceMs >= strayKnownMs);
    for (const { taskId } of expired) this.remove(taskId);
    return expired;
  }

  /** Those that are to be asked for now, at most so many; the next question for each comes after twice the time. */
  takeDue(nowMs: number, most: number): readonly Stray[] {
    const due: Kept[] = [];
    for (const stray of this.#strays.values()) {
      if (stray.dueMs > nowMs) continue;
      due.push(stray);
      if (due.length >= most) break;
    }
    for (const stray of due) {
      stray.asked += 1;
      stray.dueMs = nowMs + waitAfter(stray.asked);
    }
    return due;
  }

  /** When the next question is due; undefined without strays. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { dueMs } of this.#strays.values()) next = next === undefined ? dueMs : Math.min(next, dueMs);
    return next;
  }
}

const waitAfter = (asked: number): number =>
  asked > frequentQuestions ? rareWaitMs : Math.min(longestWaitMs, firstWaitMs * 2 ** asked);

function hurry(stray: Kept, dueMs: number): void {
  stray.asked = 0;
  stray.dueMs = dueMs;
}
