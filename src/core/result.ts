/** The outcome of something that may be refused for an expected reason. Bugs throw; refusals are values. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** Wraps a success. */
export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

/** Wraps a refusal. */
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });

/** Thrown when something that must hold does not: always a bug, never a user's mistake. */
export class InvariantError extends Error {
  readonly code = 'INVARIANT';
}

/** Stays on in production: a broken invariant fails the actor instead of carrying on with doubtful state. */
export function invariant(condition: unknown, mustHold: string): asserts condition {
  if (!condition) throw new InvariantError(`must hold: ${mustHold}`);
}

/** Makes the compiler list the cases that a `switch` misses. */
export function assertNever(value: never, what: string): never {
  throw new InvariantError(`unexpected ${what}: ${JSON.stringify(value)}`);
}
