/** Who holds what: tasks that have not ended, and the executors beside them. */
import type { Bag } from '../resources/bag.ts';
import { type Agent, type Framework, isTerminal } from './model.ts';

export interface Use {
  readonly framework: Framework;
  readonly role: string;
  readonly bag: Bag;
}

/** What is in use of an agent, or by a framework on all agents that are there. */
export function* usesOf({ tasks, executors }: Pick<Agent, 'tasks' | 'executors'> | Framework): Iterable<Use> {
  for (const task of tasks.values()) if (!isTerminal(task.state)) yield task;
  yield* executors;
}
