/**
 * `plan-format=full`: plans with the groups before and after, as Marathon published them before 1.8 (rest-api §10.1). A deployment knows the
 * apps that it touches, so the two trees hold those and no others; what nobody remembers any more is left out.
 */
import type { ReadModel, StateChange } from '../../actors/front.ts';
import type { Metrics } from '../../actors/ports.ts';
import type { AppDefinition } from '../../core/app/definition.ts';
import type { Deployment } from '../../core/deploy/plan-types.ts';
import type { LoggedEvent } from '../../core/events.ts';
import { parentOf } from '../../core/ids.ts';
import { renderAppDefinition } from './app-definition.ts';
import { eventJson } from './event.ts';

/** Deployments whose definitions are remembered, for the events that tell of their end, … */
export const maxRemembered = 1_000;
/** … and the apps that they touch, all of them together. */
export const maxRememberedApps = 20_000;
/** A deployment that touches more apps than this has light plans only: each of its many events would repeat them all. */
export const maxPlanApps = 1_000;

interface Sides {
  readonly affected: Deployment['affected'];
  readonly original: readonly AppDefinition[];
  readonly target: readonly AppDefinition[];
}

interface Group {
  readonly id: string;
  readonly apps: object[];
  readonly groups: Group[];
  readonly dependencies: readonly string[];
  readonly version: string;
}

export class FullPlans {
  readonly #read: ReadModel;
  readonly #metrics: Metrics;
  readonly #remembered = new Map<string, Sides>();
  #apps = 0;

  constructor(read: ReadModel, metrics: Metrics) {
    this.#read = read;
    this.#metrics = metrics;
    metrics.gauge('http.event-streams.full-plans.apps', () => this.#apps);
    read.watch((change) => this.#note(change));
  }

  /** The event's JSON; those without a plan are as they always are. */
  json(event: LoggedEvent): string {
    if (!event.type.startsWith('deployment_')) return eventJson(event);
    const content = JSON.parse(event.json) as { readonly plan: { readonly id: string; readonly version: string } };
    const { plan } = content;
    const running = this.#read.deployment(plan.id);
    const sides = running ? this.#sidesOf(running) : this.#remembered.get(plan.id);
    if (!sides || sides.affected.length > maxPlanApps) {
      this.#metrics.count('http.event-streams.full-plans.left-out');
      return event.json;
    }
    const { id, version, ...rest } = plan;
    const [original, target] = [groupOf(sides.original, version), groupOf(sides.target, version)];
    return JSON.stringify({ ...content, plan: { id, original, target, ...rest, version } });
  }

  /** Told before the change: what ends is still there, and the versions that end with it. */
  #note(change: StateChange): void {
    if (change.type !== 'deployment') return;
    const deployment = this.#read.deployment(change.id);
    if (!deployment || deployment.affected.length > maxPlanApps) return;
    // What it touches stays the same as long as it lives: its many steps cost nothing here.
    if (this.#remembered.get(change.id)?.affected === deployment.affected) return;
    this.#forget(change.id);
    this.#remembered.set(change.id, this.#sidesOf(deployment));
    this.#apps += deployment.affected.length;
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= maxRemembered && this.#apps <= maxRememberedApps) return;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#apps -= this.#remembered.get(id)?.affected.length ?? 0;
    this.#remembered.delete(id);
  }

  #sidesOf({ affected }: Deployment): Sides {
    const at = (id: string, version: string | undefined): readonly AppDefinition[] =>
      version === undefined ? [] : [this.#read.appAt(id, version)].filter((app) => app !== undefined);
    return {
      affected,
      original: affected.flatMap(({ id, before }) => at(id, before)),
      target: affected.flatMap(({ id, after }) => at(id, after)),
    };
  }
}

function groupOf(apps: readonly AppDefinition[], version: string): Group {
  const groups = new Map<string, Group>();
  const groupAt = (id: string): Group => {
    const known = groups.get(id);
    if (known) return known;
    const group: Group = { id, apps: [], groups: [], dependencies: [], version };
    groups.set(id, group);
    if (id !== '/') groupAt(parentOf(id)).groups.push(group);
    return group;
  };
  const root = groupAt('/');
  for (const app of apps) groupAt(parentOf(app.id)).apps.push(renderAppDefinition(app));
  return root;
}
