/** The figures of /metrics/snapshot that Mesos tools look for (mesos-v1 §6.3). */
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { isTerminal, type MasterState, nowSeconds } from '../master/model.ts';
import { type Bag, milliOf } from '../resources/bag.ts';

const countedStates = ['staging', 'starting', 'running', 'killing'] as const;
const endStates = ['finished', 'failed', 'killed', 'lost', 'error', 'dropped', 'gone'] as const;
const scalars = ['cpus', 'mem', 'disk', 'gpus'] as const;

export function metricsView(state: MasterState): Record<string, number> {
  const out: Record<string, number> = {
    'master/elected': state.leadership.kind === 'leading' ? 1 : 0,
    'master/uptime_secs': nowSeconds() - state.identity.startTime,
    'master/outstanding_offers': state.offers.size,
    'system/mem_rss_bytes': process.memoryUsage.rss(),
  };
  for (const [name, count] of state.counters.byName) out[name] = count;
  for (const name of endStates) out[`master/tasks_${name}`] ??= 0;
  Object.assign(out, agentFigures(state), frameworkFigures(state), taskFigures(state));
  return out;
}

function agentFigures(state: MasterState): Record<string, number> {
  const agents = [...state.agents.values()];
  const here = agents.filter((agent) => agent.unreachableNs === undefined);
  const out: Record<string, number> = {
    'master/slaves_active': here.length,
    'master/slaves_connected': here.length,
    'master/slaves_inactive': 0,
    'master/slaves_disconnected': 0,
    'master/slaves_unreachable': agents.length - here.length,
  };
  for (const name of scalars) {
    const total = sum(
      here.map((agent) => agent.total),
      name,
    );
    const used = sum(
      here.flatMap((agent) => [...agent.tasks].filter((task) => !isTerminal(task.state)).map((task) => task.bag)),
      name,
    );
    out[`master/${name}_total`] = total;
    out[`master/${name}_used`] = used;
    out[`master/${name}_percent`] = total === 0 ? 0 : used / total;
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
  const out: Record<string, number> = { 'master/tasks_unreachable': 0 };
  for (const name of countedStates) out[`master/tasks_${name}`] = 0;
  for (const framework of state.frameworks.values()) {
    out['master/tasks_unreachable'] = (out['master/tasks_unreachable'] ?? 0) + framework.unreachable.size;
    for (const task of framework.tasks.values()) {
      if (isTerminal(task.state)) continue;
      const name = `master/${task.state.toLowerCase().replace('task_', 'tasks_')}`;
      out[name] = (out[name] ?? 0) + 1;
    }
  }
  return out;
}

/** The figures of /system/stats.json: the machine's. */
export function systemView(): Record<string, number> {
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
