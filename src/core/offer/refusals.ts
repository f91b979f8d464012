/** Why offers were refused: sets of reasons as bits while a pass runs, and the bounded list of what is reported. */
import type { AppDefinition } from '../app/definition.ts';
import type { Offer } from '../mesos/types.ts';
import { type OfferRefusal, type RefusalReason, refusalReasons } from './demand.ts';

/** A set of reasons: bit i stands for `refusalReasons[i]`. 0 = no reason to refuse. */
export type ReasonSet = number;

/** The set of one reason. */
export const reasonBit = (reason: RefusalReason): ReasonSet => 1 << refusalReasons.indexOf(reason);

/**
 * Most refusals that one pass reports, all apps together; those beyond are counted only. They feed statistics; answers to "why not" do not
 * need them. Without room a pass need not ask apps that are known to be too large, which is what most of them are when many wait.
 */
export const maxRefusalsPerPass = 2_000;

/** The list of each set that has come up; there are at most 2^10. */
const lists = new Map<ReasonSet, readonly RefusalReason[]>();

/** The reasons of a set in funnel order. Equal sets give the same array. */
export function reasonsOf(set: ReasonSet): readonly RefusalReason[] {
  let list = lists.get(set);
  if (list === undefined) {
    list = refusalReasons.filter((_, i) => (set & (1 << i)) !== 0);
    lists.set(set, list);
  }
  return list;
}

/** The refusals of one app in one pass. */
export interface AppRefusals {
  readonly app: AppDefinition;
  readonly noted: OfferRefusal[];
}

/**
 * Hands out the room for refusals. An app that gets all it wants gives its room back, since nobody asks why it waits.
 */
export class RefusalRoom {
  #left: number;
  #leftOut = 0;

  constructor(most: number) {
    this.#left = most;
  }

  /** True if one more refusal can be noted; without room, details need not be found out. */
  get isLeft(): boolean {
    return this.#left > 0;
  }

  /** Refusals that found no room. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Notes a refusal if there is room, else counts it. */
  note(to: AppRefusals, offer: Offer, reasons: ReasonSet): void {
    if (this.#left === 0) {
      this.#leftOut += 1;
      return;
    }
    this.#left -= 1;
    to.noted.push({ app: to.app, offer, reasons: reasonsOf(reasons) });
  }

  /** Drops what an app has refused so far and gives its room back. */
  forget(of: AppRefusals): void {
    this.#left += of.noted.length;
    of.noted.length = 0;
  }

  /** Counts refusals that nobody looked into for want of room. */
  skip(count: number): void {
    this.#leftOut += count;
  }
}
