/** HTTP probes that bring the answer's body along, for readiness checks: few, and only while a deployment waits. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { ProbeRequest, ProbeResult } from '../actors/ports.ts';

type Finish = (result: ProbeResult) => void;

/** Answers once, whatever happens, and not later than the time-out, which covers the body too; what is longer is cut. */
export function probeWithBody(probe: ProbeRequest & { readonly bodyBytes: number }, done: Finish): void {
  const { protocol, host, port, path, timeoutMs, bodyBytes } = probe;
  let isOver = false;
  const finish = (result: ProbeResult): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    done(result);
  };
  const fail = (error: NodeJS.ErrnoException): void => finish({ type: 'failed', cause: error.code ?? error.message });
  let request: http.ClientRequest | undefined;
  const timer = setTimeout(() => {
    fail(new Error(`no answer within ${timeoutMs} ms`));
    request?.destroy();
  }, timeoutMs);
  try {
    const headers = { 'User-Agent': 'ultramarathon', Accept: '*/*' };
    // A connection of its own, which is closed afterwards; any certificate will do (behaviour §4.5).
    const options = { host, port, path, headers, agent: false, rejectUnauthorized: false } as const;
    request = protocol === 'HTTPS' ? https.get(options) : http.get(options);
  } catch (error) {
    // A path that cannot be sent, for instance with a blank in it.
    fail(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  request.on('response', (response) => readBody(response, bodyBytes, finish, fail));
  request.on('error', fail);
}

function readBody(
  response: http.IncomingMessage,
  limit: number,
  finish: Finish,
  fail: (error: NodeJS.ErrnoException) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const end = (): void => {
    finish({
      type: 'answered',
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      body: Buffer.concat(chunks).subarray(0, limit).toString('utf8'),
    });
    response.destroy();
  };
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limit) end();
  });
  response.on('end', end);
  response.on('error', fail);
}
