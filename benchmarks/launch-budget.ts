/**
 * Where the leader's thread spends its time in a launch, against the budget of the design: a CPU profile of the server while one app is
 * scaled to N instances, less a profile of the same run with none. Self times are put into parts by the file they belong to.
 * `npm run bench -- launch-budget [instances]`. Prints one JSON line for each part.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { get, request } from './support/commands.ts';
import { cleanUp, machine, setUp, workload } from './support/setup.ts';

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
  const agents = Math.max(10, Math.ceil(instances / workload.instancesPerAgent));
  const setup = await setUp({ agents, isSimulated: true, profile: 'profile' });
  const { server, directory } = setup;
  try {
    await request(`${server.url}/v2/apps`, 'POST', { ...workload.app, id: '/bench', instances: count });
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const gauges = (await get(`${server.url}/metrics`))['gauges'] as Record<string, { value: number }>;
      if ((gauges['marathon.instances.running.gauge']?.value ?? 0) >= count) break;
    }
  } finally {
    await setup.end();
  }
  const [file = ''] = readdirSync(join(directory, 'profile'));
  const profile = JSON.parse(readFileSync(join(directory, 'profile', file), 'utf8')) as Profile;
  cleanUp(setup);
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
process.stdout.write(
  `${JSON.stringify({ figure: 'launchBudget', part: 'all', microsPerLaunch: Number(total.toFixed(1)), budget: 190, instances, machine })}\n`,
);
