/** What a change would do, for `dryRun=true`: the steps, and what they cost. */
import type { AppDefinition } from '../app/definition.ts';
import type { PlanStepView } from '../events.ts';
import type { ChangeSet } from '../group/change-set.ts';
import type { AppId } from '../ids.ts';
import type { Timestamp } from '../time.ts';
import { type PlannedChange, planSteps, stepView } from './plan.ts';
import type { Deployment } from './plan-types.ts';

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
  /** The stamp that the change would have got; absent if it changes no definition. */
  readonly version?: Timestamp;
  /** Tasks that would be killed by their ids, whatever the steps do. */
  readonly tasks?: readonly string[];
}

/** Looks at a decided change. */
export function previewOf({ planned, edges, version }: Omit<ChangeSet, 'groups'>): Preview {
  const changed = planned.filter((p) => p.kind !== 'none' || !p.before || !p.after);
  const restarted = changed.filter((p) => p.before && p.after && (p.kind === 'config' || p.kind === 'restart'));
  const restarting = new Set(restarted.map((p) => p.id));
  let kills = 0;
  for (const { id, before, after } of changed) {
    const had = before?.instances ?? 0;
    kills += restarting.has(id) ? had : Math.max(0, had - (after?.instances ?? 0));
  }
  return {
    steps: planSteps(planned, edges).map(stepView),
    created: changed.filter((p) => !p.before).map((p) => p.id),
    restarted: [...restarting],
    removed: changed.filter((p) => !p.after).map((p) => p.id),
    kills,
    before: demandOf(changed.map((p) => p.before)),
    after: demandOf(changed.map((p) => p.after)),
    version,
  };
}

/** What is done without a plan: to what tasks of these apps, which stay as they are. */
export function plainPreview(apps: readonly AppDefinition[], tasks: readonly string[] = []): Preview {
  const demand = demandOf(apps);
  const none = { steps: [], created: [], restarted: [], removed: [] };
  return { ...none, kills: tasks.length, before: demand, after: demand, ...(tasks.length > 0 ? { tasks } : {}) };
}

/**
 * What is left of a deployment that goes on where it stands. `at` gives stored definitions; those that are gone count as nothing.
 */
export function remainingPreview(
  { steps, currentStep, affected, version }: Deployment,
  at: (id: AppId, version: Timestamp) => AppDefinition | undefined,
): Preview {
  const left = steps.slice(Math.max(0, currentStep - 1));
  const actions = new Map(left.flatMap((step) => step.actions.map(({ app, action }) => [app, action] as const)));
  const definition = (id: AppId, of: Timestamp | undefined) => (of === undefined ? undefined : at(id, of));
  const planned = affected.flatMap(({ id, before, after }): readonly PlannedChange[] => {
    const action = actions.get(id);
    if (!action) return [];
    const kind = action === 'RestartApplication' ? 'config' : 'scale';
    return [{ id, before: definition(id, before), after: definition(id, after), kind }];
  });
  const preview = previewOf({ planned, version, edges: () => [] });
  return { ...preview, steps: left.map(stepView) };
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
