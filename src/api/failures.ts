/** Everything that goes wrong becomes Marathon's error JSON; nobody ever sees a stack trace (rest-api §1.5). */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../actors/ports.ts';
import { refusal } from '../core/refusal.ts';
import { eachHeader, type FlatHeaders } from './headers.ts';
import { sendJson, sendRefusal } from './respond.ts';

type HeadersOf = (request: FastifyRequest['headers']) => FlatHeaders;

/** Path of the request without its query. */
export const pathOf = (request: Pick<FastifyRequest, 'raw'>): string => (request.raw.url ?? '').split('?', 1)[0] ?? '';

/** Installs the handlers for errors and unknown routes. */
export function handleFailures(server: FastifyInstance, logger: Logger): void {
  server.setErrorHandler((error: FastifyError, request, reply) => sendFailure(error, request, reply, logger));
  server.setNotFoundHandler((request, reply) =>
    sendRefusal(reply, refusal('notFound', `URI not found: ${pathOf(request)}`)),
  );
}

function sendFailure(error: FastifyError, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    // The rest of a body that is too large is read and dropped: closing at once would lose the answer on its way.
    if (status === 413) reply.removeHeader('connection');
    return sendJson(reply, status, { message: STATUS_CODES[status] ?? 'Bad Request' });
  }
  logger.error('http.failed', { method: request.method, path: pathOf(request), request: request.id }, error);
  return sendJson(reply, 500, { message: `Internal error; the log says more (request ${request.id})` });
}

/** Answers what the router itself could not read: bad percent-encodings, over-long parameters. No hook has run yet. */
export function frameworkFailure(headersOf: HeadersOf) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    eachHeader(headersOf(request.headers), (name, value) => reply.header(name, value));
    const status = error.statusCode ?? 400;
    const what = status === 414 ? 'URI Too Long' : 'Bad Request';
    sendJson(reply, status, { message: `${what}: '${pathOf(request)}' is not a valid path` });
  };
}

/** Answers what is not HTTP at all, or has headers beyond Node's limit, and closes the connection. */
export function answerBrokenClient(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  // Bytes behind a request that was the last one: its answer is on the way, and a second one would spoil it.
  if (error.code === 'HPE_CLOSED_CONNECTION') {
    socket.end();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  socket.end(rawAnswer(status, STATUS_CODES[status] ?? 'Bad Request'));
}

/** A complete answer as text, for connections that no framework serves. */
export function rawAnswer(status: number, message: string, headers: FlatHeaders = []): string {
  const body = JSON.stringify({ message });
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, 'Content-Type: application/json'];
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close');
  eachHeader(headers, (name, value) => lines.push(`${name}: ${value}`));
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
