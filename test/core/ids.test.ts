import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AppId,
  appIdOfInstance,
  hostNameForm,
  type InstanceId,
  instanceIdOf,
  isBelow,
  isPathId,
  parentOf,
  parseAppId,
  parseTaskId,
  resolvePath,
  safePath,
  taskIdOf,
} from '../../src/core/ids.ts';

const uuid = '62d0f03f-79aa-11e6-a1a0-660c139c5e15';
const rest = '/test/foo/bla/rest' as AppId;

describe('ids of instances and tasks (behaviour §1.4)', () => {
  it('V1: the first launch of /test/foo/bla/rest', () => {
    const instance = instanceIdOf(rest, uuid);
    expect(instance).toBe(`test_foo_bla_rest.instance-${uuid}`);
    expect(taskIdOf(instance, 1)).toBe(`test_foo_bla_rest.instance-${uuid}._app.1`);
    expect(hostNameForm(rest)).toBe('rest.bla.foo.test');
  });

  it('V2: the task of a pod’s container names the container', () => {
    expect(parseTaskId(`test_foo_bla_rest.instance-${uuid}.firstOne.1`)).toEqual({
      appId: rest,
      instanceId: `test_foo_bla_rest.instance-${uuid}`,
      container: 'firstOne',
      incarnation: 1,
    });
  });

  const parsed: readonly (readonly [v: string, text: string, appId: string, instanceId: string])[] = [
    [
      'V3: a path that looks like an instance id',
      `test_foo.instance-_bla_rest.instance-${uuid}._app`,
      '/test/foo.instance-/bla/rest',
      `test_foo.instance-_bla_rest.instance-${uuid}`,
    ],
    [
      'V4: legacy with underscore',
      'app_682ebe64-0771-11e4-b05d-e0f84720c54e',
      '/app',
      'app.marathon-682ebe64-0771-11e4-b05d-e0f84720c54e',
    ],
    [
      'V5: legacy with dots in the id',
      'app.foo.bar_682ebe64-0771-11e4-b05d-e0f84720c54e',
      '/app.foo.bar',
      'app.foo.bar.marathon-682ebe64-0771-11e4-b05d-e0f84720c54e',
    ],
    [
      'V6: legacy with a path',
      'app_foo_bar_682ebe64-0771-11e4-b05d-e0f84720c54e',
      '/app/foo/bar',
      'app_foo_bar.marathon-682ebe64-0771-11e4-b05d-e0f84720c54e',
    ],
    ['V7: legacy with a dot', `test_foo_bla_rest.${uuid}`, '/test/foo/bla/rest', `test_foo_bla_rest.marathon-${uuid}`],
  ];
  it.each(parsed)('%s', (_v, text, appId, instanceId) => {
    expect(parseTaskId(text)).toEqual({ appId, instanceId });
  });

  it('V8: all incarnations of a legacy resident task are one instance', () => {
    const incarnation = (n: number) => parseTaskId(`app.test.23.b6ff5fa5-7714-11e7-a55c-5ecf1c4671f6.${n}`);
    expect(incarnation(41)).toMatchObject({ appId: '/app.test.23', incarnation: 41 });
    expect(incarnation(42)).toEqual({ ...incarnation(41), incarnation: 42 });
  });

  it('V9: each launch of an instance has a number of its own', () => {
    const instanceId = `x.instance-${uuid}` as InstanceId;
    expect([7, 8].map((n) => taskIdOf(instanceId, n))).toEqual([`${instanceId}._app.7`, `${instanceId}._app.8`]);
    expect(parseTaskId(`${instanceId}._app`)).toEqual({ appId: '/x', instanceId });
  });

  it('a text that is no task id is none of ours', () => {
    expect(parseTaskId('nonsense')).toBeUndefined();
    expect(appIdOfInstance('nonsense')).toBeUndefined();
  });

  it('names its app again, whatever the app is called', () => {
    const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,6}[a-z0-9])?$/);
    const segment = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(path, fc.uuid(), fc.integer({ min: 1, max: 1000 }), (text, id, incarnation) => {
        const appId = parseAppId(text);
        fc.pre(appId !== undefined);
        if (appId === undefined) return;
        const instanceId = instanceIdOf(appId, id);
        const taskId = taskIdOf(instanceId, incarnation);
        expect(appIdOfInstance(instanceId)).toBe(appId);
        expect(parseTaskId(taskId)).toEqual({ appId, instanceId, incarnation });
        expect(safePath(appId)).not.toContain('/');
      }),
    );
  });
});

describe('ids of apps (rest-api §7.1)', () => {
  it.each(['/a_b', '/A', '/-a', '/a-', '/a..b', '/x/tasks'])('V10: %s is refused', (text) => {
    expect(parseAppId(text)).toBeUndefined();
  });

  it.each(['/a.b', '/a-b', '/0', '/tasks/x'])('V10: %s is accepted', (text) => {
    expect(parseAppId(text)).toBe(text);
  });

  it('resolves relative ids against their group', () => {
    expect(resolvePath('../x', '/a/b')).toBe('/a/x');
    expect(resolvePath('./x//y/', '/a')).toBe('/a/x/y');
    expect(resolvePath('/x', '/a')).toBe('/x');
    expect(parseAppId('..', '/a')).toBeUndefined();
  });

  it('knows groups', () => {
    expect([parentOf('/web'), parentOf('/a/b/c')]).toEqual(['/', '/a/b']);
    expect([isBelow('/a/b', '/a'), isBelow('/ab', '/a'), isBelow('/a', '/a'), isBelow('/a', '/')]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('reads ids of bodies in any form that Marathon takes', () => {
    for (const text of ['a', '/a/', '//a//b', '../a', './a', '..', '/', 'a.b-c/0']) expect(isPathId(text)).toBe(true);
    for (const text of ['', 'A', 'a_b', '-a', 'a-', 'a..b', '/a b', '.a', '...']) expect(isPathId(text)).toBe(false);
  });

  it('decides about hostile ids without backtracking', () => {
    expect(isPathId(`${'/'.repeat(100_000)}_`)).toBe(false);
    expect(isPathId(`${'a-'.repeat(50_000)}_`)).toBe(false);
  });
});
