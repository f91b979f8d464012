/** `/v2/apps`: list, create, and change in bulk (rest-api §3.1, §3.4, §3.6). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ChangeOptions } from '../../actors/front.ts';
import type { AppChange } from '../../core/app/change.ts';
import type { AppDefinition } from '../../core/app/definition.ts';
import { readAppId } from '../../core/app/id-rules.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { ok, type Result } from '../../core/result.ts';
import { changesOf } from '../app-request.ts';
import type { ApiContext } from '../context.ts';
import { type AppEmbeds, appEmbeds, listEmbeds } from '../embed.ts';
import { readJson } from '../json-body.ts';
import { parseLabelSelector } from '../label-selector.ts';
import { pageOf, pagingOf, withFields } from '../paging.ts';
import { bool, first, type Query, queryOf } from '../query.ts';
import { readAppUpdate, readAppUpdates } from '../read-body.ts';
import { withWarnings } from '../render/app-info.ts';
import { resource } from '../resource.ts';
import { deploymentHeaders, sendDeployment, sendJsonText, sendRefusal } from '../respond.ts';
import { sendChanged, wantsWarnings, warn, warningsAbout } from '../warnings.ts';
import { sendPreview, writeOptions } from '../write-options.ts';

/** Registers the routes. */
export function appsRoutes(server: FastifyInstance, context: ApiContext): void {
  resource(server, '/v2/apps', {
    GET: (request, reply) => list(context, request, reply),
    POST: (request, reply) => create(context, request, reply),
    PUT: (request, reply) => changeMany(context, request, reply, 'put'),
    PATCH: (request, reply) => changeMany(context, request, reply, 'patch'),
  });
}

async function list(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = queryOf(request);
  const embeds = appEmbeds(query, listEmbeds);
  const paging = pagingOf(query);
  if (!paging.ok) return sendRefusal(reply, paging.error);
  const { limit, after, fields } = paging.value;
  const isPaged = limit !== undefined || after !== undefined;
  const since = first(query, 'since');
  if (since !== undefined) {
    if (isPaged) return sendRefusal(reply, refusal('badRequest', 'since cannot be combined with limit and cursor'));
    return listChanged(context, request, reply, { since, fields });
  }
  return context.answers.send(request, reply, {
    isSettled: true,
    ...clockVariant(context, embeds),
    render: () => {
      const isWanted = appFilter(query);
      if (!isWanted.ok) return isWanted;
      const isEveryApp = isWanted.value === everyApp;
      if (isEveryApp && !isPaged && !fields) {
        const pieces = context.lists.apps(embeds);
        if (pieces) return ok(pieces);
      }
      const wanted = isEveryApp
        ? [...context.deps.read.apps()]
        : context.filters.matching(filterName(query), isWanted.value);
      const page = isPaged ? pageOf(wanted, paging.value) : { apps: wanted, next: undefined };
      const nowMs = context.deps.clock.now();
      const pieces = page.apps.map((app) => withFields(context.apps.info(app, embeds, nowMs), fields));
      // Whoever asks for pages is no strict client of Marathon's: the way on stands in the body.
      const next = page.next === undefined ? '' : `,"next":${JSON.stringify(page.next)}`;
      return ok(`{"apps":[${pieces.join(',')}]${next}}`);
    },
  });
}

/** What is not as it was at an event: apps that are there, and ids of those that are gone, or do not pass the filter any more. */
async function listChanged(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { since, fields }: { readonly since: string; readonly fields: ReadonlySet<string> | undefined },
): Promise<FastifyReply> {
  const { answers, apps, changedApps, deps } = context;
  const query = queryOf(request);
  const embeds = appEmbeds(query, listEmbeds);
  const changed = changedApps.since(since);
  if (!changed.ok) return sendRefusal(reply, changed.error);
  const newest = changedApps.newestId();
  const { variant = '' } = clockVariant(context, embeds);
  return answers.send(request, reply, {
    // Events go on where the state does not, and what is remembered depends on them.
    variant: `e${newest ?? ''}-${variant}`,
    headers: newest === undefined ? [] : ['Marathon-Event-Id', newest],
    render: () => {
      const isWanted = appFilter(query);
      if (!isWanted.ok) return isWanted;
      const isFull = changed.value.type === 'all';
      const wanted: AppDefinition[] = [];
      const removed: string[] = [];
      if (changed.value.type === 'all') {
        for (const app of deps.read.apps()) if (isWanted.value(app)) wanted.push(app);
      } else {
        for (const id of changed.value.ids) {
          const app = deps.read.app(id);
          if (app && isWanted.value(app)) wanted.push(app);
          else removed.push(id);
        }
      }
      const nowMs = deps.clock.now();
      const pieces = wanted.map((app) => withFields(apps.info(app, embeds, nowMs), fields));
      return ok(`{"apps":[${pieces.join(',')}],"removed":${JSON.stringify(removed)},"full":${isFull}}`);
    },
  });
}

