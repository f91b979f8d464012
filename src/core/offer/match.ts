/**
 * Offer matching: one pass over offers and demand says what is launched where, and why the rest is not (behaviour
 * §2). Pure: the same input, with the same numbers from `random`, gives the same result. Each offer is matched by
 * itself; several offers of one agent are not put together.
 */
import type { Offer } from '../mesos/types.ts';
import { ask, isOpen, type OfferState, openOffer, type Pass } from './ask.ts';
import type { MatchResult, MatchSettings, UsedOffer } from './demand.ts';
import { isUnavailable } from './eligibility.ts';
import { type AppState, arrange, type Lane, type MatchDemand, type Ring } from './lanes.ts';
import { maxRefusalsPerPass, RefusalRoom } from './refusals.ts';
import { totalMilli } from './resources.ts';

export interface MatchInput {
  readonly offers: readonly Offer[];
  /** At most one for each app. */
  readonly demands: readonly MatchDemand[];
  readonly settings: MatchSettings;
  readonly nowMs: number;
  /** Numbers in [0, 1): who begins, which ports. */
  readonly random: () => number;
  /** Launches after which the pass is cut short; absent = no limit. */
  readonly mostLaunches?: number;
}

export interface MatchOutcome extends MatchResult {
  /** The limit was reached: of the offers that are left nothing is known. */
  readonly isCut: boolean;
  /**
   * Refusals beyond `maxRefusalsPerPass`: counted, not reported. Some may be of apps that were served by a later
   * offer.
   */
  readonly refusalsLeftOut: number;
}

/**
 * Matches every offer with the apps that wait in its role. Within an offer the apps take turns, one launch each,
 * until nobody can or wants to take more; the next offer goes on with whose turn it is. Refusals are reported for
 * apps that did not get all they asked for, at most one for each app and offer, those of a used offer being what the
 * app said to the rest of it. Agents of a foreign region count as an unfulfilled constraint.
 */
export function match({
  offers,
  demands,
  settings,
  nowMs,
  random,
  mostLaunches = Number.POSITIVE_INFINITY,
}: MatchInput): MatchOutcome {
  const { states, rings } = arrange(demands, settings, random);
  const pass: Pass = { settings, random, room: new RefusalRoom(maxRefusalsPerPass), rings, left: mostLaunches };
  const served: OfferState[] = [];
  const unused: Offer[] = [];
  offers.forEach((offer, number) => {
    const ring = rings.get(allocationRole(offer));
    if (ring?.head === undefined || pass.left <= 0) {
      unused.push(offer);
      return;
    }
    const state = openOffer(offer, number, isUnavailable(offer, settings, nowMs));
    serve(pass, ring, state);
    served.push(state);
  });
  serveGroupedAgain(pass, states, served);
  const used: UsedOffer[] = [];
  for (const { offer, launches, supply } of served) {
    if (launches.length === 0) unused.push(offer);
    else used.push({ offer, launches, left: supply });
  }
  const hungry = states.filter((state) => state.open > 0);
  return {
    used,
    unused,
    refusals: hungry.flatMap(({ refusals }) => refusals.noted),
    refusalsLeftOut: pass.room.leftOut,
    isCut: pass.left <= 0,
  };
}

/** The role that an offer was made to; an offer without one is for the default role. */
export const allocationRole = (offer: Offer): string =>
  offer.allocation_info?.role ?? offer.resources[0]?.allocation_info?.role ?? '*';

/** Rounds over the ring: the first asks everybody, the later ones those who took something and want more. */
function serve(pass: Pass, ring: Ring, offer: OfferState): void {
  const most = pass.settings.maxInstancesPerOffer;
  const again: Lane[] = [];
  let lane = ring.head;
  for (let left = ring.size; left > 0 && lane !== undefined; left -= 1) {
    if (offer.launches.length >= most || pass.left <= 0) return;
    if (isHopeless(pass, ring, offer)) {
      pass.room.skip(left);
      return;
    }
    const next: Lane = lane.after;
    if (ask(pass, ring, lane, offer)) again.push(lane);
    lane = next;
  }
  takeTurns(pass, ring, again, offer);
}

/** Rounds over some lanes, until none of them takes any more. */
function takeTurns(pass: Pass, ring: Ring, lanes: readonly Lane[], offer: OfferState): void {
  for (let round = lanes; round.length > 0; ) {
    const survivors: Lane[] = [];
    for (const lane of round) {
      if (offer.launches.length >= pass.settings.maxInstancesPerOffer || pass.left <= 0) return;
      if (ask(pass, ring, lane, offer)) survivors.push(lane);
    }
    round = survivors;
  }
}

/** Offers are gone through once more as long as at least one question in so many leads to a launch. */
const questionsWorthALaunch = 50;

/**
 * GROUP_BY takes one instance at a time from an agent. Instead of waiting for the same offers to come again, such
 * apps are asked about all of them anew while that is worth it. Their last word counts as the refusal.
 */
function serveGroupedAgain(pass: Pass, states: readonly AppState[], served: readonly OfferState[]): void {
  const grouped = states.filter(({ needs, open: waiting }) => needs.isGrouped && waiting > 0);
  let launched = grouped.reduce((sum, { demand, open: waiting }) => sum + demand.waiting.length - waiting, 0);
  let asked = grouped.length * served.length;
  while (pass.left > 0 && launched > 0 && launched * questionsWorthALaunch >= asked) {
    const hungry = grouped.filter((state) => state.open > 0);
    for (const { refusals } of hungry) pass.room.forget(refusals);
    launched = 0;
    asked = 0;
    for (const offer of served) {
      const role = allocationRole(offer.offer);
      const ring = pass.rings.get(role);
      const before = offer.launches.length;
      for (const { lanes } of hungry) {
        const lane = lanes.find((each) => each.role === role);
        if (ring === undefined || lane === undefined || !isOpen(lane)) continue;
        if (offer.launches.length >= pass.settings.maxInstancesPerOffer || pass.left <= 0) break;
        asked += 1;
        ask(pass, ring, lane, offer);
      }
      launched += offer.launches.length - before;
    }
  }
}

/** Nobody in the ring can be served any more, and no reasons are collected: the rest need not be asked. */
function isHopeless({ room }: Pass, ring: Ring, { supply, deadShapes }: OfferState): boolean {
  return (
    !room.isLeft &&
    (deadShapes >= ring.shapes.size ||
      totalMilli(supply.scalars.cpus) < ring.leastCpus ||
      totalMilli(supply.scalars.mem) < ring.leastMem)
  );
}
