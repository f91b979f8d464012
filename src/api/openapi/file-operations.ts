/** Operations on the files of tasks: none of them is Marathon's. */

import { error, list, type Operation, object } from './operation.ts';
import { answer } from './responses.ts';

/** The agent or its master gives no answer: 503. */
const failures = { 404: error };

export const fileOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2/tasks/{taskId}/files',
    summary: 'Lists files of a task’s sandbox (not Marathon’s)',
    query: ['path'],
    answers: { 200: object({ files: list(answer('SandboxFile')) }), ...failures },
  },
  {
    method: 'get',
    path: '/v2/tasks/{taskId}/files/read',
    summary: 'Reads up to 64 KiB of a file of a task (not Marathon’s)',
    query: ['path', 'offset', 'length', 'tail', 'encoding'],
    answers: { 200: answer('FilePart'), ...failures },
  },
  {
    method: 'get',
    path: '/v2/tasks/{taskId}/files/download',
    summary: 'Gives a whole file of a task (not Marathon’s)',
    query: ['path'],
    answers: { 200: null, ...failures },
    media: 'application/octet-stream',
  },
  {
    method: 'get',
    path: '/v2/tasks/{taskId}/files/follow',
    summary: 'Streams a file of a task as it grows, as SSE (not Marathon’s)',
    query: ['path', 'offset', 'tail'],
    answers: { 200: null, ...failures },
    media: 'text/event-stream',
  },
];
