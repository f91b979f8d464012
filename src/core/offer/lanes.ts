/** Who waits, arranged for a pass: apps take turns in a ring for each role. */

import { type ConstraintJudge, judgeOf } from './constraints.ts';
import type { AppDemand, MatchSettings, WaitingInstance } from './demand.ts';
import { type AppNeeds, acceptedRoles, needsOf } from './needs.ts';
import type { AppRefusals, ReasonSet } from './refusals.ts';
import type { Amounts } from './resources.ts';

/**
 * A demand, and whether the app's top-level group enforces its role (told to the task, behaviour §8.1; default: no).
 */
export type MatchDemand = AppDemand & { readonly enforceGroupRole?: boolean };

/** One app during a pass. */
export interface AppState {
  readonly demand: MatchDemand;
  readonly needs: AppNeeds;
  readonly refusals: AppRefusals;
  /** Built when first needed, since it looks at every placement. */
  readonly judge: () => ConstraintJudge;
  /** One for each role that its instances keep. */
  readonly lanes: Lane[];
  /** Instances that still wait, over all roles. */
  open: number;
}

/** What many apps have in common: if an offer is too small for one of them, it is for all. */
export interface Shape {
  readonly roles: readonly string[];
  readonly needs: Amounts;
  /** The offer (by number in the pass) that is known to be too small, and why. */
  deadOffer: number;
  deadReasons: ReasonSet;
}

/** The instances of one app that keep one role. Alone, it is its own neighbour. */
export class Lane {
  readonly role: string;
  readonly state: AppState;
  readonly shape: Shape;
  readonly waiting: readonly WaitingInstance[];
  /** Index of the next one to launch. */
  taken = 0;
  before: Lane = this;
  after: Lane = this;

  constructor(role: string, state: AppState, shape: Shape, waiting: readonly WaitingInstance[]) {
    this.role = role;
    this.state = state;
    this.shape = shape;
    this.waiting = waiting;
  }
}

/** The lanes of one role, in a ring whose head is asked first. */
export class Ring {
  /** The shapes of its lanes, and how many lanes have each. */
  readonly shapes = new Map<Shape, number>();
  size = 0;
  /** No lane needs less than this; lanes that leave do not raise it. */
  leastCpus = Number.POSITIVE_INFINITY;
  leastMem = Number.POSITIVE_INFINITY;
  #head: Lane | undefined;

  /** The lane that is asked first; undefined if nobody waits. */
  get head(): Lane | undefined {
    return this.#head;
  }

  /** Puts a new lane at the end, before the head. */
  add(lane: Lane): void {
    const { shape } = lane;
    const head = this.#head ?? lane;
    lane.after = head;
    lane.before = head.before;
    lane.before.after = lane;
    head.before = lane;
    this.#head = head;
    this.size += 1;
    this.shapes.set(shape, (this.shapes.get(shape) ?? 0) + 1);
    this.leastCpus = Math.min(this.leastCpus, shape.needs.cpus);
    this.leastMem = Math.min(this.leastMem, shape.needs.mem);
  }

  /** Takes a satisfied lane out; whoever walks the ring has read `after` before. */
  remove(lane: Lane): void {
    this.size -= 1;
    if (this.size === 0) this.#head = undefined;
    else if (this.#head === lane) this.#head = lane.after;
    lane.before.after = lane.after;
    lane.after.before = lane.before;
    const alike = (this.shapes.get(lane.shape) ?? 1) - 1;
    if (alike === 0) this.shapes.delete(lane.shape);
    else this.shapes.set(lane.shape, alike);
  }

  /** The next offer begins with the lane after this one. */
  passTurn(lane: Lane): void {
    this.#head = lane.after;
  }

  /** Moves the head on by so many lanes. */
  rotate(steps: number): void {
    for (let i = 0; i < steps && this.#head; i += 1) this.#head = this.#head.after;
  }
}

/** Arranges demands for a pass. Each ring starts at a random lane, so that no app is always first. */
export function arrange(
  demands: readonly MatchDemand[],
  settings: MatchSettings,
  random: () => number,
): { readonly states: readonly AppState[]; readonly rings: ReadonlyMap<string, Ring> } {
  const shapes = new Map<string, Shape>();
  const rings = new Map<string, Ring>();
  const states: AppState[] = [];
  for (const demand of demands) {
    if (demand.waiting.length === 0) continue;
    const state = stateOf(demand);
    states.push(state);
    for (const [role, waiting] of byRole(demand.waiting)) {
      let ring = rings.get(role);
      if (ring === undefined) {
        ring = new Ring();
        rings.set(role, ring);
      }
      const shape = shapeOf(shapes, acceptedRoles(demand.app, role, settings), state.needs.total);
      const lane = new Lane(role, state, shape, waiting);
      state.lanes.push(lane);
      ring.add(lane);
    }
  }
  for (const ring of rings.values()) ring.rotate(Math.floor(random() * ring.size));
  return { states, rings };
}

function stateOf(demand: MatchDemand): AppState {
  let judge: ConstraintJudge | undefined;
  return {
    demand,
    needs: needsOf(demand.app),
    refusals: { app: demand.app, noted: [] },
    judge: () => {
      judge ??= judgeOf(demand.app, demand.placements);
      return judge;
    },
    lanes: [],
    open: demand.waiting.length,
  };
}

function byRole(waiting: readonly WaitingInstance[]): Iterable<readonly [string, readonly WaitingInstance[]]> {
  const role = waiting[0]?.role ?? '*';
  if (waiting.every((instance) => instance.role === role)) return [[role, waiting]];
  const groups = new Map<string, WaitingInstance[]>();
  for (const instance of waiting) {
    const group = groups.get(instance.role);
    if (group) group.push(instance);
    else groups.set(instance.role, [instance]);
  }
  return groups;
}

function shapeOf(shapes: Map<string, Shape>, roles: readonly string[], needs: Amounts): Shape {
  const key = `${needs.cpus}|${needs.mem}|${needs.disk}|${needs.gpus}|${roles.join('|')}`;
  let shape = shapes.get(key);
  if (shape === undefined) {
    shape = { roles, needs, deadOffer: -1, deadReasons: 0 };
    shapes.set(key, shape);
  }
  return shape;
}
