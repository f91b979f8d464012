/** What happens when an actor throws, and how it ends. */
import { Ask } from './ask.ts';
import type { Cell } from './cell.ts';
import { stopNact } from './nact-link.ts';
import type { Context, Directive, StopReason } from './types.ts';

const DEFAULT_MAX_RESTARTS = 5;
const DEFAULT_RESTART_PERIOD_MS = 10_000;

/**
 * Makes the first state. A throw is supervised like any other; `resume` has nothing to go on with and counts as `stop`.
 * Afterwards the actor has a state, or has ended.
 */
export function startCell(cell: Cell): void {
  try {
    cell.state = cell.behaviour.initial(cell.context as Context<unknown>);
    cell.hasState = true;
  } catch (error) {
    failCell(cell, error, undefined, undefined);
  }
}

/** Decides about a throw and carries it out. `item` is what lay in the inbox, which may be an ask. */
export function failCell(cell: Cell, error: unknown, message: unknown, item: unknown): void {
  let cause = error;
  let about = message;
  if (item instanceof Ask) item.targetEnded(error);
  for (;;) {
    const directive = directiveFor(cell, cause, about);
    if (!cell.isAlive) return;
    if (directive === 'resume' && cell.hasState) return;
    if (directive !== 'restart' || !mayRestart(cell)) {
      endCell(cell, { type: 'failed', error: cause });
      return;
    }
    clearForRestart(cell, cause);
    // An `onStop` may have asked for the end of it all.
    if (!cell.isAlive) return;
    try {
      cell.state = cell.behaviour.initial(cell.context as Context<unknown>);
      cell.hasState = true;
      return;
    } catch (next) {
      cause = next;
      about = undefined;
    }
  }
}

/**
 * Ends an actor and all below it, leaves first, in reverse order of start. Nothing of it runs afterwards: timers are
 * cancelled, waiting messages become dead letters, asks fail at once.
 */
export function endCell(cell: Cell, reason: StopReason): void {
  if (cell.phase === 'stopping' || cell.phase === 'stopped') return;
  cell.phase = 'stopping';
  cell.kernel.enter(cell);
  try {
    tearDown(cell, reason);
  } finally {
    cell.kernel.leave();
  }
}

function tearDown(cell: Cell, reason: StopReason): void {
  const { kernel, parent } = cell;
  stopChildren(cell);
  cell.timers?.clear();
  retireState(cell);
  parent.children?.delete(cell.name);
  if (cell.quietNest !== undefined) stopNact(cell.quietNest);
  if (cell.address !== undefined) stopNact(cell.address);
  cell.phase = 'stopped';
  kernel.actors -= 1;
  cell.closeInbox();
  failAsks(cell, reason.type === 'failed' ? reason.error : undefined);
  tellParent(cell, reason);
  cell.context = undefined;
  cell.timers = undefined;
}

/** Stops the children of an actor or of the root, in reverse order of start. */
export function stopChildren(family: Pick<Cell, 'children'>): void {
  const { children } = family;
  if (children === undefined || children.size === 0) return;
  for (const child of [...children.values()].reverse()) endCell(child, { type: 'stopped' });
}

function directiveFor(cell: Cell, error: unknown, message: unknown): Directive {
  const { logger, metrics } = cell.kernel;
  metrics.count('actors.failures');
  let directive: Directive = 'restart';
  try {
    directive = cell.behaviour.onFailure?.(error, message) ?? 'restart';
  } catch (second) {
    directive = 'stop';
    logger.error('actor-on-failure-threw', { path: cell.path }, second);
  }
  logger.error('actor-failed', { path: cell.path, directive }, error);
  return directive;
}

/** Notes a restart; false if there were too many within the period. */
function mayRestart(cell: Cell): boolean {
  const { maxRestarts = DEFAULT_MAX_RESTARTS, restartPeriodMs = DEFAULT_RESTART_PERIOD_MS } = cell.options;
  const nowMs = cell.kernel.clock.monotonic();
  const recent = (cell.restarts ?? []).filter((atMs) => nowMs - atMs < restartPeriodMs);
  if (recent.length >= maxRestarts) {
    cell.kernel.logger.error('actor-restarted-too-often', { path: cell.path, maxRestarts, restartPeriodMs });
    return false;
  }
  recent.push(nowMs);
  cell.restarts = recent;
  return true;
}

/** Takes away what belonged to the old state. The inbox is kept, but not the news that only the old state understands. */
function clearForRestart(cell: Cell, cause: unknown): void {
  stopChildren(cell);
  cell.timers?.clear();
  retireState(cell);
  failAsks(cell, cause, true);
  // What the children's ends have put into the inbox is of the old incarnation, and void from here.
  cell.incarnation += 1;
  cell.kernel.restarts += 1;
  cell.kernel.metrics.count('actors.restarts');
}

/** Calls `onStop` for a state that `initial` made, once: the state is forgotten before the call. */
function retireState(cell: Cell): void {
  if (!cell.hasState) return;
  const { state } = cell;
  cell.hasState = false;
  cell.state = undefined;
  try {
    cell.behaviour.onStop?.(state);
  } catch (error) {
    cell.kernel.logger.error('actor-on-stop-threw', { path: cell.path }, error);
  }
}

/** Fails the open asks; those that still wait in a kept inbox may yet be answered and are spared. */
function failAsks(cell: Cell, cause: unknown, onlyDelivered = false): void {
  if (cell.asks === undefined) return;
  for (const ask of [...cell.asks]) if (ask.isDelivered || !onlyDelivered) ask.targetEnded(cause);
}

function tellParent(cell: Cell, reason: StopReason): void {
  try {
    cell.parent.childEnded(cell, reason);
  } catch (error) {
    cell.kernel.logger.error('actor-on-stopped-threw', { path: cell.path }, error);
  }
}
