/** One reader of the event log: a connection, or one subscription of several on a connection. */
import type { GapEvent, LoggedEvent } from '../../core/events.ts';
import { formatEventId } from '../../core/journal/event-id.ts';
import type { Timestamp } from '../../core/time.ts';
import type { EventFilter } from './filter.ts';
import type { EventFormat } from './frames.ts';

/** The way to a reader. Nothing here waits. */
export interface StreamConnection {
  readonly remoteAddress: string;
  readonly write: (frames: Buffer) => void;
  /** Bytes that were written and have not left yet. */
  readonly backlogBytes: () => number;
  /** Bytes that have left, ever. */
  readonly sentBytes: () => number;
  /** Calls once when everything that was written has left. Only asked for while there is a backlog. */
  readonly whenDrained: (proceed: () => void) => void;
  /** Called every `heartbeatMs`. */
  readonly beat: () => void;
  /** Ends it in an orderly way, behind what was written. The reason reaches the reader where there is a way to say it. */
  readonly end: (reason: EndReason) => void;
  /** Ends it at once. */
  readonly cut: () => void;
}

export type EndReason = 'stopping' | 'missedEvents' | 'logUnreadable';

export interface ReaderOptions {
  readonly connection: StreamConnection;
  readonly format: EventFormat;
  readonly filter: EventFilter;
  /** Is told of events that it cannot get any more; otherwise its connection ends instead. */
  readonly wantsGaps: boolean;
  /** How the gap is said; absent = as an event in the reader's format. */
  readonly gapFrame?: (gap: GapEvent) => Buffer;
}

export class Reader {
  readonly options: ReaderOptions;
  /** Readers of one key get the same bytes. */
  readonly key: string;
  /** Gets what is published as it is published; otherwise it is fed from the log. */
  isLive = false;
  /** The round that had begun when it became live: it gets those behind it. */
  liveSince = 0;
  isGone = false;
  /** Came before it was known where the log stands: what others had added until then is not meant for it. */
  isEarly = false;
  /** Number of the next event that it needs, while it is fed from the log. */
  next = 0;
  /** What it was written first, and must not get again from the hub. */
  own: string | undefined;
  /** For how many heartbeats nothing has left, while something was waiting. */
  stalledBeats = 0;
  sentAtLastBeat = 0;

  constructor(options: ReaderOptions) {
    this.options = options;
    this.key = `${options.format.key} ${options.filter.key}`;
  }
}

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly reason: GapEvent['reason'];
}

/** Events `from` to `to` of one generation that the log does not have any more. */
export const expired = (generation: string, from: number, to: number): Gap => ({
  from: formatEventId(generation, from),
  to: formatEventId(generation, to),
  reason: 'expired',
});

/** The gap as an event. It has the id of the last event that is missing, so that a reader resumes behind it. */
export function gapEvent(
  { from, to, reason }: Gap,
  at: Timestamp,
): { readonly gap: GapEvent; readonly logged: LoggedEvent } {
  const gap: GapEvent = {
    eventType: 'event_stream_gap',
    timestamp: at,
    from,
    to,
    reason,
    resync: 'GET /v2/apps?embed=apps.tasks&embed=apps.deployments',
  };
  return { gap, logged: { id: to, type: gap.eventType, json: JSON.stringify(gap) } };
}
