import { describe, expect, it } from 'vitest';
import type { AppId, InstanceId, TaskId } from '../../../src/core/ids.ts';
import type { Condition, Instance } from '../../../src/core/instance/instance.ts';
import { isStrayRecord, strayForgotten, strayLeft, strayNews, strayRecords } from '../../../src/core/task/stray.ts';
import type { Timestamp } from '../../../src/core/time.ts';

const instance = (condition: Condition, more: Partial<Instance> = {}): Instance => ({
  id: 'web.instance-1' as InstanceId,
  appId: '/web' as AppId,
  version: '2026-01-01T00:00:00.000Z' as Timestamp,
  role: '*',
  goal: 'Running',
  condition,
  sinceMs: 0,
  tasks: [
    { id: 'web.instance-1._app.1' as TaskId, condition, stagedAtMs: 0, hostPorts: [], ipAddresses: [] },
  ] as Instance['tasks'],
  incarnation: 1,
  agent: { host: 'h', agentId: 'S1', attributes: [] },
  ...more,
});

const expunged = (last: Instance) => strayLeft(last, { type: 'expunge', last, events: [] }, 7);
const became = (before: Condition, after: Condition) =>
  strayLeft(instance(before), { type: 'update', next: instance(after), previous: instance(before), events: [] }, 7);

describe('what a change of an instance leaves behind', () => {
  const stray = { taskId: 'web.instance-1._app.1', agentId: 'S1', sinceMs: 7 };

  it.each(['Unreachable', 'UnreachableInactive', 'Unknown'] as const)(
    'is its task if it is forgotten while %s',
    (c) => {
      expect(expunged(instance(c))).toEqual(stray);
    },
  );

  it.each(['Running', 'Killing', 'Finished', 'Gone', 'Dropped', 'Scheduled'] as const)(
    'is nothing if it is forgotten while %s: it is over, or its kill goes on',
    (c) => {
      expect(expunged(instance(c))).toBeUndefined();
    },
  );

  it('is nothing without a task or an agent', () => {
    expect(expunged(instance('Unreachable', { tasks: [] }))).toBeUndefined();
    const { agent: _, ...homeless } = instance('Unreachable');
    expect(expunged(homeless)).toBeUndefined();
  });

  it('is a task that Mesos does not know, once', () => {
    expect(became('Running', 'Unknown')).toEqual(stray);
    expect(became('Unknown', 'Unknown')).toBeUndefined();
    // This one may come back.
    expect(became('Running', 'Unreachable')).toBeUndefined();
    expect(became('Running', 'Gone')).toBeUndefined();
  });

  it('is stored under a name that servers of before ignore', () => {
    const [record] = strayRecords(stray);
    expect(record).toEqual({ kind: 'meta', key: 'stray/web.instance-1._app.1', value: stray });
    expect(isStrayRecord(record!.key)).toBe(true);
    expect(isStrayRecord('frameworkId')).toBe(false);
    expect(strayForgotten(stray.taskId)).toEqual({ ...record, value: undefined });
    expect(strayRecords(undefined)).toEqual([]);
  });
});

describe('news of a stray', () => {
  it.each([
    ['Running', 'alive'],
    ['Killing', 'alive'],
    ['Unreachable', 'unseen'],
    ['Unknown', 'unseen'],
    ['Gone', 'over'],
    ['Killed', 'over'],
    ['Dropped', 'over'],
  ] as const)('%s: %s', (condition, news) => {
    expect(strayNews(condition)).toBe(news);
  });
});
