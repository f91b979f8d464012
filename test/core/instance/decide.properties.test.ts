import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type InstanceCommand } from '../../../src/core/instance/decide.ts';
import type { Instance } from '../../../src/core/instance/instance.ts';
import { isTerminal } from '../../../src/core/instance/instance.ts';
import type { MesosTaskState } from '../../../src/core/mesos/types.ts';
import { anAgent } from '../offer/fixtures.ts';
import { anInstance, taskId, v1 } from './given.ts';

const states: readonly MesosTaskState[] = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_UNKNOWN',
];
const strategies = fc.constantFrom(
  'disabled' as const,
  { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  { inactiveAfterSeconds: 2, expungeAfterSeconds: 5 },
);
const updates = fc.record({
  type: fc.constant('mesosUpdate' as const),
  strategy: strategies,
  status: fc.record(
    {
      task_id: fc.constantFrom(1, 1, 1, 2).map((n) => ({ value: taskId('a', n) })),
      state: fc.constantFrom(...states),
      healthy: fc.boolean(),
      reason: fc.constantFrom('REASON_TASK_INVALID', 'REASON_AGENT_REMOVED', 'REASON_RECONCILIATION'),
      uuid: fc.constantFrom('u1', 'u2'),
    },
    { requiredKeys: ['task_id', 'state'] },
  ),
});
const commands: fc.Arbitrary<InstanceCommand> = fc.oneof(
  { weight: 6, arbitrary: updates },
  fc.record({ type: fc.constant('unreachableDue' as const), strategy: strategies }),
  fc.record({
    type: fc.constant('changeGoal' as const),
    goal: fc.constantFrom('Running' as const, 'Stopped' as const, 'Decommissioned' as const),
  }),
  fc.record({ type: fc.constant('healthChanged' as const), healthy: fc.constantFrom(true, false, undefined) }),
  fc.constantFrom(1, 2).map((n) => ({
    type: 'provision' as const,
    taskId: taskId('a', n),
    incarnation: n,
    version: v1,
    agent: anAgent('h1'),
    hostPorts: [],
  })),
  fc.record({ type: fc.constant('launchFailed' as const), taskId: fc.constantFrom(taskId('a', 1), taskId('a', 2)) }),
);

/** Runs commands one second apart, until the instance is expunged, and shows each step. */
function live(
  given: readonly InstanceCommand[],
  look: (before: Instance, command: InstanceCommand, nowMs: number) => void,
) {
  let current: Instance = anInstance('a', 'Scheduled');
  given.forEach((command, i) => {
    const nowMs = i * 1_000;
    look(current, command, nowMs);
    const effect = decide(current, command, nowMs);
    if (effect.type === 'update') current = effect.next;
  });
}

const lives = (look: (before: Instance, command: InstanceCommand, nowMs: number) => void): void =>
  fc.assert(
    fc.property(fc.array(commands, { maxLength: 40 }), (given) => live(given, look)),
    { numRuns: 1_000 },
  );

const becomes = (before: Instance, command: InstanceCommand, nowMs: number): Instance | undefined => {
  const effect = decide(before, command, nowMs);
  return effect.type === 'update' ? effect.next : effect.type === 'expunge' ? effect.last : undefined;
};

describe('whatever happens to an instance', () => {
  it('a task that has ended never changes', () => {
    lives((before, command, nowMs) => {
      const next = becomes(before, command, nowMs);
      for (const task of next && command.type === 'mesosUpdate' ? before.tasks : []) {
        if (isTerminal(task.condition)) expect(next?.tasks).toContain(task);
      }
    });
  });

  it('nothing leaves Decommissioned', () => {
    lives((before, command, nowMs) => {
      if (before.goal === 'Decommissioned')
        expect(becomes(before, command, nowMs)?.goal ?? before.goal).toBe(before.goal);
    });
  });

  it('the same news twice change nothing the second time', () => {
    lives((before, command, nowMs) => {
      const effect = decide(before, command, nowMs);
      if (effect.type !== 'update' || command.type !== 'mesosUpdate') return;
      const second = decide(effect.next, command, nowMs);
      // What has just become unreachable may be overdue already: the second look says so.
      const isAged = second.type === 'update' && second.next.condition === 'UnreachableInactive';
      if (!isAged) expect(second).toEqual({ type: 'noop' });
    });
  });

  it('every change of condition or goal is told by one instance_changed_event, and by no other change', () => {
    lives((before, command, nowMs) => {
      const effect = decide(before, command, nowMs);
      if (effect.type !== 'update') return;
      const { next, events } = effect;
      const isChanged = next.condition !== before.condition || next.goal !== before.goal;
      const told = events.filter((e) => e.eventType === 'instance_changed_event');
      expect(told).toHaveLength(isChanged || command.type === 'provision' ? 1 : 0);
      expect(told.every((e) => e.condition === next.condition)).toBe(true);
      const isHealthChanged = next.healthy !== before.healthy && command.type === 'healthChanged';
      expect(events.filter((e) => e.eventType === 'instance_health_changed_event')).toHaveLength(+isHealthChanged);
      const isTold = command.type === 'mesosUpdate' && next.tasks[0]?.condition !== 'UnreachableInactive';
      expect(events.filter((e) => e.eventType === 'status_update_event').length).toBeLessThanOrEqual(
        +(command.type === 'mesosUpdate'),
      );
      if (isTold) expect(events[0]?.eventType).toBe('status_update_event');
    });
  });

  it('the identity, the app and the count of launches stay, and the time of the last change is never ahead', () => {
    lives((before, command, nowMs) => {
      const next = becomes(before, command, nowMs);
      if (!next) return;
      expect([next.id, next.appId, next.role]).toEqual([before.id, before.appId, before.role]);
      if (command.type !== 'provision') expect(next.incarnation).toBe(before.incarnation);
      expect(next.sinceMs).toBeLessThanOrEqual(nowMs);
      if (next.condition !== before.condition) expect(next.sinceMs).toBe(nowMs);
    });
  });

  it('an instance and its only task are in the same condition', () => {
    lives((before) => {
      if (before.tasks[0]) expect(before.condition).toBe(before.tasks[0].condition);
      else expect(before.condition).toBe('Scheduled');
    });
  });
});
