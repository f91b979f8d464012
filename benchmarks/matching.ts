/**
 * Matching at 1,000 agents × 1,000 waiting apps with constraints, and why-answers at that size. Prints one JSON line for each figure:
 * `{"benchmark":"matching","case":…,…}`. Run with `npm run bench -- matching`; `MATCHING_AGENTS` and `MATCHING_APPS` change the size.
 */
import { performance } from 'node:perf_hooks';
import { AgentBook } from '../src/actors/agent-book.ts';
import { nothingPlaced, type ReadModel } from '../src/actors/front.ts';
import { shortWhyJson, whyJson } from '../src/api/render/why.ts';
import { whyAnswer } from '../src/api/why-answers.ts';
import type { AppDefinition, Constraint } from '../src/core/app/definition.ts';
import { instanceIdOf } from '../src/core/ids.ts';
import type { AgentInfo, Instance } from '../src/core/instance/instance.ts';
import type { Offer } from '../src/core/mesos/types.ts';
import { defaultMatchSettings } from '../src/core/offer/demand.ts';
import type { MatchDemand } from '../src/core/offer/lanes.ts';
import { match } from '../src/core/offer/match.ts';
import { placementWarnings } from '../src/core/offer/warnings.ts';
import { plainApp } from '../test/support/app.ts';

const agentCount = Number(process.env['MATCHING_AGENTS'] ?? 1_000);
const appCount = Number(process.env['MATCHING_APPS'] ?? 1_000);
/** Offers of one pass of the scheduler. */
const offersPerPass = 16;
const repeats = 7;
const version = '2026-01-01T00:00:00.000Z';

const print = (name: string, figures: Readonly<Record<string, number>>): void =>
  console.log(JSON.stringify({ benchmark: 'matching', case: name, agents: agentCount, apps: appCount, ...figures }));

const rounded = (value: number): number => Math.round(value * 100) / 100;

interface Cost {
  readonly ms: number;
  /** Of the whole process, which is what counts on a machine that does other things, too. */
  readonly cpuMs: number;
}

/** The best run; `prepare` is not timed. */
function best<T>(prepare: () => T, run: (input: T) => void, times = repeats): Cost {
  const all: Cost[] = [];
  for (let i = 0; i < times; i += 1) {
    const input = prepare();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    run(input);
    const ms = performance.now() - begin;
    const used = process.cpuUsage(cpu);
    all.push({ ms, cpuMs: (used.user + used.system) / 1000 });
  }
  return { ms: Math.min(...all.map(({ ms }) => ms)), cpuMs: Math.min(...all.map(({ cpuMs }) => cpuMs)) };
}

const figures = ({ ms, cpuMs }: Cost) => ({ ms: rounded(ms), cpuMs: rounded(cpuMs) });

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

const attributes = (i: number): AgentInfo['attributes'] => [
  { name: 'rack', type: 'TEXT', text: { value: `r${i % 20}` } },
  { name: 'generation', type: 'SCALAR', scalar: { value: i % 3 } },
];

const offer = (i: number, cpus: number): Offer => ({
  id: { value: `O${i}` },
  framework_id: { value: 'F' },
  agent_id: { value: `S${i}` },
  hostname: `host-${i}.example.org`,
  attributes: attributes(i),
  allocation_info: { role: '*' },
  resources: [
    { name: 'cpus', type: 'SCALAR', scalar: { value: cpus }, allocation_info: { role: '*' } },
    { name: 'mem', type: 'SCALAR', scalar: { value: 16_384 }, allocation_info: { role: '*' } },
    { name: 'disk', type: 'SCALAR', scalar: { value: 100_000 }, allocation_info: { role: '*' } },
    {
      name: 'ports',
      type: 'RANGES',
      ranges: { range: [{ begin: 31_000, end: 31_999 }] },
      allocation_info: { role: '*' },
    },
  ],
});

const offers = (cpus: number): readonly Offer[] => Array.from({ length: agentCount }, (_, i) => offer(i, cpus));

