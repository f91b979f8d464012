/** Reading of query parameters as Marathon's clients write them (rest-api §1.1). */
import type { FastifyRequest } from 'fastify';

/** Parsed query string: repeated keys are arrays. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The query of a request. */
export const queryOf = (request: FastifyRequest): Query => request.query as Query;

/** The first value of a key. */
export function first(query: Query, key: string): string | undefined {
  const value = query[key];
  return typeof value === 'string' ? value : value?.[0];
}

/** All values of a key, in order. */
export function all(query: Query, key: string): readonly string[] {
  const value = query[key];
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** `true` in any case is true, any other text is false; an absent or empty parameter takes the default. */
export function bool(query: Query, key: string, byDefault: boolean): boolean {
  const value = first(query, key);
  return value === undefined || value === '' ? byDefault : value.toLowerCase() === 'true';
}
