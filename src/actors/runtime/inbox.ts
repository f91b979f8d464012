/** A power of two, as every capacity here. */
const INITIAL_CAPACITY = 16;
/** Inboxes that grew beyond this are left to the garbage collector. */
const POOLED_CAPACITY = 128;
const POOL_LIMIT = 4096;

/** A ring of waiting messages, first in first out. It grows without limit: its owner holds the limit. */
export class Inbox {
  #items: unknown[] = new Array(INITIAL_CAPACITY).fill(undefined);
  #head = 0;
  size = 0;

  get capacity(): number {
    return this.#items.length;
  }

  push(item: unknown): void {
    if (this.size === this.#items.length) this.#grow();
    const items = this.#items;
    items[(this.#head + this.size) & (items.length - 1)] = item;
    this.size += 1;
  }

  /** The oldest item; undefined when empty. */
  shift(): unknown {
    if (this.size === 0) return undefined;
    const items = this.#items;
    const head = this.#head;
    const item = items[head];
    items[head] = undefined;
    this.#head = (head + 1) & (items.length - 1);
    this.size -= 1;
    return item;
  }

  #grow(): void {
    const old = this.#items;
    const items: unknown[] = new Array(old.length * 2).fill(undefined);
    for (let at = 0; at < old.length; at += 1) items[at] = old[(this.#head + at) & (old.length - 1)];
    this.#items = items;
    this.#head = 0;
  }
}

/**
 * Lends inboxes to actors while they have messages. An idle actor has none, and a burst finds one that is already there, so
 * steady traffic allocates nothing.
 */
export class InboxPool {
  readonly #free: Inbox[] = [];

  /** Inboxes that wait to be lent; at most 4,096. */
  get free(): number {
    return this.#free.length;
  }

  take(): Inbox {
    return this.#free.pop() ?? new Inbox();
  }

  /** Takes back an inbox that is empty. */
  giveBack(inbox: Inbox): void {
    if (inbox.capacity <= POOLED_CAPACITY && this.#free.length < POOL_LIMIT) this.#free.push(inbox);
  }
}
