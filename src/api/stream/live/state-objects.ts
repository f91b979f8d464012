/** The objects of the state stream: apps, tasks and deployments, each as a GET shows it. */
import type { ReadModel } from '../../../actors/front.ts';
import { hasTask } from '../../../core/instance/shown.ts';
import { listEmbeds } from '../../embed.ts';
import type { AppRenderer } from '../../render/app-info.ts';
import { deploymentJson } from '../../render/deployment.ts';
import { type TaskRenderer, taskJson } from '../../render/task.ts';

export const topics = ['apps', 'tasks', 'deployments'] as const;
export type Topic = (typeof topics)[number];

export const isTopic = (name: string): name is Topic => (topics as readonly string[]).includes(name);

/** Names one object: an app, an instance (whose tasks are the value), a deployment. */
export interface ObjectKey {
  readonly topic: Topic;
  readonly id: string;
  /** Apps that it belongs to. */
  readonly apps: readonly string[];
}

export interface StateObjects {
  /** `{"topic":…,"id":…,"value":…}` as it is now; undefined if there is no such object. */
  readonly json: (key: ObjectKey) => string | undefined;
  /** All objects of some topics, app by app. */
  readonly all: (wanted: ReadonlySet<Topic>) => Iterable<ObjectKey>;
}

export interface StateObjectsOptions {
  readonly read: ReadModel;
  readonly apps: AppRenderer;
  readonly tasks: TaskRenderer;
  readonly nowMs: () => number;
}

/** An app's value is an element of `GET /v2/apps`, a deployment's one of `/v2/deployments`, an instance's the list of its tasks. */
export function stateObjects({ read, apps, tasks, nowMs }: StateObjectsOptions): StateObjects {
  const valueJson = ({ topic, id }: ObjectKey): string | undefined => {
    switch (topic) {
      case 'apps': {
        const app = read.app(id);
        return app && apps.info(app, listEmbeds, nowMs());
      }
      case 'tasks': {
        const instance = read.instance(id);
        return instance && hasTask(instance) ? `[${taskJson(tasks(instance))}]` : undefined;
      }
      case 'deployments': {
        const deployment = read.deployment(id);
        return deployment && deploymentJson(deployment, read.readinessOf);
      }
    }
  };
  return {
    json: (key) => {
      const value = valueJson(key);
      return value && `{"topic":"${key.topic}","id":${JSON.stringify(key.id)},"value":${value}}`;
    },
    *all(wanted) {
      if (wanted.has('apps') || wanted.has('tasks')) {
        for (const { id } of [...read.apps()]) {
          if (wanted.has('apps')) yield { topic: 'apps', id, apps: [id] };
          if (!wanted.has('tasks')) continue;
          for (const instance of [...read.instancesOf(id)]) yield { topic: 'tasks', id: instance.id, apps: [id] };
        }
      }
      if (!wanted.has('deployments')) return;
      for (const { id, affected } of [...read.deployments()]) {
        yield { topic: 'deployments', id, apps: affected.map((app) => app.id) };
      }
    },
  };
}

/** `{"topic":…,"id":…}`: the object is gone, or not selected any more. */
export const removedJson = ({ topic, id }: ObjectKey): string => `{"topic":"${topic}","id":${JSON.stringify(id)}}`;
