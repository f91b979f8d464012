/** Which live id stands for which recorded one. */
import { randomBytes, randomUUID } from 'node:crypto';

const tokenOrId = /\{[ub]\d+\}(?:-[OS]?\d+)?/g;
const wholeId = /^\{[ub]\d+\}(?:-[OS]?\d+)?$/;
const baseOf = /^(\{u\d+\})(-.+)$/;

export class Bindings {
  readonly #live = new Map<string, string>();

  constructor(fixed: Readonly<Record<string, string>> = {}) {
    for (const [token, value] of Object.entries(fixed)) this.#live.set(token, value);
  }

  /** Whether a recorded text is nothing but an id. */
  isId(recorded: string): boolean {
    return wholeId.test(recorded);
  }

  /** Whether a live id can stand for a recorded one, given what has been bound. */
  fits(recorded: string, live: string): boolean {
    const known = this.#live.get(recorded);
    return known === undefined ? typeof live === 'string' && live !== '' : known === live;
  }

  bind(recorded: string, live: string): void {
    this.#live.set(recorded, live);
    const base = baseOf.exec(recorded);
    const suffix = /-[OS]?\d+$/.exec(live)?.[0];
    if (base?.[1] !== undefined && suffix !== undefined && !this.#live.has(base[1])) {
      this.#live.set(base[1], live.slice(0, -suffix.length));
    }
  }

  /** A value of the recording with live ids in place of the recorded ones; ids that were never seen stay the same made-up ones. */
  substitute(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.substitute(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.substitute(member)]));
  }

  text(recorded: string): string {
    return recorded
      .replaceAll('{%workdir}', encodeURIComponent(this.#live.get('{workdir}') ?? ''))
      .replaceAll('{workdir}', this.#live.get('{workdir}') ?? '')
      .replace(tokenOrId, (token) => this.#liveOf(token));
  }

  #liveOf(token: string): string {
    const known = this.#live.get(token);
    if (known !== undefined) return known;
    const [, base, suffix] = baseOf.exec(token) ?? [];
    if (base !== undefined && suffix !== undefined) return `${this.#liveOf(base)}${suffix}`;
    const made = token.startsWith('{b') ? randomBytes(16).toString('base64') : randomUUID();
    this.#live.set(token, made);
    return made;
  }
}
