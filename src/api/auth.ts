/** Basic authentication for `--http_credentials` (rest-api §1.7). */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Credentials } from './dependencies.ts';

/** Judges an `Authorization` header. */
export type Authenticator = (authorization: string | undefined) => boolean;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares digests, so that neither the length nor the first wrong character shows in the time it takes. */
export function basicAuthenticator(credentials: Credentials | undefined): Authenticator {
  if (!credentials) return () => true;
  const wanted = digest(`${credentials.user}:${credentials.password}`);
  return (authorization) => {
    const match = /^basic +([A-Za-z0-9+/_=-]+) *$/i.exec(authorization ?? '');
    if (match?.[1] === undefined) return false;
    return timingSafeEqual(digest(Buffer.from(match[1], 'base64').toString('utf8')), wanted);
  };
}

/** The challenge that goes with a 401. */
export const challenge = (realm: string): string => `Basic realm="${realm.replace(/["\\]/g, '\\$&')}"`;

/** Splits `user:password` at the first colon; undefined unless both parts are there. */
export function parseCredentials(text: string): Credentials | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
