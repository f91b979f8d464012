/** The query parameters that every write of definitions takes. */
import type { FastifyRequest } from 'fastify';
import type { ChangeOptions } from '../actors/front.ts';
import type { Refusal } from '../core/refusal.ts';
import { ok, type Result } from '../core/result.ts';
import { readLimits } from './deployment-limits.ts';
import { bool, queryOf } from './query.ts';

/** `force`, `restart`, and the limits of the deployment; 400 for limits that mean nothing. */
export function readChangeOptions(
  request: FastifyRequest,
  forceByDefault = false,
): Result<Omit<ChangeOptions, 'origin'>, Refusal> {
  const query = queryOf(request);
  const limits = readLimits(query);
  if (!limits.ok) return limits;
  const isRestart = bool(query, 'restart', false);
  return ok({
    force: bool(query, 'force', forceByDefault),
    ...(isRestart ? { restart: true } : {}),
    ...limits.value,
  });
}
