/** What an app asks of an offer, derived once from its definition. */
import { type AppDefinition, type PortEntry, portEntries } from '../app/definition.ts';
import type { MatchSettings } from './demand.ts';
import type { PortRequest } from './ports.ts';
import { type Amounts, toMilli } from './resources.ts';

export interface AppNeeds {
  /** For the task alone. */
  readonly task: Amounts;
  /** For a custom executor alone; undefined with Mesos' command executor (behaviour §2.4). */
  readonly executor: Amounts | undefined;
  readonly total: Amounts;
  readonly entries: readonly PortEntry[];
  /** One for each entry. */
  readonly ports: readonly PortRequest[];
  /** Has volumes that only a reservation of its own could provide (behaviour §10.5). */
  readonly isResident: boolean;
  /** Is refused by an agent now and welcome later, when others have caught up (behaviour §3.3). */
  readonly isGrouped: boolean;
  /** Has a say of its own in the region it runs in (behaviour §2.4). */
  readonly choosesDomain: boolean;
}

const nothing: Amounts = { cpus: 0, mem: 0, disk: 0, gpus: 0 };
const remembered = new WeakMap<AppDefinition, AppNeeds>();

/** The needs of an app; computed once for each definition object. */
export function needsOf(app: AppDefinition): AppNeeds {
  let needs = remembered.get(app);
  if (needs === undefined) {
    needs = computeNeeds(app);
    remembered.set(app, needs);
  }
  return needs;
}

function computeNeeds(app: AppDefinition): AppNeeds {
  const task = { cpus: toMilli(app.cpus), mem: toMilli(app.mem), disk: toMilli(app.disk), gpus: toMilli(app.gpus) };
  const executor = isCustomExecutor(app) ? executorAmounts(app) : undefined;
  const entries = portEntries(app);
  return {
    task,
    executor,
    total: sum(task, executor ?? nothing),
    entries,
    ports: entries.map((entry) => entry.requestedHostPort),
    isResident: app.container?.volumes.some((volume) => volume.persistent !== undefined) ?? false,
    isGrouped: app.constraints.some(([, operator]) => operator === 'GROUP_BY'),
    choosesDomain: app.constraints.some(([field]) => field === '@region' || field === '@zone'),
  };
}

/** True if the app brings an executor program; empty and `//cmd` mean Mesos' own (behaviour §8.2). */
export const isCustomExecutor = (app: AppDefinition): boolean => app.executor !== '' && app.executor !== '//cmd';

function executorAmounts({ executorResources: own }: AppDefinition): Amounts {
  return own ? { cpus: toMilli(own.cpus), mem: toMilli(own.mem), disk: toMilli(own.disk), gpus: 0 } : nothing;
}

const sum = (a: Amounts, b: Amounts): Amounts => ({
  cpus: a.cpus + b.cpus,
  mem: a.mem + b.mem,
  disk: a.disk + b.disk,
  gpus: a.gpus + b.gpus,
});

/**
 * Roles whose resources an instance may use (behaviour §2.4). `role` is the instance's own, which it keeps from when
 * it was scheduled even if the app has changed its role since.
 */
export function acceptedRoles(app: AppDefinition, role: string, settings: MatchSettings): readonly string[] {
  if (app.acceptedResourceRoles !== undefined && app.acceptedResourceRoles.length > 0) return app.acceptedResourceRoles;
  switch (settings.acceptedResourceRolesDefault) {
    case 'any':
      return role === '*' ? ['*'] : [role, '*'];
    case 'unreserved':
      return ['*'];
    case 'reserved':
      return [role];
  }
}
