/** Collecting what is wrong with an app: each rule adds the places that break it (rest-api §9). */
import type { Violation } from '../refusal.ts';

/** A list of violations in the making; one entry for each path. */
export class Violations {
  readonly #byPath = new Map<string, string[]>();

  /** Adds a violation unless the rule holds. */
  readonly must = (holds: boolean, path: string, message: string): void => {
    if (holds) return;
    const messages = this.#byPath.get(path);
    if (!messages) this.#byPath.set(path, [message]);
    else if (!messages.includes(message)) messages.push(message);
  };

  /** In the order in which the paths were first named. */
  list(): readonly Violation[] {
    return [...this.#byPath].map(([path, errors]) => ({ path, errors }));
  }
}

/** True if no text occurs twice; absent ones do not count. */
export function areUnique(values: readonly (string | number | undefined)[]): boolean {
  const given = values.filter((value) => value !== undefined);
  return new Set(given).size === given.length;
}

/** A number as messages show it if it may have a fraction: `1.0`, `0.25`. */
export const decimal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** Adds a violation at a path unless the rule holds. */
export type Must = Violations['must'];