/** Statistics change by the clock alone, warnings by what is known of agents; other answers depend on neither. */
export function clockVariant({ deps }: ApiContext, embeds: AppEmbeds): { readonly variant?: string } {
  const parts = [
    ...(embeds.taskStats ? [Math.floor(deps.clock.now() / 1000)] : []),
    ...(embeds.warnings ? [`w${deps.read.placement().revision()}`] : []),
  ];
  return parts.length === 0 ? {} : { variant: parts.join('-') };
}

/** The JSON of those apps that pass, joined by commas. */
export function infos(
  context: ApiContext,
  apps: Iterable<AppDefinition>,
  isWanted: (app: AppDefinition) => boolean,
  embeds: AppEmbeds,
): string {
  const nowMs = context.deps.clock.now();
  const pieces: string[] = [];
  for (const app of apps) if (isWanted(app)) pieces.push(context.apps.info(app, embeds, nowMs));
  return pieces.join(',');
}

const everyApp = (): boolean => true;

/** Tells filters apart. */
const filterName = (query: Query): string =>
  JSON.stringify([first(query, 'cmd') ?? null, first(query, 'id') ?? null, first(query, 'label') ?? null]);

/** All of `cmd`, `id` and `label` must hold. */
function appFilter(query: Query): Result<(app: AppDefinition) => boolean, Refusal> {
  const cmd = first(query, 'cmd')?.toLowerCase();
  const id = first(query, 'id')?.toLowerCase();
  const label = first(query, 'label');
  const selector = label === undefined ? undefined : parseLabelSelector(label);
  if (selector && !selector.ok) return selector;
  if (cmd === undefined && id === undefined && selector === undefined) return ok(everyApp);
  return ok(
    (app) =>
      (cmd === undefined || app.cmd?.toLowerCase().includes(cmd) === true) &&
      (id === undefined || app.id.toLowerCase().includes(id)) &&
      (selector === undefined || selector.value(app.labels)),
  );
}

async function create(context: ApiContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const json = readJson(request);
  if (!json.ok) return sendRefusal(reply, json.error);
  const update = readAppUpdate(json.value, { requireId: true });
  if (!update.ok) return sendRefusal(reply, update.error);
  const id = readAppId(update.value.id ?? '');
  if (!id.ok) return sendRefusal(reply, id.error);
  const options = writeOptions(request, id.value);
  if (!options.ok) return sendRefusal(reply, options.error);
  const { dryRun, ...change } = options.value;
  const wanted = { type: 'create', id: id.value, update: update.value } as const;
  if (dryRun) return showPlan(context, reply, [wanted], change);
  const answer = await context.deps.control.changeApps([wanted], change);
  if (!answer.ok) return sendRefusal(reply, answer.error);
  const [app] = answer.value.apps;
  deploymentHeaders(reply, answer.value).header('location', id.value);
  if (app === undefined) return sendDeployment(reply, 201, answer.value);
  const warnings = warningsAbout(context, [app]);
  warn(reply, warnings);
  const created = context.apps.created(app, answer.value.deploymentId);
  return sendJsonText(reply, 201, wantsWarnings(request) ? withWarnings(created, warnings) : created);
}

async function changeMany(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  type: 'put' | 'patch',
): Promise<FastifyReply> {
  const query = queryOf(request);
  const json = readJson(request);
  if (!json.ok) return sendRefusal(reply, json.error);
  const partial = bool(query, 'partialUpdate', true);
  const updates = readAppUpdates(json.value, { isComplete: type === 'put' && !partial });
  if (!updates.ok) return sendRefusal(reply, updates.error);
  const changes = changesOf(updates.value, type === 'put' ? { type, partial } : { type });
  if (!changes.ok) return sendRefusal(reply, changes.error);
  const options = writeOptions(request, undefined);
  if (!options.ok) return sendRefusal(reply, options.error);
  const { dryRun, ...change } = options.value;
  if (dryRun) return showPlan(context, reply, changes.value, change);
  const answer = await context.deps.control.changeApps(changes.value, change);
  return answer.ok ? sendChanged(context, request, reply, 200, answer.value) : sendRefusal(reply, answer.error);
}

async function showPlan(
  context: ApiContext,
  reply: FastifyReply,
  apps: readonly AppChange[],
  options: ChangeOptions,
): Promise<FastifyReply> {
  const preview = await context.deps.control.preview({ apps }, options);
  return preview.ok ? sendPreview(reply, preview.value) : sendRefusal(reply, preview.error);
}
