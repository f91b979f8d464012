/** Kills over the API: one rule set for one task, an app's tasks and tasks across apps (rest-api §3.9, §5.3). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseTaskId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import { hasTask } from '../core/instance/shown.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import type { RequestKey } from '../core/request-keys.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { ApiContext } from './context.ts';
import { readLimits, type WithLimits } from './deployment-limits.ts';
import { requestKeyOf } from './idempotency.ts';
import { bool, queryOf } from './query.ts';
import { taskJson } from './render/task.ts';
import { sendDeployment, sendJsonText, sendRefusal } from './respond.ts';
import { isDryRun, sendPreview } from './write-options.ts';

export interface KillMode extends WithLimits {
  readonly scale: boolean;
  readonly wipe: boolean;
  readonly force: boolean;
  readonly requestKey?: RequestKey;
  /** Only say what would happen. */
  readonly dryRun: boolean;
}

/** `scale` and `wipe` exclude each other; limits concern the deployment of a kill with scale. */
export function killMode(request: FastifyRequest): Result<KillMode, Refusal> {
  const query = queryOf(request);
  const scale = bool(query, 'scale', false);
  const wipe = bool(query, 'wipe', false);
  if (scale && wipe) return err(refusal('badRequest', 'You cannot use scale and wipe at the same time.'));
  const limits = readLimits(query);
  if (!limits.ok) return limits;
  return ok({
    scale,
    wipe,
    force: bool(query, 'force', false),
    dryRun: isDryRun(request),
    ...limits.value,
    ...requestKeyOf(request),
  });
}

/** The instance whose task has this id, in any era's form, or whose own id it is; undefined if it has no such task. */
export function instanceOfTask(context: ApiContext, taskId: string): Instance | undefined {
  const { read } = context.deps;
  const direct = read.instance(taskId);
  if (direct) return hasTask(direct) ? direct : undefined;
  const parsed = parseTaskId(taskId);
  const instance = parsed && read.instance(parsed.instanceId);
  if (!instance || !hasTask(instance)) return undefined;
  return instance.tasks.some(({ id }) => id === taskId) ? instance : undefined;
}

/** Kills and answers: a deployment with `scale`, else what `wrap` makes of the JSON of the killed tasks. */
export async function killAndAnswer(
  context: ApiContext,
  reply: FastifyReply,
  instances: readonly Instance[],
  { dryRun, ...mode }: KillMode,
  wrap: (tasks: string) => string,
): Promise<FastifyReply> {
  const { control } = context.deps;
  const ids = instances.map(({ id }) => id);
  if (dryRun) {
    const { scale, wipe, force } = mode;
    const preview = await control.preview({ kill: { instances: ids, scale, wipe } }, { force });
    return preview.ok ? sendPreview(reply, preview.value) : sendRefusal(reply, preview.error);
  }
  const answer = await control.kill({ instances: ids, ...mode });
  if (!answer.ok) return sendRefusal(reply, answer.error);
  if (answer.value.type === 'deployment') return sendDeployment(reply, 200, answer.value.result);
  const killed = answer.value.instances.filter(({ tasks }) => tasks.length > 0);
  return sendJsonText(reply, 200, wrap(killed.map((instance) => taskJson(context.tasks(instance))).join(',')));
}
