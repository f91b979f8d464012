/** Running deployments as `/v2/deployments` lists them (rest-api §5.1). */
import type { Deployment, PlanAction, PlanStep } from '../../core/deploy/plan-types.ts';
import type { ReadinessResult } from '../../core/health/readiness.ts';

type ResultsOf = (appId: string) => Iterable<ReadinessResult>;

const rendered = new WeakMap<Deployment, string>();

/** The JSON of one deployment, built once for each object as long as nobody tells of its readiness. */
export function deploymentJson(deployment: Deployment, resultsOf: ResultsOf): string {
  const results = shownResults(deployment, resultsOf);
  if (results.some((list) => list.length > 0)) return JSON.stringify(view(deployment, results));
  let json = rendered.get(deployment);
  if (json === undefined) {
    json = JSON.stringify(view(deployment, results));
    rendered.set(deployment, json);
  }
  return json;
}

/** The members of a deployment in a list. */
export const deploymentView = (deployment: Deployment, resultsOf: ResultsOf): object =>
  view(deployment, shownResults(deployment, resultsOf));

const shownResults = (deployment: Deployment, resultsOf: ResultsOf): readonly (readonly ReadinessResult[])[] =>
  (currentStep(deployment)?.actions ?? []).map(({ app }) => [...resultsOf(app)]);

const currentStep = (deployment: Deployment): PlanStep | undefined =>
  deployment.currentStep > 0 ? deployment.steps[deployment.currentStep - 1] : undefined;

const actionView = ({ action, app }: PlanAction): { readonly action: string; readonly app: string } => ({
  action,
  app,
});

function view(deployment: Deployment, results: readonly (readonly ReadinessResult[])[]): object {
  return {
    id: deployment.id,
    version: deployment.version,
    affectedApps: deployment.affected.map(({ id }) => id),
    affectedPods: [],
    steps: deployment.steps.map((step) => ({ actions: step.actions.map(actionView) })),
    currentActions: (currentStep(deployment)?.actions ?? []).map((action, i) => ({
      ...actionView(action),
      readinessCheckResults: results[i] ?? [],
    })),
    currentStep: deployment.currentStep,
    totalSteps: deployment.steps.length,
  };
}
