/** Checked by the compiler alone: each expected error must be one. */
import type { ActorRef, AnyRef, Behaviour, Context, Runtime } from '../../src/actors/runtime/types.ts';

interface Tick {
  readonly type: 'tick';
}
interface Stop {
  readonly type: 'stop';
}

declare const wide: ActorRef<Tick | Stop>;
declare const narrow: ActorRef<Tick>;
declare const runtime: Runtime;
declare const context: Context<Tick>;
declare const behaviour: Behaviour<number, Tick | Stop>;

/** A reference that takes more may be handed out as one that takes less. */
export const handedOut: ActorRef<Tick> = wide;
// @ts-expect-error the narrow one does not take Stop
export const widened: ActorRef<Tick | Stop> = narrow;
/** Identity is enough for stopping, and such a reference takes nothing. */
export const anyone: AnyRef = narrow;
// @ts-expect-error nothing can be told to any actor
anyone.tell({ type: 'tick' });
// @ts-expect-error an empty object is no reference
export const empty: ActorRef<Tick> = {};

narrow.tell({ type: 'tick' });
// @ts-expect-error not a message of this actor
narrow.tell({ type: 'stop' });

export const spawned: ActorRef<Tick | Stop> = runtime.spawn(behaviour, 'a');
export const partly: ActorRef<Tick> = runtime.spawn(behaviour, 'b');
// @ts-expect-error the behaviour does not take a number
export const wrongly: ActorRef<number> = runtime.spawn(behaviour, 'c');

context.timers.set('tick', 10, { type: 'tick' });
// @ts-expect-error a timer tells its own actor, which does not take Stop
context.timers.set('stop', 10, { type: 'stop' });
// @ts-expect-error the news of a child must be a message of the parent
context.spawn(behaviour, 'child', { onStopped: () => ({ type: 'stop' }) });

export const asynchronous: Behaviour<number, Tick> = {
  initial: () => 0,
  // @ts-expect-error handlers are synchronous
  receive: async (state) => state,
};

interface Ask {
  readonly replyTo: ActorRef<number>;
}
declare const asked: ActorRef<Ask>;
export const answer: Promise<number> = runtime.ask(asked, (replyTo: ActorRef<number>) => ({ replyTo }), 10);
// @ts-expect-error the question takes numbers for an answer
export const wrongAnswer: Promise<string> = runtime.ask(asked, (replyTo: ActorRef<string>) => ({ replyTo }), 10);
