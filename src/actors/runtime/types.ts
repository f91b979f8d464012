/** The shape of an actor and of what it is given (nact-notes §12). */
import type { Clock, Logger, Metrics } from '../ports.ts';

/**
 * A typed address. `tell` is a property of function type and therefore contravariant: a reference that takes more messages
 * may be handed out as one that takes fewer, never the other way round.
 */
export interface ActorRef<in M> {
  /** `/ultramarathon/apps/prod_web`; for logs. */
  readonly path: string;
  /** Never throws and never waits. False if the message became a dead letter: target stopped, or its inbox full. */
  readonly tell: (message: M) => boolean;
}

/** Any actor, when only its identity matters. */
export type AnyRef = ActorRef<never>;

/** Why an actor ended. */
export type StopReason =
  | { readonly type: 'stopped' }
  /** It threw, and its behaviour said `stop`, or it was restarted too often. */
  | { readonly type: 'failed'; readonly error: unknown };

export type Directive = 'resume' | 'restart' | 'stop';

/** Named timers that die with their actor, and when it restarts. */
export interface Timers<M> {
  /** Tells the actor `message` after `delayMs`; a timer of the same name is replaced. */
  readonly set: (name: string, delayMs: number, message: M) => void;
  readonly cancel: (name: string) => void;
  readonly has: (name: string) => boolean;
}

export interface SpawnOptions<ParentM> {
  /** Messages that may wait; beyond it `tell` answers false. Default 100,000. */
  readonly inboxLimit?: number;
  /** Restarts allowed within the period; one more stops the actor as failed. Default 5 in 10 s. */
  readonly maxRestarts?: number;
  readonly restartPeriodMs?: number;
  /**
   * For actors that come by the hundred thousand: it has a nact actor only while it has messages, one that it shares with others of its
   * kind. It must not have children.
   */
  readonly isLight?: boolean;
  /** What the parent is told when the child of that name has ended, for whatever reason. */
  readonly onStopped?: (reason: StopReason, name: string) => ParentM;
}

export interface Context<M> {
  readonly self: ActorRef<M>;
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly timers: Timers<M>;
  /** Starts a child; throws if a live child has that name. Its cost does not grow with the number of children. */
  readonly spawn: <S, C>(behaviour: Behaviour<S, C>, name: string, options?: SpawnOptions<M>) => ActorRef<C>;
  /** Stops a child, or `self`, leaves first; it is stopped when this returns, except that `self` finishes its message. */
  readonly stop: (ref: AnyRef) => void;
}

/** What an actor does. Handlers are synchronous, always: slow work goes through a port and comes home as a message. */
export interface Behaviour<S, M> {
  readonly initial: (context: Context<M>) => S;
  readonly receive: (state: S, message: M, context: Context<M>) => S;
  /** Decides after a throw; `restart` when absent. `message` is absent if `initial` threw. */
  readonly onFailure?: (error: unknown, message: M | undefined) => Directive;
  /** Exactly once for each state that `initial` made, after the children have stopped. */
  readonly onStop?: (state: S) => void;
}

export interface RuntimeOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Messages that one actor may handle before the others get their turn, unless its inbox is long (eight times as many). Default 64. */
  readonly drainLimit?: number;
  /** Time that one actor may use in a turn of the loop. Default 5 ms. */
  readonly turnBudgetMs?: number;
}

export interface RuntimeStats {
  readonly actors: number;
  readonly deadLetters: number;
  readonly restarts: number;
  /** Messages that wait in inboxes now. */
  readonly queued: number;
  readonly handled: number;
}

export interface Runtime {
  /** Starts a top-level actor. */
  readonly spawn: <S, M>(
    behaviour: Behaviour<S, M>,
    name: string,
    options?: Omit<SpawnOptions<never>, 'onStopped'> & { readonly onStopped?: (reason: StopReason) => void },
  ) => ActorRef<M>;
  /**
   * Asks: `message` gets an address for the one reply. Rejects with `AskTimeout` after `timeoutMs`, with `AskTargetStopped` as
   * soon as the target stops (at once if it has), and with `AskInboxFull`.
   */
  readonly ask: <M, R>(target: ActorRef<M>, message: (replyTo: ActorRef<R>) => M, timeoutMs: number) => Promise<R>;
  /** Stops one tree, leaves first. */
  readonly stop: (ref: AnyRef) => void;
  /** Resolves once no inbox holds a message and none is being handled. Timers do not count. */
  readonly idle: () => Promise<void>;
  readonly stats: () => RuntimeStats;
  /**
   * Lets actors take their turns until this monotonic time and no longer: a process that was stopped, or was too busy to call this
   * again, finds out before any actor acts (design §5.11). The first turn that comes too late calls `onLate` once; from then on
   * messages wait in their inboxes. Calling it again goes on.
   */
  readonly runUntil: (monotonicMs: number, onLate: () => void) => void;
  /** Messages wait from now on, until `runUntil`. */
  readonly pause: () => void;
  /** Stops everything, leaves first, in reverse order of start. */
  readonly shutdown: () => Promise<void>;
}
