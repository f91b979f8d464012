/**
 * What the actor runtime costs, beside bare nact in the same run. Prints one JSON line for each figure.
 * Run: `node --expose-gc --import tsx benchmarks/actors.ts`
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as nact from 'nact';
import { createRuntime } from '../src/actors/runtime/runtime.ts';
import type { Behaviour, Runtime } from '../src/actors/runtime/types.ts';
import { systemClock } from '../src/infra/clock.ts';
import { systemIds } from '../src/infra/ids.ts';

const MESSAGES = 1_000_000;
const SPREAD_ACTORS = 10_000;
const IDLE_ACTORS = 100_000;
const BUSY_ACTORS = 100;
const BUSY_MS = 0.02;
const HOT_RUN_MS = 2000;
const ROUNDS = 5;

type Figures = Readonly<Record<string, number>>;

const print = (figure: string, values: Figures): void => console.log(JSON.stringify({ figure, ...values }));
const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let runtimes = 0;

function runtime(): Runtime {
  runtimes += 1;
  const quiet = (): void => {};
  return createRuntime({
    name: `bench${runtimes}`,
    clock: systemClock,
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    metrics: { count: quiet, gauge: quiet, time: quiet },
  });
}

function nactSystem(): nact.ActorSystemRef {
  runtimes += 1;
  return nact.start({ name: `bare${runtimes}` } as unknown as string);
}

interface Add {
  readonly type: 'add';
  readonly by: number;
}

/** A fresh object each, as real messages are. */
const add = (by: number): Add => ({ type: 'add', by });
const counter: Behaviour<number, Add> = { initial: () => 0, receive: (state, message) => state + message.by };
const noLimit = { inboxLimit: Number.MAX_SAFE_INTEGER };

/** Queues `MESSAGES` over `actors` and drains them; messages per second of queueing, of draining, and of both. */
async function throughput(actors: number): Promise<Figures> {
  const system = runtime();
  const refs = Array.from({ length: actors }, (_, at) => system.spawn(counter, `a${at}`, noLimit));
  const told: number[] = [];
  const drained: number[] = [];
  const total: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    const began = performance.now();
    for (let at = 0; at < MESSAGES; at += 1) refs[at % actors]?.tell(add(at));
    const queued = performance.now();
    await system.idle();
    const ended = performance.now();
    told.push(MESSAGES / (queued - began) / 1000);
    drained.push(MESSAGES / (ended - queued) / 1000);
    total.push(MESSAGES / (ended - began) / 1000);
  }
  await system.shutdown();
  return {
    actors,
    tellMillionsPerSecond: round(median(told)),
    drainMillionsPerSecond: round(median(drained)),
    totalMillionsPerSecond: round(median(total)),
  };
}

async function nactThroughput(actors: number): Promise<number> {
  const system = nactSystem();
  let left = 0;
  const take = (): null => {
    left -= 1;
    return null;
  };
  const refs = Array.from({ length: actors }, (_, at) => nact.spawn(system, take, `a${at}`, { initialState: null }));
  const total: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    left = MESSAGES;
    const began = performance.now();
    for (let at = 0; at < MESSAGES; at += 1) nact.dispatch(refs[at % actors] as nact.Ref<unknown>, add(at));
    while (left > 0) await turnOfLoop();
    total.push(MESSAGES / (performance.now() - began) / 1000);
  }
  for (const ref of refs) nact.stop(ref);
  nact.stop(system);
  return round(median(total));
}

function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Messages per second of one actor with a full inbox, while 100 others always have a next message of 20 microseconds. */
async function hotActor(backlog: boolean): Promise<number> {
  const system = runtime();
  const state = { isOver: false, hot: 0 };
  const countHot = (): null => {
    state.hot += 1;
    return null;
  };
  const busy: Behaviour<null, null> = {
    initial: () => null,
    receive: (_state, _message, context) => {
      spin(BUSY_MS);
      if (!state.isOver) context.self.tell(null);
      return null;
    },
  };
  for (let at = 0; at < BUSY_ACTORS; at += 1) {
    const ref = system.spawn(busy, `busy${at}`);
    for (let more = 0; more < (backlog ? 100 : 1); more += 1) ref.tell(null);
  }
  const hot = system.spawn<null, null>({ initial: () => null, receive: countHot }, 'hot', noLimit);
  for (let at = 0; at < MESSAGES; at += 1) hot.tell(null);
  const began = performance.now();
  while (performance.now() - began < HOT_RUN_MS) await turnOfLoop();
  const rate = state.hot / ((performance.now() - began) / 1000);
  state.isOver = true;
  await system.shutdown();
  return Math.round(rate);
}

