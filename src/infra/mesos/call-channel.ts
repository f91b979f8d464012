/**
 * The calls of one stream. Whatever must stay in order (ACCEPT before KILL) goes over one connection; acknowledgements, which
 * are most of the traffic and need no order, over others. A channel lives as long as its stream id.
 */
import type { Clock, Ids } from '../../actors/ports.ts';
import { hostAndPort, type MasterAddress } from './detector.ts';
import type { Answer } from './http-answers.ts';
import { createPipelinedSender, type PipelinedSender, type SenderLimits, type TlsSettings } from './sender.ts';

export type Call =
  | { readonly type: 'ACCEPT'; readonly taskIds: readonly string[]; readonly offerIds: readonly string[] }
  | { readonly type: 'DECLINE'; readonly offerIds: readonly string[] }
  | {
      readonly type: 'DECLINE_INVERSE_OFFERS' | 'KILL' | 'RECONCILE' | 'REVIVE' | 'SUPPRESS' | 'ACKNOWLEDGE';
    }
  | { readonly type: 'UPDATE_FRAMEWORK'; readonly added: readonly string[] }
  | { readonly type: 'TEARDOWN'; readonly settled: (reason: string | undefined) => void };

export interface Refusal {
  readonly reason: string;
  /** From 500 on nobody knows what became of the call, as when it is lost. */
  readonly status: number;
  /** No call of this stream will be taken any more; `stale` follows. */
  readonly isStale: boolean;
}

export interface CallChannelOptions {
  readonly address: MasterAddress;
  readonly streamId: string;
  readonly authorization: string | undefined;
  readonly tls: TlsSettings | undefined;
  readonly limits: SenderLimits;
  readonly acknowledgeConnections: number;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The master did not take the call; the text may be logged. */
  readonly refused: (call: Call, refusal: Refusal) => void;
  /** Nobody knows whether the master acted on the call. */
  readonly lost: (call: Call, reason: string) => void;
  /** The master does not know the stream id any more, or does not lead: only a new subscription helps. */
  readonly stale: (reason: string) => void;
  readonly trouble: (reason: string, lostCalls: number) => void;
}

export interface CallChannel {
  /** False when the queue is full. */
  readonly send: (body: string, call: Call) => boolean;
  readonly acknowledge: (body: string) => boolean;
  readonly queued: () => number;
  readonly unanswered: () => number;
  readonly close: (reason: string) => void;
}

const ACKNOWLEDGE: Call = { type: 'ACKNOWLEDGE' };
const MAX_REASON_CHARS = 200;

/** Texts of 400 that mean the stream and not the call (mesos-v1 §1.3, rows 16 and 21). */
const STALE_TEXT = /^Framework cannot be found|^The stream ID .* didn't match/;
/** 307 and 503: not the leader; 401: the credentials were changed; 403: the stream is gone. */
const STALE_STATUS: ReadonlySet<number> = new Set([307, 401, 403, 503]);

/** Begins the text of a 403 that an authorizer has caused. */
const NOT_AUTHORIZED = /^Not authorized to /;

/** True when the answer says that no call of this stream will be taken any more. */
export const isStale = (answer: Answer): boolean =>
  STALE_STATUS.has(answer.status) || (answer.status === 400 && STALE_TEXT.test(answer.body));

/** One line for the log. A parser that quotes the request could show what a task has in its environment: that part is cut off. */
export function describeAnswer(status: number, body: string): string {
  const line = (body.split(/[\r\n]/, 1)[0] ?? '').replace(/\bnear: .*$/, 'near …').slice(0, MAX_REASON_CHARS);
  return line === '' ? `status ${status}` : `status ${status}: ${line}`;
}

/** Everything before the length of the body. */
function requestHead(options: CallChannelOptions): string {
  const { address, streamId, authorization } = options;
  return [
    `POST ${address.path} HTTP/1.1`,
    `Host: ${hostAndPort(address)}`,
    'Content-Type: application/json',
    'Accept: application/json',
    `Mesos-Stream-Id: ${streamId}`,
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    'Content-Length: ',
  ].join('\r\n');
}

/** Opens the connections of a stream. */
export function openCallChannel(options: CallChannelOptions): CallChannel {
  const { address, tls, limits, clock, ids, lost, trouble } = options;

  function answered(call: Call, answer: Answer): void {
    if (answer.status >= 200 && answer.status < 300) {
      if (call.type === 'TEARDOWN') call.settled(undefined);
      return;
    }
    const reason = describeAnswer(answer.status, answer.body);
    // A 403 for new roles is about these, not about the stream.
    const isOver = isStale(answer) && !(call.type === 'UPDATE_FRAMEWORK' && NOT_AUTHORIZED.test(answer.body));
    options.refused(call, { reason, status: answer.status, isStale: isOver });
    if (isOver) options.stale(reason);
  }

  const connect = (): PipelinedSender<Call> => {
    const { host, port } = address;
    const over = address.tls ? (tls ?? {}) : undefined;
    return createPipelinedSender<Call>({
      host,
      port,
      tls: over,
      head,
      limits,
      clock,
      ids,
      answered,
      lost,
      trouble,
    });
  };
  const head = requestHead(options);
  const ordered = connect();
  const others = Array.from({ length: Math.max(1, options.acknowledgeConnections) }, connect);
  const all = [ordered, ...others];
  let next = 0;
  return {
    send: (body, call) => ordered.send(body, call),
    acknowledge: (body) => {
      next = (next + 1) % others.length;
      return others[next]?.send(body, ACKNOWLEDGE) ?? false;
    },
    queued: () => all.reduce((sum, sender) => sum + sender.queued(), 0),
    unanswered: () => all.reduce((sum, sender) => sum + sender.unanswered(), 0),
    close: (reason) => {
      for (const sender of all) sender.close(reason);
    },
  };
}
