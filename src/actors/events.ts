/** Fan-out of published events: whatever the journal releases, to every reader, in order. Readers bound themselves. */
import type { LoggedEvent, MarathonEvent } from '../core/events.ts';
import { eventNumber } from '../core/journal/event-id.ts';
import type { EventHub, EventReader, LogPosition } from './front.ts';
import type { EventsMessage } from './protocol.ts';
import type { ActorRef, Behaviour } from './runtime/types.ts';

interface EventsState {
  readonly readers: Set<EventReader>;
  /** Undefined while nobody leads here. */
  position: LogPosition | undefined;
}

/** The event fan-out. A reader that throws is dropped and logged; it never disturbs the others. */
export function eventsBehaviour(): Behaviour<EventsState, EventsMessage> {
  return {
    initial: () => ({ readers: new Set(), position: undefined }),
    receive: (state, message, context) => {
      const each = (readers: Iterable<EventReader>, tell: (reader: EventReader) => void): void => {
        for (const reader of readers) {
          try {
            tell(reader);
          } catch (error) {
            state.readers.delete(reader);
            context.metrics.count('http.event-streams.failed');
            context.logger.error('events.reader-failed', {}, error);
          }
        }
      };
      switch (message.type) {
        case 'attach': {
          const { position } = state;
          state.readers.add(message.reader);
          if (position) each([message.reader], (reader) => reader.began?.(position));
          return state;
        }
        case 'detach':
          state.readers.delete(message.reader);
          return state;
        case 'began':
          state.position = message.position;
          each(state.readers, (reader) => reader.began?.(message.position));
          return state;
        case 'ended':
          state.position = undefined;
          each(state.readers, (reader) => reader.ended?.());
          return state;
        case 'released':
          state.position = after(state.position, message.events);
          each(state.readers, (reader) => reader.deliver(message.events));
          return state;
      }
    },
    onFailure: () => 'resume',
  };
}

function after(position: LogPosition | undefined, events: readonly LoggedEvent[]): LogPosition | undefined {
  const last = events.findLast(({ id }) => id !== undefined)?.id;
  return position && last !== undefined ? { ...position, next: eventNumber(last) + 1 } : position;
}

/** The hub as the API sees it. `publish` takes an event that is not durable. */
export function eventHub(
  ref: ActorRef<EventsMessage>,
  publish: (event: MarathonEvent) => void,
  read: EventHub['read'],
): EventHub {
  return {
    read,
    attach: (reader) => {
      ref.tell({ type: 'attach', reader });
      return () => {
        ref.tell({ type: 'detach', reader });
      };
    },
    publish,
  };
}
