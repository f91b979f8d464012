/** Deployments that are over stay readable for a while: how many, and which go first. */
import type { DeploymentId } from '../ids.ts';
import type { FinishedDeployment } from './plan-types.ts';

export interface HistoryLimits {
  readonly deployments: number;
  /** Of those that changed nothing, kept apart: requests that are repeated for ever must not push out what happened. */
  readonly idle: number;
  /** Apps and actions of all kept deployments together: what their records weigh, some 100 bytes each. */
  readonly weight: number;
}

const historyLimits: HistoryLimits = { deployments: 1_000, idle: 100, weight: 100_000 };

/** Which deployments are kept, in the order of their ends. Owned by one writer; each call costs what it forgets. */
export class DeploymentHistory {
  readonly #limits: HistoryLimits;
  readonly #weights = new Map<DeploymentId, number>();
  readonly #idle = new Set<DeploymentId>();
  #weight = 0;

  constructor(kept: readonly FinishedDeployment[], limits: HistoryLimits = historyLimits) {
    this.#limits = limits;
    for (const one of kept.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) this.#put(one);
  }

  get size(): number {
    return this.#weights.size + this.#idle.size;
  }

  get weight(): number {
    return this.#weight;
  }

  /** Keeps one more, and gives the ids of those that must go for it, oldest first. The newest stays however large it is. */
  add(finished: FinishedDeployment): readonly DeploymentId[] {
    this.#put(finished);
    const gone: DeploymentId[] = [];
    for (const id of this.#idle) {
      if (this.#idle.size <= this.#limits.idle) break;
      this.#idle.delete(id);
      gone.push(id);
    }
    for (const [id, weight] of this.#weights) {
      const count = this.#weights.size;
      if (count <= 1 || (count <= this.#limits.deployments && this.#weight <= this.#limits.weight)) break;
      this.#weights.delete(id);
      this.#weight -= weight;
      gone.push(id);
    }
    return gone;
  }

  #put({ deployment }: FinishedDeployment): void {
    const { id } = deployment;
    if (deployment.steps.length === 0) {
      this.#idle.add(id);
      return;
    }
    const weight = weightOf(deployment);
    this.#weight += weight - (this.#weights.get(id) ?? 0);
    this.#weights.delete(id);
    this.#weights.set(id, weight);
  }
}

const weightOf = ({ affected, steps }: FinishedDeployment['deployment']): number =>
  affected.length + steps.reduce((sum, { actions }) => sum + actions.length, 0);
