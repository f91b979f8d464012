/** From what the read model knows to why-answers and warnings: one app at a time, computed on request. */
import type { PlacementView, ReadModel } from '../actors/front.ts';
import type { AppDefinition } from '../core/app/definition.ts';
import { type Instance, isScheduled } from '../core/instance/instance.ts';
import { AgentRules } from '../core/offer/agent-rules.ts';
import {
  countInstances,
  type Standing,
  type StandingInput,
  standingOf,
  summaryOf,
  type WaitingGroup,
} from '../core/offer/explain.ts';
import { mesosWarnings } from '../core/offer/mesos-rules.ts';
import { type PlacementWarning, placementWarnings } from '../core/offer/warnings.ts';
import { whyNot } from '../core/offer/why.ts';

/** The instances that wait in one role, with the rules that were asked. */
export interface AskedGroup extends WaitingGroup {
  readonly rules: AgentRules;
}

export interface WhyAnswer {
  readonly input: StandingInput;
  readonly groups: readonly AskedGroup[];
  readonly standing: Standing;
  readonly summary: string;
}

/** How an app stands and why. Costs O(its instances + agents × rules × roles that its instances wait in). */
export function whyAnswer(read: ReadModel, app: AppDefinition, nowMs: number): WhyAnswer {
  const view = read.placement();
  const demand = view.demandOf(app.id);
  const wanted = demand?.app ?? app;
  const instances = [...read.instancesOf(app.id)];
  const groups: AskedGroup[] = [];
  for (const [role, waiting] of byRole(instances)) {
    const rules = new AgentRules(wanted, role, demand?.placements ?? [], view.settings(), nowMs);
    groups.push({ role, waiting, rules, whyNot: whyNot(rules, view.agents()) });
  }
  groups.sort((a, b) => b.waiting.length - a.waiting.length);
  const input: StandingInput = {
    app: wanted,
    counts: countInstances(app.instances, instances),
    groups,
    isAsked: demand !== undefined,
    isConnected: read.cluster().mesosConnected,
    notBeforeMs: demand?.notBeforeMs,
    lastFailure: read.lastTaskFailure(app.id),
    deployments: deploymentsOf(read, app.id),
    warnings: warningsOf(view, app),
    nowMs,
  };
  const standing = standingOf(input);
  return { input, groups, standing, summary: summaryOf(input, standing) };
}

function byRole(instances: readonly Instance[]): ReadonlyMap<string, readonly Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    if (!isScheduled(instance)) continue;
    const group = groups.get(instance.role);
    if (group) group.push(instance);
    else groups.set(instance.role, [instance]);
  }
  return groups;
}

function deploymentsOf(read: ReadModel, appId: string): StandingInput['deployments'] {
  return read.deploymentsOf(appId).flatMap((id) => {
    const deployment = read.deployment(id);
    return deployment ? [{ id, currentStep: deployment.currentStep, totalSteps: deployment.steps.length }] : [];
  });
}

/** What Mesos, and the agents that are known now, can never give the app. */
export const warningsOf = (view: PlacementView, app: AppDefinition): readonly PlacementWarning[] => [
  ...mesosWarnings(app),
  ...placementWarnings(app, view.agents(), view.settings()),
];
