/**
 * Cost of offer matching and of building TaskInfos. Prints one JSON line for each figure:
 * `{"benchmark":"offers","case":…,"launches":…,"usPerLaunch":…}`. Run with `node --import tsx benchmarks/offers.ts`.
 */
import { performance } from 'node:perf_hooks';
import type { AppDefinition } from '../src/core/app/definition.ts';
import { type AppId, type InstanceId, instanceIdOf, taskIdOf } from '../src/core/ids.ts';
import type { Offer } from '../src/core/mesos/types.ts';
import { defaultMatchSettings, type WaitingInstance } from '../src/core/offer/demand.ts';
import type { MatchDemand } from '../src/core/offer/lanes.ts';
import { match } from '../src/core/offer/match.ts';
import { constraintVictims } from '../src/core/offer/scale-down.ts';
import { buildTaskInfo } from '../src/core/offer/task-info.ts';
import { plainApp } from '../test/support/app.ts';

/** Each case runs this often; the best run counts, since whatever else the machine does only adds to it. */
const repeats = 25;
const version = '2026-01-01T00:00:00.000Z';

const app = (id: string, changes: Partial<AppDefinition> = {}): AppDefinition =>
  plainApp(id, version, {
    cmd: 'exec ./serve --port $PORT0',
    env: { STAGE: 'production', LOG_LEVEL: 'info', REGION: 'north' },
    labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: 'www.example.org', team: 'shop' },
    instances: 10,
    cpus: 0.1,
    mem: 32,
    portDefinitions: [{ port: 10_000, protocol: 'tcp', name: 'http' }],
    fetch: [{ uri: 'https://example.org/app.tgz', extract: true, executable: false, cache: false }],
    ...changes,
  });

const allocation_info = { role: '*' };

const offer = (i: number, cpus = 4): Offer => ({
  id: { value: `O${i}` },
  framework_id: { value: 'F' },
  agent_id: { value: `S${i}` },
  hostname: `host-${i}.example.org`,
  resources: [
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_000, end: 32_000 }] }, allocation_info },
    { name: 'cpus', type: 'SCALAR', scalar: { value: cpus }, allocation_info },
    { name: 'mem', type: 'SCALAR', scalar: { value: 8_192 }, allocation_info },
    { name: 'disk', type: 'SCALAR', scalar: { value: 100_000 }, allocation_info },
  ],
  attributes: [{ name: 'rack', type: 'TEXT', text: { value: `r${i % 20}` } }],
  allocation_info,
});

const offers = (count: number, cpus?: number): readonly Offer[] =>
  Array.from({ length: count }, (_, i) => offer(i, cpus));

const waiting = (id: AppId, count: number): readonly WaitingInstance[] =>
  Array.from({ length: count }, (_, i) => ({
    instanceId: instanceIdOf(id, `00000000-0000-1000-8000-${String(i).padStart(12, '0')}`),
    incarnation: 1,
    role: '*',
  }));

const demand = (definition: AppDefinition, count: number): MatchDemand => ({
  app: definition,
  waiting: waiting(definition.id, count),
  placements: [],
});

/** A small reproducible generator (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Milliseconds of the best run; `prepare` is not timed. */
function best<T>(prepare: () => T, run: (input: T) => void): number {
  const times: number[] = [];
  for (let i = 0; i < repeats; i += 1) {
    const input = prepare();
    const begin = performance.now();
    run(input);
    times.push(performance.now() - begin);
  }
  return Math.min(...times);
}

const print = (name: string, figures: Readonly<Record<string, number>>): void =>
  console.log(JSON.stringify({ benchmark: 'offers', case: name, ...figures }));

const rounded = (value: number): number => Math.round(value * 100) / 100;

