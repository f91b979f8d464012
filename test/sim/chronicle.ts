/** What happened in a run, and what must not have happened. */

/** A truth that did not hold. `checker` names who watched over it. */
export interface Violation {
  readonly checker: string;
  readonly text: string;
  readonly atMs: number;
}

/** Lines that are kept for the log of a failing run. */
const maxLines = 200_000;

export class Chronicle {
  readonly violations: Violation[] = [];
  readonly lines: string[] = [];
  /** Faults by name. */
  readonly faults = new Map<string, number>();
  /** What happened by name: requests, launches, kills and so on, to see that a run did something. */
  readonly counts = new Map<string, number>();
  readonly #now: () => number;
  readonly #print: ((line: string) => void) | undefined;

  /** `print` gets each line as it comes. */
  constructor(now: () => number, print?: (line: string) => void) {
    this.#now = now;
    this.#print = print;
  }

  log(line: string): void {
    const stamped = `${(this.#now() / 1000).toFixed(3).padStart(10)} ${line}`;
    if (this.lines.length < maxLines) this.lines.push(stamped);
    this.#print?.(stamped);
  }

  fault(name: string, more = ''): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
    this.log(`fault     ${name} ${more}`);
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  violation(checker: string, text: string): void {
    this.violations.push({ checker, text, atMs: this.#now() });
    this.log(`VIOLATION ${checker}: ${text}`);
  }
}
