/** Which events a reader gets, from the query of its request (rest-api §10.1). */
import type { IncomingHttpHeaders } from 'node:http';
import { type EventType, isOurs } from '../../core/events.ts';
import { all, bool, first, type Query } from '../query.ts';

export interface EventFilter {
  /** Exact type names; undefined = all. */
  readonly types: ReadonlySet<string> | undefined;
  /** `id:` lines only for readers that know of them (design §7). */
  readonly withIds: boolean;
  /** Types that Marathon lacks come too, named or not. */
  readonly withOurs: boolean;
  /** Equal for readers that get the same events. */
  readonly key: string;
}

/** `event_type` may repeat; `plan-format` is accepted and changes nothing, since plans are always light. */
export function eventFilter(query: Query, headers: IncomingHttpHeaders): EventFilter {
  const names = [...new Set(all(query, 'event_type').filter((name) => name !== ''))].sort();
  const withIds =
    headers['last-event-id'] !== undefined || first(query, 'since') !== undefined || bool(query, 'ids', false);
  const types = names.length === 0 ? undefined : new Set(names);
  return { types, withIds, withOurs: withIds, key: JSON.stringify([withIds, ...names]) };
}

/** True if a reader with this filter gets events of this type. */
export const wants = ({ types, withOurs }: EventFilter, type: EventType): boolean =>
  types ? types.has(type) : withOurs || !isOurs(type);
