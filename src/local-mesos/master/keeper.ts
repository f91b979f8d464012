/** Who is told of everything that must outlive the program; what it does with it is its own affair. */
import type { LaunchOrder } from '../task-runner.ts';
import type { Framework, Task } from './model.ts';

export interface Keeper {
  /** Ids, reservations, volumes, drains, removals or the maintenance schedule have changed. */
  readonly clusterChanged: () => void;
  readonly frameworkChanged: (framework: Framework) => void;
  /** The framework will never come back. */
  readonly frameworkGone: (framework: Framework) => void;
  /** `group`: the tasks that it lives and dies with. */
  readonly taskLaunched: (task: Task, order: LaunchOrder, group?: readonly string[]) => void;
  /** Its state, or its updates and their acknowledgements, have changed. */
  readonly taskChanged: (task: Task) => void;
  /** It is over for the scheduler too. */
  readonly taskGone: (task: Task) => void;
}
