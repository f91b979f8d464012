/** /state-summary and /roles: counts and sums for dashboards (mesos-v1 §6.3). */
import type { MasterState } from '../master/model.ts';
import { addToBag, type Bag, isEmptyEntry } from '../resources/bag.ts';
import { countRanges } from '../resources/ranges.ts';
import { holdingsOf, rolesOf } from './roles.ts';
import { masterStateOf } from './task-views.ts';
import { agentView, frameworkHead, frameworksHere, slavesHere, tasksHere } from './views.ts';

const counted = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
] as const;

interface Seen {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly state: string;
}

/** The answer of /state-summary. */
export function summaryView(state: MasterState): object {
  const seen: Seen[] = [];
  const frameworks = frameworksHere(state);
  for (const framework of frameworks) {
    const frameworkId = framework.id;
    for (const task of [...tasksHere(state, framework), ...framework.unreachable.values()]) {
      seen.push({ agentId: task.agent.id, frameworkId, state: masterStateOf(task) });
    }
    for (const task of framework.completed) seen.push({ agentId: task.agentId, frameworkId, state: task.state });
  }
  return {
    hostname: state.identity.hostname,
    slaves: slavesHere(state).map((agent) => {
      const own = seen.filter(({ agentId }) => agentId === agent.id);
      return { ...agentView(agent), ...counts(own), framework_ids: unique(own.map(({ frameworkId }) => frameworkId)) };
    }),
    frameworks: frameworks.map((framework) => {
      const own = seen.filter(({ frameworkId }) => frameworkId === framework.id);
      return {
        ...frameworkHead(state, framework),
        ...counts(own),
        slave_ids: unique(own.map(({ agentId }) => agentId)),
      };
    }),
  };
}

const unique = (values: readonly string[]): readonly string[] => [...new Set(values)];

const counts = (seen: readonly Seen[]): Record<string, number> =>
  Object.fromEntries(counted.map((state) => [state, seen.filter((one) => one.state === state).length]));

/** The answer of /roles. Nobody has a quota here, and all weights are equal. */
export function rolesView(state: MasterState): object {
  return {
    roles: rolesOf(state).map((role) => {
      const { allocated, offered, reserved, consumed, frameworks } = holdingsOf(state, role);
      const all: Bag = [];
      addToBag(all, allocated);
      addToBag(all, offered);
      return {
        name: role,
        weight: 1,
        quota: { role, guarantee: {}, limit: {}, consumed: quantities(consumed) },
        resources: quantities(all),
        allocated: quantities(allocated),
        offered: quantities(offered),
        reserved: quantities(reserved),
        frameworks,
      };
    }),
  };
}

/** Amounts by name over all reservations; of ranges their number. */
function quantities(bag: Bag): Record<string, number> {
  const milli = new Map<string, number>();
  for (const entry of bag) {
    if (isEmptyEntry(entry) || entry.kind === 'SET') continue;
    const amount = entry.kind === 'SCALAR' ? entry.milli : countRanges(entry.ranges) * 1000;
    milli.set(entry.name, (milli.get(entry.name) ?? 0) + amount);
  }
  return Object.fromEntries([...milli].map(([name, amount]) => [name, amount / 1000]));
}
