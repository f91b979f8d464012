/** Posts events over HTTP (rest-api §10.5): one event a request, no redirects, a time-out for the whole exchange. */
import { createHmac } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type { CallbackPoster, Clock } from '../actors/ports.ts';
import type { LoggedEvent } from '../core/events.ts';
import type { PostResult } from '../core/events-callback.ts';

/** An answer's body is read so far, for the connection to be used again; beyond it the connection is given up. */
const maxAnswerBytes = 64 * 1024;
/** An idle connection is kept so long. */
const keepAliveMs = 30_000;

export interface PosterOptions {
  readonly clock: Clock;
  /** JSON of an event as readers get it. */
  readonly render: (event: LoggedEvent) => string;
}

/**
 * `Marathon-Event-Id` names the event, so that a subscriber knows one that comes twice; `Marathon-Missed-Events` the first and the last one that
 * it will not get. With a secret, `Marathon-Signature` is
 * `t=<epoch s>,sha256=<hex>`: HMAC-SHA256 of `<epoch s>.<body>`.
 */
export function createCallbackPoster({ clock, render }: PosterOptions): CallbackPoster {
  const agents = {
    'http:': new http.Agent({ keepAlive: true, timeout: keepAliveMs }),
    'https:': new https.Agent({ keepAlive: true, timeout: keepAliveMs }),
  };
  return {
    post: ({ url, event, secret, missed, timeoutMs }, done) => {
      const body = Buffer.from(render(event));
      const seconds = Math.floor(clock.now() / 1_000);
      const headers = {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'Content-Length': body.length,
        'User-Agent': 'ultramarathon',
        ...(event.id === undefined ? {} : { 'Marathon-Event-Id': event.id }),
        ...(missed === undefined ? {} : { 'Marathon-Missed-Events': `${missed.from} ${missed.to}` }),
        ...(secret === undefined ? {} : { 'Marathon-Signature': signature(secret, seconds, body) }),
      };
      const target = new URL(url);
      const isSecure = target.protocol === 'https:';
      const send = isSecure ? https.request : http.request;
      const agent = agents[isSecure ? 'https:' : 'http:'];
      exchange({ start: () => send(target, { method: 'POST', agent, headers }), body, timeoutMs, clock }, done);
    },
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

/** See `createCallbackPoster`. */
export function signature(secret: string, seconds: number, body: Buffer): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex');
  return `t=${seconds},sha256=${digest}`;
}

interface Exchange {
  readonly start: () => http.ClientRequest;
  readonly body: Buffer;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

function exchange({ start, body, timeoutMs, clock }: Exchange, done: (result: PostResult) => void): void {
  const begunAtMs = clock.monotonic();
  let status: number | undefined;
  let isOver = false;
  let request: http.ClientRequest | undefined;
  const finish = (cause: string): void => {
    if (isOver) return;
    isOver = true;
    timer.cancel();
    const durationMs = clock.monotonic() - begunAtMs;
    const result: PostResult =
      status === undefined ? { type: 'failed', cause } : { type: 'answered', status, durationMs };
    setImmediate(() => done(result));
  };
  const timer = clock.after(timeoutMs, () => {
    finish(`no answer within ${timeoutMs} ms`);
    request?.destroy();
  });
  const attempt = (isSecond: boolean): void => {
    try {
      request = start();
    } catch (error) {
      finish(causeOf(error));
      return;
    }
    const sent = request;
    sent.on('error', (error) => {
      // The other side closed a kept connection while the request was on its way: no trouble of its own.
      const isStale = sent.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      if (isStale && !isSecond && !isOver && status === undefined) attempt(true);
      else finish(causeOf(error));
    });
    sent.on('response', (response) => {
      status = response.statusCode ?? 0;
      let read = 0;
      response.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read > maxAnswerBytes) response.destroy();
      });
      for (const end of ['end', 'close', 'error']) response.on(end, () => finish(''));
    });
    sent.end(body);
  };
  attempt(false);
}

const causeOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
};
