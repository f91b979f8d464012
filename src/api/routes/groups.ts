/** `/v2/groups…` (rest-api §4). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ChangeOptions } from '../../actors/front.ts';
import { readGroupId } from '../../core/app/id-rules.ts';
import { type GroupRequest, type GroupUpdate, groupNotFound } from '../../core/group/group-request.ts';
import { isBelow, resolvePath } from '../../core/ids.ts';
import { invalid, missed, type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Timestamp } from '../../core/time.ts';
import { readVersion } from '../app-request.ts';
import type { Sent } from '../cached-answers.ts';
import type { ApiContext } from '../context.ts';
import { groupEmbeds } from '../embed.ts';
import { groupTarget } from '../group-path.ts';
import { readJson } from '../json-body.ts';
import { all, bool, queryOf } from '../query.ts';
import { readGroupPatch, readGroupUpdate } from '../read-body.ts';
import { groupJson, groupPieces } from '../render/group.ts';
import { dispatch, everyMethod, type Verbs } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';
import { sendVersion, sendVersions } from '../version-answers.ts';
import { removedWarning, sendChanged, warn } from '../warnings.ts';
import { sendPreview, writeOptions } from '../write-options.ts';
import { clockVariant, infos } from './apps.ts';

type Handle = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>;

/** Registers the routes. */
export function groupsRoutes(server: FastifyInstance, context: ApiContext): void {
  const handler: Handle = (request, reply) => {
    const rest = (request.params as { readonly '*'?: string })['*'] ?? '';
    return dispatch(verbsOf(context, rest, request.method), request, reply);
  };
  server.route({ method: everyMethod, url: '/v2/groups', handler });
  server.route({ method: everyMethod, url: '/v2/groups/*', handler });
}

function verbsOf(context: ApiContext, rest: string, method: string): Verbs {
  const target = groupTarget(rest, method);
  const { path } = target;
  switch (target.type) {
    case 'apps':
      return { GET: (request, reply) => showApps(context, request, reply, path) };
    case 'versions':
      return { GET: (request, reply) => sendVersions(context, request, reply, versionsOf(context, request, path)) };
    case 'version':
      return {
        GET: (request, reply) =>
          sendVersion(context, request, reply, versionsOf(context, request, path), target.version),
        PUT: (request, reply) => rollback(context, request, reply, path, target.version),
      };
    case 'group':
      return {
        GET: (request, reply) => show(context, request, reply, path),
        POST: (request, reply) => write(context, request, reply, 'create', path),
        PUT: (request, reply) => write(context, request, reply, 'put', path),
        ...(path === '/' ? {} : { PATCH: (request, reply) => patch(context, request, reply, path) }),
        DELETE: (request, reply) => remove(context, request, reply, path),
      };
  }
}

function show(context: ApiContext, request: FastifyRequest, reply: FastifyReply, path: string): Sent {
  const embeds = groupEmbeds(queryOf(request));
  const { read, clock } = context.deps;
  return context.answers.send(request, reply, {
    isSettled: true,
    ...clockVariant(context, embeds.ofApps),
    render: () => {
      const group = read.group(path);
      const found = group && groupPieces(group, embeds, context.apps, clock.now(), context.runs);
      return found ? ok(found) : err(missed(groupNotFound(path)));
    },
  });
}

/** The apps below, with what is embedded in apps of a group: by default as they are stored. */
function showApps(context: ApiContext, request: FastifyRequest, reply: FastifyReply, path: string): Sent {
  const { ofApps: embeds } = groupEmbeds(queryOf(request));
  const { read } = context.deps;
  return context.answers.send(request, reply, {
    isSettled: true,
    ...clockVariant(context, embeds),
    // A group that is not there has no apps (rest-api §4.1).
    render: () => ok(`[${infos(context, read.apps(), ({ id }) => isBelow(id, path), embeds)}]`),
  });
}

/** Of a past group what is embedded in groups can be chosen; its apps have no tasks to tell of. */
const versionsOf = ({ deps, apps }: ApiContext, request: FastifyRequest, path: string) => ({
  versions: () => deps.read.groupVersions(path),
  at: (version: Timestamp) => {
    const group = deps.read.groupAt(path, version);
    const embeds = { ...groupEmbeds(queryOf(request)), ofApps: groupEmbeds({}).ofApps };
    return group && groupJson(group, embeds, apps, deps.clock.now());
  },
  wrap: (versions: readonly Timestamp[]) => versions,
  notFound: () => missed(groupNotFound(path)),
});

