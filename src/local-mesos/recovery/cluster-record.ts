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
    const { state, maintenance } = this.#master;
    const present = new Set<number>();
    for (const agent of state.agents.values()) {
      present.add(agent.number);
      this.#agents.set(agent.number, recordOf(agent));
    }
    for (const number of this.#agents.keys())
      if (!present.has(number) && !this.#mayReturn(number)) this.#agents.delete(number);
    return {
      agents: [...this.#agents.values()].sort((a, b) => a.number - b.number),
      removed: [...state.removed.keys()],
      gone: [...state.gone],
      maintenance: maintenance.plan(),
    };
  };

  /** Agents that this run has not, or that are down for maintenance, come back as who they were; others were removed for good. */
  #mayReturn(number: number): boolean {
    const plan = this.#plans.get(number);
    return plan === undefined || this.#master.maintenance.forbids({ hostname: plan.ip, ip: plan.ip });
  }
}

function recordOf({ number, id, total, deactivated, drain }: Agent): AgentRecord {
  return { number, id, checkpointed: checkpointedOf(total), deactivated, drain };
}
