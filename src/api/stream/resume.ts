/** Where a reader wants to go on: `Last-Event-ID` of a browser that reconnects, or `since=` (design §7). */
import type { IncomingHttpHeaders } from 'node:http';
import type { LogPosition } from '../../actors/front.ts';
import { type EventPosition, formatEventId, parseEventId } from '../../core/journal/event-id.ts';
import { type Refusal, refusal } from '../../core/refusal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { first, type Query } from '../query.ts';

/** The last event that the reader has seen; undefined = it begins with what comes now. */
export type ResumePoint = EventPosition | undefined;

/** The header wins: a browser sends it beside the `since=` that it began with. An empty id means "from now on". */
export function resumePoint(query: Query, headers: IncomingHttpHeaders): Result<ResumePoint, Refusal> {
  const header = headers['last-event-id'];
  return parsePoint(typeof header === 'string' && header !== '' ? header : first(query, 'since'));
}

/** Refused with 400 if it is no id of ours. */
export function parsePoint(text: string | undefined): Result<ResumePoint, Refusal> {
  if (text === undefined || text === '') return ok(undefined);
  const position = parseEventId(text);
  if (position) return ok(position);
  const shown = JSON.stringify(text.slice(0, 100));
  return err(refusal('badRequest', `${shown} is not an event id: ids look like "<generation>.<number>"`));
}

/** How a reader begins, given where the log stands. */
export type Beginning =
  | { readonly type: 'live' }
  /** Needs the events from this number on. */
  | { readonly type: 'behind'; readonly next: number }
  /** What it has seen is of a state that is no more. */
  | { readonly type: 'replaced'; readonly from: string };

/** Refused with 400 for an event that was never given, with 503 as long as the log is not known. */
export function beginning(point: ResumePoint, log: LogPosition | undefined): Result<Beginning, Refusal> {
  if (!point) return ok({ type: 'live' });
  if (!log) {
    const headers = { 'Retry-After': '1' };
    return err(refusal('unavailable', 'The event log is not loaded yet', { headers }));
  }
  const { generation, number } = point;
  if (generation !== log.generation) return ok({ type: 'replaced', from: formatEventId(generation, number + 1) });
  if (number < log.next) return ok(number + 1 === log.next ? { type: 'live' } : { type: 'behind', next: number + 1 });
  const newest = formatEventId(log.generation, log.next - 1);
  const given = formatEventId(generation, number);
  return err(refusal('badRequest', `Event ${given} has not happened yet: the newest one is ${newest}`));
}
