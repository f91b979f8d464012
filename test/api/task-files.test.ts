/** `/v2/tasks/{id}/files…`: what is asked of the agents, and what is answered. */
import { describe, expect, it } from 'vitest';
import { maxFollowed } from '../../src/api/files/follow-places.ts';
import { maxPastTasks, PastTasks } from '../../src/api/files/past-tasks.ts';
import { taskIdOf } from '../../src/core/ids.ts';
import type { Instance } from '../../src/core/instance/instance.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { createMetricsRegistry } from '../../src/infra/metrics/registry.ts';
import { FakeFront, fakeApp, fakeInstance, version1 } from '../support/fake-front.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { ask, onLoopback, RawClient, type TestApi, testApi, testApiAt } from './support/api-server.ts';
import { pair } from './support/followers.ts';

const app = fakeApp('/g/a');
const instance = fakeInstance(app, 1);
const taskId = instance.tasks[0]!.id;
const base = `/v2/tasks/${taskId}/files`;

function withTask<T extends Pick<TestApi<never>, 'front'>>(api: T, changes: Partial<Instance> = {}): T {
  api.front.addApp(app, [{ ...instance, ...changes }]);
  return api;
}

async function get(url: string, api = withTask(testApi())) {
  const answer = await api.server.inject({ method: 'GET', url });
  return { status: answer.statusCode, headers: answer.headers, body: answer.body, json: () => answer.json() };
}

