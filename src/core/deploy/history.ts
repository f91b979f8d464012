/** Deployments that are over stay readable for a while: how many, and which go first. */
import type { DeploymentId } from '../ids.ts';
import type { FinishedDeployment } from './plan-types.ts';

export interface HistoryLimits {
  readonly deployments: number;
  /** Apps and actions of all kept deployments together: what their records weigh, some 100 bytes each. */
  readonly weight: number;
}

export const historyLimits: HistoryLimits = { deployments: 1_000, weight: 100_000 };

/** Which deployments are kept, in the order of their ends. Owned by one writer; each call costs what it forgets. */
export class DeploymentHistory {
  readonly #limits: HistoryLimits;
  readonly #weights = new Map<DeploymentId, number>();
  #weight = 0;

  constructor(kept: readonly FinishedDeployment[], limits: HistoryLimits = historyLimits) {
    this.#limits = limits;
    for (const one of kept.toSorted((a, b) => a.endedAtMs - b.endedAtMs)) this.#put(one);
  }

  get size(): number {
    return this.#weights.size;
  }

  get weight(): number {
    return this.#weight;
  }

  /** Keeps one more, and gives the ids of those that must go for it, oldest first. The newest stays however large it is. */
  add(finished: FinishedDeployment): readonly DeploymentId[] {
    this.#put(finished);
    const gone: DeploymentId[] = [];
    for (const [id, weight] of this.#weights) {
      if (this.size <= 1) break;
      if (this.size <= this.#limits.deployments && this.#weight <= this.#limits.weight) break;
      this.#weights.delete(id);
      this.#weight -= weight;
      gone.push(id);
    }
    return gone;
  }

  #put({ deployment }: FinishedDeployment): void {
    const weight = weightOf(deployment);
    this.#weight += weight - (this.#weights.get(deployment.id) ?? 0);
    this.#weights.delete(deployment.id);
    this.#weights.set(deployment.id, weight);
  }
}

const weightOf = ({ affected, steps }: FinishedDeployment['deployment']): number =>
  1 + affected.length + steps.reduce((sum, { actions }) => sum + actions.length, 0);
