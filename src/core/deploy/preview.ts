/** What a change would do, for `dryRun=true`: the steps, and what they cost. */
import type { AppDefinition } from '../app/definition.ts';
import type { PlanStepView } from '../events.ts';
import type { ChangeSet } from '../group/change-set.ts';
import type { AppId } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import { planSteps, stepView } from './plan.ts';

/** What apps ask for, all instances together. `cpus` in cpus, `mem` and `disk` in MiB. */
export interface Demand {
  readonly instances: number;
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}

export interface Preview {
  readonly steps: readonly PlanStepView[];
  /** Apps that would be made, replaced by new tasks, and removed. */
  readonly created: readonly AppId[];
  readonly restarted: readonly AppId[];
  readonly removed: readonly AppId[];
  /** Tasks that would be killed, those that are replaced included, if every app has as many as it wants. */
  readonly kills: number;
  /** Of the apps that the change touches. */
  readonly before: Demand;
  readonly after: Demand;
  /** The stamp that the change would have got. */
  readonly version: Timestamp;
}

/** Looks at a decided change. */
export function previewOf({ planned, dependenciesOf, version }: ChangeSet): Preview {
  const changed = planned.filter((p) => p.kind !== 'none' || !p.before || !p.after);
  const restarted = changed.filter((p) => p.before && p.after && (p.kind === 'config' || p.kind === 'restart'));
  const restarting = new Set(restarted.map((p) => p.id));
  let kills = 0;
  for (const { id, before, after } of changed) {
    const had = before?.instances ?? 0;
    kills += restarting.has(id) ? had : Math.max(0, had - (after?.instances ?? 0));
  }
  return {
    steps: planSteps(planned, dependenciesOf).map(stepView),
    created: changed.filter((p) => !p.before).map((p) => p.id),
    restarted: [...restarting],
    removed: changed.filter((p) => !p.after).map((p) => p.id),
    kills,
    before: demandOf(changed.map((p) => p.before)),
    after: demandOf(changed.map((p) => p.after)),
    version,
  };
}

function demandOf(apps: readonly (AppDefinition | undefined)[]): Demand {
  const sum = (amount: (app: AppDefinition) => number): number => {
    const total = apps.reduce((all, app) => all + (app ? amount(app) * app.instances : 0), 0);
    // Thousandths are the finest unit of Mesos; without this 0.1 + 0.2 shows.
    return Math.round(total * 1000) / 1000;
  };
  return {
    instances: apps.reduce((all, app) => all + (app?.instances ?? 0), 0),
    cpus: sum((app) => app.cpus),
    mem: sum((app) => app.mem),
    disk: sum((app) => app.disk),
    gpus: sum((app) => app.gpus),
  };
}
