/** Answers of the HTTP endpoints: Mesos writes errors as plain text. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** No request body may be larger; a scheduler that launches 10,000 tasks in one call stays far below. */
export const maxBodyBytes = 64 * 1024 * 1024;

const reasons: Readonly<Record<number, string>> = { 404: '404 Not Found.', 501: '501 Not Implemented.' };

/** Ends the answer with a text; without one with the name of the status. */
export function sendText(res: ServerResponse, status: number, text = reasons[status] ?? ''): void {
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}

/** Answers to calls that arrive together on one connection leave together. */
export function sendAccepted(res: ServerResponse): void {
  const { socket } = res;
  if (socket !== null && socket.writableCorked === 0) {
    socket.cork();
    setImmediate(() => socket.uncork());
  }
  res.writeHead(202, noBody);
  res.end();
}

const noBody = { 'Content-Length': 0 };

/** Ends the answer without a body. */
export function sendEmpty(res: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  res.writeHead(status, { ...headers, 'Content-Length': 0 });
  res.end();
}

/**
 * Stands in an answer for a number that has no end. Mesos writes `Infinity`, which is no JSON, so that strict readers fail on it: they
 * are to find that out here.
 */
export const infinite = '\u0000Infinity';
const infiniteText = JSON.stringify(infinite);

/** Ends the answer with 200 and JSON, wrapped in a call of `jsonp` if a script asked for it. */
export function sendJson(res: ServerResponse, body: unknown, jsonp?: string): void {
  const strict = JSON.stringify(body);
  const json = strict.includes(infiniteText) ? strict.replaceAll(infiniteText, 'Infinity') : strict;
  const text = jsonp === undefined ? json : `${jsonp}(${json})`;
  const type = jsonp === undefined ? 'application/json' : 'text/javascript';
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
}

/** 405 names the methods that are allowed. */
export function sendWrongMethod(res: ServerResponse, allowed: string | readonly string[], method: string): void {
  const names = [allowed].flat();
  const text = `405 Method Not Allowed. Expecting one of { '${names.join("', '")}' }, but received '${method}'.`;
  res.setHeader('Allow', names.join(', '));
  sendText(res, 405, text);
}

/** A bug of ours: the client learns of it, and the server counts it among the broken answers. */
export function sendFault(res: ServerResponse, error: unknown): void {
  const fault = error instanceof Error ? error : new Error(String(error));
  if (res.headersSent) res.destroy();
  else sendText(res, 500, `${fault.stack ?? fault.message}\n`);
  res.emit('error', fault);
}

/** Calls back with the whole body, unless the request is broken off or too large, which is answered here. */
export function readBody(req: IncomingMessage, res: ServerResponse, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  req.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBodyBytes) {
      if (!res.headersSent) sendText(res, 413, '413 Request Entity Too Large.');
      req.destroy();
      return;
    }
    chunks.push(chunk);
  });
  req.on('end', () => {
    if (size > maxBodyBytes) return;
    try {
      done(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    } catch (error) {
      // Whatever a client sends, it must not end the cluster for the others.
      sendFault(res, error);
    }
  });
}
