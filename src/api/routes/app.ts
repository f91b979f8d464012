/** `/v2/apps/{id}` and what belongs to one app: the path's suffix decides (rest-api §3.5, §3.7, §3.8, §3.10). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AppChange } from '../../core/app/change.ts';
import { readAppId } from '../../core/app/id-rules.ts';
import { groupNotFound } from '../../core/group/group-request.ts';
import { type AppId, isBelow, isPathId, parseAppId } from '../../core/ids.ts';
import { appNotFound, missed, unreadable } from '../../core/refusal.ts';
import { err, ok } from '../../core/result.ts';
import type { Timestamp } from '../../core/time.ts';
import { type AppTarget, appTarget } from '../app-path.ts';
import { changeOf } from '../app-request.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { appEmbeds, singleEmbeds } from '../embed.ts';
import { readJson } from '../json-body.ts';
import { bool, queryOf } from '../query.ts';
import { readAppUpdate } from '../read-body.ts';
import { dispatch, type Verbs } from '../resource.ts';
import { sendRefusal } from '../respond.ts';
import { sendVersion, sendVersions } from '../version-answers.ts';
import { sendChanged } from '../warnings.ts';
import { sendPreview, writeOptions } from '../write-options.ts';
import { appTasksVerbs, groupTasksVerbs, taskVerbs } from './app-tasks.ts';
import { clockVariant, infos } from './apps.ts';
import { whyVerbs } from './why.ts';

/** Registers the wildcard route. */
export function appRoutes(server: FastifyInstance, context: ApiContext): void {
  server.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
    url: '/v2/apps/*',
    handler: (request, reply) => {
      const rest = (request.params as { readonly '*': string })['*'];
      return dispatch(verbsOf(context, appTarget(rest, request.method)), request, reply);
    },
  });
}

function verbsOf(context: ApiContext, target: AppTarget): Verbs {
  switch (target.type) {
    case 'app':
      return appVerbs(context, target.id);
    case 'group':
      return { GET: (request, reply) => showGroup(context, request, reply, target.path) };
    case 'tasks':
      return appTasksVerbs(context, target.id);
    case 'groupTasks':
      return groupTasksVerbs(context, target.path);
    case 'task':
      return taskVerbs(context, target.id, target.taskId);
    case 'versions':
      return { GET: (request, reply) => sendVersions(context, request, reply, versionsOf(context, target.id)) };
    case 'version':
      return {
        GET: (request, reply) => sendVersion(context, request, reply, versionsOf(context, target.id), target.version),
      };
    case 'why': {
      const { read } = context.deps;
      const isApp = read.app(target.path) !== undefined || read.app(target.id) === undefined;
      return isApp ? appVerbs(context, target.path) : whyVerbs(context, target.id);
    }
    case 'restart':
      return { POST: (request, reply) => changeExisting(context, request, reply, target, false) };
  }
}

const appVerbs = (context: ApiContext, id: string): Verbs => ({
  GET: (request, reply) => show(context, request, reply, id),
  PUT: (request, reply) => change(context, request, reply, id, 'put'),
  PATCH: (request, reply) => change(context, request, reply, id, 'patch'),
  DELETE: (request, reply) => changeExisting(context, request, reply, { type: 'delete', id }, true),
});

function show(context: ApiContext, request: FastifyRequest, reply: FastifyReply, id: string): Sent {
  const embeds = appEmbeds(queryOf(request), singleEmbeds);
  const { read, clock } = context.deps;
  return context.answers.send(request, reply, {
    isSettled: true,
    ...clockVariant(context, embeds),
    render: () => {
      const app = read.app(id);
      return app ? ok(`{"app":${context.apps.info(app, embeds, clock.now())}}`) : err(missed(appNotFound(id)));
    },
  });
}

function showGroup(context: ApiContext, request: FastifyRequest, reply: FastifyReply, path: string): Sent {
  const embeds = appEmbeds(queryOf(request), singleEmbeds);
  const { read } = context.deps;
  return context.answers.send(request, reply, {
    isSettled: true,
    ...clockVariant(context, embeds),
    render: () => {
      if (path !== '/' && !read.isGroup(path)) return err(missed(groupNotFound(path)));
      return ok(`{"*":[${infos(context, read.apps(), ({ id }) => isBelow(id, path), embeds)}]}`);
    },
  });
}

async function change(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  type: 'put' | 'patch',
): Promise<FastifyReply> {
  const query = queryOf(request);
  const json = readJson(request);
  if (!json.ok) return sendRefusal(reply, json.error);
  // The id of the path takes the place of the body's, and is read as it would be there.
  if (!isPathId(path)) return sendRefusal(reply, unreadable([{ path: '/id', errors: ['error.pattern'] }]));
  const id = readAppId(path);
  if (!id.ok) return sendRefusal(reply, id.error);
  const update = readAppUpdate(json.value, { requireId: false });
  if (!update.ok) return sendRefusal(reply, update.error);
  const partial = bool(query, 'partialUpdate', true);
  const wanted = changeOf(id.value, update.value, type === 'put' ? { type, partial } : { type });
  return wanted.ok ? apply(context, request, reply, wanted.value) : sendRefusal(reply, wanted.error);
}

/** Restart and delete: 404 unless the app exists; a body is not looked at. */
async function changeExisting(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { type, id }: { readonly type: 'restart' | 'delete'; readonly id: string },
  forceByDefault: boolean,
): Promise<FastifyReply> {
  const known: AppId | undefined = parseAppId(id);
  if (known === undefined) return sendRefusal(reply, appNotFound(id));
  return apply(context, request, reply, { type, id: known }, forceByDefault);
}

async function apply(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: AppChange,
  forceByDefault = false,
): Promise<FastifyReply> {
  const options = writeOptions(request, wanted.id, forceByDefault);
  if (!options.ok) return sendRefusal(reply, options.error);
  const { dryRun, origin, ...change } = options.value;
  const { control } = context.deps;
  if (dryRun) {
    const preview = await control.preview({ apps: [wanted] }, change);
    return preview.ok ? sendPreview(reply, preview.value) : sendRefusal(reply, preview.error);
  }
  const isSilent = wanted.type === 'delete' || wanted.type === 'restart' || origin === undefined;
  const answer = await control.changeApps([wanted], isSilent ? change : { ...change, origin });
  if (!answer.ok) return sendRefusal(reply, answer.error);
  const isNew = answer.value.created.includes(wanted.id);
  if (isNew) reply.header('location', wanted.id);
  return sendChanged(context, request, reply, isNew ? 201 : 200, answer.value);
}

const versionsOf = ({ deps, apps }: ApiContext, id: string) => ({
  versions: () => deps.read.appVersions(id),
  at: (version: Timestamp) => {
    const app = deps.read.appAt(id, version);
    return app && apps.definition(app);
  },
  wrap: (versions: readonly Timestamp[]) => ({ versions }),
  notFound: (version?: Timestamp) => missed(appNotFound(id, version)),
});
