/** The figures of an agent (`src/slave/metrics.cpp`; recording 12), which it shows at its own address under /metrics/snapshot. */
import { type Agent, isRegistered, isTerminal, nowSeconds } from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { addToBag, type Bag, milliOf } from '../resources/bag.ts';
import { commandOverhead } from './agent-executors.ts';
import { systemFigures } from './metrics.ts';

/** Counted since the agent was started here. */
const counted = [
  'tasks_finished',
  'tasks_failed',
  'tasks_killed',
  'tasks_lost',
  'tasks_gone',
  'executors_terminated',
  'valid_status_updates',
] as const;

const states = ['staging', 'starting', 'running', 'killing'] as const;
const scalars = ['cpus', 'gpus', 'mem', 'disk'] as const;

/** By name; times in seconds, amounts as in resources. */
export function agentMetricsView(agent: Agent): Record<string, number> {
  const alive = [...agent.tasks].filter(({ state }) => !isTerminal(state));
  const own = alive.filter(({ executor }) => executor === undefined);
  const isStaging = ({ state }: { readonly state: string }): boolean => state === 'TASK_STAGING';
  const registering = own.filter(isStaging).length;
  const out: Record<string, number> = {
    'slave/uptime_secs': nowSeconds() - agent.registeredTime,
    'slave/registered': isRegistered(agent) ? 1 : 0,
    'slave/frameworks_active': new Set([...alive, ...agent.executors].map(({ framework }) => framework)).size,
    'slave/executors_registering': registering,
    'slave/executors_running': own.length - registering + agent.executors.size,
    ...systemFigures(),
  };
  for (const name of counted) out[`slave/${name}`] = agent.counters.get(name);
  for (const name of states) {
    const state = `TASK_${name.toUpperCase()}`;
    out[`slave/tasks_${name}`] = alive.filter((task) => task.state === state).length;
  }
  const used = usedOn(agent);
  for (const name of scalars) {
    const total = milliOf(agent.total, name) / 1000;
    const inUse = milliOf(used, name) / 1000;
    out[`slave/${name}_total`] = total;
    out[`slave/${name}_used`] = inUse;
    out[`slave/${name}_percent`] = total === 0 ? 0 : inUse / total;
    // Nothing here is revocable.
    for (const kind of ['total', 'used', 'percent']) out[`slave/${name}_revocable_${kind}`] = 0;
  }
  return out;
}

/** What tasks and executors hold, those of command tasks included, which the master does not count. */
export function usedOn(agent: Agent): Bag {
  const all: Bag = [];
  for (const { bag } of usesOf(agent)) addToBag(all, bag);
  for (const { state, executor } of agent.tasks) {
    if (!isTerminal(state) && executor === undefined) addToBag(all, commandOverhead);
  }
  return all;
}