async function nactHotActor(): Promise<number> {
  const system = nactSystem();
  const state = { isOver: false, hot: 0 };
  const countHot = (): null => {
    state.hot += 1;
    return null;
  };
  for (let at = 0; at < BUSY_ACTORS; at += 1) {
    const busy = nact.spawn(
      system,
      (_state: null, _message: null, context: { self: nact.Ref<null> }) => {
        spin(BUSY_MS);
        if (!state.isOver) nact.dispatch(context.self, null);
        return null;
      },
      `busy${at}`,
    );
    nact.dispatch(busy, null);
  }
  const hot = nact.spawn(system, countHot, 'hot');
  for (let at = 0; at < MESSAGES; at += 1) nact.dispatch(hot, null);
  const began = performance.now();
  while (performance.now() - began < HOT_RUN_MS) await turnOfLoop();
  const rate = state.hot / ((performance.now() - began) / 1000);
  state.isOver = true;
  nact.stop(hot);
  await turnOfLoop();
  nact.stop(system);
  return Math.round(rate);
}

async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let turn = 0; turn < 4; turn += 1) {
    await turnOfLoop();
    globalThis.gc?.();
  }
  return process.memoryUsage();
}

/** Time and memory of 100,000 actors, each of which has handled one message. */
async function population(flat: boolean): Promise<Figures> {
  const system = runtime();
  const parents: Behaviour<number, number> = {
    initial: () => 0,
    receive: (_state, size, context) => {
      for (let at = 0; at < size; at += 1) context.spawn(counter, `c${at}`).tell(add(1));
      return size;
    },
  };
  const before = await settledMemory();
  const began = performance.now();
  const refs = flat ? Array.from({ length: IDLE_ACTORS }, (_, at) => system.spawn(counter, `a${at}`)) : [];
  const spawnedFlat = performance.now();
  for (const ref of refs) ref.tell(add(1));
  if (!flat) for (let at = 0; at < 1000; at += 1) system.spawn(parents, `p${at}`).tell(IDLE_ACTORS / 1000 - 1);
  await system.idle();
  const spawned = performance.now();
  const after = await settledMemory();
  const stopping = performance.now();
  await system.shutdown();
  await turnOfLoop();
  const stopped = performance.now();
  const actors = IDLE_ACTORS;
  return {
    actors,
    // In a tree parents spawn in their handlers, so that the first message cannot be told apart.
    ...(flat ? { spawnMicros: round(((spawnedFlat - began) * 1000) / actors) } : {}),
    spawnAndMessageMicros: round(((spawned - began) * 1000) / actors),
    stopMicros: round(((stopped - stopping) * 1000) / actors),
    heapBytes: Math.round((after.heapUsed - before.heapUsed) / actors),
    rssBytes: Math.round((after.rss - before.rss) / actors),
  };
}

async function nactPopulation(): Promise<Figures> {
  const system = nactSystem();
  const before = await settledMemory();
  const began = performance.now();
  let left = IDLE_ACTORS;
  const take = (): number => left--;
  const refs = Array.from({ length: IDLE_ACTORS }, (_, at) => nact.spawn(system, take, `a${at}`));
  const spawned = performance.now();
  for (const ref of refs) nact.dispatch(ref as nact.Ref<unknown>, add(1));
  while (left > 0) await turnOfLoop();
  const after = await settledMemory();
  const stopping = performance.now();
  for (const ref of refs) nact.stop(ref);
  await turnOfLoop();
  const stopped = performance.now();
  nact.stop(system);
  return {
    actors: IDLE_ACTORS,
    spawnMicros: round(((spawned - began) * 1000) / IDLE_ACTORS),
    stopMicros: round(((stopped - stopping) * 1000) / IDLE_ACTORS),
    heapBytes: Math.round((after.heapUsed - before.heapUsed) / IDLE_ACTORS),
    rssBytes: Math.round((after.rss - before.rss) / IDLE_ACTORS),
  };
}

/** Microseconds of each message, one per turn of the loop, to an actor with so many children. */
async function parentMessage(children: number): Promise<number> {
  const system = runtime();
  const parent = system.spawn<number, number>(
    {
      initial: (context) => {
        for (let at = 0; at < children; at += 1) context.spawn(counter, `c${at}`);
        return 0;
      },
      receive: (state, left, context) => {
        if (left > 0) context.self.tell(left - 1);
        return state + 1;
      },
    },
    'parent',
  );
  const began = performance.now();
  parent.tell(100_000);
  await system.idle();
  const micros = ((performance.now() - began) * 1000) / 100_000;
  await system.shutdown();
  return round(micros);
}

