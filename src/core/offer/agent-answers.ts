/** The answer of every single agent to one more instance of an app. */
import type { AgentRules, Rule } from './agent-rules.ts';
import { rulesIn } from './agent-rules.ts';
import type { KnownAgent } from './known-agents.ts';
import { type Change, changesFor, distanceTo } from './why.ts';

export interface AgentAnswer {
  readonly known: KnownAgent;
  /** Broken rules in funnel order, the reason first; empty = the app fits. */
  readonly rules: readonly Rule[];
  /** One for each rule. */
  readonly changes: readonly Change[];
}

/** The `most` nearest agents, those that fit first. Costs O(agents × log agents). */
export function answersOfAgents(
  rules: AgentRules,
  agents: readonly KnownAgent[],
  most: number,
): readonly AgentAnswer[] {
  const judged = agents.map((known) => {
    const set = rules.broken(known);
    return { known, set, distance: distanceTo(rules, known, set) };
  });
  judged.sort((a, b) => a.distance - b.distance);
  return judged
    .slice(0, most)
    .map(({ known, set }) => ({ known, rules: rulesIn(rules.rules, set), changes: changesFor(rules, known, set) }));
}
