/** The figures of /metrics/snapshot that Mesos tools look for (mesos-v1 §6.3). */
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { isTerminal, type MasterState, nowSeconds } from '../master/model.ts';
import { usesOf } from '../master/usage.ts';
import { type Bag, milliOf } from '../resources/bag.ts';
import { isActive, slavesHere } from './views.ts';

const countedStates = ['staging', 'starting', 'running', 'killing'] as const;
const endStates = ['finished', 'failed', 'killed', 'lost', 'error', 'dropped', 'gone', 'gone_by_operator'] as const;
/** Figures that are counted, and 0 until then. */
const counted = [
  'master/slave_registrations',
  'master/slave_reregistrations',
  'master/slave_removals',
  'master/slave_unreachable_completed',
  'master/valid_status_updates',
  'master/invalid_status_updates',
  'master/valid_status_update_acknowledgements',
  'master/invalid_status_update_acknowledgements',
] as const;
/** The old names of what schedulers send, by type of call. */
const messageOf: Readonly<Record<string, string>> = {
  subscribe: 'register_framework',
  teardown: 'unregister_framework',
  decline: 'decline_offers',
  kill: 'kill_task',
  acknowledge: 'status_update_acknowledgement',
  acknowledge_operation_status: 'operation_status_update_acknowledgement',
  message: 'framework_to_executor',
  reconcile: 'reconcile_tasks',
  reconcile_operations: 'reconcile_operations',
  request: 'resource_request',
  revive: 'revive_offers',
  suppress: 'suppress_offers',
};
const scalars = ['cpus', 'mem', 'disk', 'gpus'] as const;

export function metricsView(state: MasterState): Record<string, number> {
  const out: Record<string, number> = {
    'master/elected': state.leadership.kind === 'leading' ? 1 : 0,
    'master/uptime_secs': nowSeconds() - state.identity.startTime,
    'master/outstanding_offers': state.offers.size,
    'system/mem_rss_bytes': process.memoryUsage.rss(),
    ...systemFigures(),
  };
  for (const name of counted) out[name] = 0;
  for (const [name, count] of state.counters.byName) out[name] = count;
  for (const [call, message] of Object.entries(messageOf)) {
    out[`master/messages_${message}`] = state.counters.get(`master/calls/${call}`);
  }
  for (const name of endStates) out[`master/tasks_${name}`] ??= 0;
  Object.assign(out, agentFigures(state), frameworkFigures(state), taskFigures(state));
  return out;
}

/** The machine's, under the names that master and agents give them. */
export function systemFigures(): Record<string, number> {
  const { avg_load_1min, avg_load_5min, avg_load_15min, cpus_total, mem_free_bytes, mem_total_bytes } = systemView();
  return {
    'system/cpus_total': cpus_total,
    'system/load_1min': avg_load_1min,
    'system/load_5min': avg_load_5min,
    'system/load_15min': avg_load_15min,
    'system/mem_free_bytes': mem_free_bytes,
    'system/mem_total_bytes': mem_total_bytes,
  };
}

function agentFigures(state: MasterState): Record<string, number> {
  const here = slavesHere(state);
  const active = here.filter(isActive).length;
  const connected = here.filter((agent) => agent.link.state !== 'down').length;
  const out: Record<string, number> = {
    'master/slaves_active': active,
    'master/slaves_connected': connected,
    'master/slaves_inactive': here.length - active,
    'master/slaves_disconnected': here.length - connected,
    'master/slaves_unreachable': [...state.agents.values()].filter((agent) => agent.unreachableNs !== undefined).length,
  };
  for (const name of scalars) {
    const total = sum(
      here.map((agent) => agent.total),
      name,
    );
    const used = sum(
      here.flatMap((agent) => [...usesOf(agent)].map(({ bag }) => bag)),
      name,
    );
    out[`master/${name}_total`] = total;
    out[`master/${name}_used`] = used;
    out[`master/${name}_percent`] = total === 0 ? 0 : used / total;
    // Nothing here is revocable.
    for (const kind of ['total', 'used', 'percent']) out[`master/${name}_revocable_${kind}`] = 0;
  }
  return out;
}

const sum = (bags: readonly Bag[], name: string): number =>
  bags.reduce((total, bag) => total + milliOf(bag, name), 0) / 1000;

function frameworkFigures(state: MasterState): Record<string, number> {
  const connected = [...state.frameworks.values()].filter((framework) => framework.stream !== undefined).length;
  const away = state.frameworks.size - connected;
  return {
    'master/frameworks_active': connected,
    'master/frameworks_connected': connected,
    'master/frameworks_inactive': away,
    'master/frameworks_disconnected': away,
  };
}

function taskFigures(state: MasterState): Record<string, number> {
  // The second is none of Mesos': tasks with an update that the framework has not acknowledged.
  const out: Record<string, number> = { 'master/tasks_unreachable': 0, 'local/unacknowledged_tasks': 0 };
  for (const name of countedStates) out[`master/tasks_${name}`] = 0;
  for (const framework of state.frameworks.values()) {
    out['master/tasks_unreachable'] = (out['master/tasks_unreachable'] ?? 0) + framework.unreachable.size;
    out['local/unacknowledged_tasks'] = (out['local/unacknowledged_tasks'] ?? 0) + framework.unacknowledged.size;
    for (const task of framework.tasks.values()) {
      if (isTerminal(task.state)) continue;
      const name = `master/${task.state.toLowerCase().replace('task_', 'tasks_')}`;
      out[name] = (out[name] ?? 0) + 1;
    }
  }
  return out;
}

/** The figures of /system/stats.json: the machine's. */
export function systemView() {
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return {
    avg_load_1min: one,
    avg_load_5min: five,
    avg_load_15min: fifteen,
    cpus_total: availableParallelism(),
    mem_free_bytes: freemem(),
    mem_total_bytes: totalmem(),
  };
}
