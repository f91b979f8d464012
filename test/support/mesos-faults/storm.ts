/** One seed: a world, users who change it, faults one or two at a time, and the judgement when all is mended. */
import { setTimeout as delay } from 'node:timers/promises';
import { randomFrom } from '../random.ts';
import { violations } from './checker.ts';
import { duplicatesNow, frameworkIdOf, gatherFacts } from './facts.ts';
import { type Fault, faultsFor } from './faults.ts';
import type { Tally } from './meddler.ts';
import { type Book, openBook, settleIn, startUsers } from './users.ts';
import { type FaultWorld, startWorld } from './world.ts';

export interface StormOptions {
  readonly seed: number;
  readonly kind: 'processes' | 'simulated';
  /** Turns, in each of which one fault happens, or two at once. */
  readonly turns: number;
  /** After the last fault. */
  readonly settleLimitMs: number;
}

/** What a storm did, for the judgement whether it was one. */
export interface Weather {
  readonly faults: readonly string[];
  /** Changes by users, by what came of them. */
  readonly changes: ReadonlyMap<string, number>;
  readonly records: Tally;
}

/** So many seeds in a row meet every fault at least once, if their turns are enough. */
export const seedsPerRound = 3;
const lookPauseMs = 300;
/** All must be well in so many looks in a row. */
const cleanLooks = 3;
const logTailChars = 5_000;

/** Runs a storm in a world of its own. Rejects, with all that a replay needs, if anything is wrong in the end. */
export async function storm(options: StormOptions): Promise<Weather> {
  const { seed, kind } = options;
  const random = randomFrom(seed);
  const simulate = kind === 'simulated';
  // With the work of a killed cluster lost, and with it kept.
  const recover = !simulate && seed % 2 === 1;
  const world = await startWorld({ simulate, recover, random: randomFrom(seed + 1_000_000) });
  const book = openBook();
  try {
    const firstFrameworkId = await calmStart(world, book);
    const users = startUsers(world, book, randomFrom(seed + 2_000_000));
    const schedule = scheduleOf(options, random);
    try {
      for (const faults of schedule) await happen(world, book, faults, random);
    } finally {
      await world.heal();
      await users.stop();
    }
    book.note('all is mended');
    await expectPeace(world, book, firstFrameworkId, options.settleLimitMs);
    const faults = schedule.flat().map(({ what }) => what);
    return { faults, changes: book.counts, records: world.meddler.tally() };
  } catch (error) {
    throw new Error(report(options, error, world, book), { cause: error });
  } finally {
    await world.close();
  }
}

/** Some apps run before anything breaks. Gives the framework id. */
async function calmStart(world: FaultWorld, book: ReturnType<typeof openBook>): Promise<string> {
  await settleIn(world, book, 2);
  for (const id of book.wants.keys()) await world.rest.running(id, 3);
  return frameworkIdOf(world);
}

/** The same for a seed each time: its third of all faults in a random order, sometimes with a second one beside it. */
export function scheduleOf(
  { seed, kind, turns }: StormOptions,
  random: (below: number) => number,
): readonly (readonly Fault[])[] {
  const all = faultsFor(kind);
  const round = Math.floor((seed - 1) / seedsPerRound);
  const order = shuffled(all, randomFrom(round + 77));
  const first = ((seed - 1) % seedsPerRound) * turns;
  return Array.from({ length: turns }, (_, n) => {
    const fault = order[(first + n) % order.length] as Fault;
    const others = all.filter(({ subject }) => subject !== fault.subject);
    const second = others[random(others.length)];
    return random(3) > 0 || second === undefined ? [fault] : [fault, second];
  });
}

async function happen(
  world: FaultWorld,
  book: Book,
  faults: readonly Fault[],
  random: (below: number) => number,
): Promise<void> {
  // Each its own numbers: which of two asks first must not change what a seed does.
  const own = faults.map(() => randomFrom(random(2 ** 31)));
  book.note(`>> ${faults.map(({ what }) => what).join(', and ')}`);
  await Promise.all(faults.map((fault, n) => fault.run(world, own[n] as (below: number) => number)));
  book.note('<< over');
  if (!world.isSimulated) {
    const twice = duplicatesNow(world);
    if (twice.length > 0) throw new Error(`tasks run twice: ${twice.join(', ')}`);
  }
  await delay(random(500));
}

/** Waits until all is as it must be, and stays so for a moment. Rejects with what is still wrong after the limit. */
export async function expectPeace(
  world: FaultWorld,
  book: Book,
  firstFrameworkId: string,
  limitMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  let wrong: readonly string[] = [];
  for (let clean = 0; clean < cleanLooks; await delay(lookPauseMs)) {
    try {
      wrong = violations(await gatherFacts(world, book, firstFrameworkId));
    } catch (error) {
      wrong = [`no answer: ${String(error)}`];
    }
    clean = wrong.length === 0 ? clean + 1 : 0;
    if (wrong.length > 0 && performance.now() > deadlineMs) {
      throw new Error(`after ${limitMs} ms of peace:\n${wrong.join('\n')}`);
    }
  }
  if (book.offences.length > 0) throw new Error(book.offences.join('\n'));
}

function shuffled<T>(items: readonly T[], random: (below: number) => number): readonly T[] {
  const left = [...items];
  return Array.from(items, () => left.splice(random(left.length), 1)[0] as T);
}

function report({ seed, kind }: StormOptions, error: unknown, world: FaultWorld, book: Book): string {
  const said = error instanceof Error ? error.message : String(error);
  return [
    `seed ${seed} (${kind}): ${said}`,
    `---- what was done\n${book.text()}`,
    `---- records on their way: ${JSON.stringify(world.meddler.tally())}`,
    `---- log of the server\n${world.server.log().slice(-logTailChars)}`,
    `---- log of the cluster\n${world.cluster.log().slice(-logTailChars)}`,
    `---- tasks alive: ${JSON.stringify([...world.playground.tasks()])}`,
  ].join('\n');
}
