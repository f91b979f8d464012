/** Apps as the lists show them: the definition's JSON, built once for each version, and what changes around it. */
import type { ReadModel } from '../../actors/front.ts';
import type { AppDefinition } from '../../core/app/definition.ts';
import { hasTask, noTasks, type TaskCounts } from '../../core/instance/shown.ts';
import type { PlacementWarning } from '../../core/offer/warnings.ts';
import type { AppEmbeds } from '../embed.ts';
import { warningsOf } from '../why-answers.ts';
import { type TaskRenderer, taskJson } from './task.ts';
import { type ShownInstance, taskStats } from './task-stats.ts';

export interface AppRenderer {
  /** The bare definition (rest-api §7.2). */
  readonly definition: (app: AppDefinition) => string;
  /** Definition, counts, deployments and what is embedded (rest-api §3.3). */
  readonly info: (app: AppDefinition, embeds: AppEmbeds, nowMs: number) => string;
  /** The answer to a POST: an app that has nothing yet but the deployment that starts it. */
  readonly created: (app: AppDefinition, deploymentId: string) => string;
}

/** Makes a renderer; `definitionOf` turns a definition into the object that is written. */
export function appRenderer(
  read: ReadModel,
  tasks: TaskRenderer,
  definitionOf: (app: AppDefinition) => object,
): AppRenderer {
  const definitions = new WeakMap<AppDefinition, string>();
  const definition = (app: AppDefinition): string => {
    let json = definitions.get(app);
    if (json === undefined) {
      json = JSON.stringify(definitionOf(app));
      definitions.set(app, json);
    }
    return json;
  };

  const shownOf = (app: AppDefinition): readonly ShownInstance[] => {
    const shown: ShownInstance[] = [];
    for (const instance of read.instancesOf(app.id)) {
      if (hasTask(instance)) shown.push({ instance, view: tasks(instance) });
    }
    return shown;
  };

  const info = (app: AppDefinition, embeds: AppEmbeds, nowMs: number): string => {
    const shown = embeds.tasks || embeds.taskStats ? shownOf(app) : [];
    let json = definition(app).slice(0, -1);
    if (embeds.counts) json += countsJson(read.countsOf(app.id));
    if (embeds.deployments) json += deploymentsOf(read.deploymentsOf(app.id));
    if (embeds.readiness) json += `,"readinessCheckResults":${JSON.stringify([...read.readinessOf(app.id)])}`;
    if (embeds.tasks) json += `,"tasks":[${shown.map(({ view }) => taskJson(view)).join(',')}]`;
    if (embeds.lastTaskFailure) {
      const failure = read.lastTaskFailure(app.id);
      if (failure) json += `,"lastTaskFailure":${JSON.stringify(failure)}`;
    }
    if (embeds.taskStats) {
      const stats = JSON.stringify(taskStats(app, shown, nowMs));
      json += `,"taskStats":${stats},"tasksStats":${stats}`;
    }
    json += '}';
    return embeds.warnings ? withWarnings(json, warningsOf(read.placement(), app)) : json;
  };

  const created = (app: AppDefinition, deploymentId: string): string =>
    `${definition(app).slice(0, -1)}${countsJson(noTasks)}${deploymentsOf([deploymentId])}}`;

  return { definition, info, created };
}

/** Adds a member to the JSON of an app. */
export const withWarnings = (json: string, warnings: readonly PlacementWarning[]): string =>
  `${json.slice(0, -1)},"warnings":${JSON.stringify(warnings)}}`;

const countsJson = ({ staged, running, healthy, unhealthy }: TaskCounts): string =>
  `,"tasksStaged":${staged},"tasksRunning":${running},"tasksHealthy":${healthy},"tasksUnhealthy":${unhealthy}`;

const deploymentsOf = (ids: readonly string[]): string =>
  `,"deployments":[${ids.map((id) => `{"id":${JSON.stringify(id)}}`).join(',')}]`;
