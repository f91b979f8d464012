import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../../src/core/instance/condition.ts';
import type { Condition } from '../../../src/core/instance/instance.ts';
import {
  conditions,
  isActive,
  isConsideredTerminal,
  isLost,
  isScheduled,
  isTerminal,
} from '../../../src/core/instance/instance.ts';
import type { MesosTaskState } from '../../../src/core/mesos/types.ts';

describe('the condition that a Mesos status stands for (behaviour §1.2)', () => {
  const plain: readonly (readonly [MesosTaskState, Condition])[] = [
    ['TASK_STAGING', 'Staging'],
    ['TASK_STARTING', 'Starting'],
    ['TASK_RUNNING', 'Running'],
    ['TASK_KILLING', 'Killing'],
    ['TASK_FINISHED', 'Finished'],
    ['TASK_FAILED', 'Failed'],
    ['TASK_KILLED', 'Killed'],
    ['TASK_ERROR', 'Error'],
    ['TASK_DROPPED', 'Dropped'],
    ['TASK_GONE', 'Gone'],
    ['TASK_GONE_BY_OPERATOR', 'Gone'],
    ['TASK_UNREACHABLE', 'Unreachable'],
    ['TASK_UNKNOWN', 'Unknown'],
  ];
  it.each(plain)('%s is %s', (state, condition) => {
    expect(conditionOf({ state })).toBe(condition);
  });

  const unknownMessage = 'Reconciliation: Task is unknown to the agent';
  const lost: readonly (readonly [string, string | undefined, string | undefined, Condition])[] = [
    ['V11: with reason SLAVE_REMOVED', 'REASON_SLAVE_REMOVED', undefined, 'Unreachable'],
    ['V11: with its name of the v1 API', 'REASON_AGENT_REMOVED', undefined, 'Unreachable'],
    ['with reason SLAVE_DISCONNECTED', 'REASON_SLAVE_DISCONNECTED', undefined, 'Unreachable'],
    ['with reason AGENT_DISCONNECTED', 'REASON_AGENT_DISCONNECTED', undefined, 'Unreachable'],
    ['with reason RECONCILIATION', 'REASON_RECONCILIATION', undefined, 'Unreachable'],
    ['V12: unknown to the agent, by message', 'REASON_RECONCILIATION', unknownMessage, 'Unknown'],
    ['with reason TASK_UNKNOWN', 'REASON_TASK_UNKNOWN', undefined, 'Unknown'],
    ['with another reason', 'REASON_EXECUTOR_TERMINATED', undefined, 'Gone'],
    ['V13: without reason', undefined, undefined, 'Gone'],
  ];
  it.each(lost)('TASK_LOST %s', (_, reason, message, condition) => {
    const status = { state: 'TASK_LOST', ...(reason && { reason }), ...(message && { message }) } as const;
    expect(conditionOf(status)).toBe(condition);
  });
});

describe('what a condition means (behaviour §1.1)', () => {
  const members = (is: (c: Condition) => boolean) => conditions.filter(is);

  it('active are those with a task that exists or may exist', () => {
    expect(members(isActive)).toEqual(['Provisioned', 'Staging', 'Starting', 'Running', 'Killing', 'Unreachable']);
  });

  it('terminal are those that are over for good', () => {
    expect(members(isTerminal)).toEqual(['Error', 'Failed', 'Finished', 'Killed', 'Gone', 'Dropped', 'Unknown']);
  });

  it('lost are Unreachable, Gone, Dropped and Unknown, but not UnreachableInactive', () => {
    expect(members(isLost)).toEqual(['Unreachable', 'Gone', 'Dropped', 'Unknown']);
  });

  it('deployments wait for no unreachable instance', () => {
    expect(members((c) => isConsideredTerminal(c) && !isTerminal(c))).toEqual(['Unreachable', 'UnreachableInactive']);
  });

  it('an offer is wanted by what is to run and has not started, or has ended', () => {
    expect(members((condition) => isScheduled({ goal: 'Running', condition }))).toEqual([
      'Scheduled',
      ...members(isTerminal),
    ]);
    for (const goal of ['Stopped', 'Decommissioned'] as const) {
      expect(members((condition) => isScheduled({ goal, condition }))).toEqual([]);
    }
  });
});
