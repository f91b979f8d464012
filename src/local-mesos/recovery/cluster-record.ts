/** What the registry says of a running cluster. */
import type { AgentPlan } from '../agent-plan.ts';
import type { AgentRecord, ClusterRecord } from '../id-registry.ts';
import type { Master } from '../master/master.ts';
import type { Agent } from '../master/model.ts';
import { checkpointedOf } from '../resources/checkpointed.ts';

export class RecordKeeper {
  readonly #master: Master;
  readonly #plans: ReadonlyMap<number, AgentPlan>;
  /** By the agent's number, those included that do not run at present. */
  readonly #agents: Map<number, AgentRecord>;
  /** Numbers of the agents that were there when the record was last made. */
  readonly #seen = new Set<number>();

  constructor(master: Master, plans: readonly AgentPlan[], earlier: ClusterRecord) {
    this.#master = master;
    this.#plans = new Map(plans.map((plan) => [plan.number, plan]));
    this.#agents = new Map(earlier.agents.map((agent) => [agent.number, agent]));
  }

  /** What was known of an agent with this number. */
  of(number: number): AgentRecord | undefined {
    return this.#agents.get(number);
  }

  readonly current = (): ClusterRecord => {
    const { state, maintenance, feedback } = this.#master;
    const present = new Set<number>();
    for (const agent of state.agents.values()) {
      present.add(agent.number);
      this.#seen.add(agent.number);
      this.#agents.set(agent.number, recordOf(agent));
    }
    for (const number of this.#seen) if (!present.has(number)) this.#left(number);
    return {
      agents: [...this.#agents.values()].sort((a, b) => a.number - b.number),
      removed: [...state.removed.keys()],
      gone: [...state.gone],
      maintenance: maintenance.plan(),
      operations: feedback.unacknowledged(),
    };
  };

  /** An agent whose machine is down comes back as who it was; another one was removed for good. */
  #left(number: number): void {
    this.#seen.delete(number);
    const ip = this.#plans.get(number)?.ip ?? '';
    if (!this.#master.maintenance.forbids({ hostname: ip, ip })) this.#agents.delete(number);
  }
}

function recordOf({ number, id, total, deactivated, drain }: Agent): AgentRecord {
  return { number, id, checkpointed: checkpointedOf(total), deactivated, drain };
}
