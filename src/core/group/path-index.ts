/** Which paths lie right below which: groups exist as long as something lies in them. Adding and removing costs the depth. */
import { parentOf } from '../ids.ts';

export class PathIndex {
  /** Path of a group → paths right below it. */
  readonly #children = new Map<string, Set<string>>();
  /** Path → reasons to keep it besides what lies below. */
  readonly #reasons = new Map<string, number>();

  /** Groups that something lies in, the root not counted. */
  get filledGroups(): number {
    return Math.max(0, this.#children.size - (this.#children.has('/') ? 1 : 0));
  }

  /** True if something lies below the path. */
  hasChildren(path: string): boolean {
    return this.#children.has(path);
  }

  /** Paths right below. */
  childrenOf(path: string): Iterable<string> {
    return this.#children.get(path) ?? [];
  }

  /** A reason to keep the path: an app, or a group's record. */
  add(path: string): void {
    this.#reasons.set(path, (this.#reasons.get(path) ?? 0) + 1);
    for (let at = path; at !== '/'; at = parentOf(at)) {
      const parent = parentOf(at);
      const siblings = this.#children.get(parent);
      if (siblings) {
        siblings.add(at);
        return;
      }
      this.#children.set(parent, new Set([at]));
    }
  }

  /** Takes one reason back, and unlinks the path and the groups that it leaves empty, as far as nothing else keeps them. */
  remove(path: string): void {
    const left = (this.#reasons.get(path) ?? 0) - 1;
    if (left > 0) this.#reasons.set(path, left);
    else this.#reasons.delete(path);
    for (let at = path; at !== '/' && !this.#reasons.has(at) && !this.#children.has(at); at = parentOf(at)) {
      const siblings = this.#children.get(parentOf(at));
      siblings?.delete(at);
      if (siblings?.size === 0) this.#children.delete(parentOf(at));
    }
  }

  clear(): void {
    this.#children.clear();
    this.#reasons.clear();
  }
}
