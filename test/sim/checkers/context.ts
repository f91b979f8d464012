/** What every checker looks at. */
import type { Clock } from '../../../src/actors/ports.ts';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import type { Instance } from '../../../src/core/instance/instance.ts';
import type { Chronicle } from '../chronicle.ts';
import type { SimMesos } from '../mesos.ts';
import type { Mirror } from '../mirror.ts';

export interface CheckContext {
  readonly clock: Clock;
  readonly chronicle: Chronicle;
  readonly mirror: Mirror;
  readonly mesos: SimMesos;
  /** Instances that a user has told to die, with the monotonic time of the last time. */
  readonly killedByUser: Map<string, number>;
}

/** Meant to run and not given up. */
export const isCounted = (i: Instance): boolean => i.goal === 'Running' && i.condition !== 'UnreachableInactive';

/** It has, or is about to have, a task that can be reached. */
export const hasTask = ({ condition }: Instance): boolean =>
  condition === 'Provisioned' ||
  condition === 'Staging' ||
  condition === 'Starting' ||
  condition === 'Running' ||
  condition === 'Killing';

export const isReady = (i: Instance, app: AppDefinition | undefined): boolean =>
  i.goal === 'Running' && i.condition === 'Running' && ((app?.healthChecks.length ?? 0) === 0 || i.healthy === true);
