/** Names of the executors that tasks of ours have (behaviour §8.2). */

/** Mesos' own executor is named like its task, a custom one as Marathon names it. */
export const executorIdsOf = (taskId: string, isCustom: boolean | undefined): readonly string[] => {
  const custom = `marathon-${taskId}`;
  if (isCustom === undefined) return [taskId, custom];
  return isCustom ? [custom] : [taskId];
};
