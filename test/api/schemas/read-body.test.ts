import { describe, expect, it } from 'vitest';
import { maxThoroughValues, readAppUpdate, readAppUpdates, readTaskIds } from '../../../src/api/read-body.ts';
import type { AppRequest } from '../../../src/api/schemas/app.ts';
import type { AppBody } from '../../../src/core/app/bodies.ts';
import type { Refusal } from '../../../src/core/refusal.ts';
import type { Result } from '../../../src/core/result.ts';

const read = (json: unknown) => readAppUpdate(json, { requireId: false });
/** Compiles only while everything that the schema lets through is something that core knows. */
const known = (body: AppRequest): AppBody => body;

/** Path → keys, or nothing if the body is accepted. */
function mistakes(result: Result<unknown, Refusal>): unknown {
  if (result.ok) return {};
  expect(result.error).toMatchObject({ status: 422, message: 'Invalid JSON' });
  const details = result.error.details ?? [];
  return typeof details === 'string' ? details : Object.fromEntries(details.map((d) => [d.path, d.errors]));
}

describe('a body that can be read (rest-api §1.2)', () => {
  const rows: readonly (readonly [sentence: string, body: unknown, value: unknown])[] = [
    [
      'loses members that nobody knows, at every depth',
      { cmd: 'a', x: 1, container: { y: 2, docker: { image: 'a', z: 3 } } },
      { cmd: 'a', container: { docker: { image: 'a' } } },
    ],
    [
      'loses nulls of optional members, at every depth',
      { cmd: null, container: { type: null, docker: { image: 'a', network: null } } },
      { container: { docker: { image: 'a' } } },
    ],
    [
      'gets its enumerations in canonical case',
      {
        killSelection: 'oldest_first',
        container: { type: 'mesos' },
        networks: [{ mode: 'Container/Bridge' }],
        unreachableStrategy: 'DISABLED',
        portDefinitions: [{ protocol: 'TCP' }],
      },
      {
        killSelection: 'OLDEST_FIRST',
        container: { type: 'MESOS' },
        networks: [{ mode: 'container/bridge' }],
        unreachableStrategy: 'disabled',
        portDefinitions: [{ protocol: 'tcp' }],
      },
    ],
    ['may write integers as 1.0', JSON.parse('{"instances":1.0}'), { instances: 1 }],
    [
      'keeps every name of a map',
      { labels: { constructor: 'a', '': 'b', 'a/b~c': 'd' } },
      { labels: { constructor: 'a', '': 'b', 'a/b~c': 'd' } },
    ],
    ['keeps empty lists and maps', { ports: [], env: {} }, { ports: [], env: {} }],
    ['may be empty', {}, {}],
    [
      'may carry what a server shows',
      { version: '2020-01-01T00:00:00.000Z', versionInfo: { lastScalingAt: 'x' }, tasksRunning: 5 },
      { version: '2020-01-01T00:00:00.000Z' },
    ],
  ];
  it.each(rows)('%s', (_sentence, body, value) => {
    expect(read(body)).toEqual({ ok: true, value: known(value as AppRequest) });
  });

  it('is not changed by reading', () => {
    const body = { cmd: null, killSelection: 'oldest_first', labels: { a: 'b' } };
    const copy = structuredClone(body);
    read(body);
    expect(body).toEqual(copy);
  });
});

