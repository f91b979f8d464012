import { describe, expect, it } from 'vitest';
import {
  answered,
  reconcileAll,
  reconcileRest,
  reconcileStalled,
  reconcileWindow,
  reconcileWindowInDemand,
} from '../../src/actors/reconciliation.ts';
import type { SchedulerState } from '../../src/actors/scheduler-state.ts';

/** Just what asking needs: tasks that are known, and what goes out. */
function createAsker(count: number) {
  const placed = new Map(
    Array.from({ length: count }, (_, i) => {
      const taskId = `web.instance-${i}._app.1`;
      return [taskId, { taskId, appId: '/web', instanceId: `web.instance-${i}`, agent: { agentId: `S${i % 7}` } }];
    }),
  );
  const calls: (readonly string[])[] = [];
  const all: string[] = [];
  const timers = new Map<string, number>();
  const state = {
    isConnected: true,
    isTakenUp: true,
    unreconciled: new Set<string>(),
    reconcileRound: 0,
    reconciling: undefined,
    tasks: { tasks: () => placed.values(), get: (id: string) => placed.get(id) },
    demand: { isLaunching: () => false, size: 0 },
    services: {
      settings: { reconciliationIntervalMs: 600_000 },
      link: {
        reconcile: (tasks: readonly { taskId: string }[]) => {
          calls.push(tasks.map((t) => t.taskId));
          all.push(...tasks.map((t) => t.taskId));
        },
      },
    },
  } as unknown as SchedulerState;
  const context = {
    clock: { monotonic: () => 0 },
    timers: {
      set: (name: string, delayMs: number) => timers.set(name, delayMs),
      cancel: (name: string) => timers.delete(name),
    },
  } as unknown as Parameters<typeof reconcileAll>[1];
  const asked = (): readonly string[] => all;
  return { state, context, placed, calls, timers, asked };
}

describe('reconciliation', () => {
  it('asks for a few tasks at once, then for whatever else there is', () => {
    const { state, context, calls, timers } = createAsker(1_500);
    reconcileAll(state, context, true);
    expect(calls.map((c) => c.length)).toEqual([1_000, 500, 0]);
    expect(timers.get('reconcileRest')).toBe(1_000);
    expect(timers.has('reconcileStalled')).toBe(false);
  });

  it('asks for many as the answers come, each once, and for whatever else there is at the end', () => {
    const many = 25_000;
    const { state, context, calls, timers, asked } = createAsker(many);
    reconcileAll(state, context, true);
    expect(asked()).toHaveLength(reconcileWindow);
    let taken = 0;
    for (let next = asked()[taken]; next !== undefined; next = asked()[taken]) {
      answered(state, next, context);
      taken += 1;
      if (taken % 500 === 0) expect(asked().length - taken).toBeLessThanOrEqual(reconcileWindow);
    }
    expect(taken).toBe(many);
    expect(new Set(asked()).size).toBe(many);
    expect(calls.filter((c) => c.length === 0)).toHaveLength(1);
    expect(calls.at(-1)).toEqual([]);
    expect(state.unreconciled.size).toBe(0);
    expect(timers.has('reconcileStalled')).toBe(false);
  });

  it('has fewer answers stand before the launches of those who wait, from when they wait', () => {
    const { state, context, asked } = createAsker(9_000);
    reconcileAll(state, context, true);
    (state.demand as { size: number }).size = 1;
    let taken = 0;
    for (let next = asked()[taken]; next !== undefined; next = asked()[taken]) {
      answered(state, next, context);
      taken += 1;
      if (taken > reconcileWindow) expect(asked().length - taken).toBeLessThanOrEqual(reconcileWindowInDemand);
    }
    expect(taken).toBe(9_000);
    expect(state.unreconciled.size).toBe(0);
  });

  it('asks for no more while answers come, however slowly', () => {
    const { state, context, timers, asked } = createAsker(10_000);
    reconcileAll(state, context, true);
    const ids = [...asked()];
    for (const id of ids.slice(0, 5)) {
      answered(state, id, context);
      reconcileStalled(state, context);
      expect(timers.has('reconcileStalled')).toBe(true);
    }
    expect(asked()).toHaveLength(reconcileWindow);
    reconcileStalled(state, context);
    expect(asked()).toHaveLength(2 * reconcileWindow);
  });

  it('goes on without answers, and comes back to those that were not answered', () => {
    const { state, context, timers, asked } = createAsker(10_000);
    reconcileAll(state, context, true);
    while (timers.has('reconcileStalled')) reconcileStalled(state, context);
    expect(asked()).toHaveLength(10_000);
    expect(timers.get('reconcileRest')).toBe(1_000);
    for (const id of asked().slice(0, 9_000)) answered(state, id, context);
    reconcileRest(state, context);
    expect(asked().slice(10_000)).toEqual(asked().slice(9_000, 10_000));
    expect(timers.get('reconcileRest')).toBe(2_000);
  });

  it('comes to tasks that are in doubt in the middle of a round within that round', () => {
    const { state, context, timers, asked } = createAsker(10_000);
    const [first = ''] = [...state.tasks.tasks()].map((t) => t.taskId);
    reconcileAll(state, context, true);
    answered(state, first, context);
    state.unreconciled.add(first);
    const before = asked().length;
    reconcileRest(state, context);
    expect(asked()).toHaveLength(before);
    while (timers.has('reconcileStalled')) reconcileStalled(state, context);
    expect(asked().filter((id) => id === first)).toHaveLength(2);
  });

  it('leaves out what is gone meanwhile', () => {
    const { state, context, placed, timers, asked } = createAsker(6_000);
    reconcileAll(state, context, true);
    const later = [...placed.keys()].slice(5_000);
    for (const id of later) placed.delete(id);
    while (timers.has('reconcileStalled')) reconcileStalled(state, context);
    expect(asked()).toHaveLength(5_000);
    expect(state.unreconciled.size).toBe(5_000);
  });
});
