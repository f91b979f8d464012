/** `/v2/apps/{id}/tasks` and `/v2/apps/{id}/tasks/{taskId}` (rest-api §3.9). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppDefinition } from '../../core/app/definition.ts';
import { groupNotFound } from '../../core/group/group-request.ts';
import { isBelow } from '../../core/ids.ts';
import { hasTask } from '../../core/instance/shown.ts';
import { appNotFound, missed, type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { wantsText } from '../accept.ts';
import type { ApiContext } from '../context.ts';
import { instanceOfTask, type KillMode, killAndAnswer, killMode } from '../kill-answer.ts';
import type { Piece } from '../lists/piece.ts';
import { all, first, queryOf } from '../query.ts';
import { taskJson } from '../render/task.ts';
import { taskLines } from '../render/task-text.ts';
import type { Verbs } from '../resource.ts';
import { sendRefusal } from '../respond.ts';

const taskNotFound = (id: string): Refusal => missed(refusal('notFound', `Task '${id}' does not exist`));

/** Kills that scale are decided deeper down, among instances and paths: an app without instances is not there either (rest-api §1.5). */
function missingApp({ deps }: ApiContext, id: string, { scale }: KillMode): Refusal | undefined {
  const { read } = deps;
  if (!scale) return read.app(id) ? undefined : missed(appNotFound(id));
  const hasInstances = read.app(id) !== undefined && read.instancesOf(id)[Symbol.iterator]().next().done !== true;
  return hasInstances ? undefined : refusal('notFound', `Path '${id}' does not exist`);
}

/** The tasks of one app. */
export const appTasksVerbs = (context: ApiContext, id: string): Verbs => ({
  GET: (request, reply) =>
    sendTasks(
      context,
      request,
      reply,
      () => {
        const app = context.deps.read.app(id);
        return app ? ok([app]) : err(missed(appNotFound(id)));
      },
      () => context.lists.tasksOf(id),
    ),
  DELETE: (request, reply) => killTasks(context, request, reply, id),
});

/** The tasks of all apps below a group. */
export const groupTasksVerbs = (context: ApiContext, path: string): Verbs => ({
  GET: (request, reply) =>
    sendTasks(context, request, reply, () => {
      const { read } = context.deps;
      if (path !== '/' && !read.isGroup(path)) return err(missed(groupNotFound(path)));
      return ok([...read.apps()].filter(({ id }) => isBelow(id, path)));
    }),
});

/** One task. */
export const taskVerbs = (context: ApiContext, id: string, taskId: string): Verbs => ({
  DELETE: (request, reply) => killTask(context, request, reply, id, taskId),
});

/** The networks whose addresses the text form lists: names separated by commas, or `*`. */
export const containerNetworks = (request: FastifyRequest): ReadonlySet<string> =>
  new Set(all(queryOf(request), 'containerNetworks').flatMap((names) => names.split(',')));

function sendTasks(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  appsOf: () => Result<readonly AppDefinition[], Refusal>,
  kept?: () => readonly Piece[] | undefined,
): FastifyReply | Promise<FastifyReply> {
  const isText = wantsText(request.headers.accept);
  const { read } = context.deps;
  return context.answers.send(request, reply, {
    isSettled: true,
    isText,
    render: () => {
      const apps = appsOf();
      if (!apps.ok) return apps;
      if (isText) {
        const networks = containerNetworks(request);
        return ok(apps.value.map((app) => taskLines(app, read.instancesOf(app.id), networks)).join(''));
      }
      const listed = kept?.();
      if (listed) return ok(listed);
      const pieces: string[] = [];
      for (const app of apps.value) {
        for (const instance of read.instancesOf(app.id)) {
          if (hasTask(instance)) pieces.push(taskJson(context.tasks(instance)));
        }
      }
      return ok(`{"tasks":[${pieces.join(',')}]}`);
    },
  });
}

async function killTasks(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
): Promise<FastifyReply> {
  const mode = killMode(request);
  if (!mode.ok) return sendRefusal(reply, mode.error);
  const { read } = context.deps;
  const missing = missingApp(context, id, mode.value);
  if (missing) return sendRefusal(reply, missing);
  const host = first(queryOf(request), 'host') ?? '*';
  const chosen = [...read.instancesOf(id)].filter(
    (instance) => hasTask(instance) && (host === '*' || instance.agent?.host === host),
  );
  return killAndAnswer(context, reply, chosen, mode.value, (tasks) => `{"tasks":[${tasks}]}`);
}

async function killTask(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  taskId: string,
): Promise<FastifyReply> {
  const mode = killMode(request);
  if (!mode.ok) return sendRefusal(reply, mode.error);
  const missing = missingApp(context, id, mode.value);
  if (missing) return sendRefusal(reply, missing);
  const instance = instanceOfTask(context, taskId);
  const isThere = instance?.appId === id;
  // A task that is over need not be killed and takes nothing off the count: the deployment is empty, so that a repeated call is fine.
  if (!isThere && !mode.value.scale) return sendRefusal(reply, taskNotFound(taskId));
  return killAndAnswer(
    context,
    reply,
    isThere ? [instance] : [],
    mode.value,
    (task) => `{"task":${task === '' ? 'null' : task}}`,
  );
}