describe('files of a task', () => {
  it('are listed, the sandbox or a directory of it', async () => {
    const all = await get(base);
    expect(all.status).toBe(200);
    expect(all.json().files[0]).toEqual({
      path: 'stdout',
      size: 6,
      mode: '-rw-r--r--',
      isDirectory: false,
      modifiedAt: '1970-01-01T00:00:01.000Z',
      user: 'nobody',
      group: 'nogroup',
      links: 1,
    });
    expect((await get(`${base}?path=/d/`)).json().files).toHaveLength(1);
    expect((await get(`${base}?path=none`)).status).toBe(404);
  });

  it.each([
    ['path=stdout', { data: 'hello\n', offset: 0, next: 6, size: 6 }],
    ['path=stdout&offset=2&length=3', { data: 'llo', offset: 2, next: 5, size: 6 }],
    ['path=stdout&offset=9', { data: '', offset: 9, next: 9, size: 6 }],
    ['path=stdout&offset=-1', { data: '', offset: 6, next: 6, size: 6 }],
    ['path=stdout&tail=4', { data: 'llo\n', offset: 2, next: 6, size: 6 }],
    ['path=stdout&tail=100', { data: 'hello\n', offset: 0, next: 6, size: 6 }],
    ['path=/d/../stdout&length=0', { data: '', offset: 0, next: 0, size: 6 }],
    ['path=stdout&encoding=base64&length=2', { data: 'aGU=', offset: 0, next: 2, size: 6 }],
  ])('are read by %s', async (query, answer) => {
    const { status, json } = await get(`${base}/read?${query}`);
    expect([status, json()]).toEqual([200, answer]);
  });

  it('are read up to the last whole character, and without loss as base64', async () => {
    const api = withTask(testApi());
    api.files.write('stdout', 'a€b');
    expect((await get(`${base}/read?path=stdout&length=2`, api)).json()).toMatchObject({ data: 'a', next: 1 });
    expect((await get(`${base}/read?path=stdout&offset=1&length=3`, api)).json()).toMatchObject({ data: '€', next: 4 });
    // Somebody who asks for less than a character gets on all the same.
    expect((await get(`${base}/read?path=stdout&offset=1&length=1`, api)).json().next).toBe(2);
    const bytes = (await get(`${base}/read?path=stdout&length=2&encoding=base64`, api)).json();
    expect(Buffer.from(bytes.data, 'base64')).toEqual(Buffer.from('a€b').subarray(0, 2));
  });

  it('are downloaded as they are, and never shown as a page of this server', async () => {
    const api = withTask(testApi());
    const big = Buffer.alloc(100_000, 'ü');
    api.files.write('d/a b.html', big);
    const answer = await api.server.inject({ method: 'GET', url: `${base}/download?path=d/a%20b.html` });
    expect(answer.rawPayload.equals(big)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-length': '100000',
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="a_b.html"',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    const head = await api.server.inject({ method: 'HEAD', url: `${base}/download?path=stdout` });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '6', '']);
    expect(api.files.cancelled).toBeGreaterThan(0);
  });

  it('that break off on the way do not look complete, and a client that leaves stops the agent', async () => {
    const api = await onLoopback(withTask(testApiAt(systemClock)));
    api.files.write('big', Buffer.alloc(10_000_000, 'x'));
    api.files.breaksAfter = 50_000;
    await expect(ask(api.port, { path: `${base}/download?path=big` })).rejects.toThrow();
    api.files.breaksAfter = undefined;
    const before = api.files.cancelled;
    const client = new RawClient(api.port, `GET ${base}/download?path=big HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.until(({ text }) => text.includes('xxx'));
    client.socket.destroy();
    while (api.files.cancelled === before) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(api.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it.each([
    ['/read', 400],
    ['/read?path=', 400],
    ['/read?path=/', 400],
    ['/read?path=../../etc/passwd', 400],
    ['/read?path=d/../../x', 400],
    ['/read?path=a%00b', 400],
    ['?path=..', 400],
    ['/download?path=..%2f..', 400],
    ['/download', 400],
    ['/read?path=stdout&offset=x', 400],
    ['/read?path=stdout&offset=-2', 400],
    ['/read?path=stdout&offset=1.5', 400],
    ['/read?path=stdout&offset=99999999999999999999', 400],
    ['/read?path=stdout&length=-1', 400],
    ['/read?path=stdout&tail=x', 400],
    ['/read?path=stdout&tail=1&offset=1', 400],
    ['/read?path=stdout&encoding=latin1', 400],
    ['/read?path=none', 404],
    ['/download?path=none', 404],
    ['/follow?path=none', 404],
    ['/follow', 400],
    ['/follow?path=stdout&offset=x', 400],
    ['/nothing', 404],
  ])('%s is %i with a message', async (query, status) => {
    const api = withTask(testApi());
    const answer = await get(base + query, api);
    expect(answer.status).toBe(status);
    expect(answer.json().message).toMatch(/\w/);
    // What is refused for its form is not asked of an agent.
    if (status === 400) expect(api.files.asked).toBe(0);
  });

  it.each([
    [{ kind: 'away', reason: 'agent S1 is not registered with the master' }, 503],
    [{ kind: 'busy', reason: 'too many files are being read' }, 503],
    [{ kind: 'refused', reason: 'Cannot read a directory.' }, 400],
    [{ kind: 'notFound', reason: 'no sandbox' }, 404],
  ] as const)('%j of an agent is %i with the reason', async (failure, status) => {
    for (const path of ['', '/read?path=stdout', '/download?path=stdout', '/follow?path=stdout']) {
      const api = withTask(testApi());
      api.files.fails = failure;
      const answer = await get(base + path, api);
      expect([path, answer.status, answer.json()]).toEqual([path, status, { message: failure.reason }]);
      if (status === 503) expect(answer.headers['retry-after']).toMatch(/\d/);
    }
  });

  it('know only GET and HEAD, and want credentials like everything else', async () => {
    const api = withTask(testApi({ credentials: { user: 'u', password: 'p' } }));
    expect((await get(`${base}/read?path=stdout`, api)).status).toBe(401);
    const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
    for (const [method, status] of [
      ['GET', 200],
      ['DELETE', 405],
      ['POST', 405],
    ] as const) {
      const url = `${base}/read?path=stdout`;
      const answer = await api.server.inject({ method, url, headers: { authorization } });
      expect([method, answer.statusCode]).toEqual([method, status]);
    }
  });
});

describe('the task', () => {
  const place = async (api: TestApi, url = `${base}/read?path=stdout`) => {
    const answer = await get(url, api);
    return [answer.status, api.files.places.at(-1)];
  };

  it('is found by its id or that of its instance', async () => {
    const expected = { taskId, agentId: 'S1', executorIds: [taskId] };
    expect(await place(withTask(testApi()))).toEqual([200, expected]);
    expect(await place(withTask(testApi()), `/v2/tasks/${instance.id}/files/read?path=stdout`)).toEqual([
      200,
      expected,
    ]);
  });

  it('with a custom executor has its sandbox under the name of that', async () => {
    const api = testApi();
    api.front.addApp({ ...app, executor: '/opt/run' }, [instance]);
    expect(await place(api)).toEqual([200, { taskId, agentId: 'S1', executorIds: [`marathon-${taskId}`] }]);
  });

  it('is 404 if it never was, or has no agent yet', async () => {
    expect(await place(testApi())).toEqual([404, undefined]);
    const { agent: _, ...waiting } = { ...instance, tasks: [] };
    const api = testApi();
    api.front.addApp(app, [waiting]);
    expect(await place(api, `/v2/tasks/${instance.id}/files`)).toEqual([404, undefined]);
  });

  it('is found after its end: when its instance has another one, or is gone', async () => {
    const api = withTask(testApi());
    const next = { ...instance, tasks: [{ ...instance.tasks[0]!, id: taskIdOf(instance.id, 2) }] };
    api.front.instanceMap.set(instance.id, next);
    api.front.changed({ type: 'instance', id: instance.id, appId: app.id, before: instance });
    expect(await place(api)).toEqual([200, { taskId, agentId: 'S1', executorIds: [taskId] }]);
    api.front.instanceMap.delete(instance.id);
    api.front.changed({ type: 'instance', id: instance.id, appId: app.id, before: next });
    const second = `/v2/tasks/${next.tasks[0]!.id}/files/read?path=stdout`;
    expect((await place(api, second))[0]).toBe(200);
    expect((await place(api))[0]).toBe(200);
  });

  it('is found by the last failure of its app, which a new leader knows too', async () => {
    const api = testApi();
    api.front.addApp(app);
    const failure = { appId: app.id, host: 'h', message: 'm', state: 'TASK_FAILED', timestamp: version1 };
    api.front.failures.set(app.id, { ...failure, taskId, version: version1, slaveId: 'S7' });
    expect(await place(api)).toEqual([200, { taskId, agentId: 'S7', executorIds: [taskId] }]);
  });

  it('is remembered for a while only', () => {
    const front = new FakeFront();
    const clock = createVirtualClock();
    const past = new PastTasks(front.read, createMetricsRegistry({ clock, withProcess: false }));
    const ended = (n: number): Instance => fakeInstance(app, n);
    for (let n = 0; n <= maxPastTasks; n++) {
      const before = ended(n);
      front.changed({ type: 'instance', id: before.id, appId: app.id, before });
    }
    expect(past.get(ended(0).tasks[0]!.id)).toBeUndefined();
    expect(past.get(ended(maxPastTasks).tasks[0]!.id)).toMatchObject({ agentId: 'S1', appId: '/g/a' });
  });
});

describe('following over SSE', () => {
  const followed = (port: number, more = '', headers = '') =>
    new RawClient(port, `GET ${base}/follow?path=stdout${more} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);

  it('tells what the task writes until it is over, with offsets to go on from', async () => {
    const api = await onLoopback(withTask(testApiAt(systemClock)));
    const client = followed(api.port);
    await client.until(({ text }) => text.includes('hello'));
    expect(client.text).toMatch(/content-type: text\/event-stream/i);
    expect(client.text).toContain('id: 6\r\nevent: data\r\ndata: {"offset":0,"data":"hello\\n"}\r\n\r\n');
    api.files.append('stdout', 'more\n');
    await client.until(({ text }) => text.includes('id: 11\r\nevent: data\r\ndata: {"offset":6,"data":"more\\n"}'));
    api.front.instanceMap.delete(instance.id);
    await client.until(({ text }) => text.includes('event: end\r\ndata: {"offset":11,"reason":"taskOver"}'));
  });

  it('goes on behind the last event that was seen', async () => {
    const api = await onLoopback(withTask(testApiAt(systemClock)));
    const client = followed(api.port, '&tail=2', 'Last-Event-ID: 4\r\n');
    await client.until(({ text }) => text.includes('data: {"offset":4,"data":"o\\n"}'));
  });

  it('ends when leadership is lost, gives its place back, and has no more places than it says', async () => {
    const api = await onLoopback(withTask(testApiAt(systemClock)));
    const clients = Array.from({ length: maxFollowed }, () => followed(api.port));
    await Promise.all(clients.map((client) => client.until(({ text }) => text.includes('hello'))));
    expect((await ask(api.port, { path: `${base}/follow?path=stdout` })).status).toBe(503);
    api.server.closeEventStreams();
    const ended = clients.map((client) => client.until(({ text }) => text.endsWith('0\r\n\r\n')));
    await Promise.all(ended);
    const again = followed(api.port);
    await again.until(({ text }) => text.includes('hello'));
  });

  it('works through a server that follows, as do the others, and takes none of its ordinary connections', async () => {
    const { leader, follower } = await pair({ maxConnections: 1 });
    withTask(leader);
    const client = followed(follower.port);
    await client.until(({ text }) => text.includes('hello'));
    expect((await ask(follower.port, { path: `${base}/read?path=stdout` })).body).toContain('hello');
    expect((await ask(follower.port, { path: `${base}/download?path=stdout` })).body).toBe('hello\n');
    leader.files.append('stdout', 'more');
    await client.until(({ text }) => text.includes('more'));
  });
});
