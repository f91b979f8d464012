/** Query parameters and headers that every write of definitions knows. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChangeOptions } from '../actors/front.ts';
import type { Preview } from '../core/deploy/preview.ts';
import type { Expected } from '../core/group/precondition.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { parseTimestamp, timestamp } from '../core/time.ts';
import { readChangeOptions } from './change-options.ts';
import { originOf } from './context.ts';
import { requestKeyOf } from './idempotency.ts';
import { bool, queryOf } from './query.ts';
import type { Handler } from './resource.ts';
import { sendJson, sendRefusal } from './respond.ts';

export interface WriteOptions extends ChangeOptions {
  /** Only say what would happen. */
  readonly dryRun: boolean;
}

/** Reads `force`, `restart`, the limits of the deployment, `dryRun` and `If-Match`; `path` is what a condition is about, absent where there is no single thing. */
export function writeOptions(
  request: FastifyRequest,
  path: string | undefined,
  forceByDefault = false,
): Result<WriteOptions, Refusal> {
  const expected = expectedOf(request.headers['if-match'], path);
  if (!expected.ok) return expected;
  const change = readChangeOptions(request, forceByDefault);
  if (!change.ok) return change;
  return ok({
    ...change.value,
    dryRun: isDryRun(request),
    origin: originOf(request),
    ...requestKeyOf(request),
    ...(expected.value ? { expected: expected.value } : {}),
  });
}

/** `If-Match: "<version>"`, also without quotes, several with commas, or `*`. */
function expectedOf(header: string | undefined, path: string | undefined): Result<Expected | undefined, Refusal> {
  if (header === undefined || header.trim() === '') return ok(undefined);
  if (path === undefined) {
    return err(refusal('badRequest', 'If-Match needs a single app or group to compare with'));
  }
  if (header.trim() === '*') return ok({ path, versions: '*' });
  const versions: string[] = [];
  for (const part of header.split(',')) {
    const text = part.trim().replace(/^(?:W\/)?"(.*)"$/, '$1');
    const atMs = parseTimestamp(text);
    if (atMs === undefined) return err(refusal('badRequest', `If-Match takes versions such as "${timestamp(0)}"`));
    versions.push(timestamp(atMs));
  }
  return ok({ path, versions });
}

/** True if a request only wants to know what it would do. */
export const isDryRun = (request: FastifyRequest): boolean => bool(queryOf(request), 'dryRun', false);

/** A write that has no plan to show does not pretend to: 400 for a dry run of it. */
export const withoutDryRun =
  (handle: Handler): Handler =>
  (request, reply) =>
    isDryRun(request) ? sendRefusal(reply, noDryRun) : handle(request, reply);

const noDryRun = refusal('badRequest', 'There is no plan to show of this: dryRun is for what changes apps and tasks');

/** The answer to a dry run: the plan with what it costs. Nothing was changed. */
export const sendPreview = (reply: FastifyReply, preview: Preview): FastifyReply => {
  const { before, after, ...plan } = preview;
  return sendJson(reply, 200, { ...plan, capacity: { before, after } });
};
