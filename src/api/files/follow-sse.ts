/** `GET /v2/tasks/{id}/files/follow`: a file of a task as server-sent events, as long as the task writes to it (not Marathon's). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TimerHandle } from '../../actors/ports.ts';
import type { ApiContext } from '../context.ts';
import { first, type Query, queryOf } from '../query.ts';
import { sendRefusal } from '../respond.ts';
import { heartbeat } from '../stream/frames.ts';
import { heartbeatMs } from '../stream/heartbeats.ts';
import { eventStreamType } from '../stream/sse.ts';
import type { FollowEvent } from './file-follower.ts';
import { pathIn, startIn } from './file-request.ts';

/** Unsent bytes beyond which nothing more is read from the agent. */
const maxUnsentBytes = 256 * 1024;

/**
 * Events `data`, `restart`, `end` and `failed`, the last two being the last ones. Each has the offset behind it as its id, so that a reader that
 * reconnects with `Last-Event-ID` goes on there. Refusals come before the first event.
 */
export async function followOverSse(
  context: ApiContext,
  taskId: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = queryOf(request);
  const path = pathIn(query, { isRequired: true });
  if (!path.ok) return sendRefusal(reply, path.error);
  const start = startIn(resumed(query, request.headers['last-event-id']));
  if (!start.ok) return sendRefusal(reply, start.error);
  const file = await context.taskFiles.follow(taskId, path.value, start.value);
  if (!file.ok) return sendRefusal(reply, file.error);
  if (request.method === 'HEAD') {
    file.value.begin({ tell: () => {}, whenReady: () => {} })();
    return reply.code(200).header('content-type', eventStreamType).send();
  }
  reply.hijack();
  context.requestMetrics.becameStream(request);
  const { raw } = reply;
  raw.writeHead(200, [...context.headers(request.headers), 'Content-Type', eventStreamType]);
  raw.flushHeaders();
  const { clock } = context.deps;
  let beat: TimerHandle = clock.after(heartbeatMs, keepAlive);
  function keepAlive(): void {
    if (raw.writableLength === 0) raw.write(heartbeat);
    beat = clock.after(heartbeatMs, keepAlive);
  }
  const leave = file.value.begin({
    tell: (event) => {
      raw.write(sseText(event));
      if (event.type === 'end' || event.type === 'failed') raw.end();
    },
    whenReady: (proceed) => {
      if (raw.writableLength <= maxUnsentBytes) proceed();
      else raw.once('drain', proceed);
    },
  });
  const stopListening = context.streams.onClose(() => raw.end());
  raw.on('error', () => raw.destroy());
  const end = (): void => {
    beat.cancel();
    stopListening();
    leave();
  };
  raw.on('close', end);
  if (raw.destroyed) end();
  return reply;
}

/** What a reader has seen already stands before what it asked for at first. */
const resumed = (query: Query, lastEventId: string | string[] | undefined): Query =>
  typeof lastEventId === 'string' && lastEventId !== '' ? { offset: lastEventId } : pick(query);

const pick = (query: Query): Query => ({ offset: first(query, 'offset'), tail: first(query, 'tail') });

function sseText(event: FollowEvent): string {
  const { id, ...data } = bodyOf(event);
  return `id: ${id}\r\nevent: ${event.type}\r\ndata: ${JSON.stringify(data)}\r\n\r\n`;
}

function bodyOf(event: FollowEvent): { readonly id: number; readonly [member: string]: unknown } {
  switch (event.type) {
    case 'data':
      return { id: event.next, offset: event.offset, data: event.text };
    case 'restart':
      return { id: 0, offset: event.offset, reason: event.reason };
    case 'end':
      return { id: event.offset, offset: event.offset, reason: event.reason };
    case 'failed':
      return { id: event.offset, offset: event.offset, reason: event.failure.reason };
  }
}
