/** Every operation that the description of the API lists. What is not Marathon's says so in its summary. */
import { type TSchema, Type } from 'typebox';
import { taskIdsBody } from '../schemas/app.ts';
import { groupPatch } from '../schemas/group.ts';
import { loggingBody } from '../schemas/logging.ts';
import { answer } from './responses.ts';

/** Status → shape of the JSON; `null` = no JSON. */
export type Answers = Readonly<Record<number, TSchema | null>>;

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{id}` for paths of apps and groups, which may hold slashes. */
  readonly path: string;
  readonly summary: string;
  readonly query?: readonly QueryName[];
  readonly body?: TSchema;
  readonly answers: Answers;
}

/** Query parameters, and what they take. */
export const queryParameters = {
  force: 'boolean',
  dryRun: 'boolean',
  partialUpdate: 'boolean',
  deleteMissing: 'boolean',
  scale: 'boolean',
  wipe: 'boolean',
  host: 'string',
  cmd: 'string',
  id: 'string',
  label: 'string',
  embed: 'list',
  status: 'list',
  backup: 'string',
  restore: 'string',
  limit: 'string',
  cursor: 'string',
  fields: 'list',
} as const;

export type QueryName = keyof typeof queryParameters;

const error = answer('Error');
const result = answer('DeploymentResult');
const object = (members: Record<string, TSchema>) => Type.Object(members, { additionalProperties: false });
const list = Type.Array;
const text = Type.String();
const request = (name: string) => Type.Unsafe({ $ref: `#/components/schemas/${name}` });

/** What any operation may answer. */
export const anyAnswers: Answers = { 400: error, 405: error, 503: error };
const reads: Answers = { 304: null, 404: error, 422: error };
const writes: Answers = { 403: error, 404: error, 409: error, 412: error, 413: error, 415: error, 422: error };
/** What a write of a definition answers, or what it would do. */
const changed = Type.Union([result, answer('Plan')]);

/** With `fields` members are missing; `next` is the cursor of the next page. */
const appList = Type.Union([
  object({ apps: list(answer('AppInfo')), next: Type.Optional(text) }),
  object({ apps: list(Type.Object({})), next: Type.Optional(text) }),
]);

const appOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2/apps',
    summary: 'Lists apps',
    query: ['cmd', 'id', 'label', 'embed', 'limit', 'cursor', 'fields'],
    answers: { 200: appList, ...reads },
  },
  {
    method: 'post',
    path: '/v2/apps',
    summary: 'Creates an app',
    query: ['force', 'dryRun'],
    body: request('NewApp'),
    answers: { 200: answer('Plan'), 201: answer('AppInfo'), ...writes },
  },
  {
    method: 'put',
    path: '/v2/apps',
    summary: 'Creates and changes apps as one deployment',
    query: ['force', 'partialUpdate', 'dryRun'],
    body: request('AppUpdates'),
    answers: { 200: changed, ...writes },
  },
  {
    method: 'patch',
    path: '/v2/apps',
    summary: 'Changes apps as one deployment',
    query: ['force', 'dryRun'],
    body: request('AppUpdates'),
    answers: { 200: changed, ...writes },
  },
  {
    method: 'get',
    path: '/v2/apps/{id}',
    summary: 'Shows an app, or with /* the apps of a group',
    query: ['embed'],
    answers: {
      200: Type.Union([object({ app: answer('AppInfo') }), object({ '*': list(answer('AppInfo')) })]),
      ...reads,
    },
  },
  {
    method: 'put',
    path: '/v2/apps/{id}',
    summary: 'Changes or creates an app, or takes it back to a version',
    query: ['force', 'partialUpdate', 'dryRun'],
    body: request('AppUpdate'),
    answers: { 200: changed, 201: result, ...writes },
  },
  {
    method: 'patch',
    path: '/v2/apps/{id}',
    summary: 'Changes an app',
    query: ['force', 'dryRun'],
    body: request('AppUpdate'),
    answers: { 200: changed, ...writes },
  },
  {
    method: 'delete',
    path: '/v2/apps/{id}',
    summary: 'Removes an app',
    query: ['force', 'dryRun'],
    answers: { 200: changed, ...writes },
  },
  {
    method: 'post',
    path: '/v2/apps/{id}/restart',
    summary: 'Replaces all tasks of an app',
    query: ['force', 'dryRun'],
    answers: { 200: changed, ...writes },
  },
  {
    method: 'get',
    path: '/v2/apps/{id}/tasks',
    summary: 'Lists tasks of an app',
    answers: { 200: object({ tasks: list(answer('Task')) }), ...reads },
  },
  {
    method: 'delete',
    path: '/v2/apps/{id}/tasks',
    summary: 'Kills tasks of an app',
    query: ['host', 'scale', 'wipe', 'force'],
    answers: { 200: Type.Union([object({ tasks: list(answer('Task')) }), result]), ...writes },
  },
  {
    method: 'delete',
    path: '/v2/apps/{id}/tasks/{taskId}',
    summary: 'Kills a task',
    query: ['scale', 'wipe', 'force'],
    answers: { 200: Type.Union([object({ task: answer('Task') }), result]), ...writes },
  },
  {
    method: 'get',
    path: '/v2/apps/{id}/versions',
    summary: 'Lists versions of an app',
    answers: { 200: object({ versions: list(text) }), ...reads },
  },
  {
    method: 'get',
    path: '/v2/apps/{id}/versions/{version}',
    summary: 'Shows an app as it was',
    answers: { 200: answer('App'), ...reads },
  },
];

const groupOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2/groups',
    summary: 'Shows the root group',
    query: ['embed'],
    answers: { 200: answer('Group'), ...reads },
  },
  {
    method: 'post',
    path: '/v2/groups',
    summary: 'Creates a group',
    query: ['force', 'dryRun'],
    body: request('GroupUpdate'),
    answers: { 200: answer('Steps'), 201: result, ...writes },
  },
  {
    method: 'put',
    path: '/v2/groups',
    summary: 'Creates or changes a group',
    query: ['force', 'dryRun', 'deleteMissing'],
    body: request('GroupUpdate'),
    answers: { 200: Type.Union([result, answer('Steps')]), ...writes },
  },
  {
    method: 'delete',
    path: '/v2/groups',
    summary: 'Removes everything',
    query: ['force', 'dryRun'],
    answers: { 200: Type.Union([result, answer('Steps')]), ...writes },
  },
  {
    method: 'get',
    path: '/v2/groups/{id}',
    summary: 'Shows a group',
    query: ['embed'],
    answers: { 200: answer('Group'), ...reads },
  },
  {
    method: 'post',
    path: '/v2/groups/{id}',
    summary: 'Creates a group below another',
    query: ['force', 'dryRun'],
    body: request('GroupUpdate'),
    answers: { 200: answer('Steps'), 201: result, ...writes },
  },
  {
    method: 'put',
    path: '/v2/groups/{id}',
    summary: 'Creates, changes, scales or rolls back a group',
    query: ['force', 'dryRun', 'deleteMissing'],
    body: request('GroupUpdate'),
    answers: { 200: Type.Union([result, answer('Steps')]), ...writes },
  },
  {
    method: 'patch',
    path: '/v2/groups/{id}',
    summary: 'Changes whether a top-level group enforces its role',
    body: groupPatch,
    answers: { 200: null, ...writes },
  },
  {
    method: 'delete',
    path: '/v2/groups/{id}',
    summary: 'Removes a group and all that is in it',
    query: ['force', 'dryRun'],
    answers: { 200: Type.Union([result, answer('Steps')]), ...writes },
  },
  {
    method: 'get',
    path: '/v2/groups/{id}/apps',
    summary: 'Lists the apps of a group',
    query: ['embed'],
    answers: { 200: list(answer('AppInfo')), ...reads },
  },
  {
    method: 'get',
    path: '/v2/groups/{id}/versions',
    summary: 'Lists versions of the root at which the group was there',
    answers: { 200: list(text), ...reads },
  },
  {
    method: 'get',
    path: '/v2/groups/{id}/versions/{version}',
    summary: 'Shows a group as it was',
    answers: { 200: answer('Group'), ...reads },
  },
];

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
    query: ['force'],
    answers: { 200: result, 202: null, ...writes },
  },
  {
    method: 'get',
    path: '/v2/tasks',
    summary: 'Lists all tasks',
    query: ['status'],
    answers: { 200: object({ tasks: list(answer('Task')) }), ...reads },
  },
  {
    method: 'post',
    path: '/v2/tasks/delete',
    summary: 'Kills tasks',
    query: ['scale', 'wipe', 'force'],
    body: taskIdsBody,
    answers: { 200: Type.Union([object({ tasks: list(answer('Task')) }), result]), ...writes },
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
    answers: { 204: null, ...writes },
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
  { method: 'get', path: '/metrics', summary: 'Metrics as JSON', answers: { 200: Type.Object({ version: text }) } },
  { method: 'get', path: '/metrics/prometheus', summary: 'Metrics as text', answers: { 200: null } },
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

export const operations: readonly Operation[] = [...appOperations, ...groupOperations, ...otherOperations];
