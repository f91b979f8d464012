/** Which events a reader gets, from the query of its request (rest-api §10.1). */
import type { IncomingHttpHeaders } from 'node:http';
import { isMarathonType, type LoggedEvent } from '../../core/events.ts';
import { all, bool, first, type Query } from '../query.ts';

export interface EventFilter {
  /** Equal for readers that get the same events. */
  readonly key: string;
  readonly accepts: (event: LoggedEvent) => boolean;
  /** An event that it accepts now it will always accept; not so for labels, which change. */
  readonly isFixed: boolean;
}

export interface RequestFilter extends EventFilter {
  /** The reader knows of ids: it gets them, gap events, and types that Marathon lacks (design §7). */
  readonly withIds: boolean;
  /** It named the gap event, or knows of ids. */
  readonly wantsGaps: boolean;
}

/** `event_type` may repeat, exact names; absent = all. */
export function eventFilter(query: Query, headers: IncomingHttpHeaders): RequestFilter {
  const names = [...new Set(all(query, 'event_type').filter((name) => name !== ''))].sort();
  const withIds =
    headers['last-event-id'] !== undefined || first(query, 'since') !== undefined || bool(query, 'ids', false);
  const types = typeFilter(names, withIds);
  return { ...types, withIds, wantsGaps: withIds || names.includes('event_stream_gap') };
}

/** By exact type names; none = all that Marathon has, and with `isOpen` the others too. */
export function typeFilter(names: readonly string[], isOpen: boolean): EventFilter {
  const types = new Set(names);
  const key = `${isOpen ? '+' : ''}${JSON.stringify([...types].sort())}`;
  if (types.size > 0) return { key, isFixed: true, accepts: ({ type }) => types.has(type) };
  return { key, isFixed: true, accepts: isOpen ? () => true : ({ type }) => isMarathonType(type) };
}
