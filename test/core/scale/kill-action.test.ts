import { describe, expect, it } from 'vitest';
import { conditions, type Goal } from '../../../src/core/instance/instance.ts';
import { killAction } from '../../../src/core/scale/kill-action.ts';

describe('To kill an instance', () => {
  it.each([
    ['an unreachable resident one', 'Unreachable', true, 'nothing'],
    ['a running resident one', 'Running', true, 'call'],
    ['an unreachable ephemeral one', 'Unreachable', false, 'decommission'],
    ['a running ephemeral one', 'Running', false, 'call'],
    ['an inactive ephemeral one', 'UnreachableInactive', false, 'decommission'],
    ['one that is gone', 'Gone', false, 'decommission'],
    ['one that was dropped', 'Dropped', false, 'decommission'],
    ['one that nobody knows', 'Unknown', false, 'decommission'],
    ['one that is being killed', 'Killing', false, 'call'],
  ] as const)('V120: %s', (_, condition, hasReservation, action) => {
    expect(killAction({ condition, goal: 'Running' }, hasReservation)).toBe(action);
  });

  it('never gives up one that is on its way out: that is decided already', () => {
    for (const condition of conditions) {
      for (const goal of ['Stopped', 'Decommissioned'] satisfies Goal[]) {
        expect(killAction({ condition, goal }, false)).toBe('call');
      }
    }
  });
});
