/** Every operation that the description of the API lists. What is not Marathon's says so in its summary. */
import { Type } from 'typebox';
import { taskIdsBody } from '../schemas/app.ts';
import { loggingBody } from '../schemas/logging.ts';
import { appOperations } from './app-operations.ts';
import { fileOperations } from './file-operations.ts';
import { groupOperations } from './group-operations.ts';
import { error, limits, list, type Operation, object, reads, result, text, writes } from './operation.ts';
import { answer } from './responses.ts';

/** What a deployment is answered with, or with `dryRun` what it would do. */
const planned = Type.Union([result, answer('Plan')]);

const otherOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2/deployments',
    summary: 'Lists running deployments',
    answers: { 200: list(answer('Deployment')), ...reads },
  },
  {
    method: 'delete',
    path: '/v2/deployments/{deploymentId}',
    summary: 'Rolls a deployment back, or with force stops it',
    query: ['force', 'dryRun', ...limits],
    answers: { 200: planned, 202: null, ...writes },
  },
  {
    method: 'get',
    path: '/v2/deployments/{deploymentId}',
    summary: 'Shows a deployment, also one that is over (not Marathon’s)',
    answers: { 200: answer('OneDeployment'), ...reads },
  },
  {
    method: 'post',
    path: '/v2/deployments/{deploymentId}/continue',
    summary: 'Lets a paused deployment go on (not Marathon’s)',
    query: ['dryRun', ...limits],
    answers: { 200: planned, ...writes },
  },
  {
    method: 'get',
    path: '/v2/tasks',
    summary: 'Lists all tasks',
    query: ['status', 'status[]', 'containerNetworks'],
    hasText: true,
    answers: { 200: object({ tasks: list(answer('Task')) }), ...reads },
  },
  {
    method: 'post',
    path: '/v2/tasks/delete',
    summary: 'Kills tasks',
    query: ['scale', 'wipe', 'force', 'dryRun', ...limits],
    body: taskIdsBody,
    answers: { 200: Type.Union([object({ tasks: list(answer('Task')) }), planned]), ...writes },
  },
  {
    method: 'get',
    path: '/v2/queue',
    summary: 'Shows what waits for offers',
    query: ['embed'],
    answers: { 200: object({ queue: list(answer('QueueItem')) }), ...reads },
  },
  {
    method: 'delete',
    path: '/v2/queue/{id}/delay',
    summary: 'Ends the back-off of an app',
    query: ['dryRun'],
    answers: { 200: answer('Plan'), 204: null, ...writes },
  },
  { method: 'get', path: '/v2/info', summary: 'Tells about this server', answers: { 200: answer('Info'), ...reads } },
  {
    method: 'get',
    path: '/v2/agents',
    summary: 'Lists the agents that offers and tasks tell of (not Marathon’s)',
    answers: { 200: object({ agents: list(answer('Agent')) }), ...reads },
  },
  {
    method: 'get',
    path: '/v2/agents/{agentId}',
    summary: 'Shows an agent (not Marathon’s)',
    answers: { 200: object({ agent: answer('Agent') }), ...reads },
  },
  {
    method: 'get',
    path: '/v2/leader',
    summary: 'Names the leader',
    answers: { 200: object({ leader: text }), ...reads },
  },
  {
    method: 'delete',
    path: '/v2/leader',
    summary: 'Makes the leader step down',
    query: ['backup', 'restore'],
    answers: { 200: object({ message: text, details: list(text) }), ...writes },
  },
  {
    method: 'get',
    path: '/v2/events',
    summary: 'Streams events as they happen, as SSE or over a WebSocket',
    query: ['event_type', 'plan-format', 'ids', 'since'],
    answers: { 101: null, 200: null, 302: null, 403: error, 406: error },
    media: 'text/event-stream',
  },
  {
    method: 'get',
    path: '/v2/live',
    summary: 'WebSocket for events and the state, both ways (not Marathon’s)',
    answers: { 101: null, 403: error, 426: error },
  },
  {
    method: 'get',
    path: '/v2/eventSubscriptions',
    summary: 'Lists the URLs that events are posted to',
    answers: { 200: object({ callbackUrls: list(text) }) },
  },
  {
    method: 'post',
    path: '/v2/eventSubscriptions',
    summary: 'Posts events to a URL from now on',
    query: ['callbackUrl'],
    // Signs what is posted; not a query parameter, since those end up in logs.
    body: Type.Object({ secret: Type.Optional(text) }),
    isBodyOptional: true,
    answers: { 200: answer('SubscriptionEvent'), ...writes },
  },
  {
    method: 'delete',
    path: '/v2/eventSubscriptions',
    summary: 'Ends that',
    query: ['callbackUrl'],
    answers: { 200: answer('SubscriptionEvent'), ...writes },
  },
  {
    method: 'get',
    path: '/v2/plugins',
    summary: 'Lists plugins: there are none',
    answers: { 200: object({ plugins: list(Type.Object({})) }), ...reads },
  },
  {
    method: 'get',
    path: '/v2/pods',
    summary: 'Lists pods: there are none',
    answers: { 200: list(Type.Object({})), ...reads },
  },
  {
    method: 'post',
    path: '/v2/pods',
    summary: 'Is refused: there are no pods',
    body: Type.Object({}),
    answers: { ...writes },
  },
  {
    method: 'get',
    path: '/v2/schemas/app',
    summary: 'JSON Schema of an app',
    answers: { 200: Type.Object({}), ...reads },
  },
  { method: 'get', path: '/ping', summary: 'Answers pong', answers: { 200: null, 204: null } },
  {
    method: 'get',
    path: '/health',
    summary: 'Tells how this server sees the cluster (not Marathon’s)',
    answers: { 200: Type.Object({ status: text }) },
  },
  {
    method: 'get',
    path: '/metrics',
    summary: 'Metrics as JSON',
    hasText: true,
    answers: { 200: Type.Object({ version: text }) },
  },
  {
    method: 'get',
    path: '/metrics/prometheus',
    summary: 'Metrics as text',
    answers: { 200: null },
    media: 'text/plain',
  },
  {
    method: 'get',
    path: '/logging',
    summary: 'Shows how much is logged',
    answers: { 200: Type.Object({}), 404: error },
  },
  {
    method: 'post',
    path: '/logging',
    summary: 'Changes how much is logged',
    body: loggingBody,
    answers: { 200: Type.Object({}), ...writes },
  },
];

export const operations: readonly Operation[] = [
  ...appOperations,
  ...groupOperations,
  ...fileOperations,
  ...otherOperations,
];