async function nactParentMessage(children: number, messages: number): Promise<number> {
  const system = nactSystem();
  const done = { isOver: false };
  const parent = nact.spawn(
    system,
    (_state: null, left: number, context: { self: nact.Ref<number> }) => {
      if (left > 0) nact.dispatch(context.self, left - 1);
      else done.isOver = true;
      return null;
    },
    'parent',
  );
  const refs = Array.from({ length: children }, (_, at) => nact.spawn(parent, () => null, `c${at}`));
  const began = performance.now();
  nact.dispatch(parent, messages);
  while (!done.isOver) await turnOfLoop();
  const micros = ((performance.now() - began) * 1000) / messages;
  for (const ref of refs) nact.stop(ref);
  nact.stop(parent);
  nact.stop(system);
  return round(micros);
}

/** Microseconds to set a timer, and to cancel one, for each of 100,000 actors. */
async function timers(): Promise<Figures> {
  const system = runtime();
  const owner: Behaviour<null, 'set' | 'cancel'> = {
    initial: () => null,
    receive: (_state, message, { timers: own }) => {
      if (message === 'set') own.set('overdue', 60_000, 'cancel');
      else own.cancel('overdue');
      return null;
    },
  };
  const refs = Array.from({ length: IDLE_ACTORS }, (_, at) => system.spawn(owner, `t${at}`));
  const run = async (message: 'set' | 'cancel'): Promise<number> => {
    const began = performance.now();
    for (const ref of refs) ref.tell(message);
    await system.idle();
    return round(((performance.now() - began) * 1000) / IDLE_ACTORS);
  };
  const figures = { setMicros: await run('set'), cancelMicros: await run('cancel') };
  await system.shutdown();
  return figures;
}

async function asks(): Promise<Figures> {
  const system = runtime();
  type Question = { readonly replyTo: { readonly tell: (reply: number) => boolean } };
  const answerer = system.spawn<null, Question>(
    {
      initial: () => null,
      receive: (_state, { replyTo }) => {
        replyTo.tell(1);
        return null;
      },
    },
    'answerer',
  );
  const began = performance.now();
  for (let at = 0; at < 100; at += 1) {
    const open = [];
    for (let more = 0; more < 1000; more += 1)
      open.push(system.ask<Question, number>(answerer, (replyTo) => ({ replyTo }), 1000));
    await Promise.all(open);
  }
  const micros = ((performance.now() - began) * 1000) / 100_000;
  await system.shutdown();
  return { microsEach: round(micros) };
}

function ids(): Figures {
  const began = performance.now();
  for (let at = 0; at < MESSAGES; at += 1) systemIds.timeUuid();
  return { timeUuidMicros: round(((performance.now() - began) * 1000) / MESSAGES, 3) };
}

const figures: Readonly<Record<string, () => Promise<Figures>>> = {
  'actors-throughput-one': async () => ({ ...(await throughput(1)), nactMillionsPerSecond: await nactThroughput(1) }),
  'actors-throughput-spread': async () => ({
    ...(await throughput(SPREAD_ACTORS)),
    nactMillionsPerSecond: await nactThroughput(SPREAD_ACTORS),
  }),
  'actors-hot-among-busy': async () => ({
    perSecond: await hotActor(false),
    perSecondWithBacklogs: await hotActor(true),
    nactPerSecond: await nactHotActor(),
  }),
  'actors-population-flat': () => population(true),
  'actors-population-tree': () => population(false),
  'nact-population-flat': nactPopulation,
  'actors-parent-message': async () => ({
    microsWithoutChildren: await parentMessage(0),
    microsWith10000: await parentMessage(10_000),
    nactMicrosWith10000: await nactParentMessage(10_000, 500),
  }),
  'actors-timers': timers,
  'actors-ask': asks,
  ids: async () => ids(),
};

// Each figure has a process of its own: memory that an earlier one left behind would hide what the next one takes.
const only = process.argv[2];
const chosen = only === undefined ? undefined : figures[only];
if (only === undefined) {
  const self = fileURLToPath(import.meta.url);
  for (const name of Object.keys(figures))
    spawnSync(process.execPath, [...process.execArgv, self, name], { stdio: 'inherit' });
} else if (chosen === undefined) {
  console.error(`no figure ${only}; there are ${Object.keys(figures).join(', ')}`);
  process.exitCode = 2;
} else {
  print(only, await chosen());
}
