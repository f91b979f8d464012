/** HTTP basic authentication as the master has it (mesos-v1 §1.10; recording 18). */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { sendText } from './answers.ts';
import type { Endpoint } from './server.ts';

/** Secrets by principal. */
export type Credentials = ReadonlyMap<string, string>;

export type Realm = 'mesos-master-scheduler' | 'mesos-master-readwrite';

const principals = new WeakMap<IncomingMessage, string>();

/** Who sent a request that `authenticated` has let through; undefined without authentication. */
export const principalOf = (req: IncomingMessage): string | undefined => principals.get(req);

/** Answers 401 to requests without right credentials. Without any credentials to compare with, everybody is let through. */
export function authenticated(credentials: Credentials | undefined, realm: Realm, endpoint: Endpoint): Endpoint {
  if (credentials === undefined) return endpoint;
  return (req, res, url) => {
    const principal = readPrincipal(credentials, req.headers.authorization);
    if (principal === undefined) {
      res.setHeader('WWW-Authenticate', `Basic realm="${realm}"`);
      req.resume();
      sendText(res, 401, '401 Unauthorized.');
      return;
    }
    principals.set(req, principal);
    endpoint(req, res, url);
  };
}

/** The scheme is exactly `Basic`, and neither part may hold a colon. */
function readPrincipal(credentials: Credentials, header: string | undefined): string | undefined {
  const [scheme, encoded, ...more] = (header ?? '').split(' ');
  if (scheme !== 'Basic' || encoded === undefined || more.length > 0) return undefined;
  const parts = Buffer.from(encoded, 'base64').toString().split(':');
  const [principal, secret] = parts;
  if (parts.length !== 2 || principal === undefined || secret === undefined) return undefined;
  const expected = credentials.get(principal);
  return expected !== undefined && isSame(expected, secret) ? principal : undefined;
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
