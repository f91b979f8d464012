/**
 * The only place that knows nact. Of nact we use what it does well: an actor tree, and a turn of the event loop for each
 * actor that has something to do. Everything that it lacks or does dangerously (nact-notes §5) is never reached:
 * handlers are synchronous and do not throw, messages are empty wake-ups, names are never used twice, and nobody relies on
 * its supervision, its stop or its context.
 */
import { type ActorProps, dispatch, type Ref, spawn, start, stop } from 'nact';

export type NactRef = Ref<null>;

/** What a nact actor runs when it is woken. `turn` must not throw; if it does, `turnBroke` is told. */
export interface Worker {
  readonly turn: () => void;
  readonly turnBroke: (error: unknown) => void;
}

let systems = 0;

/** Starts a nact system. Its map of systems is global to the process, so each gets a name of its own. */
export function startSystem(name: string): NactRef {
  systems += 1;
  // The types ask for a string, which nact ignores (nact-notes §2).
  return start({ name: `${name}-${systems}` } as unknown as string);
}

/** Starts a nact actor that runs `worker.turn` once for each wake-up. */
export function spawnWorker(parent: NactRef, name: string, worker: Worker): NactRef {
  return spawn(parent, runTurn, name, { initialState: worker, onCrash: stopCrashed });
}

/**
 * Starts a nact actor that only ever holds children. nact copies an actor's map of children for each message that the actor
 * handles; this one handles none (nact-notes §4).
 */
export function spawnQuiet(parent: NactRef): NactRef {
  return spawn(parent, handleNothing, 'children');
}

// Given a sender, even none, nact allocates no stand-in for it. The types leave the parameter out on purpose.
const dispatchWithoutSender = dispatch as unknown as (target: NactRef, message: null, sender: null) => void;

/** Gives the actor one turn, in a later phase of the event loop. */
export function wake(target: NactRef): void {
  dispatchWithoutSender(target, null, null);
}

/** Takes one actor, or a system, out of nact's tree. Its children must be gone already: nact forgets them otherwise. */
export function stopNact(target: NactRef): void {
  stop(target);
}

function runTurn(worker: Worker): Worker {
  try {
    worker.turn();
  } catch (error) {
    worker.turnBroke(error);
  }
  return worker;
}

function handleNothing(): undefined {
  return undefined;
}

/** The default of nact would print. It comes to this only if a turn broke and its report broke too. */
const stopCrashed: NonNullable<ActorProps<Worker, unknown, NactRef>['onCrash']> = (_message, _error, context) =>
  context.stop;
