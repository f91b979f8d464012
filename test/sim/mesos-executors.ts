/** What happens on agents: tasks start, change and die, and their updates are sent until they are acknowledged. */
import type { Clock } from '../../src/actors/ports.ts';
import type { MesosTaskState, TaskStatus } from '../../src/core/mesos/types.ts';
import { terminal } from '../support/fake-mesos-resources.ts';
import type { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import type { SimTask } from './mesos-agents.ts';
import type { Profile } from './profile.ts';

const resendMs = 10_000;

export interface ExecutorsOptions {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly profile: { readonly value: Profile };
  readonly chronicle: Chronicle;
  /** An update reaches the master, if there is one and nothing is in the way. */
  readonly forward: (task: SimTask, update: TaskStatus) => void;
}

export class Executors {
  /** Every update that must be acknowledged, by uuid. */
  readonly updates = new Map<string, TaskStatus>();
  readonly #options: ExecutorsOptions;

  constructor(options: ExecutorsOptions) {
    this.#options = options;
  }

  /** The task reached its agent: it runs after a while, or fails, or hangs. */
  begin(task: SimTask): void {
    const { dice, clock, profile } = this.#options;
    const { taskFails, taskHangs } = profile.value;
    if (dice.chance(taskHangs)) return;
    clock.after(dice.below(300), () => {
      if (!task.isAlive) return;
      if (dice.chance(0.8)) this.move(task, 'TASK_STARTING', {});
      clock.after(dice.below(2_000), () => {
        if (!task.isAlive || task.isBeingKilled) return;
        if (dice.chance(taskFails)) this.move(task, dice.pick(['TASK_FAILED', 'TASK_FINISHED']), { message: 'boom' });
        else this.move(task, 'TASK_RUNNING', {});
      });
    });
  }

  move(task: SimTask, state: MesosTaskState, more: Partial<TaskStatus>): void {
    if (terminal.has(task.state)) return;
    const { chronicle, clock } = this.#options;
    task.state = state;
    chronicle.log(`agent     ${task.id} ${state} on ${task.agent.id}`);
    const uuid = `u${this.updates.size + 1}`;
    const [task_id, agent_id] = [{ value: task.id }, { value: task.agent.id }];
    const timestamp = clock.now() / 1000;
    const update: TaskStatus = { task_id, agent_id, state, source: 'SOURCE_EXECUTOR', timestamp, uuid, ...more };
    this.updates.set(uuid, update);
    task.updates.push(update);
    if (task.updates.length === 1) this.deliver(task, 0);
  }

  /** The oldest update, now and again until it is acknowledged. */
  deliver(task: SimTask, attempt: number): void {
    const update = task.updates[0];
    if (!update || task.agent.isDead) return;
    const { dice, clock, profile, forward } = this.#options;
    const { loss } = profile.value;
    const copies = dice.chance(loss.update) ? 0 : dice.chance(loss.double) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const late = dice.chance(0.05) ? dice.below(5_000) : 0;
      clock.after(this.#delay() + late, () => forward(task, update));
    }
    clock.after(Math.min(60_000, resendMs * 1.5 ** attempt), () => {
      if (task.updates[0] === update) this.deliver(task, attempt + 1);
    });
  }

  /** `forget` is called once nothing of the task is left to tell. */
  acknowledge(task: SimTask, uuid: string, forget: () => void): void {
    if (!task.agent.isReachable) return;
    this.#options.clock.after(this.#delay(), () => {
      if (!task.agent.isReachable || task.agent.isDead || task.updates[0]?.uuid !== uuid) return;
      task.updates.shift();
      if (task.updates.length > 0) this.deliver(task, 0);
      else if (terminal.has(task.state)) forget();
    });
  }

  /** A kill on its way to the agent; it takes the task its time to die. */
  kill(task: SimTask): void {
    const { dice, clock } = this.#options;
    if (!task.agent.isReachable) return;
    clock.after(this.#delay(), () => {
      if (!task.agent.isReachable || !task.isAlive || task.isBeingKilled) return;
      task.isBeingKilled = true;
      if (dice.chance(0.5)) this.move(task, 'TASK_KILLING', {});
      clock.after(dice.below(3_000), () => {
        if (task.isAlive) this.move(task, 'TASK_KILLED', {});
      });
    });
  }

  #delay(): number {
    const { dice, profile } = this.#options;
    return dice.below(profile.value.latencyMs + 1);
  }
}
