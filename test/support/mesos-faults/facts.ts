/** Gathers what server, cluster and machine say of a world. */
import { environmentOf, type FoundProcess, sessionOf } from '../processes.ts';
import { type AppFact, type ClusterTask, duplicates, type Facts, type ProcessFact, type TaskFact } from './checker.ts';
import type { Book } from './users.ts';
import type { FaultWorld } from './world.ts';

interface ClusterState {
  readonly frameworks: readonly {
    readonly id: string;
    readonly tasks: readonly ClusterTask[];
    readonly unreachable_tasks: readonly ClusterTask[];
  }[];
  readonly completed_frameworks: readonly unknown[];
}

interface ListedApp {
  readonly id: string;
  readonly instances: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly version: string;
  readonly versionInfo?: { readonly lastConfigChangeAt: string };
}

/** The framework id that the server has. */
export async function frameworkIdOf({ rest }: FaultWorld): Promise<string> {
  return ((await rest.must('GET', '/v2/info')).json() as { frameworkId: string }).frameworkId;
}

/** Everything at about one moment. Rejects while somebody does not answer. */
export async function gatherFacts(world: FaultWorld, book: Book, firstFrameworkId: string): Promise<Facts> {
  const { rest, cluster, server, playground, isSimulated } = world;
  const list = async <T>(path: string, member: string): Promise<readonly T[]> =>
    ((await rest.must('GET', path)).json() as Record<string, readonly T[]>)[member] ?? [];
  const apps = await list<ListedApp>('/v2/apps', 'apps');
  const tasks = await list<TaskFact>('/v2/tasks', 'tasks');
  const queued = await list('/v2/queue', 'queue');
  const deployments = (await rest.must('GET', '/v2/deployments')).json() as readonly unknown[];
  const frameworkId = await frameworkIdOf(world);
  const state = await askCluster<ClusterState>(cluster.address, '/state');
  const figures = await askCluster<Record<string, number>>(cluster.address, '/metrics/snapshot');
  const { frameworks } = state;
  return {
    wants: book.wants,
    apps: apps.map(appFact),
    tasks,
    deployments: deployments.length,
    queued: queued.length,
    frameworkId,
    firstFrameworkId,
    serverLog: server.log(),
    frameworks: frameworks.map(({ id }) => id),
    removedFrameworks: state.completed_frameworks.length,
    clusterTasks: frameworks.flatMap((one) => one.tasks.map(({ id, state: now }) => ({ id, state: now }))),
    unreachable: frameworks.reduce((sum, one) => sum + one.unreachable_tasks.length, 0),
    unacknowledged: figures['local/unacknowledged_tasks'] ?? Number.NaN,
    processes: isSimulated ? undefined : playground.processes().map(processFact),
    programs: new Set([cluster.pid(), server.pid()]),
  };
}

/** Task ids that two main processes have at this moment: at no time may there be one. */
export function duplicatesNow({ playground }: FaultWorld): readonly string[] {
  const mains = playground.processes().filter(({ pid }) => sessionOf(pid) === pid);
  return duplicates(mains.flatMap(({ taskId }) => (taskId === undefined ? [] : [{ taskId }])));
}

const appFact = ({ id, instances, env, version, versionInfo }: ListedApp): AppFact => ({
  id,
  instances,
  step: env?.['STEP'],
  configuredAt: versionInfo?.lastConfigChangeAt ?? version,
  version,
});

const processFact = (found: FoundProcess): ProcessFact => ({
  ...found,
  leads: sessionOf(found.pid) === found.pid,
  step: environmentOf(found.pid)['STEP'],
});

async function askCluster<T>(address: string, path: string): Promise<T> {
  const answer = await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(60_000) });
  return (await answer.json()) as T;
}
