/** What the scheduler shows of agents and demand, and how its book of agents hears of tasks. */
import type { AppId } from '../core/ids.ts';
import { needsOf } from '../core/offer/needs.ts';
import type { Amounts } from '../core/offer/resources.ts';
import type { AgentBook } from './agent-book.ts';
import type { PlacementView } from './front.ts';
import { matchSettings } from './offer-cycle.ts';
import type { SchedulerState } from './scheduler-state.ts';
import type { Services } from './services.ts';
import type { TaskWatcher } from './task-index.ts';

/** The scheduler's state as the API may see it. */
export const placementView = (state: SchedulerState): PlacementView => ({
  revision: () => state.agents.revision,
  agents: () => state.agents.agents(),
  demandOf: (appId) => {
    const demand = state.demand.of(appId as AppId);
    if (!demand) return undefined;
    const { app, notBeforeMs } = demand;
    return { app, notBeforeMs, placements: state.tasks.placements(app) };
  },
  settings: () => matchSettings(state),
});

const unknownNeeds: Amounts = { cpus: 0, mem: 0, disk: 0, gpus: 0 };

/** Writes into the book of agents what each task takes; nothing if its definition is not kept any more. */
export const watcherOf = (
  agents: AgentBook,
  { versions }: Pick<Services, 'versions'>,
  now: () => number,
): TaskWatcher => ({
  occupied: ({ taskId, appId, version, agent, hostPorts }) => {
    const app = versions.at(appId, version);
    agents.occupied(taskId, { agent, needs: app ? needsOf(app).total : unknownNeeds, hostPorts });
  },
  vacated: (taskId) => agents.vacated(taskId, now()),
});
