/** Builds the master's record of an agent. */
import type { Attribute, DomainInfo, Resource } from '../../core/mesos/types.ts';
import { type Bag, bagOf, milliOf } from '../resources/bag.ts';
import { applyCheckpointed } from '../resources/checkpointed.ts';
import type { TaskRunner } from '../task-runner.ts';
import { AgentLink } from './agent-link.ts';
import { type Agent, Counters, nowSeconds } from './model.ts';

export interface AgentDescription {
  readonly id: string;
  readonly hostname: string;
  readonly ip: string;
  /** Port of the agent's HTTP endpoints. */
  readonly port: number;
  /** From 1. */
  readonly number: number;
  readonly attributes: readonly Attribute[];
  readonly resources: readonly Resource[];
  readonly runner: TaskRunner;
  readonly domain?: DomainInfo | undefined;
  /** Reservations and volumes of an earlier run. */
  readonly checkpointed?: readonly Resource[];
}

/** Offers name ports first, then cpus, memory and disk, as Mesos does. */
function rank(resource: Resource): number {
  if (resource.type === 'RANGES') return 0;
  const known = ['cpus', 'mem', 'disk'].indexOf(resource.name);
  return known < 0 ? 9 : known + 1;
}

export function createAgent(description: AgentDescription): Agent {
  const { id, hostname, ip, port, number, attributes } = description;
  const resources = [...description.resources].sort((a, b) => rank(a) - rank(b));
  const total = bagOf(resources);
  applyCheckpointed(total, description.checkpointed ?? []);
  const free: Bag = [...total];
  const url = { scheme: 'http', address: { hostname, ip, port }, path: `/slave(${number})` };
  const idJson = JSON.stringify(id);
  return {
    id,
    number,
    hostname,
    ip,
    port,
    attributes,
    resources,
    total,
    free,
    runner: description.runner,
    gpus: milliOf(total, 'gpus') > 0,
    domain: description.domain,
    link: new AgentLink(),
    heldReports: [],
    pendingKills: [],
    heldExits: [],
    tasks: new Set(),
    executors: new Set(),
    offers: new Set(),
    counters: new Counters(),
    idJson,
    offerHead: `"agent_id":{"value":${idJson}},"hostname":${JSON.stringify(hostname)},"url":${JSON.stringify(url)}`,
    offerTail:
      (attributes.length === 0 ? '' : `,"attributes":${JSON.stringify(attributes)}`) +
      (description.domain === undefined ? '' : `,"domain":${JSON.stringify(description.domain)}`),
    networkInfos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: ip }] }],
    registeredTime: nowSeconds(),
    reregisteredTime: undefined,
    deactivated: false,
    drain: undefined,
    unavailability: undefined,
    unreachableNs: undefined,
  };
}
