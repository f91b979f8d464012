/** What Mesos would not take of a definition that Marathon takes: its master refuses every launch, or its agent leaves a part out. */
import type { AppDefinition } from '../app/definition.ts';
import { needsOf } from './needs.ts';
import type { PlacementWarning } from './warnings.ts';

/** Warnings that hold whatever agents there are; those about refusals first. Costs O(size of the container). */
export function mesosWarnings(app: AppDefinition): readonly PlacementWarning[] {
  return [
    ...refusals(app).map((message) => ({ code: 'refusedByMesos' as const, message })),
    ...ignored(app).map((message) => ({ code: 'ignoredByMesos' as const, message })),
  ];
}

/** Mesos' master answers these with TASK_ERROR, Docker's part of the agent with a failure (mesos-v1 §3.6). */
function refusals(app: AppDefinition): readonly string[] {
  const found: string[] = [];
  const { mem } = needsOf(app).task;
  if (app.resourceLimits?.mem !== undefined && mem <= 0) {
    found.push('Mesos refuses a limit of mem for a task that asks for no mem.');
  }
  if (app.container?.type !== 'DOCKER') return found;
  if (app.container.docker?.parameters?.some(({ key }) => key === 'name')) {
    found.push('Mesos gives Docker containers their names, and refuses a Docker parameter "name".');
  }
  const isRelative = (path: string): boolean => !path.startsWith('/');
  for (const { containerPath, hostPath } of app.container.volumes) {
    if (hostPath === undefined || !isRelative(hostPath) || !isRelative(containerPath)) continue;
    found.push(`Mesos refuses a volume of a Docker container whose paths are both relative (${containerPath}).`);
  }
  return found;
}

/** Docker's part of an agent knows none of these. */
function ignored(app: AppDefinition): readonly string[] {
  if (app.container?.type !== 'DOCKER') return [];
  const found: string[] = [];
  if (app.tty === true) found.push('Mesos gives Docker containers no terminal: tty has no effect.');
  if (app.container.volumes.some(({ external }) => external?.['provider'] === 'csi')) {
    found.push('Mesos mounts no CSI volumes into Docker containers: they are left out.');
  }
  return found;
}
