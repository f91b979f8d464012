/** What crosses the border between the leader's thread and the prober's: small arrays, many in one message. */
import type { ProbeRequest } from '../../actors/ports.ts';

/** Number of the probe, then what to ask. The path is empty for TCP. */
export type WireRequest = readonly [
  id: number,
  protocol: ProbeRequest['protocol'],
  host: string,
  port: number,
  path: string,
  timeoutMs: number,
  /** How many bytes of the body to bring along; 0 = the status alone. */
  bodyBytes: number,
];

/** `answered` with the HTTP status (0 for TCP), or one of the two kinds of failure with its cause. */
export type WireAnswer =
  | readonly [id: number, type: 'answered', status: number]
  | readonly [id: number, type: 'answered', status: number, contentType: string, body: string]
  | readonly [id: number, type: 'failed' | 'notAsked', cause: string];

/** How long answers gather in the prober's thread before they go out together. Nobody waits for a probe within milliseconds. */
export const answerGatherMs = 5;
/** The same for requests in the leader's thread. */
export const requestGatherMs = 2;
/** Sockets that the prober opens at once; what comes on top waits in its thread, and its time-out does not run meanwhile. */
export const maxSockets = 4_096;
/** Probes that may be unanswered in all; what comes on top is told at once that it was not asked. */
export const maxOutstanding = 16_384;
