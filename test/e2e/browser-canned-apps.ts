/** Apps, tasks and queue entries as `/v2` writes them (rest-api §7.2, §7.12, §5.5), as far as the page reads them. */

export interface CannedTask {
  readonly id: string;
  readonly state: string;
  readonly host: string;
  readonly ports: readonly number[];
  readonly version: string;
  readonly startedAt?: string;
  readonly healthCheckResults?: readonly object[];
}

/** A running task; `isAlive` undefined means that no check has said anything. */
export function cannedTask(id: string, isAlive?: boolean, over: Partial<CannedTask> = {}): CannedTask {
  return {
    id,
    state: 'TASK_RUNNING',
    host: '127.0.0.1',
    ports: [31_000],
    version: '2026-01-02T03:04:05.678Z',
    startedAt: '2026-01-02T03:04:06.000Z',
    ...(isAlive === undefined
      ? {}
      : { healthCheckResults: [{ alive: isAlive, firstSuccess: '2026-01-02T03:04:07.000Z' }] }),
    ...over,
  };
}

/** An app whose counts follow from its tasks. */
export function cannedApp(id: string, tasks: readonly CannedTask[] = [], over: object = {}): { readonly id: string } {
  const countOf = (test: (task: CannedTask) => boolean): number => tasks.filter(test).length;
  const alive = (value: boolean) => (task: CannedTask) =>
    (task.healthCheckResults ?? []).some((result) => 'alive' in result && result.alive === value);
  return {
    id,
    cmd: 'sleep 1000',
    instances: tasks.length,
    cpus: 0.1,
    mem: 64,
    labels: {},
    version: '2026-01-02T03:04:05.678Z',
    deployments: [],
    tasksRunning: countOf(({ state }) => state === 'TASK_RUNNING'),
    tasksStaged: countOf(({ state }) => state === 'TASK_STAGING'),
    tasksHealthy: countOf(alive(true)),
    tasksUnhealthy: countOf(alive(false)),
    tasks,
    ...over,
  } as { readonly id: string };
}

/** A queue entry of an app. */
export const cannedWait = (app: { readonly id: string }, timeLeftSeconds: number): object => ({
  app: { id: app.id },
  count: 1,
  delay: { timeLeftSeconds, overdue: timeLeftSeconds === 0 },
});
