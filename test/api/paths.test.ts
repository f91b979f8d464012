import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appTarget } from '../../src/api/app-path.ts';
import { fakeApp, version1 } from '../support/fake-front.ts';
import { ask, listeningApi, RawClient } from './support/api-server.ts';

describe('appTarget', () => {
  it.each([
    ['a/b', 'GET', { type: 'app', id: '/a/b' }],
    ['/a//b/', 'GET', { type: 'app', id: '/a/b' }],
    ['*', 'GET', { type: 'group', path: '/' }],
    ['a/*', 'GET', { type: 'group', path: '/a' }],
    ['a/*/tasks', 'GET', { type: 'groupTasks', path: '/a' }],
    ['*/tasks', 'GET', { type: 'groupTasks', path: '/' }],
    ['a/tasks', 'DELETE', { type: 'tasks', id: '/a' }],
    ['a/tasks/t.1', 'DELETE', { type: 'task', id: '/a', taskId: 't.1' }],
    ['a/tasks/tasks', 'DELETE', { type: 'task', id: '/a', taskId: 'tasks' }],
    ['a/versions', 'GET', { type: 'versions', id: '/a' }],
    ['a/versions/v', 'GET', { type: 'version', id: '/a', version: 'v' }],
    ['a/versions/tasks', 'GET', { type: 'version', id: '/a', version: 'tasks' }],
    ['tasks', 'GET', { type: 'app', id: '/tasks' }],
    ['tasks/x', 'GET', { type: 'app', id: '/tasks/x' }],
    ['tasks/tasks', 'GET', { type: 'tasks', id: '/tasks' }],
    ['a/restart', 'POST', { type: 'restart', id: '/a' }],
    ['a/restart', 'DELETE', { type: 'app', id: '/a/restart' }],
    ['', 'GET', { type: 'app', id: '/' }],
  ])('reads %s (%s)', (rest, method, target) => {
    expect(appTarget(rest, method)).toEqual(target);
  });

  it('never throws, whatever the path', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('GET', 'POST'), (rest, method) => {
        expect(appTarget(rest, method).type).toBeTypeOf('string');
      }),
    );
  });
});

describe('paths over the wire', () => {
  const sameApp = [
    '/v2/apps/prod/web',
    '/v2/apps//prod/web',
    '/v2/apps/prod/web/',
    '/v2/apps//prod//web//',
    '//v2//apps/prod/web',
    '/v2/apps/%2Fprod%2Fweb',
    '/v2/apps/%2fprod%2fweb/',
    '/v2/apps/prod%2Fweb',
    '/v2/apps/pr%6Fd/web',
    '/v2/apps/prod/web?',
    '/v2/apps/prod/web/?embed=apps.tasks&&=',
  ];
  it.each(sameApp)('%s is the app /prod/web', async (path) => {
    const { port, front } = await listeningApi();
    front.addApp(fakeApp('/prod/web'));
    const answer = await ask(port, { path });
    expect([answer.status, JSON.parse(answer.body).app.id]).toEqual([200, '/prod/web']);
  });

  it.each([
    '/v2/apps/',
    '/v2/apps/?embed=apps.tasks',
    '//v2/apps',
    '/v2/tasks/',
    '/v2/deployments/',
    '/v2/queue/',
    '/v2/info/',
    '/v2/leader/',
    '/v2/plugins/',
    '/ping/',
    '/metrics/',
    '/metrics/prometheus/',
    `/v2/apps/prod/web/versions/${encodeURIComponent(version1)}/`,
    '/v2/apps/%2Fprod%2Fweb%2Fversions',
  ])('%s is answered with 200', async (path) => {
    const { port, front } = await listeningApi();
    front.addApp(fakeApp('/prod/web'));
    expect((await ask(port, { path })).status).toBe(200);
  });

  it.each([
    '/v2/apps/../apps/web',
    '/v2/apps/web/..',
    '/v2/apps/%2e%2e/web',
    '/v2/apps/web/%2E%2E/%2E%2E',
    '/v2/apps/./web',
    '/v2/apps/%zz',
    '/v2/apps/web%',
    '/v2/apps/web%00',
    '/v2/apps/%C0%AF',
    '/v2/apps/%252Fweb',
    '/v2/apps/We_B',
    `/v2/apps/${'a'.repeat(5_000)}`,
    `/v2/apps/${'a/'.repeat(3_000)}`,
    `/v2/apps/${'a'.repeat(20_000)}`,
    '/v2/apps/web/versions/%00',
    '/v2/apps/web/tasks/x',
    '/v2/queue/web',
    '/v2/queue/delay',
    '/v2/nothing',
    '/v2',
    '/ui/../../etc/passwd',
    '/ui/%2e%2e/%2e%2e/etc/passwd',
    '/v2/plugins/x/y',
    '/__proto__',
    '/v2/apps/__proto__',
    '/v2/apps/constructor',
  ])('%s is a client error in JSON, with every verb', async (path) => {
    const { port, front, lines } = await listeningApi();
    front.addApp(fakeApp('/web'));
    front.refuses = { code: 'notFound', status: 404, message: 'not here' };
    for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE']) {
      const payload = '{"cmd":"x"}';
      const headers = {
        'content-type': 'application/json',
        'content-length': String(method === 'GET' ? 0 : payload.length),
      };
      const body = method === 'GET' ? {} : { body: payload };
      const answer = await ask(port, { method, path, headers, ...body });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(JSON.parse(answer.body).message).toBeTypeOf('string');
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.body).not.toMatch(/\n {4}at /);
    }
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('sends one answer to a request with unannounced bytes behind it', async () => {
    const { port } = await listeningApi();
    const head = 'DELETE /v2/apps/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const client = new RawClient(port, `${head}{"cmd":"x"}`);
    await client.until(({ closed }) => closed);
    expect(client.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('tells which verbs a path has', async () => {
    const { port } = await listeningApi();
    const post = await ask(port, { method: 'POST', path: '/v2/apps/web' });
    expect([post.status, post.headers.allow, post.body]).toEqual([
      405,
      'GET, HEAD, PUT, PATCH, DELETE, OPTIONS',
      '{"message":"Method Not Allowed"}',
    ]);
    const options = await ask(port, { method: 'OPTIONS', path: '/v2/apps' });
    expect([options.status, options.headers.allow]).toEqual([200, 'GET, HEAD, POST, PUT, PATCH, OPTIONS']);
    const leader = await ask(port, { method: 'PUT', path: '/v2/leader' });
    expect([leader.status, leader.headers.allow]).toEqual([405, 'GET, HEAD, DELETE, OPTIONS']);
  });

  it('answers HEAD like GET, without a body', async () => {
    const { port } = await listeningApi();
    for (const path of ['/v2/apps', '/ping', '/v2/info', '/metrics']) {
      const [get, head] = [await ask(port, { path }), await ask(port, { method: 'HEAD', path })];
      expect([head.status, head.body]).toEqual([200, '']);
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
    }
  });

  it('takes a GET with a body', async () => {
    const { port } = await listeningApi();
    const headers = { 'content-type': 'application/json', 'content-length': '1024' };
    const answer = await ask(port, { method: 'GET', path: '/v2/apps', headers, body: 'x'.repeat(1024) });
    expect(answer.status).toBe(200);
  });
});