function matchCase(name: string, prepare: () => { demands: readonly MatchDemand[]; offers: readonly Offer[] }): void {
  let launches = 0;
  let refusals = 0;
  const ms = best(prepare, (input) => {
    const result = match({ ...input, settings: defaultMatchSettings, nowMs: 0, random: seeded(1) });
    launches = result.used.reduce((sum, { launches: some }) => sum + some.length, 0);
    refusals = result.refusals.length;
  });
  print(name, { launches, refusals, ms: rounded(ms), usPerLaunch: rounded((ms * 1000) / Math.max(1, launches)) });
}

const manyApps = (
  count: number,
  changes: (i: number) => Partial<AppDefinition> = () => ({}),
): readonly AppDefinition[] => Array.from({ length: count }, (_, i) => app(`/shop/app-${i}`, changes(i)));

matchCase('one app, 10,000 instances, 1,000 offers', () => ({
  demands: [demand(app('/shop/web', { instances: 10_000 }), 10_000)],
  offers: offers(1_000),
}));
matchCase('the same with UNIQUE hostname (1,000 launches, 9,000 placed)', () => {
  const unique = app('/shop/web', { instances: 10_000, constraints: [['hostname', 'UNIQUE']] });
  const placements = Array.from({ length: 9_000 }, (_, i) => ({
    host: `old-${i}`,
    agentId: `old-${i}`,
    attributes: [],
  }));
  return { demands: [{ ...demand(unique, 1_000), placements }], offers: offers(1_000) };
});
matchCase('10,000 instances with GROUP_BY rack', () => ({
  demands: [demand(app('/shop/web', { instances: 10_000, constraints: [['rack', 'GROUP_BY']] }), 10_000)],
  offers: offers(1_000),
}));
matchCase('10,000 instances with MAX_PER hostname 10 and LIKE rack', () => ({
  demands: [
    demand(
      app('/shop/web', {
        constraints: [
          ['hostname', 'MAX_PER', '10'],
          ['rack', 'LIKE', 'r[0-9]+'],
        ],
      }),
      10_000,
    ),
  ],
  offers: offers(1_000),
}));
matchCase('1,000 apps of 10 instances, 1,000 offers, one size', () => ({
  demands: manyApps(1_000).map((definition) => demand(definition, 10)),
  offers: offers(1_000, 1),
}));
matchCase('1,000 apps of 10 instances, 1,000 offers, 1,000 sizes', () => ({
  demands: manyApps(1_000, (i) => ({ mem: 32 + i / 100 })).map((definition) => demand(definition, 10)),
  offers: offers(1_000, 1),
}));
matchCase('1,000 apps that fit nowhere, 1,000 offers', () => ({
  demands: manyApps(1_000, (i) => ({ cpus: 8 + i / 1000 })).map((definition) => demand(definition, 10)),
  offers: offers(1_000),
}));

function taskInfoCase(): void {
  const definition = app('/shop/web');
  const inputs = {
    app: definition,
    taskId: taskIdOf('shop_web.instance-00000000-0000-1000-8000-000000000000' as InstanceId, 1),
    agent: { host: 'host-1.example.org', agentId: 'S1', attributes: [] },
    resources: offer(1).resources,
    executorResources: [],
    hostPorts: [31_500],
    settings: defaultMatchSettings,
    enforceGroupRole: false,
    random: seeded(1),
  };
  const count = 100_000;
  const ms = best(
    () => inputs,
    (input) => {
      for (let i = 0; i < count; i += 1) buildTaskInfo(input);
    },
  );
  print('TaskInfo', { builds: count, usPerBuild: rounded((ms * 1000) / count) });
}

function scaleDownCase(): void {
  const definition = app('/shop/web', { constraints: [['hostname', 'GROUP_BY']] });
  const candidates = Array.from({ length: 10_000 }, (_, i) => ({
    id: `i${i}`,
    agent: { host: `h${i % 1_000}`, agentId: `S${i % 1_000}`, attributes: [] },
  }));
  const ms = best(
    () => candidates,
    (input) => constraintVictims(definition, input, 5_000),
  );
  print('scale-down of 10,000 on 1,000 hosts by 5,000, GROUP_BY hostname', { ms: rounded(ms) });
}

taskInfoCase();
scaleDownCase();
