/**
 * Checks what why-answers say about a running scheduler against a search by an independent judge: for simulations and random tests. The
 * judge understands apps without GPUs, volumes and port mappings, and constraints on `hostname` and text attributes.
 */
import type { ReadModel } from '../../src/actors/front.ts';
import { whyAnswer } from '../../src/api/why-answers.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import type { KnownAgent, SeenOffer } from '../../src/core/offer/known-agents.ts';
import { scalarNames } from '../../src/core/offer/resources.ts';
import { fits, type Remainder, rolesOf } from '../core/offer/brute-force.ts';

function remainderOf({ supply }: SeenOffer): Remainder {
  const scalars = new Map<string, number>();
  for (const name of scalarNames) {
    for (const { role, milli } of supply.scalars[name]) {
      scalars.set(`${name} ${role}`, (scalars.get(`${name} ${role}`) ?? 0) + milli);
    }
  }
  const ports = supply.ports.flatMap(({ role, ranges }) =>
    ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => `${begin + i} ${role}`)),
  );
  return { scalars, ports };
}

/** What is wrong with the answers about everything that waits now; empty = nothing. */
export function whyViolations(
  read: ReadModel,
  nowMs: number,
  isJudged: (app: AppDefinition) => boolean = () => true,
): readonly string[] {
  const view = read.placement();
  return read.queue().flatMap(({ app }) => {
    if (!isJudged(app)) return [];
    const demand = view.demandOf(app.id);
    if (demand === undefined) return [`${app.id} is queued, but nobody knows what it waits for`];
    const answer = whyAnswer(read, app, nowMs);
    return answer.groups.flatMap(({ role, whyNot }) => {
      const accepted = rolesOf(demand.app, role);
      const isFit = (known: KnownAgent): boolean =>
        known.seen.some(
          (seen) =>
            seen.role === role &&
            seen.supply.roles.some((each) => accepted.includes(each)) &&
            fits(
              demand.app,
              role,
              { agent: known.agent, left: remainderOf(seen), isAvailable: seen.unavailability === undefined },
              demand.placements,
            ),
        );
      const found = view.agents().filter(isFit).length;
      const firsts = whyNot.reasons.reduce((sum, { first }) => sum + first, 0);
      return [
        ...(found === whyNot.fitting ? [] : [`${app.id}: ${whyNot.fitting} agents fit, a search finds ${found}`]),
        ...(firsts + whyNot.fitting === whyNot.agents ? [] : [`${app.id}: reasons and fits do not add up`]),
        ...(whyNot.agents === 0 || found > 0 === (whyNot.nearest.length === 0)
          ? []
          : [`${app.id}: ${found} agents fit, with ${whyNot.nearest.length} near misses`]),
      ];
    });
  });
}
