/** A queue whose operations cost the same at any length; an array's `shift` does not. */
export interface Fifo<T> {
  readonly push: (item: T) => void;
  readonly peek: () => T | undefined;
  readonly shift: () => T | undefined;
  readonly size: () => number;
  /** Empties the queue and returns what was in it. */
  readonly drain: () => readonly T[];
}

const COMPACT_AT = 1024;

/** Creates an empty queue. Whoever pushes sets the limit. */
export function createFifo<T>(): Fifo<T> {
  let items: (T | undefined)[] = [];
  let first = 0;
  return {
    push: (item) => {
      items.push(item);
    },
    peek: () => items[first],
    shift: () => {
      const item = items[first];
      if (first === items.length) return undefined;
      items[first] = undefined;
      first += 1;
      if (first === items.length) {
        items.length = 0;
        first = 0;
      } else if (first >= COMPACT_AT && first * 2 >= items.length) {
        items.splice(0, first);
        first = 0;
      }
      return item;
    },
    size: () => items.length - first,
    drain: () => {
      const left = items.slice(first) as T[];
      items = [];
      first = 0;
      return left;
    },
  };
}
