/** The trial that nobody misses an event: mixed readers, a third of them rough, while apps change and the servers are disturbed. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Fleet, startFleet } from './event-fleet.ts';
import { parse } from './event-sequence.ts';
import { eventually } from './eventually.ts';
import { type RestClient, restClient } from './rest-client.ts';

/** What readers and writers have to get over. */
export interface Stage {
  /** Where the servers are; some of them may be away. */
  readonly urls: readonly string[];
  /** One after the other, at even distances in the changes. Each resolves when the stage works again. */
  readonly disturbances: readonly (() => Promise<void>)[];
}

export interface TrialSize {
  readonly readers: number;
  /** Changes of an app's definition; at least so many: more are made until the last disturbance is over. */
  readonly changes: number;
  readonly writers: number;
  /** Apps that one request changes, all of them in one deployment with one set of events. Default: 1. */
  readonly perRequest?: number;
  /** Begin no more changes in a second than this. Default: as fast as it goes. */
  readonly changesPerSecond?: number;
  /** Longest wait for the readers to be at the end. */
  readonly timeoutMs: number;
}

export interface TrialFigures {
  readonly made: number;
  readonly events: number;
  readonly madePerSecond: number;
  /** From the last change until the slowest reader had everything. */
  readonly settleMs: number;
  readonly connects: number;
  readonly gapEvents: number;
  /** Of all readers together. */
  readonly readersCpuMs: number;
}

/** A change that is refused, or whose answer is lost, is made again for so long. */
const changeLimitMs = 180_000;
/** Events that the log keeps in any case (design §5.9); as long as there are no more, no gap is excused. */
const keptEvents = 100_000;

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
  const { urls } = stage;
  (await change(anyOf(urls), urls, 0, 1)).close();
  const since = await newestId(urls);
  const fleet = startFleet(size.readers, { urls, since, types: durable });
  try {
    return await runWith(fleet, stage, size, since);
  } finally {
    await fleet.close();
  }
}

async function runWith(fleet: Fleet, stage: Stage, size: TrialSize, since: string): Promise<TrialFigures> {
  const { urls } = stage;
  await fleet.connected(size.timeoutMs);
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
    // It is told below, where it is waited for.
    disturbing.catch(() => {});
  };
  const made = await changeApps(urls, size, (next) => next < size.changes || underWay > 0, onChange);
  const changedMs = performance.now();
  await disturbing;
  expect(waiting).toEqual([]);
  // Who leads now may be without Mesos still, and then there is more to come, however quiet it is. This is over when it is not.
  (await ask(urls, anyOf(urls), 'a last app', [lastApp])).close();
  const last = await endOfLog(urls);
  await fleet.settle(parse(last).number, size.timeoutMs);
  const settledMs = performance.now();
  const results = await fleet.end();
  const sum = (of: 'wrong' | 'gaps' | 'connects' | 'neverLeft' | 'cpuMs'): number =>
    results.reduce((all, result) => all + result[of], 0);

  expect(results.flatMap(({ faults }) => faults)).toEqual([]);
  expect(sum('wrong')).toBe(0);
  const reference = await readAgain(urls, since, last, size.timeoutMs);
  // Every number from the first to the last, as far as the types were asked for: none of the others occurs here.
  const events = parse(last).number - parse(since).number;
  expect(reference.count).toBe(events);
  expect(events).toBeGreaterThan((4 * made) / (size.perRequest ?? 1));
  if (events <= keptEvents) {
    expect(sum('gaps')).toBe(0);
    const all = new Set([...results, reference].flatMap(({ sequences }) => Object.keys(sequences)));
    expect([...all]).toEqual(Object.keys(reference.sequences));
  }
  // The trial would prove nothing if nobody had come back.
  expect(sum('neverLeft')).toBe(0);
  return {
    made,
    events,
    madePerSecond: (1_000 * made) / (changedMs - startedMs),
    settleMs: settledMs - changedMs,
    connects: sum('connects'),
    gapEvents: sum('gaps'),
    readersCpuMs: sum('cpuMs'),
  };
}

