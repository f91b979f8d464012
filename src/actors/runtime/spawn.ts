import type { Clock, Logger, Metrics } from '../ports.ts';
import { type AnyBehaviour, type AnyOptions, Cell, type Family } from './cell.ts';
import { NameTaken, ParentEnded } from './errors.ts';
import type { Kernel } from './kernel.ts';
import { spawnWorker } from './nact-link.ts';
import { startCell } from './supervision.ts';
import { CellTimers } from './timers.ts';
import type { ActorRef, AnyRef, Behaviour, Context, SpawnOptions, Timers } from './types.ts';

const NO_OPTIONS: AnyOptions = {};

/**
 * Starts an actor below `parent` and makes its first state. Throws `NameTaken` and `ParentEnded`. If `initial` keeps throwing
 * the actor has ended when this returns, and its parent hears of it like of any other end.
 */
export function spawnCell(
  kernel: Kernel,
  parent: Family,
  behaviour: AnyBehaviour,
  name: string,
  options: AnyOptions = NO_OPTIONS,
): Cell {
  if (parent.phase === 'stopping' || parent.phase === 'stopped') throw new ParentEnded(parent.path);
  if (parent.children?.has(name)) throw new NameTaken(`${parent.path}/${name}`);
  const cell = new Cell(kernel, parent, behaviour, name, options);
  if (options.isLight !== true) cell.address = spawnWorker(parent.nest(), kernel.nextName(), cell);
  cell.context = new CellContext(cell);
  parent.children ??= new Map();
  parent.children.set(name, cell);
  kernel.actors += 1;
  kernel.enter(cell);
  try {
    startCell(cell);
  } finally {
    kernel.leave();
  }
  return cell;
}

/** What an actor may do. It is made once for each actor and holds nothing but the actor. */
class CellContext implements Context<unknown> {
  readonly #cell: Cell;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  get self(): ActorRef<unknown> {
    return this.#cell;
  }

  get name(): string {
    return this.#cell.name;
  }

  get clock(): Clock {
    return this.#cell.kernel.clock;
  }

  get logger(): Logger {
    return this.#cell.kernel.logger;
  }

  get metrics(): Metrics {
    return this.#cell.kernel.metrics;
  }

  get timers(): Timers<unknown> {
    this.#cell.timers ??= new CellTimers(this.#cell);
    return this.#cell.timers;
  }

  spawn<S, C>(behaviour: Behaviour<S, C>, name: string, options?: SpawnOptions<unknown>): ActorRef<C> {
    // The cell hands the behaviour nothing but its own states and what its typed reference let through.
    return spawnCell(this.#cell.kernel, this.#cell, behaviour as unknown as AnyBehaviour, name, options);
  }

  stop(ref: AnyRef): void {
    if (ref instanceof Cell) this.#cell.kernel.stop(ref);
  }
}
