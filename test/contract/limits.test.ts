/** What is too large gets a clear answer, and changes nothing. */
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { ask as askPort, listeningApi } from '../api/support/api-server.ts';
import { liveApi } from './support/live-api.ts';

const app = (more: object) => ({ id: '/a', cmd: 'sleep 9', cpus: 0.1, mem: 32, ...more });
const long = (length: number): string => 'x'.repeat(length);
const nested = (levels: number): string => `${'{"groups":['.repeat(levels)}${']}'.repeat(levels)}`;

describe('Limits', () => {
  // deviation(different): limits
  //   Marathon: none
  //   here: ids 190 characters, 250,000 instances, 1 MiB of environment, 512 KiB of labels or command, 1,000
  //     elements of a list, bodies of 8 MB: 422 or 413
  //   why: one mistyped number must not end the server
  it.each([
    ['an id', { id: `/${long(600)}` }, '/id', 'must not be longer than 190 characters'],
    ['a count', { instances: 2_000_000_000 }, '/instances', 'got 2000000000, expected 250000 or less'],
    ['an environment', { env: { A: long(1024 * 1024) } }, '/env', 'must not be larger than 1024 KiB, is 1025 KiB'],
    [
      'a text of wide letters',
      { env: { A: '😀'.repeat(300_000) } },
      '/env',
      'must not be larger than 1024 KiB, is 1172 KiB',
    ],
    ['labels', { labels: { a: long(600_000) } }, '/labels', 'must not be larger than 512 KiB, is 586 KiB'],
    ['a command', { cmd: long(600_000) }, '/cmd', 'must not be larger than 512 KiB, is 586 KiB'],
    [
      'ports',
      { portDefinitions: Array(1_001).fill({ port: 0 }) },
      '/portDefinitions',
      'must not have more than 1000 elements',
    ],
  ])('hold for %s', async (_what, more, path, message) => {
    const { ask, world } = await liveApi();
    const answer = await ask('POST', '/v2/apps', app(more));
    expect(answer.statusCode).toBe(422);
    expect(answer.json().details).toContainEqual({ path, errors: [message] });
    expect([...world.read.apps()]).toEqual([]);
  });

  it('hold for what a group makes of an app', async () => {
    const { ask, world } = await liveApi({}, { agents: 0 });
    await ask('PUT', '/v2/groups/g', { apps: [app({ id: 'a', instances: 10 })] });
    const scaled = await ask('PUT', '/v2/groups/g?force=true', { scaleBy: 1e9 });
    expect([scaled.statusCode, scaled.json().details[0].path]).toEqual([422, '/instances']);
    const deep = await ask('PUT', `/v2/groups/${long(600)}`, {});
    expect(deep.statusCode).toBe(422);
    expect(world.read.app('/g/a')?.instances).toBe(10);
  });

  it('hold for the number of apps, which may go on changing', async () => {
    const { ask } = await liveApi({}, { settings: { app: { ...defaultAppSettings, maxApps: 2 } } });
    const two = ['/a', '/b'].map((id) => app({ id }));
    expect((await ask('PUT', '/v2/apps', two)).statusCode).toBe(200);
    const third = await ask('POST', '/v2/apps', app({ id: '/c' }));
    expect([third.statusCode, third.json().details[0].path]).toEqual([422, '/apps']);
    expect(third.json().details[0].errors[0]).toContain('--max_apps');
    expect((await ask('PUT', '/v2/apps/a?force=true', { instances: 2 })).statusCode).toBe(200);
    expect((await ask('DELETE', '/v2/apps/b')).statusCode).toBe(200);
    expect((await ask('POST', '/v2/apps', app({ id: '/c' }))).statusCode).toBe(201);
  });

  it('hold for nesting', async () => {
    const { ask } = await liveApi();
    const answer = await ask('PUT', '/v2/groups/g', nested(60));
    expect([answer.statusCode, answer.json().details]).toEqual([400, 'Nested more than 100 levels deep']);
    expect((await ask('PUT', '/v2/groups/g', nested(40))).statusCode).toBe(422);
  });

  it('hold for bodies, headers and paths', async () => {
    const { port } = await listeningApi({ maxBodyBytes: 10_000 });
    const large = await askPort(port, { method: 'PUT', path: '/v2/groups', body: Buffer.alloc(20_000, 'x') });
    expect([large.status, JSON.parse(large.body)]).toEqual([413, { message: 'Payload Too Large' }]);
    const headers = await askPort(port, { path: '/v2/apps', headers: { 'x-large': long(20_000) } });
    expect([headers.status, JSON.parse(headers.body).message]).toEqual([431, 'Request Header Fields Too Large']);
    const path = await askPort(port, { path: `/v2/apps/${long(5_000)}` });
    expect([path.status, JSON.parse(path.body).message.slice(0, 8)]).toEqual([404, "App '/xx"]);
  });
});
