/** `/v2/tasks/{id}/files…`: what tasks have written, read from their agents (not Marathon's). */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../../core/refusal.ts';
import { wholeLength } from '../../core/task/whole-text.ts';
import { timestamp } from '../../core/time.ts';
import type { ApiContext } from '../context.ts';
import { partBytes } from '../files/file-follower.ts';
import { filesRefusal, lengthIn, pathIn, startIn } from '../files/file-request.ts';
import { followOverSse } from '../files/follow-sse.ts';
import { type FoundTask, readFrom } from '../files/task-files.ts';
import { first, queryOf } from '../query.ts';
import { resource } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';

type Answer = (found: FoundTask, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** Registers the routes. */
export function taskFilesRoutes(server: FastifyInstance, context: ApiContext): void {
  const get = (path: string, answer: Answer): void =>
    resource(server, `/v2/tasks/:taskId/files${path}`, {
      GET: async (request, reply) => {
        const found = context.taskFiles.find(taskIdOf(request));
        return found.ok ? answer(found.value, request, reply) : sendRefusal(reply, found.error);
      },
    });
  get('', browse);
  get('/read', read);
  get('/download', download);
  resource(server, '/v2/tasks/:taskId/files/follow', {
    GET: (request, reply) => followOverSse(context, taskIdOf(request), request, reply),
  });
}

const taskIdOf = (request: FastifyRequest): string => (request.params as { readonly taskId: string }).taskId;

const browse: Answer = async ({ files, task }, request, reply) => {
  const path = pathIn(queryOf(request), { isRequired: false });
  if (!path.ok) return sendRefusal(reply, path.error);
  const listed = await files.browse(task.place, path.value);
  if (!listed.ok) return sendRefusal(reply, filesRefusal(listed.error));
  const shown = listed.value.map(({ path: at, size, modifiedMs, mode, user, group, links }) => ({
    path: at,
    size,
    mode,
    isDirectory: mode.startsWith('d'),
    modifiedAt: timestamp(Number.isFinite(modifiedMs) ? modifiedMs : 0),
    user,
    group,
    links,
  }));
  return sendJson(reply, 200, { files: shown });
};

/** Text ends where a character ends, unless a file ends within one; `encoding=base64` gives the bytes as they are. */
const read: Answer = async (found, request, reply) => {
  const query = queryOf(request);
  const path = pathIn(query, { isRequired: true });
  if (!path.ok) return sendRefusal(reply, path.error);
  const start = startIn(query);
  if (!start.ok) return sendRefusal(reply, start.error);
  const length = lengthIn(query, partBytes);
  if (!length.ok) return sendRefusal(reply, length.error);
  const encoding = first(query, 'encoding') ?? 'utf8';
  if (encoding !== 'utf8' && encoding !== 'base64') {
    return sendRefusal(reply, refusal('badRequest', 'encoding is utf8 or base64'));
  }
  const part = await readFrom(found, path.value, start.value, length.value);
  if (!part.ok) return sendRefusal(reply, filesRefusal(part.error));
  const { data, size, offset } = part.value;
  const whole = encoding === 'utf8' && offset + data.length < size ? wholeLength(data) || data.length : data.length;
  const bytes = Buffer.from(data.buffer, data.byteOffset, whole);
  return sendJson(reply, 200, { data: bytes.toString(encoding), offset, next: offset + whole, size });
};

/** Never shown by a browser as a page of ours: what a task has written is no code of this server. */
const download: Answer = async ({ files, task }, request, reply) => {
  const path = pathIn(queryOf(request), { isRequired: true });
  if (!path.ok) return sendRefusal(reply, path.error);
  const begun = await files.download(task.place, path.value);
  if (!begun.ok) return sendRefusal(reply, filesRefusal(begun.error));
  const { size, chunks, cancel } = begun.value;
  const name = (path.value.split('/').at(-1) ?? '').replace(/[^\w.-]/g, '_');
  reply
    .code(200)
    .header('content-type', 'application/octet-stream')
    .header('x-content-type-options', 'nosniff')
    .header('content-disposition', `attachment; filename="${name}"`);
  if (size !== undefined) reply.header('content-length', size);
  if (request.method === 'HEAD') {
    cancel();
    return reply.send();
  }
  reply.raw.once('close', cancel);
  return reply.send(Readable.from(chunks, { objectMode: false }));
};
