/** One subscription: a POST that is answered by an endless stream of records on a connection of its own (mesos-v1 §1.4–§1.6). */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock, TimerHandle } from '../../actors/ports.ts';
import { hostAndPort, type MasterAddress } from './detector.ts';
import type { WireEvent } from './events.ts';
import { parseExact } from './exact-json.ts';
import { createRecordDecoder } from './recordio.ts';
import type { TlsSettings } from './sender.ts';

/** Assumed when SUBSCRIBED names no interval. */
const DEFAULT_HEARTBEAT_MS = 15_000;
/** The body of a refusal is a sentence; no more is read. */
const MAX_REFUSAL_CHARS = 4 * 1024;
/** Finds a connection that broke without a word below HTTP too. */
const TCP_KEEP_ALIVE_MS = 30_000;

export interface SubscriptionOptions {
  readonly address: MasterAddress;
  readonly body: string;
  readonly authorization: string | undefined;
  readonly tls: TlsSettings | undefined;
  readonly clock: Clock;
  /** From the beginning to SUBSCRIBED. */
  readonly subscribeTimeoutMs: number;
  /** The stream is dead after so many heartbeat intervals without a byte. */
  readonly missedHeartbeats: number;
  /** Every record, in order. */
  readonly event: (event: WireEvent, streamId: string) => void;
  /** Called once, and nothing after it; not called after `close`. */
  readonly ended: (end: SubscriptionEnd) => void;
}

export type SubscriptionEnd =
  | { readonly type: 'redirected'; readonly location: string }
  /** Answered with another status than 200. */
  | { readonly type: 'refused'; readonly status: number; readonly body: string }
  /** Could not connect, broke, fell silent, or sent what cannot be read. */
  | { readonly type: 'broken'; readonly reason: string };

export interface Subscription {
  readonly close: () => void;
}

/** Sends SUBSCRIBE and reads the stream until it ends. */
export function openSubscription(options: SubscriptionOptions): Subscription {
  let isOver = false;
  let hasBegun = false;
  let request: ClientRequest | undefined;
  const silence = watchSilence(options.clock, () =>
    end({ type: 'broken', reason: hasBegun ? 'missed heartbeats' : 'no SUBSCRIBED in time' }),
  );
  const decoder = createRecordDecoder((record) => takeRecord(record));
  let streamId = '';

  function close(): void {
    isOver = true;
    silence.stop();
    decoder.stop();
    request?.destroy();
  }

  function end(how: SubscriptionEnd): void {
    if (isOver) return;
    close();
    options.ended(how);
  }

  function takeRecord(record: string): void {
    const event = parseEvent(record);
    if (event === undefined) {
      end({ type: 'broken', reason: 'a record that is not a JSON object' });
      return;
    }
    if (event.type === 'SUBSCRIBED') {
      hasBegun = true;
      const seconds = Number(event.subscribed?.heartbeat_interval_seconds);
      const intervalMs = seconds > 0 ? seconds * 1000 : DEFAULT_HEARTBEAT_MS;
      silence.allow(intervalMs * options.missedHeartbeats);
    }
    options.event(event, streamId);
  }

  function takeResponse(response: IncomingMessage): void {
    if (isOver) return;
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (status === 307 && location !== undefined) {
      end({ type: 'redirected', location });
      return;
    }
    if (status !== 200) {
      readRefusal(response, (body) => end({ type: 'refused', status, body }));
      return;
    }
    const id = response.headers['mesos-stream-id'];
    if (typeof id !== 'string') {
      end({ type: 'broken', reason: 'an answer without Mesos-Stream-Id' });
      return;
    }
    streamId = id;
    response.on('data', (chunk: Buffer) => {
      // Before SUBSCRIBED the time is limited as a whole: bytes that trickle in must not put off the next master for ever.
      if (hasBegun) silence.heard();
      const fault = decoder.push(chunk);
      if (fault !== undefined) end({ type: 'broken', reason: fault.message });
    });
    response.on('end', () => end({ type: 'broken', reason: 'the master ended the stream' }));
    response.on('error', (error: NodeJS.ErrnoException) => end({ type: 'broken', reason: reasonOf(error) }));
    response.on('close', () => end({ type: 'broken', reason: 'the stream broke' }));
  }

  silence.allow(options.subscribeTimeoutMs);
  request = post(options);
  request.on('response', takeResponse);
  request.on('error', (error: NodeJS.ErrnoException) => end({ type: 'broken', reason: reasonOf(error) }));
  request.on('close', () => end({ type: 'broken', reason: 'the connection closed' }));
  request.end(options.body);
  return { close };
}

function parseEvent(record: string): WireEvent | undefined {
  try {
    const value: unknown = parseExact(record);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const reasonOf = (error: NodeJS.ErrnoException): string => error.code ?? error.message;

function post(options: SubscriptionOptions): ClientRequest {
  const { address, body, authorization, tls } = options;
  const settings = {
    method: 'POST',
    host: address.host,
    port: address.port,
    path: address.path,
    // A fresh connection that nobody shares.
    agent: false as const,
    headers: {
      Host: hostAndPort(address),
      'Content-Type': 'application/json',
      Accept: 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    },
  };
  const request = address.tls ? httpsRequest({ ...settings, ...tls }) : httpRequest(settings);
  request.on('socket', (socket) => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
  });
  return request;
}

function readRefusal(response: IncomingMessage, done: (body: string) => void): void {
  let body = '';
  response.setEncoding('latin1');
  response.on('data', (text: string) => {
    body += text;
    if (body.length > MAX_REFUSAL_CHARS) done(body.slice(0, MAX_REFUSAL_CHARS));
  });
  response.on('end', () => done(body));
  response.on('error', () => done(body));
}

interface SilenceWatch {
  /** Sets how long a silence may last, from now on. */
  readonly allow: (silenceMs: number) => void;
  readonly heard: () => void;
  readonly stop: () => void;
}

/** Any byte counts as a sign of life. The timer is not touched for each of them: it looks at the last one when it fires. */
function watchSilence(clock: Clock, tooLong: () => void): SilenceWatch {
  let heardAt = clock.monotonic();
  let allowedMs = 0;
  let timer: TimerHandle | undefined;
  let isStopped = false;

  function sleep(delayMs: number): void {
    timer?.cancel();
    timer = clock.after(delayMs, look);
  }

  function look(): void {
    const leftMs = heardAt + allowedMs - clock.monotonic();
    if (leftMs > 0) {
      sleep(leftMs);
      return;
    }
    // A process that was frozen finds its timer due before it has read what came meanwhile: the sockets get one turn.
    setImmediate(() => {
      if (isStopped) return;
      const stillLeftMs = heardAt + allowedMs - clock.monotonic();
      if (stillLeftMs > 0) sleep(stillLeftMs);
      else tooLong();
    });
  }

  return {
    allow: (silenceMs) => {
      heardAt = clock.monotonic();
      allowedMs = silenceMs;
      sleep(silenceMs);
    },
    heard: () => {
      heardAt = clock.monotonic();
    },
    stop: () => {
      isStopped = true;
      timer?.cancel();
    },
  };
}
