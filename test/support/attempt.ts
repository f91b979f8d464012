/** One HTTP request whose every way to end is a value: what a careful client can tell about it. */
import { request } from 'node:http';
import type { Outcome } from './history.ts';

export type Attempt =
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly writeOutcome: string | undefined;
      readonly text: string;
    }
  /** No connection came about: nothing was sent. */
  | { readonly type: 'notConnected'; readonly reason: string }
  /** The connection broke, or nobody answered in time, after the request may have been sent. */
  | { readonly type: 'broken'; readonly reason: string };

/** Sends once, on a connection of its own. Never rejects. */
export function attempt(url: string, method: string, path: string, body?: object, timeoutMs = 5_000): Promise<Attempt> {
  return new Promise((resolve) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) };
    let isConnected = false;
    const outgoing = request(url + path, { method, headers, agent: false });
    const fail = (reason: string): void => resolve({ type: isConnected ? 'broken' : 'notConnected', reason });
    const timer = setTimeout(() => {
      // Without a connection nothing can have been sent, but a program that is frozen accepts connections all the same.
      fail(`no answer within ${timeoutMs} ms`);
      outgoing.destroy();
    }, timeoutMs);
    outgoing.on('socket', (socket) => {
      socket.once('connect', () => {
        isConnected = true;
      });
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code ?? error.message);
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => fail(`in the answer: ${error.message}`));
      response.on('close', () => clearTimeout(timer));
      response.on('end', () => {
        const outcome = response.headers['marathon-write-outcome'];
        resolve({
          type: 'answer',
          status: response.statusCode ?? 0,
          writeOutcome: typeof outcome === 'string' ? outcome : undefined,
          text: Buffer.concat(chunks).toString(),
        });
      });
    });
    outgoing.end(payload);
  });
}

/** What a client may conclude of a write. Answers of 500 and more that do not say leave it in the dark. */
export function outcomeOf(result: Attempt): Outcome {
  if (result.type === 'notConnected') return 'refused';
  if (result.type === 'broken') return 'unknown';
  if (result.status < 400) return 'ok';
  if (result.status < 500) return 'refused';
  return result.writeOutcome === 'refused' ? 'refused' : 'unknown';
}

/** For people. */
export function describeAttempt(result: Attempt): string {
  if (result.type !== 'answer') return `${result.type}: ${result.reason}`;
  const said = result.status < 400 ? '' : ` ${result.text.slice(0, 160)}`;
  return `${result.status}${result.writeOutcome === undefined ? '' : ` ${result.writeOutcome}`}${said}`;
}
