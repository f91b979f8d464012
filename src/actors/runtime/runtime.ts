/** The actor runtime: nact's actors with what nact lacks (nact-notes §12). */
import { ask } from './ask.ts';
import { type AnyBehaviour, type AnyOptions, Cell, type Family, type Phase } from './cell.ts';
import { Kernel } from './kernel.ts';
import { type NactRef, startSystem, stopNact } from './nact-link.ts';
import { spawnCell } from './spawn.ts';
import { endCell, stopChildren } from './supervision.ts';
import type { ActorRef, AnyRef, Behaviour, Runtime, RuntimeOptions, StopReason } from './types.ts';

/**
 * Starts a runtime. Registers the gauges `actors.inbox.depth` (messages that wait, in all inboxes) `actors.live` and `actors.timers`, counts
 * `actors.dead-letters`, `actors.failures` and `actors.restarts`, and times `actors.turn` (milliseconds), and counts `actors.pauses` (turns that came after `runUntil`).
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const root = new Root(options.name);
  const kernel = new Kernel(options, root.nest(), (cell) => endCell(cell, { type: 'stopped' }));
  let asks = 0;
  options.metrics.gauge('actors.inbox.depth', () => kernel.queued);
  options.metrics.gauge('actors.timers', () => kernel.timers.size);
  options.metrics.gauge('actors.live', () => kernel.actors);
  return {
    spawn: <S, M>(behaviour: Behaviour<S, M>, name: string, spawnOptions?: object): ActorRef<M> =>
      // Types end here: the typed reference lets through only what the behaviour takes.
      spawnCell(kernel, root, behaviour as unknown as AnyBehaviour, name, spawnOptions as AnyOptions | undefined),
    ask: <M, R>(target: ActorRef<M>, message: (replyTo: ActorRef<R>) => M, timeoutMs: number): Promise<R> => {
      asks += 1;
      return ask(kernel, target, target instanceof Cell ? target : undefined, message, timeoutMs, asks);
    },
    stop: (ref: AnyRef): void => {
      if (ref instanceof Cell) kernel.stop(ref);
    },
    idle: () => kernel.idle(),
    stats: () => kernel.stats(),
    runUntil: (monotonicMs, onLate) => kernel.runUntil(monotonicMs, onLate),
    pause: () => kernel.pause(),
    shutdown: async () => {
      await root.close(kernel);
    },
  };
}

/** The parent of the top-level actors: nact's system, which handles no messages either. */
class Root implements Family {
  readonly parent = undefined;
  readonly path: string;
  phase: Phase = 'alive';
  children: Map<string, Cell> | undefined = undefined;
  readonly #system: NactRef;

  constructor(name: string) {
    this.path = `/${name}`;
    this.#system = startSystem(name);
  }

  nest(): NactRef {
    return this.#system;
  }

  childEnded(child: Cell, reason: StopReason): void {
    child.options.onStopped?.(reason, child.name);
  }

  /** Ends everything. Called from within a handler it waits until that handler has returned. */
  async close(kernel: Kernel): Promise<void> {
    if (this.phase !== 'alive') return;
    this.phase = 'stopping';
    if (kernel.isInHandler) await Promise.resolve();
    stopChildren(this);
    kernel.timers.close();
    kernel.takers.close();
    stopNact(this.#system);
    this.phase = 'stopped';
  }
}
