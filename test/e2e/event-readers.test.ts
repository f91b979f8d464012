/** Nobody misses an event: mixed readers, a third of them rough, while apps change and the server is killed. */
import { describe, expect, it } from 'vitest';
import { Fleet, FleetReader } from '../support/event-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { inPlayground, type Playground } from '../support/processes.ts';
import { restClient } from '../support/rest-client.ts';
import { isLong, type RunningServer, startCluster, startServer } from '../support/stack.ts';
import { seededRandom } from '../support/world.ts';

const size = isLong
  ? { readers: 1_000, changes: 20_000, writers: 16, kills: 3, timeoutMs: 1_800_000 }
  : { readers: 60, changes: 300, writers: 8, kills: 2, timeoutMs: 60_000 };

/** Durable types: with a thousand readers that come and go, news of each other would be most of what they read. */
const durable = [
  'api_post_event',
  'group_change_success',
  'group_change_failed',
  'deployment_info',
  'deployment_step_success',
  'deployment_step_failure',
  'deployment_success',
  'deployment_failed',
  'status_update_event',
  'instance_changed_event',
  'app_terminated_event',
  'scheduler_registered_event',
  'scheduler_reregistered_event',
  'scheduler_disconnected_event',
];

/** What readers and writers have to get over; each gives the address that answers from then on. */
interface Stage {
  readonly url: () => string;
  readonly disturb: () => Promise<void>;
  readonly close: () => void;
}

/** One server with the embedded store, which is killed and started again on its directory and its port. */
async function killedServer(playground: Playground, master: string): Promise<Stage> {
  let server: RunningServer = await startServer(playground, master);
  const { url } = server;
  const { port } = new URL(url);
  return {
    url: () => url,
    disturb: async () => {
      await server.program.end('SIGKILL');
      server.rest.close();
      server = await startServer(playground, master, [], { port });
    },
    close: () => server.rest.close(),
  };
}

/** Changes apps until all changes are made; a change that fails is made again. */
async function changeApps(stage: Stage, onChange: (done: number) => void): Promise<void> {
  let next = 0;
  let done = 0;
  const write = async (): Promise<void> => {
    const rest = restClient(stage.url());
    while (next < size.changes) {
      const n = next++;
      const body = { id: `/app-${n % 50}`, cmd: 'sleep 1000', cpus: 0.01, mem: 1, instances: n % 10 === 0 ? 1 : 0 };
      await eventually(
        `change ${n}`,
        // While the server is away the connection fails, which is one more attempt.
        async () => {
          const path = `/v2/apps${body.id}?force=true`;
          return (await rest.ask('PUT', path, { ...body, labels: { n: String(n) } })).status < 300;
        },
        60_000,
      );
      done += 1;
      onChange(done);
    }
    rest.close();
  };
  await Promise.all(Array.from({ length: size.writers }, write));
}

async function run(stage: Stage): Promise<void> {
  const first = new FleetReader('live', 'steady', { url: stage.url, since: '', random: Math.random });
  const rest = restClient(stage.url());
  await rest.must('PUT', '/v2/apps/first', { cmd: 'sleep 1000', cpus: 0.01, mem: 1, instances: 0 });
  await rest.idle();
  await eventually('a first id', () => first.lastId !== '');
  const since = first.lastId;
  first.stop();
  const fleet = new Fleet({ url: stage.url, since, random: seededRandom(7), types: durable });
  fleet.add(size.readers);
  const every = Math.ceil(size.changes / (size.kills + 1));
  let disturbing: Promise<void> = Promise.resolve();
  await changeApps(stage, (done) => {
    if (done % every === 0 && done < size.changes) disturbing = disturbing.then(stage.disturb);
  });
  await disturbing;
  await eventually('no deployment', async () => (await rest.get('/v2/deployments')).text === '[]');
  await expectAlike(fleet, since);
  fleet.stop();
  rest.close();
}

async function expectAlike(fleet: Fleet, since: string): Promise<void> {
  const reference = fleet.reference();
  // Nothing happens any more, so the end of the log is where it stands still.
  let before = '';
  await eventually(
    'the log read to its end',
    async () => {
      const isStill = reference.lastId === before && before !== '';
      before = reference.lastId;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return isStill;
    },
    size.timeoutMs,
  );
  await fleet.settle(reference.lastId, size.timeoutMs);
  expect(reference.count).toBeGreaterThan(4 * size.changes);
  // Every number from the first to the last, as far as the types were asked for: none of the others occurs here.
  expect(Number(reference.lastId.split('.')[1]) - Number(since.split('.')[1])).toBe(reference.count);
  const all = [reference, ...fleet.readers];
  expect(all.flatMap(({ gaps, troubles }) => [...gaps, ...troubles])).toEqual([]);
  expect(new Set(all.map((reader) => `${reader.count} ${reader.digest()}`)).size).toBe(1);
  // The test would prove nothing if nobody had come back.
  const rough = fleet.readers.filter(({ temper }) => temper === 'rough');
  expect(rough.length).toBeGreaterThanOrEqual(Math.floor(size.readers / 3));
  expect(fleet.readers.every(({ connects }) => connects > 1)).toBe(true);
  reference.stop();
}

describe('readers of events', () => {
  it(
    'all end with the identical sequence, whatever they and the server went through',
    async () => {
      await inPlayground(async (playground) => {
        const cluster = await startCluster(playground, ['--simulate']);
        const stage = await killedServer(playground, cluster.address);
        await run(stage);
        stage.close();
      });
    },
    size.timeoutMs + 60_000,
  );
});
