/** Users who change apps while everything breaks, and a book of what may have come of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { attempt, describeAttempt, outcomeOf } from '../attempt.ts';
import type { FaultWorld } from './world.ts';

/** What an app is to be; undefined: it is not to be there. */
export type Want = { readonly instances: number; readonly step: string } | undefined;

export interface Book {
  /** By app, everything that it may be; one entry unless nobody told what became of a change. */
  readonly wants: ReadonlyMap<string, readonly Want[]>;
  readonly note: (line: string) => void;
  /** What was done to whom, in order, with the ms since the start. */
  readonly text: () => string;
  /** Answers that no request should ever get. */
  readonly offences: readonly string[];
  /** Changes by what came of them: ok, refused, unknown. */
  readonly counts: ReadonlyMap<string, number>;
}

interface OpenBook extends Book {
  readonly wants: Map<string, readonly Want[]>;
  readonly offences: string[];
  readonly counts: Map<string, number>;
}

export interface Users {
  /** Each ends what it is doing. */
  readonly stop: () => Promise<void>;
}

/** What every task runs, as a process shows it. */
export const taskCommand = 'sleep 1000';
const appsPerUser = 3;
const maxInstances = 3;
const maxPauseMs = 250;
/** Longer than any fault: what is answered after it was given up could happen behind the next change. */
const requestTimeoutMs = 120_000;
/** The app or task may be gone or held, the server may not serve yet; nothing else is wrong with these requests. */
const expectedStatuses: ReadonlySet<number> = new Set([200, 201, 404, 409, 503]);

export function openBook(): OpenBook {
  const lines: string[] = [];
  const counts = new Map<string, number>();
  const startedMs = performance.now();
  return {
    wants: new Map(),
    offences: [],
    counts,
    note: (line) => lines.push(`${Math.round(performance.now() - startedMs)} ${line}`),
    text: () => lines.join('\n'),
  };
}

/** So many users, each on apps of their own, so that each knows what must come of it. */
export function startUsers(world: FaultWorld, book: OpenBook, random: (below: number) => number, users = 2): Users {
  let isOver = false;
  const run = async (user: number): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      await operate(world, book, random, `/user-${user}/app-${random(appsPerUser)}`, `${user}-${n}`);
      await delay(random(maxPauseMs));
    }
  };
  const running = Array.from({ length: users }, (_, user) => run(user));
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(running);
    },
  };
}

/** A first app for everybody, so that there is something to break from the start. */
export async function settleIn(world: FaultWorld, book: OpenBook, apps: number): Promise<void> {
  for (let n = 0; n < apps; n++) {
    const want = { instances: maxInstances, step: 'first' };
    await write(world, book, `/settled/app-${n}`, 'PUT', '', bodyOf(want), () => want);
    if (book.counts.get('ok') !== n + 1) throw new Error(`the first apps were not taken: ${book.text()}`);
  }
}

async function operate(
  world: FaultWorld,
  book: OpenBook,
  random: (below: number) => number,
  id: string,
  step: string,
): Promise<void> {
  const known = book.wants.get(id) ?? [undefined];
  const [only] = known;
  const after = { instances: random(maxInstances + 1), step };
  // Without certainty only a change that replaces everything makes certain again.
  if (known.length > 1 || only === undefined) return write(world, book, id, 'PUT', '', bodyOf(after), () => after);
  switch (random(7)) {
    case 0:
      return write(world, book, id, 'DELETE', '', undefined, () => undefined);
    case 1:
      return write(world, book, id, 'POST', '/restart', undefined, (before) => before);
    case 2:
      return write(world, book, id, 'PUT', '', bodyOf(after), () => after);
    case 3:
    case 4:
      return kill(world, book, random, id);
    default: {
      const { instances } = after;
      return write(world, book, id, 'PUT', '', { instances }, (before) => before && { ...before, instances });
    }
  }
}

const bodyOf = ({ instances, step }: NonNullable<Want>): object => ({
  cmd: `exec ${taskCommand}`,
  instances,
  cpus: 0.01,
  mem: 8,
  env: { STEP: step },
  backoffSeconds: 1,
  maxLaunchDelaySeconds: 2,
  upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0.5 },
});

async function kill(world: FaultWorld, book: OpenBook, random: (below: number) => number, id: string): Promise<void> {
  const listed = await attempt(world.rest.url, 'GET', `/v2/apps${id}/tasks`, undefined, requestTimeoutMs);
  if (listed.type !== 'answer' || listed.status !== 200) return;
  const { tasks } = JSON.parse(listed.text) as { tasks: readonly { readonly id: string }[] };
  const task = tasks[random(Math.max(1, tasks.length))];
  if (task === undefined) return;
  const scales = random(3) === 0;
  const fewer = (before: Want): Want => before && { ...before, instances: Math.max(0, before.instances - 1) };
  const then = scales ? fewer : (before: Want): Want => before;
  await write(world, book, id, 'DELETE', `/tasks/${task.id}`, undefined, then, scales ? '&scale=true' : '');
}

/** One change; what is answered decides what may be wanted from now on. */
async function write(
  { rest }: FaultWorld,
  book: OpenBook,
  id: string,
  method: string,
  below: string,
  body: object | undefined,
  then: (before: Want) => Want,
  query = '',
): Promise<void> {
  const path = `/v2/apps${id}${below}?force=true${query}`;
  const result = await attempt(rest.url, method, path, body, requestTimeoutMs);
  const outcome = outcomeOf(result);
  book.note(
    `${method} ${id}${below} ${body === undefined ? '' : JSON.stringify(body).slice(0, 60)}: ${describeAttempt(result)}`,
  );
  book.counts.set(outcome, (book.counts.get(outcome) ?? 0) + 1);
  if (result.type === 'answer' && !expectedStatuses.has(result.status)) {
    book.offences.push(`${method} ${path}: ${describeAttempt(result)}`);
  }
  if (outcome === 'refused') return;
  const before = book.wants.get(id) ?? [undefined];
  const after = before.map(then);
  book.wants.set(id, distinct(outcome === 'ok' ? after : [...before, ...after]));
}

function distinct(wants: readonly Want[]): readonly Want[] {
  return [...new Map(wants.map((want) => [JSON.stringify(want), want])).values()];
}
