/** Operations on apps and their tasks. */
import { Type } from 'typebox';
import {
  changed,
  guardedWrites,
  limits,
  list,
  type Operation,
  object,
  reads,
  request,
  result,
  text,
  warned,
  writeQuery,
  writes,
} from './operation.ts';
import { answer } from './responses.ts';

/** With `fields` members are missing; `next` is the cursor of the next page. */
const appList = Type.Union([
  object({ apps: list(answer('AppInfo')), next: Type.Optional(text) }),
  object({ apps: list(Type.Object({})), next: Type.Optional(text) }),
  // With `since`.
  object({ apps: list(Type.Object({})), removed: list(text), full: Type.Boolean() }),
]);

export const appOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2/apps',
    summary: 'Lists apps',
    query: ['cmd', 'id', 'label', 'embed', 'limit', 'cursor', 'fields', 'since'],
    answers: { 200: appList, ...reads },
  },
  {
    method: 'post',
    path: '/v2/apps',
    summary: 'Creates an app',
    query: writeQuery,
    body: request('NewApp'),
    answers: { 200: answer('Plan'), 201: answer('AppInfo'), ...guardedWrites },
  },
  {
    method: 'put',
    path: '/v2/apps',
    summary: 'Creates and changes apps as one deployment',
    query: ['partialUpdate', ...writeQuery],
    body: request('AppUpdates'),
    answers: { 200: changed, ...writes },
  },
  {
    method: 'patch',
    path: '/v2/apps',
    summary: 'Changes apps as one deployment',
    query: writeQuery,
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
    query: ['partialUpdate', ...writeQuery],
    body: request('AppUpdate'),
    answers: { 200: changed, 201: warned, ...guardedWrites },
  },
  {
    method: 'patch',
    path: '/v2/apps/{id}',
    summary: 'Changes an app',
    query: writeQuery,
    body: request('AppUpdate'),
    answers: { 200: changed, ...guardedWrites },
  },
  {
    method: 'delete',
    path: '/v2/apps/{id}',
    summary: 'Removes an app',
    query: writeQuery,
    answers: { 200: changed, ...guardedWrites },
  },
  {
    method: 'post',
    path: '/v2/apps/{id}/restart',
    summary: 'Replaces all tasks of an app',
    query: writeQuery,
    answers: { 200: changed, ...guardedWrites },
  },
  {
    method: 'get',
    path: '/v2/apps/{id}/tasks',
    summary: 'Lists tasks of an app',
    query: ['containerNetworks'],
    hasText: true,
    answers: { 200: object({ tasks: list(answer('Task')) }), ...reads },
  },
  {
    method: 'delete',
    path: '/v2/apps/{id}/tasks',
    summary: 'Kills tasks of an app',
    query: ['host', 'scale', 'wipe', 'force', 'dryRun', ...limits],
    answers: { 200: Type.Union([object({ tasks: list(answer('Task')) }), result, answer('Plan')]), ...writes },
  },
  {
    method: 'delete',
    path: '/v2/apps/{id}/tasks/{taskId}',
    summary: 'Kills a task',
    query: ['scale', 'wipe', 'force', 'dryRun', ...limits],
    answers: { 200: Type.Union([object({ task: answer('Task') }), result, answer('Plan')]), ...writes },
  },
  {
    method: 'get',
    path: '/v2/apps/{id}/why',
    summary: 'Tells why instances of an app wait, and what would help (not Marathon’s)',
    answers: { 200: answer('Why'), ...reads },
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
