/** HTTP probes that bring the answer's body along, for readiness checks: few, and only while a deployment waits. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { ProbeRequest, ProbeResult } from '../../actors/ports.ts';

type Finish = (result: ProbeResult) => void;

/**
 * Answers once, whatever happens, later than this call and not later than the time-out, which covers the body too; what is longer is
 * cut.
 */
export function askWithBody(probe: ProbeRequest & { readonly bodyBytes: number }, done: Finish): void {
  const { protocol, host, port, path, timeoutMs, bodyBytes } = probe;
  let isOver = false;
  let request: http.ClientRequest | undefined;
  const finish = (result: ProbeResult): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    request?.destroy();
    done(result);
  };
  const fail = (error: NodeJS.ErrnoException): void => finish({ type: 'failed', cause: error.code ?? error.message });
  const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const headers = { 'User-Agent': 'ultramarathon', Accept: '*/*' };
    // A connection of its own, which is closed afterwards; any certificate will do (behaviour §4.5).
    const options = { host, port, path, headers, agent: false, rejectUnauthorized: false } as const;
    request = protocol === 'HTTPS' ? https.get(options) : http.get(options);
    request.on('response', (response) => readBody(response, bodyBytes, finish, fail));
    // Also what a destroyed request has to say; that comes too late to count.
    request.on('error', fail);
  } catch (error) {
    // A path that cannot be sent, for instance with a blank in it.
    const cause = error instanceof Error ? error : new Error(String(error));
    setImmediate(() => fail(cause));
  }
}

function readBody(
  response: http.IncomingMessage,
  limit: number,
  finish: Finish,
  fail: (error: NodeJS.ErrnoException) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const end = (): void =>
    finish({
      type: 'answered',
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      body: Buffer.concat(chunks).subarray(0, limit).toString('utf8'),
    });
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limit) end();
  });
  response.on('end', end);
  response.on('error', fail);
}
