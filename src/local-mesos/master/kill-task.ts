/** A kill reaches a task through whoever runs it. */
import type { Task } from './model.ts';

/** Asks for the end of a task; `graceMs` in place of its own grace. */
export function killTask({ id, agent, executor, framework }: Task, wantsKillingState: boolean, graceMs?: number): void {
  if (executor === undefined) agent.runner.kill(id, wantsKillingState, graceMs, framework.id);
  else executor.control.kill(id, wantsKillingState, graceMs);
}
