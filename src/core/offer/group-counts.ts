/** How many placed instances each value of a field has, kept up to date launch by launch. */

/** Value of a placed instance; undefined for those whose agent lacks the field: they form a group of their own. */
export type GroupValue = string | undefined;

/** Mutable: it belongs to one pass. Every operation costs the same however many instances are placed. */
export class GroupCounts {
  readonly #sizes = new Map<GroupValue, number>();
  /** Group size → number of groups of that size. */
  readonly #groupsOfSize = new Map<number, number>();
  #smallest = 0;
  #first: { readonly value: GroupValue } | undefined;

  /** Number of distinct values among the placed instances. */
  get groups(): number {
    return this.#sizes.size;
  }

  /** Size of the smallest group, 0 if there is none. */
  get smallest(): number {
    return this.#smallest;
  }

  /** Value of the first placed instance; undefined while nothing is placed. */
  get first(): { readonly value: GroupValue } | undefined {
    return this.#first;
  }

  /** Instances with the value, 0 if it is no group yet. */
  sizeOf(value: GroupValue): number {
    return this.#sizes.get(value) ?? 0;
  }

  /** All group sizes. */
  sizes(): Iterable<number> {
    return this.#sizes.values();
  }

  /** The same counts, to be added to independently. */
  copy(): GroupCounts {
    const copy = new GroupCounts();
    for (const [value, size] of this.#sizes) copy.#sizes.set(value, size);
    for (const [size, groups] of this.#groupsOfSize) copy.#groupsOfSize.set(size, groups);
    copy.#smallest = this.#smallest;
    copy.#first = this.#first;
    return copy;
  }

  /** Counts one more instance with the value and returns the new size of its group. */
  add(value: GroupValue): number {
    this.#first ??= { value };
    const before = this.sizeOf(value);
    const after = before + 1;
    this.#sizes.set(value, after);
    this.#groupsOfSize.set(after, (this.#groupsOfSize.get(after) ?? 0) + 1);
    if (before === 0) {
      this.#smallest = 1;
      return after;
    }
    const left = (this.#groupsOfSize.get(before) ?? 1) - 1;
    if (left > 0) this.#groupsOfSize.set(before, left);
    else {
      this.#groupsOfSize.delete(before);
      if (this.#smallest === before) this.#smallest = after;
    }
    return after;
  }
}