describe('a body that cannot be read (rest-api §9.1)', () => {
  const rows: readonly (readonly [body: unknown, expected: object])[] = [
    ['text', { '': ['error.expected.jsobject'] }],
    [null, { '': ['error.expected.jsobject'] }],
    [[], { '': ['error.expected.jsobject'] }],
    [{ cpus: '1' }, { '/cpus': ['error.expected.jsnumber'] }],
    [{ instances: 1.5 }, { '/instances': ['error.expected.int'] }],
    [{ instances: 3e9 }, { '/instances': ['error.expected.int'] }],
    [{ instances: -1 }, { '/instances': ['error.min'] }],
    [{ instances: true }, { '/instances': ['error.expected.jsnumber'] }],
    [{ cpus: 0 }, { '/cpus': ['error.min'] }],
    [JSON.parse('{"cpus":1e999}'), { '/cpus': ['error.expected.jsnumber'] }],
    [{ backoffFactor: 0.5 }, { '/backoffFactor': ['error.min'] }],
    [{ upgradeStrategy: { minimumHealthCapacity: 1.2 } }, { '/upgradeStrategy/minimumHealthCapacity': ['error.max'] }],
    [{ cmd: '' }, { '/cmd': ['error.minLength'] }],
    [{ cmd: 5 }, { '/cmd': ['error.expected.jsstring'] }],
    [{ tty: 'true' }, { '/tty': ['error.expected.jsboolean'] }],
    [{ uris: 'a' }, { '/uris': ['error.expected.jsarray'] }],
    [{ labels: { a: 1 } }, { '/labels/a': ['error.expected.jsstring'] }],
    [{ labels: { a: null } }, { '/labels/a': ['error.expected.jsstring'] }],
    [{ labels: { 1: 1 } }, { '/labels/1': ['error.expected.jsstring'] }],
    [{ env: { A: 5 } }, { '/env/A': ['error.expected.jsstring', 'error.expected.jsobject'] }],
    [{ env: { A: {} } }, { '/env/A/secret': ['error.path.missing'] }],
    [{ executor: '/a/' }, { '/executor': ['error.pattern'] }],
    [{ id: '/A' }, { '/id': ['error.pattern'] }],
    [{ id: '' }, { '/id': ['error.minLength', 'error.pattern'] }],
    [{ dependencies: ['a_b'] }, { '/dependencies(0)': ['error.pattern'] }],
    [{ portDefinitions: [{}, { port: 65_536 }] }, { '/portDefinitions(1)/port': ['error.max'] }],
    [{ portDefinitions: [{ name: 'A' }] }, { '/portDefinitions(0)/name': ['error.pattern'] }],
    [{ networks: [{ name: '-' }] }, { '/networks(0)/name': ['error.pattern'] }],
    [{ networks: [{ mode: 'x' }] }, { '/networks(0)/mode': ['error.unknown.enum.literal'] }],
    [{ killSelection: 5 }, { '/killSelection': ['error.expected.jsstring'] }],
    [{ fetch: [{ uri: 'a' }, {}] }, { '/fetch(1)/uri': ['error.path.missing'] }],
    [{ fetch: [{ uri: 'a'.repeat(1025) }] }, { '/fetch(0)/uri': ['error.maxLength'] }],
    [{ constraints: [['a', 5]] }, { '/constraints(0)(1)': ['error.expected.jsstring'] }],
    [{ unreachableStrategy: 'x' }, { '/unreachableStrategy': ['error.unknown.enum.literal'] }],
    [
      { unreachableStrategy: { inactiveAfterSeconds: 'x' } },
      { '/unreachableStrategy/inactiveAfterSeconds': ['error.expected.jsnumber'] },
    ],
    [{ version: 'yesterday' }, { '/version': ['error.expected.date.isoformat'] }],
    [{ container: { docker: {} } }, { '/container/docker/image': ['error.path.missing'] }],
    [{ container: { docker: { image: null } } }, { '/container/docker/image': ['error.expected.jsstring'] }],
    [
      { container: { volumes: [{ containerPath: 'a' }] } },
      {
        '/container/volumes(0)/hostPath': ['error.path.missing'],
        '/container/volumes(0)/mode': ['error.path.missing'],
      },
    ],
    [
      { container: { volumes: [{ containerPath: 'a', persistent: {} }] } },
      {
        '/container/volumes(0)/mode': ['error.path.missing'],
        '/container/volumes(0)/persistent/size': ['error.path.missing'],
      },
    ],
    [
      { cpus: '1', mem: '2' },
      { '/cpus': ['error.expected.jsnumber'], '/mem': ['error.expected.jsnumber'] },
    ],
  ];
  it.each(rows)('%j', (body, expected) => {
    expect(mistakes(read(body))).toEqual(expected);
  });

  it('lists at most 100 mistakes', () => {
    const result = read({ args: Array.from({ length: 1000 }, () => 5) });
    expect(result.ok ? 0 : result.error.details?.length).toBe(100);
  });

  it('is told its first mistake if it is too large to list them all', () => {
    expect(mistakes(read({ args: Array.from({ length: maxThoroughValues + 1 }, () => 5) }))).toEqual({
      '/args(0)': ['error.expected.jsstring'],
    });
  });

  it('needs an id only where there is no other', () => {
    expect(mistakes(readAppUpdate({ cmd: 'a' }, { requireId: true }))).toEqual({ '/id': ['error.path.missing'] });
    expect(mistakes(readAppUpdate({ cmd: 'a', id: null }, { requireId: true }))).toEqual({
      '/id': ['error.expected.jsstring'],
    });
  });
});

