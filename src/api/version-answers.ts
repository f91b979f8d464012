/** Versions of apps and groups: which there are, and what one of them was (rest-api §3.10, §4.1). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '../core/refusal.ts';
import { err, ok } from '../core/result.ts';
import type { Timestamp } from '../core/time.ts';
import { readVersion } from './app-request.ts';
import type { Sent } from './cached-answers.ts';
import type { ApiContext } from './context.ts';

interface Versioned {
  /** Newest first; undefined if there is no such thing. */
  readonly versions: () => readonly Timestamp[] | undefined;
  /** JSON of one version; undefined if it is not kept. */
  readonly at: (version: Timestamp) => string | undefined;
  /** Apps wrap their list in an object, groups do not (trap 2). */
  readonly wrap: (versions: readonly Timestamp[]) => unknown;
  readonly notFound: (version?: Timestamp) => Refusal;
}

/** Answers with the list. */
export const sendVersions = (
  { answers }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { versions, wrap, notFound }: Versioned,
): Sent =>
  answers.send(request, reply, {
    render: () => {
      const found = versions();
      return found ? ok(JSON.stringify(wrap(found))) : err(notFound());
    },
  });

/** Answers with one of them; `text` stands in the path. */
export const sendVersion = (
  { answers }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { at, notFound }: Versioned,
  text: string,
): Sent =>
  answers.send(request, reply, {
    render: () => {
      const version = readVersion(text);
      if (!version.ok) return version;
      const json = at(version.value);
      return json === undefined ? err(notFound(version.value)) : ok(json);
    },
  });
