import { describe, expect, it } from 'vitest';
import type { Placed } from '../../src/actors/protocol.ts';
import { TaskIndex } from '../../src/actors/task-index.ts';
import { instanceIdOf, taskIdOf } from '../../src/core/ids.ts';
import { judgeOf } from '../../src/core/offer/constraints.ts';
import { viewOf } from '../../src/core/offer/fields.ts';
import { anAgent, anApp } from '../core/offer/fixtures.ts';

const app = anApp({ constraints: [['hostname', 'UNIQUE']] });

function placed(n: number, more: Partial<Placed> = {}): Placed {
  const instanceId = instanceIdOf(app.id, `${n}`);
  const ref = { path: '', tell: () => true } as never;
  return {
    appId: app.id,
    instanceId,
    taskId: taskIdOf(instanceId, 1),
    version: app.version,
    agent: anAgent(`h${n}`),
    hostPorts: [],
    ref,
    isCounted: true,
    ...more,
  };
}

const hosts = (index: TaskIndex, of = app) => index.placements(of).map(({ host }) => host);

describe('The placements of an app', () => {
  it('are one array until somebody comes, goes, gets lost or another configuration asks', () => {
    const index = new TaskIndex();
    index.put(placed(1));
    const first = index.placements(app);
    expect(index.placements(app)).toBe(first);
    index.put(placed(2));
    expect(hosts(index)).toEqual(['h1', 'h2']);
    index.put(placed(1, { isCounted: false }));
    expect(hosts(index)).toEqual(['h2']);
    index.put(placed(1));
    index.remove(app.id, placed(2).instanceId, placed(2).taskId);
    expect(hosts(index)).toEqual(['h1']);
    const later = '2027-01-01T00:00:00.000Z';
    expect(
      hosts(index, { ...app, version: later, versionInfo: { lastScalingAt: later, lastConfigChangeAt: later } }),
    ).toEqual([]);
    expect(hosts(index)).toEqual(['h1']);
  });

  it('are not changed by a judge that places an instance for the time of a pass', () => {
    const index = new TaskIndex();
    index.put(placed(1));
    const view = viewOf(anAgent('h2'));
    const passing = judgeOf(app, index.placements(app));
    passing.place(view);
    expect(passing.accepts(view)).toBe(false);
    expect(judgeOf(app, index.placements(app)).accepts(view)).toBe(true);
  });
});

describe('The watcher of tasks', () => {
  it('hears of each task that comes and goes', () => {
    const heard: string[] = [];
    const index = new TaskIndex({
      occupied: ({ taskId }) => heard.push(`+${taskId}`),
      vacated: (taskId) => heard.push(`-${taskId}`),
    });
    const { instanceId, taskId } = placed(1);
    index.put(placed(1));
    index.remove(app.id, instanceId, undefined);
    index.remove(app.id, instanceId, taskId);
    expect(heard).toEqual([`+${taskId}`, `-${taskId}`]);
  });

  it('hears of stored tasks by and by, and of none that is over by then; they are found at once', () => {
    const heard: string[] = [];
    const index = new TaskIndex({
      occupied: ({ taskId }) => heard.push(taskId),
      vacated: () => {},
    });
    const stored = [1, 2, 3, 4, 5].map((n) => placed(n));
    const id = (n: number): string => placed(n).taskId;
    index.load(stored);
    expect(heard).toEqual([]);
    expect(stored.map(({ taskId }) => index.get(taskId))).toEqual(stored);
    expect(hosts(index)).toEqual(['h1', 'h2', 'h3', 'h4', 'h5']);
    expect(index.tellStored(2)).toBe(true);
    index.remove(app.id, placed(4).instanceId, placed(4).taskId);
    expect(index.tellStored(2)).toBe(true);
    expect(heard).toEqual([id(1), id(2), id(3), id(5)]);
    expect(index.tellStored()).toBe(false);
    expect(index.tellStored(2)).toBe(false);
    expect(heard).toHaveLength(4);
  });
});
