import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../../src/core/instance/condition.ts';
import type { MesosTaskState } from '../../../src/core/mesos/types.ts';
import { unknownTask } from '../../../src/core/task/unknown.ts';

describe('a status of a task that no instance owns (behaviour §1.7)', () => {
  const rows: readonly (readonly [MesosTaskState, string])[] = [
    ['TASK_STAGING', 'kill'],
    ['TASK_STARTING', 'kill'],
    ['TASK_RUNNING', 'kill'],
    ['TASK_KILLING', 'ignore'],
    ['TASK_FINISHED', 'publish'],
    ['TASK_FAILED', 'publish'],
    ['TASK_KILLED', 'publish'],
    ['TASK_ERROR', 'publish'],
    ['TASK_DROPPED', 'publish'],
    ['TASK_GONE', 'publish'],
    ['TASK_UNKNOWN', 'publish'],
    ['TASK_UNREACHABLE', 'publish'],
  ];
  it.each(rows)('V20: %s leads to %s', (state, action) => {
    expect(unknownTask(conditionOf({ state }))).toBe(action);
  });
});
