/** Locks: a running deployment holds every app that it touches (behaviour §4.7). */
import type { AppId, DeploymentId } from '../ids.ts';
import type { Deployment } from './plan-types.ts';

/** Ids of the running deployments that touch one of the apps, in the order they were started. */
export function blockingDeployments(
  running: Iterable<Deployment>,
  touched: ReadonlySet<AppId>,
): readonly DeploymentId[] {
  const blocking: DeploymentId[] = [];
  for (const deployment of running) {
    if (deployment.affected.some((a) => touched.has(a.id))) blocking.push(deployment.id);
  }
  return blocking;
}