/** Every kind of constraint in turn; every tenth app has two. */
const kinds: readonly (readonly Constraint[])[] = [
  [['hostname', 'UNIQUE']],
  [['rack', 'GROUP_BY', '20']],
  [['rack', 'GROUP_BY']],
  [['hostname', 'MAX_PER', '2']],
  [['rack', 'LIKE', 'r1[0-9]']],
  [['rack', 'UNLIKE', 'r[0-4]']],
  [['generation', 'IS', '2']],
  [['rack', 'CLUSTER']],
  [['rack', 'CLUSTER', 'r7']],
  [
    ['hostname', 'UNIQUE'],
    ['rack', 'LIKE', 'r[0-9]+'],
  ],
];

/** Apps of ten instances, two of which wait; the others are placed. `cpus` decides whether they fit anywhere. */
const apps = (cpus: number): readonly AppDefinition[] =>
  Array.from({ length: appCount }, (_, i) =>
    plainApp(`/shop/app-${i}`, version, {
      instances: 10,
      cpus: cpus + (i % 7) / 1000,
      mem: 64 + (i % 11),
      constraints: kinds[i % kinds.length] ?? [],
      portDefinitions: [{ port: 10_000 + i, protocol: 'tcp' }],
    }),
  );

const placementsOf = (i: number): readonly AgentInfo[] =>
  Array.from({ length: 8 }, (_, n) => {
    const on = (i * 31 + n * 17) % agentCount;
    return { host: `host-${on}.example.org`, agentId: `S${on}`, attributes: attributes(on) };
  });

const demands = (definitions: readonly AppDefinition[]): readonly MatchDemand[] =>
  definitions.map((app, i) => ({
    app,
    waiting: [0, 1].map((n) => ({ instanceId: instanceIdOf(app.id, `${n}`), incarnation: 1, role: '*' })),
    placements: placementsOf(i),
  }));

/** One pass over all offers, and the same in the passes of the scheduler, which goes on with what still waits. */
function matchCase(name: string, appCpus: number, offerCpus: number): void {
  let launches = 0;
  const whole = best(
    () => ({ offers: offers(offerCpus), demands: demands(apps(appCpus)) }),
    (input) => {
      const outcome = match({ ...input, settings: defaultMatchSettings, nowMs: 0, random: seeded(1) });
      launches = outcome.used.reduce((sum, { launches: some }) => sum + some.length, 0);
    },
  );
  const questions = agentCount * appCount;
  print(`${name}, one pass`, {
    launches,
    ...figures(whole),
    nsPerQuestion: rounded((whole.ms * 1e6) / questions),
  });
  let slowest = Number.POSITIVE_INFINITY;
  const sliced = best(
    () => ({ offers: offers(offerCpus), demands: demands(apps(appCpus)) }),
    (input) => {
      let pass = 0;
      let left = input.demands;
      for (let at = 0; at < input.offers.length; at += offersPerPass) {
        const begin = performance.now();
        const outcome = match({
          offers: input.offers.slice(at, at + offersPerPass),
          demands: left,
          settings: defaultMatchSettings,
          nowMs: 0,
          random: seeded(at),
        });
        pass = Math.max(pass, performance.now() - begin);
        left = afterLaunches(
          left,
          outcome.used.flatMap(({ launches: some }) => some),
        );
      }
      slowest = Math.min(slowest, pass);
    },
  );
  print(`${name}, passes of ${offersPerPass} offers`, { ...figures(sliced), slowestPassMs: rounded(slowest) });
}

function afterLaunches(
  before: readonly MatchDemand[],
  launched: readonly { readonly app: AppDefinition; readonly instanceId: string; readonly agent: AgentInfo }[],
): readonly MatchDemand[] {
  if (launched.length === 0) return before;
  const ids = new Set(launched.map(({ instanceId }) => instanceId));
  const agents = new Map<AppDefinition, AgentInfo[]>();
  for (const { app, agent } of launched) agents.set(app, [...(agents.get(app) ?? []), agent]);
  return before
    .map((demand) => {
      const placed = agents.get(demand.app);
      if (placed === undefined) return demand;
      const waiting = demand.waiting.filter(({ instanceId }) => !ids.has(instanceId));
      return { ...demand, waiting, placements: [...demand.placements, ...placed] };
    })
    .filter(({ waiting }) => waiting.length > 0);
}

