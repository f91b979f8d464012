/** `taskStats` of an app (rest-api §7.13, behaviour §1.10). */
import type { AppDefinition } from '../../core/app/definition.ts';
import { isCurrent } from '../../core/app/versions.ts';
import type { Instance } from '../../core/instance/instance.ts';
import type { TaskView } from './task.ts';

/** An instance that has a task, with its rendering. */
export interface ShownInstance {
  readonly instance: Instance;
  readonly view: TaskView;
}

/** Statistics of all tasks, and of those started before or after the latest changes; a class without tasks is left out. */
export function taskStats(app: AppDefinition, shown: readonly ShownInstance[], nowMs: number): object {
  const { lastScalingAt } = app.versionInfo;
  const isLatest = ({ instance }: ShownInstance): boolean => isCurrent(instance.version, app);
  return {
    ...member(
      'startedAfterLastScaling',
      shown.filter(({ instance }) => instance.version >= lastScalingAt),
      nowMs,
    ),
    ...member('withLatestConfig', shown.filter(isLatest), nowMs),
    ...member(
      'withOutdatedConfig',
      shown.filter((one) => !isLatest(one)),
      nowMs,
    ),
    ...member('totalSummary', shown, nowMs),
  };
}

function member(name: string, shown: readonly ShownInstance[], nowMs: number): object {
  if (shown.length === 0) return {};
  const counts = {
    staged: shown.filter(({ view }) => view.isStaged).length,
    running: shown.filter(({ view }) => view.isRunning).length,
    healthy: shown.filter(({ view }) => view.isHealthy).length,
    unhealthy: shown.filter(({ view }) => view.isUnhealthy).length,
  };
  return { [name]: { stats: { counts, ...lifeTime(shown, nowMs) } } };
}

/** Mean, and as "median" the element at half the length, over running tasks, in seconds. */
function lifeTime(shown: readonly ShownInstance[], nowMs: number): object {
  const seconds = shown
    .flatMap(({ instance, view }) => (view.isRunning ? [instance.tasks[0]?.startedAtMs ?? nowMs] : []))
    .map((startedAtMs) => Math.max(0, nowMs - startedAtMs) / 1000)
    .sort((a, b) => a - b);
  if (seconds.length === 0) return {};
  const averageSeconds = seconds.reduce((sum, each) => sum + each, 0) / seconds.length;
  return { lifeTime: { averageSeconds, medianSeconds: seconds[Math.floor(seconds.length / 2)] ?? 0 } };
}
