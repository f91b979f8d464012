/** A search by hand: could this app have one more task on this agent? Slow and simple on purpose. */
import type { AppDefinition } from '../../src/core/app/definition.ts';
import { portEntries } from '../../src/core/app/definition.ts';
import type { AgentInfo } from '../../src/core/instance/instance.ts';
import { freeOf } from '../support/fake-mesos-resources.ts';
import type { SimAgent, SimTask } from './mesos-agents.ts';

/** The value of a constraint's field. */
export function fieldOf(agent: AgentInfo, field: string): string | undefined {
  if (field === 'hostname' || field === '@hostname') return agent.host;
  if (field === '@zone') return agent.zone;
  if (field === '@region') return agent.region;
  return agent.attributes.find((a) => a.name === field)?.text?.value;
}

/** An agent as an instance remembers it. */
export const infoOf = (agent: SimAgent): AgentInfo => ({
  host: agent.host,
  agentId: agent.id,
  zone: agent.zone,
  region: 'region',
  attributes: [{ name: 'rack', type: 'TEXT', text: { value: agent.rack } }],
});

/** Resources and ports only. */
export function hasRoom(app: AppDefinition, agent: SimAgent, tasks: readonly SimTask[]): boolean {
  const used = tasks.filter((t) => t.agent === agent && t.isAlive);
  const free = freeOf(agent, used);
  if (free.cpus < app.cpus || free.mem < app.mem) return false;
  const ports = free.ports.flatMap(([b, e]) => Array.from({ length: e - b + 1 }, (_, i) => b + i));
  const wanted = portEntries(app).flatMap((e) => e.requestedHostPort ?? []);
  const fixed = wanted.filter((p) => p !== 0);
  return fixed.every((p) => ports.includes(p)) && ports.length >= wanted.length;
}
