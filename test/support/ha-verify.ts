/** The judgement at the end of a scenario: nothing lost, nothing invented, exact counts, healthy tasks untouched. */
import { eventually } from './eventually.ts';
import type { HaServer } from './ha-server.ts';
import type { HaStack } from './ha-stack.ts';
import type { Operation } from './history.ts';
import { checkHistory } from './history-check.ts';
import { instancesOf, operate } from './history-clients.ts';
import { checkJournal } from './journal-check.ts';

/** Process (or, simulated, 0) of each task that nothing had a reason to touch. */
export type SteadyTasks = ReadonlyMap<string, number>;

interface Task {
  readonly id: string;
  readonly appId: string;
  readonly state: string;
}

const settleLimitMs = 90_000;

/**
 * Judges a stack whose clients are silent and gives its steady tasks, which must be the ones of `before`. Rejects with all
 * violations.
 */
export async function verify(stack: Omit<HaStack, 'during'>, before: SteadyTasks | undefined): Promise<SteadyTasks> {
  const { servers, keys, history, journal } = stack;
  await stack.writable(servers);
  const door = servers[0] as HaServer;
  await eventually('no deployment', async () => (await text(door, '/v2/deployments')) === '[]', settleLimitMs);
  const wanted = new Map<string, number>();
  for (const key of keys) wanted.set(key, await desired(stack, key));
  const tasks = await eventually('the exact instances', () => exactTasks(stack, wanted), settleLimitMs).catch(
    async (error: unknown) => {
      const have = await listTasks(door);
      throw new Error(`wanted ${JSON.stringify([...wanted])}, there is ${JSON.stringify(have)}`, { cause: error });
    },
  );
  const steady = new Map([...tasks].filter(([id]) => id.startsWith('steady_')));
  await journal.catchUp();
  const violations = [...checkHistory(history.operations()), ...checkJournal(journal.entries())];
  if (before !== undefined && JSON.stringify([...before].sort()) !== JSON.stringify([...steady].sort())) {
    violations.push(`steady tasks were ${JSON.stringify([...before])} and are ${JSON.stringify([...steady])}`);
  }
  if (violations.length > 0) throw new Error(violations.join('\n'));
  return steady;
}

/** Reads a key through every server and gives the instances that it stands for. */
async function desired({ servers, history }: Omit<HaStack, 'during'>, key: string): Promise<number> {
  const seen: (number | undefined)[] = [];
  for (const server of servers) {
    const read = async (): Promise<true | undefined> => {
      await operate(history, 'verify', server, { kind: 'read', key });
      const { outcome, value, detail } = history.operations().at(-1) as Operation;
      // One that does not answer says nothing wrong.
      if (outcome !== 'ok') throw new Error(detail);
      seen.push(value);
      return true;
    };
    await eventually(`${server.name} answers about ${key}`, read, settleLimitMs);
  }
  if (new Set(seen).size !== 1) throw new Error(`the servers differ on ${key}: ${seen.join(', ')}`);
  const [value] = seen;
  return value === undefined ? 0 : instancesOf(key, value);
}

/** Tasks with their processes, if they are exactly the desired ones, all running, and nothing else runs. */
async function exactTasks(
  { playground, servers, cluster }: Omit<HaStack, 'during'>,
  wanted: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number> | false> {
  const tasks = await listTasks(servers[0] as HaServer);
  const counts = new Map([...wanted.keys()].map((key) => [key, 0]));
  for (const { appId } of tasks) counts.set(appId, (counts.get(appId) ?? 0) + 1);
  const isExact = tasks.every((task) => task.state === 'TASK_RUNNING') && [...counts].every(isWanted(wanted));
  if (!isExact) return false;
  const isSimulated = (await fetch(`http://${cluster.address}/simulate`)).status === 200;
  if (isSimulated) {
    const figures = (await (await fetch(`http://${cluster.address}/metrics/snapshot`)).json()) as Record<
      string,
      number
    >;
    return figures['master/tasks_running'] === tasks.length && new Map(tasks.map(({ id }) => [id, 0]));
  }
  const processes = playground.tasks();
  const isSame = processes.size === tasks.length && tasks.every(({ id }) => processes.has(id));
  return isSame && processes;
}

const isWanted =
  (wanted: ReadonlyMap<string, number>) =>
  ([key, count]: readonly [string, number]): boolean =>
    wanted.get(key) === count;

async function listTasks(server: HaServer): Promise<readonly Task[]> {
  return (JSON.parse(await text(server, '/v2/tasks')) as { tasks: readonly Task[] }).tasks;
}

async function text(server: HaServer, path: string): Promise<string> {
  const response = await fetch(server.url + path, { signal: AbortSignal.timeout(5_000) });
  return response.text();
}