describe('hostile bodies', () => {
  it('cannot change a prototype', () => {
    const body = JSON.parse('{"__proto__":{"cmd":"evil"},"container":{"__proto__":{"type":"MESOS"}},"cpus":1}');
    const result = read(body);
    expect(result).toEqual({ ok: true, value: { cpus: 1, container: {} } });
    expect(result.ok && result.value.cmd).toBeUndefined();
    expect(Object.getPrototypeOf(result.ok && result.value.container)).toBe(Object.prototype);
  });

  it('with __proto__ as the name of a label or variable are refused', () => {
    expect(mistakes(read(JSON.parse('{"labels":{"__proto__":"a"},"env":{"__proto__":"a"}}')))).toEqual({
      '/labels/__proto__': ['error.pattern'],
      '/env/__proto__': ['error.pattern'],
    });
  });

  it('may be nested as deep as they like where nobody looks', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i += 1) deep = [deep];
    expect(read({ cmd: 'a', unknown: deep })).toEqual({ ok: true, value: { cmd: 'a' } });
    expect(mistakes(read({ cmd: deep }))).toEqual({ '/cmd': ['error.expected.jsstring'] });
  });
});

describe('lists', () => {
  it('of apps need an id in each', () => {
    expect(readAppUpdates([{ id: 'a' }, { cpus: 1 }], { isComplete: false })).toMatchObject({
      ok: false,
      error: { status: 422, code: 'illegalArgument' },
    });
    expect(mistakes(readAppUpdates([{ id: 'a' }, { cpus: 1 }], { isComplete: true }))).toEqual({
      '(1)/id': ['error.path.missing'],
    });
    expect(readAppUpdates([{ id: 'a' }], { isComplete: true })).toEqual({ ok: true, value: [{ id: 'a' }] });
  });

  it('of apps are lists, and name the app that is wrong', () => {
    expect(mistakes(readAppUpdates({}, { isComplete: false }))).toEqual({ '': ['error.expected.jsarray'] });
    expect(mistakes(readAppUpdates([{}, { cpus: 'a' }], { isComplete: false }))).toEqual({
      '(1)/cpus': ['error.expected.jsnumber'],
    });
  });

  it('of task ids are texts under ids', () => {
    expect(readTaskIds({ ids: ['a', 'b'], more: 1 })).toEqual({ ok: true, value: ['a', 'b'] });
    expect(mistakes(readTaskIds({}))).toEqual({ '/ids': ['error.path.missing'] });
    expect(mistakes(readTaskIds({ ids: null }))).toEqual({ '/ids': ['error.expected.jsarray'] });
    expect(mistakes(readTaskIds({ ids: ['a', 5] }))).toEqual({ '/ids(1)': ['error.expected.jsstring'] });
  });
});
