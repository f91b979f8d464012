/** The trial that nobody misses an event: mixed readers, a third of them rough, while apps change and the servers are disturbed. */
import { expect } from 'vitest';
import { Fleet, FleetReader } from './event-fleet.ts';
import { eventually } from './eventually.ts';
import { restClient } from './rest-client.ts';
import { seededRandom } from './world.ts';

/** What readers and writers have to get over. */
export interface Stage {
  /** Where to connect now; may differ from one call to the next. */
  readonly url: () => string;
  /** One after the other, at even distances in the changes. Each resolves when the stage works again. */
  readonly disturbances: readonly (() => Promise<void>)[];
}

export interface TrialSize {
  readonly readers: number;
  /** At least so many; more are made until the last disturbance is over. */
  readonly changes: number;
  readonly writers: number;
  /** Changes of one request; its deployment has one set of events. Default: 1. */
  readonly perRequest?: number;
  /** Longest wait for the readers to be at the end. */
  readonly timeoutMs: number;
}

export interface TrialFigures {
  readonly made: number;
  readonly events: number;
  readonly changesPerSecond: number;
  /** From the last change until the slowest reader had everything. */
  readonly settleMs: number;
  readonly connects: number;
}

/** A change that is refused, or whose answer is lost, is made again for so long. */
const changeLimitMs = 180_000;

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

/** Runs it, and fails unless every reader has the identical sequence without a gap and every disturbance has been felt. */
export async function runEventTrial(stage: Stage, size: TrialSize): Promise<TrialFigures> {
  const since = await firstId(stage);
  const fleet = new Fleet({ url: stage.url, since, random: seededRandom(7), types: durable });
  fleet.add(size.readers);
  const startedMs = performance.now();
  const every = size.changes / (stage.disturbances.length + 1);
  const waiting = [...stage.disturbances];
  let disturbing: Promise<void> = Promise.resolve();
  let underWay = 0;
  const onChange = (done: number): void => {
    const due = Math.min(stage.disturbances.length, Math.floor(done / every));
    const next = stage.disturbances.length - waiting.length < due ? waiting.shift() : undefined;
    if (!next) return;
    underWay += 1;
    disturbing = disturbing.then(next).finally(() => {
      underWay -= 1;
    });
  };
  const made = await changeApps(stage, size, (next) => next < size.changes || underWay > 0, onChange);
  const changedMs = performance.now();
  await disturbing;
  expect(waiting).toEqual([]);
  const after = restClient(stage.url());
  await eventually('no deployment', async () => (await after.get('/v2/deployments')).text === '[]', 60_000);
  after.close();
  const events = await expectAlike(fleet, since, made, size);
  const settledMs = performance.now();
  fleet.stop();
  return {
    made,
    events,
    changesPerSecond: (1_000 * made) / (changedMs - startedMs),
    settleMs: settledMs - changedMs,
    connects: fleet.readers.reduce((sum, reader) => sum + reader.connects, 0),
  };
}

/** The place where the log stands, as a reader learns it who begins with what comes next. */
async function firstId(stage: Stage): Promise<string> {
  const first = new FleetReader('live', 'steady', { url: stage.url, since: '', random: Math.random });
  const rest = restClient(stage.url());
  let n = 0;
  await eventually('a first id', async () => {
    const body = { cmd: 'sleep 1000', cpus: 0.01, mem: 1, instances: 0, labels: { n: String(n++) } };
    await rest.ask('PUT', '/v2/apps/first?force=true', body);
    return first.lastId !== '';
  });
  rest.close();
  first.stop();
  return first.lastId;
}

/** Changes apps as long as there is more to do; a change that fails is made again, wherever the stage is then. Gives their number. */
async function changeApps(
  stage: Stage,
  { writers, perRequest = 1 }: TrialSize,
  isMore: (next: number) => boolean,
  onChange: (done: number) => void,
): Promise<number> {
  let next = 0;
  let done = 0;
  const write = async (): Promise<void> => {
    let rest = restClient(stage.url());
    while (isMore(next)) {
      const n = next;
      next += perRequest;
      const body = Array.from({ length: perRequest }, (_, i) => changeOf(n + i));
      await eventually(
        `change ${n}`,
        // While a server is away the connection fails, which is one more attempt.
        async () => {
          const answer = await rest.ask('PUT', '/v2/apps?force=true', body).catch(() => undefined);
          if (answer !== undefined && answer.status < 300) return true;
          rest.close();
          rest = restClient(stage.url());
          return false;
        },
        changeLimitMs,
      );
      done += perRequest;
      onChange(done);
    }
    rest.close();
  };
  await Promise.all(Array.from({ length: writers }, write));
  return done;
}

const changeOf = (n: number): object => ({
  id: `/app-${n % 50}`,
  cmd: 'sleep 1000',
  cpus: 0.01,
  mem: 1,
  instances: n % 10 === 0 ? 1 : 0,
  labels: { n: String(n) },
});

/** Gives how many events there were. */
async function expectAlike(fleet: Fleet, since: string, made: number, size: TrialSize): Promise<number> {
  const reference = fleet.reference();
  // Nothing happens any more, so the end of the log is where it stands still.
  let before = '';
  await eventually(
    'the log read to its end',
    async () => {
      const isStill = reference.lastId === before && before !== since;
      before = reference.lastId;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return isStill;
    },
    size.timeoutMs,
  );
  await fleet.settle(reference.lastId, size.timeoutMs);
  expect(reference.count).toBeGreaterThan((4 * made) / (size.perRequest ?? 1));
  // Every number from the first to the last, as far as the types were asked for: none of the others occurs here.
  expect(Number(reference.lastId.split('.')[1]) - Number(since.split('.')[1])).toBe(reference.count);
  const all = [reference, ...fleet.readers];
  expect(all.flatMap(({ gaps, troubles }) => [...gaps, ...troubles])).toEqual([]);
  expect(new Set(all.map((reader) => `${reader.count} ${reader.digest()}`)).size).toBe(1);
  // The trial would prove nothing if nobody had come back.
  const rough = fleet.readers.filter(({ temper }) => temper === 'rough');
  expect(rough.length).toBeGreaterThanOrEqual(Math.floor(size.readers / 3));
  expect(fleet.readers.every(({ connects }) => connects > 1)).toBe(true);
  reference.stop();
  return reference.count;
}
