/** Running deployments as `/v2/deployments` lists them (rest-api §5.1). */
import type { Deployment, PlanAction } from '../../core/deploy/plan-types.ts';

const rendered = new WeakMap<Deployment, string>();

/** The JSON of one deployment, built once for each object. */
export function deploymentJson(deployment: Deployment): string {
  let json = rendered.get(deployment);
  if (json === undefined) {
    json = JSON.stringify(view(deployment));
    rendered.set(deployment, json);
  }
  return json;
}

const actionView = ({ action, app }: PlanAction): { readonly action: string; readonly app: string } => ({
  action,
  app,
});

function view(deployment: Deployment): object {
  const current = deployment.currentStep > 0 ? deployment.steps[deployment.currentStep - 1] : undefined;
  return {
    id: deployment.id,
    version: deployment.version,
    affectedApps: deployment.affected.map(({ id }) => id),
    affectedPods: [],
    steps: deployment.steps.map((step) => ({ actions: step.actions.map(actionView) })),
    currentActions: (current?.actions ?? []).map((action) => ({ ...actionView(action), readinessCheckResults: [] })),
    currentStep: deployment.currentStep,
    totalSteps: deployment.steps.length,
  };
}
