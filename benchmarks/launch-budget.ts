/**
 * Where the leader's thread spends its time in a launch, against the budget of the design: a CPU profile of the server while one app is
 * scaled to N instances, less a profile of the same run with none. Self times are put into parts by the file they belong to.
 * `npm run bench -- launch-budget [instances]`. Prints one JSON line for each part.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { get, request, runCommand } from './support/commands.ts';

const instances = Number(process.argv[2] ?? 20_000);

/** Budget in µs for each launch, and the files whose time counts there; the first that matches takes it. */
const parts: readonly { readonly name: string; readonly budget: number; readonly files: RegExp }[] = [
  {
    name: 'sending',
    budget: 20,
    files: /infra\/mesos\/(sender|calls|call-channel|fifo|http-answers|link)|node:(net|internal\/stream)/,
  },
  { name: 'decode', budget: 6, files: /infra\/mesos\/(recordio|events|subscription|subscriber)/ },
  {
    name: 'commit',
    budget: 25,
    files: /lmdb|ordered-binary|msgpackr|actors\/journal|core\/journal|infra\/recent-batches/,
  },
  { name: 'events', budget: 8, files: /api\/stream|actors\/events|core\/events|core\/time|core\/instance\/status/ },
  { name: 'match', budget: 10, files: /core\/offer/ },
  { name: 'actors', budget: 60, files: /\/actors\/|nact|core\/(instance|scale|deploy|ids)/ },
  { name: 'garbage collector', budget: 0, files: /^\(garbage collector\)$/ },
  { name: 'rest', budget: 60, files: /.*/ },
];

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Microseconds of each part of one profile; idle time is left out. */
function attribute(profile: Profile): ReadonlyMap<string, number> {
  const partOf = new Map<number, string | undefined>();
  for (const { id, callFrame } of profile.nodes) {
    const key = callFrame.url === '' ? callFrame.functionName : callFrame.url;
    partOf.set(id, key === '(idle)' ? undefined : parts.find((p) => p.files.test(key))?.name);
  }
  const times = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const part = partOf.get(id);
    if (part) times.set(part, (times.get(part) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  return times;
}

async function profileOf(count: number): Promise<ReadonlyMap<string, number>> {
  const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-bench-'));
  const resources = 'cpus:64;mem:65536;disk:100000;ports:[10000-40000]';
  const agents = String(Math.max(10, Math.ceil(instances / 100)));
  const mesos = [
    'local-mesos',
    '--port',
    '0',
    '--agents',
    agents,
    '--simulate',
    '--work_dir',
    join(directory, 'mesos'),
  ];
  const cluster = await runCommand([...mesos, '--resources', resources]);
  const flags = ['--data_dir', join(directory, 'data'), '--http_port', '0', '--logging_level', 'warn'];
  const server = await runCommand(['server', '--master', cluster.address, ...flags], join(directory, 'profile'));
  try {
    await request(`${server.url}/v2/apps`, 'POST', {
      id: '/bench',
      cmd: 'sleep 1',
      cpus: 0.1,
      mem: 32,
      instances: count,
    });
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const gauges = (await get(`${server.url}/metrics`))['gauges'] as Record<string, { value: number }>;
      if ((gauges['marathon.instances.running.gauge']?.value ?? 0) >= count) break;
    }
  } finally {
    await server.stop();
    await cluster.stop();
  }
  const [file = ''] = readdirSync(join(directory, 'profile'));
  const profile = JSON.parse(readFileSync(join(directory, 'profile', file), 'utf8')) as Profile;
  rmSync(directory, { recursive: true, force: true });
  return attribute(profile);
}

const idle = await profileOf(0);
const busy = await profileOf(instances);
let total = 0;
for (const { name, budget } of parts) {
  const micros = Math.max(0, ((busy.get(name) ?? 0) - (idle.get(name) ?? 0)) / instances);
  total += micros;
  process.stdout.write(
    `${JSON.stringify({ figure: 'launchBudget', part: name, microsPerLaunch: Number(micros.toFixed(1)), budget })}\n`,
  );
}
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? ''}`;
process.stdout.write(
  `${JSON.stringify({ figure: 'launchBudget', part: 'all', microsPerLaunch: Number(total.toFixed(1)), budget: 190, instances, machine })}\n`,
);
