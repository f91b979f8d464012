/** Operations on groups. */
import { Type } from 'typebox';
import { groupPatch } from '../schemas/group.ts';
import { groupChanged, list, type Operation, reads, request, text, warned, writeQuery, writes } from './operation.ts';
import { answer } from './responses.ts';

export const groupOperations: readonly Operation[] = [
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
    query: writeQuery,
    body: request('GroupUpdate'),
    answers: { 200: Type.Union([answer('Steps'), answer('Plan')]), 201: warned, ...writes },
  },
  {
    method: 'put',
    path: '/v2/groups',
    summary: 'Creates or changes a group',
    query: ['deleteMissing', ...writeQuery],
    body: request('GroupUpdate'),
    answers: { 200: groupChanged, ...writes },
  },
  {
    method: 'delete',
    path: '/v2/groups',
    summary: 'Removes everything',
    query: writeQuery,
    answers: { 200: groupChanged, ...writes },
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
    query: writeQuery,
    body: request('GroupUpdate'),
    answers: { 200: Type.Union([answer('Steps'), answer('Plan')]), 201: warned, ...writes },
  },
  {
    method: 'put',
    path: '/v2/groups/{id}',
    summary: 'Creates, changes, scales or rolls back a group',
    query: ['deleteMissing', ...writeQuery],
    body: request('GroupUpdate'),
    answers: { 200: groupChanged, ...writes },
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
    query: writeQuery,
    answers: { 200: groupChanged, ...writes },
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
  {
    method: 'put',
    path: '/v2/groups/{id}/versions/{version}',
    summary: 'Takes a group back to how it was',
    query: writeQuery,
    answers: { 200: groupChanged, ...writes },
  },
];
