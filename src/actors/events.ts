/** Fan-out of published events: whatever the journal releases, to every reader, in order. Readers bound themselves. */
import type { MarathonEvent } from '../core/events.ts';
import type { EventHub, EventReader } from './front.ts';
import type { EventsMessage } from './protocol.ts';
import type { ActorRef, Behaviour } from './runtime/types.ts';

interface EventsState {
  readonly readers: Set<EventReader>;
}

/** The event fan-out. A reader that throws is dropped and logged; it never disturbs the others. */
export function eventsBehaviour(): Behaviour<EventsState, EventsMessage> {
  return {
    initial: () => ({ readers: new Set() }),
    receive: (state, message, context) => {
      switch (message.type) {
        case 'attach':
          state.readers.add(message.reader);
          return state;
        case 'detach':
          state.readers.delete(message.reader);
          return state;
        case 'released':
          for (const reader of state.readers) {
            try {
              reader.deliver(message.events);
            } catch (error) {
              state.readers.delete(reader);
              context.metrics.count('http.event-streams.failed');
              context.logger.error('events.reader-failed', {}, error);
            }
          }
          return state;
      }
    },
    onFailure: () => 'resume',
  };
}

/** The hub as the API sees it. `publish` takes an event that is not durable. */
export function eventHub(ref: ActorRef<EventsMessage>, publish: (event: MarathonEvent) => void): EventHub {
  return {
    attach: (reader) => {
      ref.tell({ type: 'attach', reader });
      return () => {
        ref.tell({ type: 'detach', reader });
      };
    },
    publish,
  };
}