/** What one reader gets that reads the whole log afterwards, in a process that nobody else reads in. */
async function readAgain(urls: readonly string[], since: string, last: string, timeoutMs: number) {
  const reader = startFleet(1, { urls, since, types: durable, isSteady: true });
  try {
    await reader.settle(parse(last).number, timeoutMs);
    const [result] = await reader.end();
    if (!result) throw new Error('no result');
    expect([result.faults, result.wrong, Object.keys(result.sequences).length]).toEqual([[], 0, 1]);
    return result;
  } finally {
    await reader.close();
  }
}

const anyOf = (urls: readonly string[]): string => urls[Math.floor(Math.random() * urls.length)] ?? '';

/** Id of the newest event, as one who polls learns it. */
async function newestId(urls: readonly string[]): Promise<string> {
  return eventually(
    'the id of the newest event',
    async () => {
      const rest = restClient(anyOf(urls));
      try {
        const answer = await rest.get('/v2/apps?since=&id=first');
        return answer.status === 200 ? String(answer.headers['marathon-event-id'] ?? '') || undefined : undefined;
      } finally {
        rest.close();
      }
    },
    60_000,
  );
}

/** Once nothing happens any more. */
async function endOfLog(urls: readonly string[]): Promise<string> {
  let before = '';
  return eventually(
    'the end of all that happens',
    async () => {
      const rest = restClient(anyOf(urls));
      try {
        const isIdle = (await rest.get('/v2/deployments')).text === '[]';
        const newest = await newestId(urls);
        const isStill = isIdle && newest === before;
        before = newest;
        await delay(500);
        return isStill && newest;
      } finally {
        rest.close();
      }
    },
    120_000,
  );
}

/** Changes apps as long as there is more to do; a change that fails is made again, wherever the stage is then. Gives their number. */
async function changeApps(
  urls: readonly string[],
  { writers, perRequest = 1, changesPerSecond = Number.POSITIVE_INFINITY }: TrialSize,
  isMore: (next: number) => boolean,
  onChange: (done: number) => void,
): Promise<number> {
  const startedMs = performance.now();
  let next = 0;
  let done = 0;
  const write = async (): Promise<void> => {
    let rest: RestClient | undefined;
    while (isMore(next)) {
      const n = next;
      next += perRequest;
      await delay(Math.max(0, startedMs + (1_000 * n) / changesPerSecond - performance.now()));
      rest = await change(rest ?? anyOf(urls), urls, n, perRequest);
      done += perRequest;
      onChange(done);
    }
    rest?.close();
  };
  await Promise.all(Array.from({ length: writers }, write));
  return done;
}

const change = (on: RestClient | string, urls: readonly string[], n: number, count: number): Promise<RestClient> =>
  ask(
    urls,
    on,
    `change ${n}`,
    Array.from({ length: count }, (_, i) => changeOf(n + i)),
  );

/** Makes one request succeed, on this connection or another one, and gives the one on which it did. */
async function ask(
  urls: readonly string[],
  on: RestClient | string,
  what: string,
  body: readonly object[],
): Promise<RestClient> {
  let rest = typeof on === 'string' ? restClient(on) : on;
  await eventually(
    what,
    // While a server is away the connection fails, which is one more attempt.
    async () => {
      const answer = await rest.ask('PUT', '/v2/apps?force=true', body).catch(() => undefined);
      if (answer !== undefined && answer.status < 300) return true;
      rest.close();
      rest = restClient(anyOf(urls));
      return false;
    },
    changeLimitMs,
  );
  return rest;
}

/** Its deployment needs a task. */
const lastApp = { id: '/last', cmd: 'sleep 1000', cpus: 0.01, mem: 1, instances: 1 };

const changeOf = (n: number): object => ({
  id: `/app-${n % 50}`,
  cmd: 'sleep 1000',
  cpus: 0.01,
  mem: 1,
  instances: n % 10 === 0 ? 1 : 0,
  labels: { n: String(n) },
});
