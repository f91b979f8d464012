/** Agents as `/v2/agents` shows them: what offers and tasks tell of them (not Marathon's). */
import type { ReadModel } from '../../actors/front.ts';
import type { AgentInfo, Instance } from '../../core/instance/instance.ts';
import { amountsOf, type KnownAgent, largest } from '../../core/offer/known-agents.ts';
import { timestamp } from '../../core/time.ts';
import { attributeView } from './queue.ts';

/** `cpus` in cpus, `mem` and `disk` in MiB. */
interface Amounts {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
}

/** One agent in the making. */
interface Agent {
  readonly info: AgentInfo;
  readonly known: KnownAgent | undefined;
  readonly instances: Instance[];
}

export interface AgentView {
  readonly id: string;
  readonly hostname: string;
  /** `unreachable`: some task on it is out of reach. `draining`: its maintenance has begun. */
  readonly state: 'active' | 'draining' | 'unreachable';
  readonly region?: string;
  readonly zone?: string;
  readonly attributes: readonly object[];
  /**
   * `used`: what this framework's tasks there ask for. `offered`: what is left of the latest offers, absent if none was seen. `total`: the
   * most that it is known to have had; what other frameworks hold is not in it.
   */
  readonly resources: { readonly used: Amounts; readonly offered?: Amounts; readonly total?: Amounts };
  readonly tasks: readonly { readonly id: string; readonly appId: string; readonly state: string }[];
  readonly lastOfferAt?: string;
  /** Maintenance that the master has announced. */
  readonly drain?: { readonly startsAt: string; readonly durationSeconds?: number };
}

/** Every agent that is known, by id. Costs what there are instances. */
export function agentViews(read: ReadModel, nowMs: number): readonly AgentView[] {
  const agents = new Map<string, Agent>();
  for (const known of read.placement().agents())
    agents.set(known.agent.agentId, { info: known.agent, known, instances: [] });
  for (const instance of read.instances()) {
    if (!instance.agent || instance.tasks.length === 0) continue;
    const { agentId } = instance.agent;
    const agent = agents.get(agentId) ?? { info: instance.agent, known: undefined, instances: [] };
    agents.set(agentId, agent);
    agent.instances.push(instance);
  }
  return [...agents].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, agent]) => view(id, agent, read, nowMs));
}

function view(id: string, { info, known, instances }: Agent, read: ReadModel, nowMs: number): AgentView {
  const isOffered = known?.offeredAtMs !== undefined;
  const drain = known && drainOf(known);
  const { region, zone } = info;
  return {
    id,
    hostname: info.host,
    state: stateOf(instances, drain?.startsAtMs, nowMs),
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    attributes: info.attributes.map(attributeView),
    resources: {
      used: usedBy(instances, read),
      ...(isOffered ? { offered: offeredBy(known), total: shown(known.capacity.amounts) } : {}),
    },
    tasks: instances.flatMap((instance) =>
      instance.tasks.map((task) => ({
        id: task.id,
        appId: instance.appId,
        state: `TASK_${task.condition.toUpperCase()}`,
      })),
    ),
    ...(isOffered ? { lastOfferAt: timestamp(known.offeredAtMs) } : {}),
    ...(drain ? { drain: drain.shown } : {}),
  };
}

function stateOf(instances: readonly Instance[], drainsAtMs: number | undefined, nowMs: number): AgentView['state'] {
  if (instances.some(({ condition }) => condition === 'Unreachable' || condition === 'UnreachableInactive')) {
    return 'unreachable';
  }
  return drainsAtMs !== undefined && drainsAtMs <= nowMs ? 'draining' : 'active';
}

const rounded = (amount: number): number => Math.round(amount * 1000) / 1000;

const sum = (a: Amounts, b: Amounts): Amounts => ({
  cpus: rounded(a.cpus + b.cpus),
  mem: rounded(a.mem + b.mem),
  disk: rounded(a.disk + b.disk),
  gpus: rounded(a.gpus + b.gpus),
});

const nothing: Amounts = { cpus: 0, mem: 0, disk: 0, gpus: 0 };

function usedBy(instances: readonly Instance[], read: ReadModel): Amounts {
  let used = nothing;
  for (const instance of instances) {
    const app = read.appAt(instance.appId, instance.version) ?? read.app(instance.appId);
    if (app) used = sum(used, app);
  }
  return used;
}

/** What one role declined may be on offer to another one: only the most of it counts. */
const offeredBy = ({ seen }: KnownAgent): Amounts =>
  shown(seen.map(({ supply }) => amountsOf(supply)).reduce(largest, nothing));

/** From thousandths. */
const shown = ({ cpus, mem, disk, gpus }: Amounts): Amounts => ({
  cpus: cpus / 1000,
  mem: mem / 1000,
  disk: disk / 1000,
  gpus: gpus / 1000,
});

function drainOf({ seen }: KnownAgent) {
  const unavailability = seen.find((one) => one.unavailability)?.unavailability;
  const start = unavailability?.start?.nanoseconds;
  if (start === undefined) return undefined;
  const startsAtMs = Math.floor(start / 1e6);
  const duration = unavailability?.duration?.nanoseconds;
  const shown = {
    startsAt: timestamp(startsAtMs),
    ...(duration === undefined ? {} : { durationSeconds: Math.floor(duration / 1e9) }),
  };
  return { startsAtMs, shown };
}
