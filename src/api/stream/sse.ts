/** `GET /v2/events`: Marathon's server-sent events, byte for byte (clients §3, rest-api §10.1). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refusal } from '../../core/refusal.ts';
import { names } from '../accept.ts';
import type { FlatHeaders } from '../headers.ts';
import { peerOf } from '../peer.ts';
import { queryOf } from '../query.ts';
import type { RequestMetrics } from '../request-metrics.ts';
import { sendRefusal } from '../respond.ts';
import type { EventStreams } from './event-streams.ts';
import { eventFilter } from './filter.ts';
import { resumePoint } from './resume.ts';
import { sseConnection } from './sse-connection.ts';

export const eventStreamType = 'text/event-stream;charset=utf-8';

/**
 * Answers 406 without `Accept: text/event-stream`, 400 to an id that cannot be resumed from, 503 beyond the limit, else keeps the connection
 * and streams.
 */
export function openSse(
  request: FastifyRequest,
  reply: FastifyReply,
  streams: EventStreams,
  headers: FlatHeaders,
  metrics: RequestMetrics,
): FastifyReply {
  if (!names(request.headers.accept, 'text/event-stream')) {
    return sendRefusal(reply, refusal('notAcceptable', 'Not Acceptable'));
  }
  const query = queryOf(request);
  const point = resumePoint(query, request.headers);
  if (!point.ok) return sendRefusal(reply, point.error);
  const begin = streams.admit(point.value);
  if (!begin.ok) return sendRefusal(reply, begin.error);
  if (request.method === 'HEAD') return reply.code(200).header('content-type', eventStreamType).send();
  if (streams.isFull()) {
    return sendRefusal(reply, refusal('unavailable', 'Too many event streams', { headers: { 'Retry-After': '1' } }));
  }
  reply.hijack();
  metrics.becameStream(request);
  const { raw } = reply;
  const { socket } = request.raw;
  // Without chunks a turn's frames are one write of shared bytes; the end of the connection ends the body.
  raw.useChunkedEncodingByDefault = false;
  socket.setNoDelay(true);
  raw.writeHead(200, [...headers, 'Content-Type', eventStreamType, 'Connection', 'close']);
  raw.flushHeaders();
  const filter = eventFilter(query, request.headers);
  const connection = sseConnection(raw, socket, peerOf(request.ip));
  const { withIds, wantsGaps } = filter;
  const { sse, sseWithId } = streams.formats(query);
  const leave = streams.join({ connection, filter, format: withIds ? sseWithId : sse, wantsGaps }, begin.value);
  // The request closes as soon as it is read; only the response tells that the reader has left.
  raw.on('close', leave);
  raw.on('error', () => raw.destroy());
  if (raw.destroyed) leave();
  return reply;
}