/** POST and PUT. The `id` of the body is relative to the path. */
async function write(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  type: 'create' | 'put',
  base: string,
): Promise<FastifyReply> {
  const json = readJson(request);
  if (!json.ok) return sendRefusal(reply, json.error);
  const update = readGroupUpdate(json.value);
  if (!update.ok) return sendRefusal(reply, update.error);
  const path = pathOf(base, update.value);
  if (!path.ok) return sendRefusal(reply, path.error);
  if (type === 'create' && path.value === '/') return sendRefusal(reply, rootIsThere);
  return apply(context, request, reply, { type, path: path.value, update: update.value });
}

const rootIsThere = refusal('alreadyExists', 'Group / is already created. Use PUT to change this group.');

/** The group that a body is about; never outside the path of the request. */
function pathOf(base: string, { id }: GroupUpdate): Result<string, Refusal> {
  const path = id === undefined ? base : resolvePath(id, base);
  if (path === '/') return ok(path);
  const checked = readGroupId(path);
  if (!checked.ok) return checked;
  const isInside = path === base || isBelow(path, base);
  return isInside ? ok(path) : err(invalid([{ path: '/id', errors: [`Identifier is not child of '${base}'`] }]));
}

/** What `{"version": …}` to the group asks for; a body is not looked at. */
async function rollback(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  text: string,
): Promise<FastifyReply> {
  const version = readVersion(text);
  if (!version.ok) return sendRefusal(reply, version.error);
  return apply(context, request, reply, { type: 'put', path, update: { version: version.value } });
}

async function remove(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<FastifyReply> {
  return apply(context, request, reply, { type: 'delete', path });
}

async function apply(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: GroupRequest,
): Promise<FastifyReply> {
  const options = writeOptions(request, wanted.path);
  if (!options.ok) return sendRefusal(reply, options.error);
  const { dryRun, ...given } = options.value;
  const isSafe = context.deps.config.safeGroupUpdates && wanted.type === 'put';
  const mayRemove = given.force || bool(queryOf(request), 'deleteMissing', false);
  const change = { ...given, keepsApps: isSafe && !mayRemove };
  if (dryRun) return showPlan(context, request, reply, wanted, change);
  const answer = await context.deps.control.changeGroup(wanted, change);
  if (!answer.ok) return sendRefusal(reply, answer.error);
  const warnings = wanted.type === 'put' ? removedWarning(answer.value.removed) : [];
  if (wanted.type === 'create') reply.header('location', wanted.path);
  return sendChanged(context, request, reply, wanted.type === 'create' ? 201 : 200, answer.value, warnings);
}

/** Of a PUT Marathon shows the steps and nothing else (rest-api §4.4); `embed=plan` adds what they cost. */
async function showPlan(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  group: GroupRequest,
  options: ChangeOptions,
): Promise<FastifyReply> {
  const preview = await context.deps.control.preview({ group }, options);
  if (!preview.ok) return sendRefusal(reply, preview.error);
  if (group.type === 'put') warn(reply, removedWarning(preview.value.removed));
  const isFull = group.type !== 'put' || all(queryOf(request), 'embed').includes('plan');
  return isFull ? sendPreview(reply, preview.value) : sendJson(reply, 200, { steps: preview.value.steps });
}

async function patch(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<FastifyReply> {
  const json = readJson(request);
  if (!json.ok) return sendRefusal(reply, json.error);
  const update = readGroupPatch(json.value);
  if (!update.ok) return sendRefusal(reply, update.error);
  const options = writeOptions(request, path);
  if (!options.ok) return sendRefusal(reply, options.error);
  const { dryRun, ...change } = options.value;
  const wanted: GroupRequest = { type: 'enforceRole', path, enforceRole: update.value.enforceRole };
  const { control } = context.deps;
  if (dryRun) return showPlan(context, request, reply, wanted, change);
  const answer = await control.changeGroup(wanted, change);
  return answer.ok ? reply.code(200).header('content-length', '0').send() : sendRefusal(reply, answer.error);
}
