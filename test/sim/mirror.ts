/** What is committed, decoded batch by batch: what the checkers hold everything else against. */
import type { TaskFailure } from '../../src/actors/front.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import type { Deployment } from '../../src/core/deploy/plan-types.ts';
import { type DeploymentProgress, withProgress } from '../../src/core/deploy/progress.ts';
import type { Instance } from '../../src/core/instance/instance.ts';
import type { Batch, EncodedEvent } from '../../src/core/journal/batch.ts';

export interface Change<T> {
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** One committed batch, decoded. */
export interface Changes {
  readonly batch: Batch;
  readonly apps: readonly Change<AppDefinition>[];
  readonly instances: readonly Change<Instance>[];
  readonly deployments: readonly Change<Deployment>[];
}

export class Mirror {
  readonly apps = new Map<string, AppDefinition>();
  readonly versions = new Map<string, AppDefinition>();
  readonly instances = new Map<string, Instance>();
  readonly deployments = new Map<string, Deployment>();
  readonly failures = new Map<string, TaskFailure>();
  /** All events, the first one has number 1. */
  readonly events: EncodedEvent[] = [];
  /** Every version stamp that was ever committed for an app. */
  readonly stamps = new Map<string, Set<string>>();
  readonly #instancesOf = new Map<string, Set<string>>();

  instancesOf(appId: string): readonly Instance[] {
    return [...(this.#instancesOf.get(appId) ?? [])].flatMap((id) => this.instances.get(id) ?? []);
  }

  /** The definition of the version that an instance runs, as far as it is stored. */
  definitionOf(instance: Instance): AppDefinition | undefined {
    return this.versions.get(`${instance.appId}@${instance.version}`) ?? this.apps.get(instance.appId);
  }

  deploymentsOf(appId: string): readonly Deployment[] {
    return [...this.deployments.values()].filter((d) => d.affected.some((a) => a.id === appId));
  }

  /** What an app may have to keep to at the moment: its definition, and those between which deployments move it. */
  aimsOf(appId: string): readonly AppDefinition[] {
    const current = this.apps.get(appId);
    const between = this.deploymentsOf(appId).flatMap(({ affected }) => {
      const one = affected.find((a) => a.id === appId);
      return [one?.before, one?.after, one?.until].flatMap((v) =>
        v ? (this.versions.get(`${appId}@${v}`) ?? []) : [],
      );
    });
    return current ? [current, ...between] : between;
  }

  /** Takes over a batch and tells what it changed. */
  apply(batch: Batch): Changes {
    const apps: Change<AppDefinition>[] = [];
    const instances: Change<Instance>[] = [];
    const deployments: Change<Deployment>[] = [];
    for (const { kind, key, json } of batch.records) {
      const value: unknown = json === undefined ? undefined : JSON.parse(json);
      if (kind === 'app') {
        apps.push(put(this.apps, key, value as AppDefinition | undefined));
        if (value) this.#stamp(key, (value as AppDefinition).version);
      } else if (kind === 'appVersion') put(this.versions, key, value as AppDefinition | undefined);
      else if (kind === 'instance') instances.push(this.#putInstance(key, value as Instance | undefined));
      else if (kind === 'deployment') deployments.push(put(this.deployments, key, value as Deployment | undefined));
      else if (kind === 'deploymentProgress') {
        const plan = this.deployments.get(key);
        if (plan && value)
          deployments.push(put(this.deployments, key, withProgress(plan, value as DeploymentProgress)));
      } else if (kind === 'taskFailure') put(this.failures, key, value as TaskFailure | undefined);
    }
    this.events.push(...batch.events);
    return { batch, apps, instances, deployments };
  }

  #stamp(id: string, version: string): void {
    const known = this.stamps.get(id);
    if (known) known.add(version);
    else this.stamps.set(id, new Set([version]));
  }

  #putInstance(key: string, value: Instance | undefined): Change<Instance> {
    const change = put(this.instances, key, value);
    const appId = (value ?? change.before)?.appId;
    if (appId === undefined) return change;
    const siblings = this.#instancesOf.get(appId) ?? new Set();
    this.#instancesOf.set(appId, siblings);
    if (value) siblings.add(key);
    else siblings.delete(key);
    return change;
  }
}

function put<T>(map: Map<string, T>, key: string, value: T | undefined): Change<T> {
  const before = map.get(key);
  if (value === undefined) map.delete(key);
  else map.set(key, value);
  return { key, before, after: value };
}
