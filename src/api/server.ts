/** The front door: every route, every header, every error, on a server that does not listen yet (see `listen.ts`). */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { refusal } from '../core/refusal.ts';
import { basicAuthenticator, challenge } from './auth.ts';
import { cachedAnswers } from './cached-answers.ts';
import { ChangedApps } from './changed-apps.ts';
import type { ApiContext } from './context.ts';
import type { ApiDependencies } from './dependencies.ts';
import { answerBrokenClient, frameworkFailure, handleFailures } from './failures.ts';
import { installFastLane } from './fast-lane.ts';
import { TaskFiles } from './files/task-files.ts';
import { installGate } from './follower/gate.ts';
import { turnedAway } from './follower/turn-away.ts';
import { eachHeader, standardHeaders } from './headers.ts';
import { installIdempotency } from './idempotency.ts';
import { AppFilters } from './lists/app-filters.ts';
import { AppRuns } from './lists/app-runs.ts';
import { KeptLists } from './lists/kept-lists.ts';
import { renderAppDefinition } from './render/app-definition.ts';
import { appRenderer } from './render/app-info.ts';
import { taskRenderer } from './render/task.ts';
import { requestMetrics } from './request-metrics.ts';
import { limitRequests, RequestSlots } from './request-slots.ts';
import { sendRefusal } from './respond.ts';
import { agentsRoutes } from './routes/agents.ts';
import { appRoutes } from './routes/app.ts';
import { appsRoutes } from './routes/apps.ts';
import { clusterRoutes } from './routes/cluster.ts';
import { deploymentsRoutes } from './routes/deployments.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventSubscriptionsRoutes } from './routes/event-subscriptions.ts';
import { eventsRoutes } from './routes/events.ts';
import { groupsRoutes } from './routes/groups.ts';
import { liveRoutes } from './routes/live.ts';
import { loggingRoutes } from './routes/logging.ts';
import { podsRoutes } from './routes/pods.ts';
import { queueRoutes } from './routes/queue.ts';
import { systemRoutes } from './routes/system.ts';
import { taskFilesRoutes } from './routes/task-files.ts';
import { tasksRoutes } from './routes/tasks.ts';
import { SlowReaders } from './slow-readers.ts';
import { eventStreams } from './stream/event-streams.ts';
import { liveServer } from './stream/live/live-server.ts';
import { handleUpgrades } from './stream/websocket.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Ends all event streams, as when leadership is lost: readers reconnect and are led to the new leader. */
    closeEventStreams: () => void;
  }
}

/** Idle connections are kept this long (rest-api §1.7). */
const keepAliveMs = 30_000;
/** A request must have arrived as a whole within this time. */
const requestTimeoutMs = 120_000;
/** Longest path parameter, in characters; beyond it 414. */
const maxParameterLength = 4096;

/** Builds the server; the caller listens and closes. */
export function buildServer(deps: ApiDependencies): FastifyInstance {
  const headers = standardHeaders(deps.config, deps.read);
  const server: FastifyInstance = Fastify({
    routerOptions: {
      ignoreDuplicateSlashes: true,
      ignoreTrailingSlash: true,
      maxParamLength: maxParameterLength,
    },
    bodyLimit: deps.config.maxBodyBytes,
    exposeHeadRoutes: false,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    // The gate below says it in Marathon's words.
    return503OnClosing: false,
    frameworkErrors: frameworkFailure(headers),
    clientErrorHandler: answerBrokenClient,
  });
  const slots = new RequestSlots(deps.config.maxConcurrentRequests);
  const metrics = requestMetrics(server, deps, slots.release);
  server.addHook('onSend', (request, reply, _payload, done) => {
    eachHeader(headers(request.headers), (name, value) => reply.header(name, value));
    done();
  });
  limitRequests(server, slots, deps);
  guard(server, deps);
  const isClosing = refuseWhenClosing(server);
  const context = contextOf(deps, { headers, requestMetrics: metrics });
  const closeEventStreams = context.streams.close;
  const { proxy } = deps.config;
  const gate = proxy && installGate(server, { deps, proxy, requestMetrics: metrics, headers, closeEventStreams });
  readBodies(server);
  installIdempotency(server, deps);
  handleFailures(server, deps.logger);
  for (const routes of [
    appsRoutes,
    appRoutes,
    groupsRoutes,
    tasksRoutes,
    taskFilesRoutes,
    deploymentsRoutes,
    queueRoutes,
    podsRoutes,
    agentsRoutes,
    loggingRoutes,
    clusterRoutes,
    eventsRoutes,
    eventSubscriptionsRoutes,
    liveRoutes,
    docsRoutes,
    systemRoutes,
  ]) {
    routes(server, context);
  }
  handleUpgrades(server.server, {
    streams: context.streams,
    live: liveServer({ ...deps, ...context }),
    isAuthentic: basicAuthenticator(deps.config.credentials),
    challenge: challenge(deps.config.realm),
    headers,
    origins: deps.config,
    metrics: deps.metrics,
    ...(gate ? { gate } : {}),
  });
  installFastLane(server.server as Server, { deps, answers: context.answers, requestMetrics: metrics, isClosing });
  server.decorate('closeEventStreams', closeEventStreams);
  server.addHook('preClose', (done) => {
    closeEventStreams();
    done();
  });
  return server;
}

function contextOf(deps: ApiDependencies, shared: Pick<ApiContext, 'headers' | 'requestMetrics'>): ApiContext {
  const { read, events, clock, logger, metrics, config } = deps;
  const tasks = taskRenderer(read);
  const legacy = config.emitLegacyFields;
  const answers = cachedAnswers({
    stateVersion: read.stateVersion,
    headers: shared.headers,
    compression: config.compression,
    onGzipped: (bytes) => metrics.count('http.responses.size.gzipped', bytes),
    generation: randomUUID().slice(0, 8),
    slowReaders: new SlowReaders({ metrics }),
  });
  metrics.gauge('http.cached-answers.size', () => answers.size().bytes);
  const apps = appRenderer(read, tasks, (app) => renderAppDefinition(app, { legacy }));
  return {
    ...shared,
    deps,
    answers,
    tasks,
    apps,
    lists: new KeptLists({ read, metrics, apps, tasks }),
    filters: new AppFilters(read),
    runs: new AppRuns(apps.definition, metrics),
    streams: eventStreams({ hub: events, read, clock, logger, metrics }),
    changedApps: new ChangedApps({ hub: events, read, metrics }),
    taskFiles: new TaskFiles(deps),
  };
}

/** A server that stops takes nothing new, and says so: another one may be asked. */
function refuseWhenClosing(server: FastifyInstance): () => boolean {
  let isClosing = false;
  server.addHook('preClose', (done) => {
    isClosing = true;
    done();
  });
  server.addHook('onRequest', (request, reply, next) => {
    if (!isClosing) next();
    else sendRefusal(reply.header('connection', 'close'), turnedAway(request.method, 'this server is stopping'));
  });
  return () => isClosing;
}

/** Basic authentication on every path, the web page and `/ping` included. */
function guard(server: FastifyInstance, { config }: ApiDependencies): void {
  if (!config.credentials) return;
  const isAuthentic = basicAuthenticator(config.credentials);
  const asks = { headers: { 'WWW-Authenticate': challenge(config.realm) } };
  server.addHook('onRequest', (request, reply, done) => {
    if (isAuthentic(request.headers.authorization)) done();
    else sendRefusal(reply, refusal('unauthorized', 'Invalid username or password.', asks));
  });
}

/** Bodies stay bytes until a route wants them: DELETE and restart come with a JSON type and no body (clients §1.4). */
function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}
