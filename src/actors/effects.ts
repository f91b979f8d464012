/** What an actor wants the world to hear, once the batch that justifies it is durable (design §5.1). */
import type { ActorRef, AnyRef } from './runtime/types.ts';

export type Effect =
  | { readonly type: 'tell'; readonly to: AnyRef; readonly message: never }
  /** A call of a port. `what` names it in logs. */
  | { readonly type: 'call'; readonly what: string; readonly run: () => void };

/** Tells an actor. The pair is typed here, once; whoever performs it need not know the type. */
export const tell = <M>(to: ActorRef<M>, message: NoInfer<M>): Effect => ({
  type: 'tell',
  to,
  message: message as never,
});

/** Calls a port, e.g. `perform('acknowledge', () => link.acknowledge(…))`. Must not wait. */
export const perform = (what: string, run: () => void): Effect => ({ type: 'call', what, run });