/** A read model in which every app has two waiting instances. */
function readModel(definitions: readonly AppDefinition[], cpus: number): ReadModel {
  const book = new AgentBook();
  for (const one of offers(cpus)) book.offered(one, 0);
  const byId = new Map<string, number>(definitions.map(({ id }, i) => [id, i]));
  const instances = new Map<string, readonly Instance[]>(
    definitions.map((app) => [
      app.id,
      Array.from({ length: 10 }, (_, n) => ({
        id: instanceIdOf(app.id, `${n}`),
        appId: app.id,
        version,
        role: '*',
        goal: 'Running',
        condition: n < 2 ? 'Scheduled' : 'Running',
        sinceMs: 0,
        tasks: [],
        incarnation: 0,
      })),
    ]),
  );
  const view = {
    ...nothingPlaced,
    agents: () => book.agents(),
    demandOf: (id: string) => {
      const i = byId.get(id);
      const app = i === undefined ? undefined : definitions[i];
      return i === undefined || app === undefined
        ? undefined
        : { app, notBeforeMs: undefined, placements: placementsOf(i) };
    },
  };
  return {
    placement: () => view,
    instancesOf: (id: string) => instances.get(id) ?? [],
    deploymentsOf: () => [],
    lastTaskFailure: () => undefined,
    cluster: () => ({ mesosConnected: true }),
  } as unknown as ReadModel;
}

function whyCases(): void {
  const definitions = apps(4);
  const read = readModel(definitions, 1);
  const all = best(
    () => definitions,
    (given) => {
      for (const app of given) JSON.stringify(shortWhyJson(whyAnswer(read, app, 0)));
    },
    3,
  );
  print('why of the whole queue, short', { ...figures(all), msPerApp: rounded(all.ms / appCount) });
  const singles = definitions.map((app) =>
    best(
      () => app,
      (one) => JSON.stringify(whyJson(whyAnswer(read, one, 0), read)),
      1,
    ),
  );
  const times = singles.map(({ ms }) => ms).sort((a, b) => a - b);
  print('why of one app, in full', {
    cpuMs: rounded(singles.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / singles.length),
    p50Ms: rounded(times[Math.floor(times.length / 2)] ?? 0),
    p99Ms: rounded(times[Math.floor(times.length * 0.99)] ?? 0),
    bytes: JSON.stringify(whyJson(whyAnswer(read, definitions[0] as AppDefinition, 0), read)).length,
  });
  const agents = read.placement().agents();
  const warned = best(
    () => definitions,
    (given) => {
      for (const app of given) placementWarnings(app, agents, defaultMatchSettings);
    },
  );
  print('warnings', { usPerApp: rounded((warned.ms * 1000) / appCount) });
}

/** What the book of agents costs for each offer, and for each task that comes and goes. */
function bookCase(): void {
  const given = offers(8);
  const needs = { cpus: 100, mem: 32_000, disk: 0, gpus: 0 };
  const uses = given.map((one) => ({
    agent: { host: one.hostname, agentId: one.agent_id.value, attributes: one.attributes ?? [] },
    needs,
    hostPorts: [31_000],
  }));
  const rounds = 20;
  const offered = best(
    () => new AgentBook(),
    (book) => {
      for (let round = 0; round < rounds; round += 1) for (const one of given) book.offered(one, round);
    },
  );
  print('book, an offer', { us: rounded((offered.cpuMs * 1000) / (rounds * given.length)) });
  const tasks = best(
    () => new AgentBook(),
    (book) => {
      for (let round = 0; round < rounds; round += 1) {
        uses.forEach((use, i) => {
          book.occupied(`task-${round}-${i}`, use);
        });
      }
      for (let round = 0; round < rounds; round += 1) {
        uses.forEach((_, i) => {
          book.vacated(`task-${round}-${i}`, 0);
        });
      }
    },
  );
  print('book, a task comes and goes', { us: rounded((tasks.cpuMs * 1000) / (rounds * uses.length)) });
}

bookCase();
matchCase('all fit, with constraints', 0.5, 8);
matchCase('none fits, with constraints', 4, 1);
matchCase('constraints alone decide', 0.1, 1_000);
whyCases();
