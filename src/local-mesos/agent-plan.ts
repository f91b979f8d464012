/** What each agent of a local cluster is called and offers, from the flags and from what this machine has. */
import { statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { Attribute, DomainInfo, Range, Resource } from '../core/mesos/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { addRanges, countRanges, normaliseRanges, type Ranges, toWireRanges } from './resources/ranges.ts';
import { parseAttributes, parseResources, textForAgent } from './resources/text.ts';

export interface AgentPlan {
  /** From 1. */
  readonly number: number;
  /** Also the host name. */
  readonly ip: string;
  readonly attributes: readonly Attribute[];
  readonly resources: readonly Resource[];
}

export interface PlanOptions {
  readonly agents: number;
  readonly attributes: string | undefined;
  readonly resources: string | undefined;
  readonly workDir: string;
  readonly simulate: boolean;
  /** False: agents with the same ports all offer them, though their tasks share one machine. */
  readonly dividePorts?: boolean;
}

/** More agents have no loopback address of their own. */
export const maxAgents = 65_000;
/** Below the ports that Linux itself hands out to connections (32768 and above). */
const defaultPorts = { begin: 31_000, end: 32_767 };
const simulatedResources = 'ports:[31000-32000];cpus:16;mem:65536;disk:1000000';
/** Cpus are shares of time, not cores: a laptop with two of them shall take more than two apps of one cpu each. */
const minCpusPerAgent = 4;
const minMemMiB = 512;
/** Left to everything else on this machine. */
const spareMemMiB = 1024;

/** One plan for each agent, or one sentence about what is wrong with the texts. */
export function planAgents(options: PlanOptions): Result<readonly AgentPlan[], string> {
  const plans: AgentPlan[] = [];
  const parsed = new Map<string, readonly Resource[]>();
  const defaults = options.simulate ? simulatedResources : shareOfMachine(options.agents, options.workDir);
  for (let number = 1; number <= options.agents; number++) {
    const attributes = parseAttributes(textForAgent(options.attributes ?? '', number));
    if (!attributes.ok) return attributes;
    const text = textForAgent(options.resources ?? '', number);
    // Most agents offer the same: one list for all of them.
    const known = parsed.get(text);
    const resources = known === undefined ? parseResources(`${defaults};${text}`) : ok(known);
    if (!resources.ok) return resources;
    const named = known ?? lastOfEachName(resources.value);
    parsed.set(text, named);
    plans.push({ number, ip: addressOf(number), attributes: attributes.value, resources: named });
  }
  return options.simulate || options.dividePorts === false ? ok(plans) : withOwnPorts(plans);
}

/**
 * Agents get 127.0.0.1, 127.0.0.2 and so on as address and as host name: distinct hosts for constraints, which every program on
 * this machine can reach without name resolution. A task that listens on all interfaces, or on `$HOST`, is reachable under its
 * agent's name; one that listens on 127.0.0.1 only is reachable under the first agent's. Systems other than Linux have
 * 127.0.0.1 alone, so there all agents share it.
 */
function addressOf(number: number): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  return `127.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
}

function shareOfMachine(agents: number, workDir: string): string {
  const cpus = Math.max(minCpusPerAgent, Math.floor(availableParallelism() / agents));
  const memMiB = Math.floor(totalmem() / 1024 ** 2);
  const mem = Math.max(minMemMiB, Math.floor(Math.max(memMiB - spareMemMiB, memMiB / 2) / agents));
  const disk = Math.max(1024, Math.floor(freeDiskMiB(workDir) / 2 / agents));
  return `ports:[${defaultPorts.begin}-${defaultPorts.end}];cpus:${cpus};mem:${mem};disk:${disk}`;
}

function freeDiskMiB(workDir: string): number {
  const { bavail, bsize } = statfsSync(workDir);
  return Math.floor((bavail * bsize) / 1024 ** 2);
}

/** What the user names replaces the default of that name; several entries of the user's, for several roles, all count. */
function lastOfEachName(resources: readonly Resource[]): readonly Resource[] {
  const defaults = resources.slice(0, 4);
  const named = resources.slice(4);
  const names = new Set(named.map(({ name }) => name));
  return [...defaults.filter(({ name }) => !names.has(name)), ...named];
}

/** Real tasks of all agents share this machine's ports: agents with the same range divide it among themselves. */
function withOwnPorts(plans: readonly AgentPlan[]): Result<readonly AgentPlan[], string> {
  const groups = new Map<string, AgentPlan[]>();
  for (const plan of plans) {
    const key = JSON.stringify(portsOf(plan));
    groups.set(key, [...(groups.get(key) ?? []), plan]);
  }
  const divided: AgentPlan[] = [];
  for (const group of groups.values()) {
    if (group.length === 1) {
      // Nothing to divide: ports of several roles stay apart.
      divided.push(...group);
      continue;
    }
    const all = normaliseRanges(group[0] === undefined ? [] : portsOf(group[0]));
    const each = Math.floor(countRanges(all) / group.length);
    if (each === 0 && all.length > 0) return err(`resources: too few ports for ${group.length} agents`);
    for (const [i, plan] of group.entries()) divided.push(withPorts(plan, slice(all, i * each, each)));
  }
  let taken: Ranges = [];
  let count = 0;
  for (const plan of divided) {
    const own = normaliseRanges(portsOf(plan));
    taken = addRanges(taken, own);
    count += countRanges(own);
    if (countRanges(taken) !== count) return err('resources: the ports of two agents overlap');
  }
  return ok(divided.sort((a, b) => a.number - b.number));
}

const portsOf = (plan: AgentPlan): readonly Range[] =>
  plan.resources.filter(({ name }) => name === 'ports').flatMap(({ ranges }) => ranges?.range ?? []);

function withPorts(plan: AgentPlan, own: Ranges): AgentPlan {
  let rest = own;
  const resources = plan.resources.map((resource) => {
    if (resource.name !== 'ports') return resource;
    const range = toWireRanges(rest);
    rest = [];
    return { ...resource, ranges: { range } };
  });
  return {
    ...plan,
    resources: resources.filter(({ name, ranges }) => name !== 'ports' || ranges?.range?.length !== 0),
  };
}

/** `count` numbers of a set, from its `start`-th on. */
function slice(all: Ranges, start: number, count: number): Ranges {
  const out: Range[] = [];
  let skip = start;
  let missing = count;
  for (const { begin, end } of toWireRanges(all)) {
    const size = end - begin + 1;
    const from = begin + Math.min(skip, size);
    skip -= from - begin;
    const to = Math.min(end, from + missing - 1);
    if (from > to) continue;
    out.push({ begin: from, end: to });
    missing -= to - from + 1;
  }
  return normaliseRanges(out);
}

/** `region/zone`, or nothing. */
export function domainOf(text: string | undefined): DomainInfo | undefined {
  const [region, zone] = (text ?? '').split('/');
  if (region === undefined || zone === undefined || region === '' || zone === '') return undefined;
  return { fault_domain: { region: { name: region }, zone: { name: zone } } };
}
