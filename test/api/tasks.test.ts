import { describe, expect, it } from 'vitest';
import type { AppId } from '../../src/core/ids.ts';
import { deploymentId, fakeApp, fakeInstance, version2 } from '../support/fake-front.ts';
import { type TestApi, testApi } from './support/api-server.ts';

function withTasks(): TestApi & { readonly ids: string[]; readonly taskIds: string[] } {
  const api = testApi();
  const web = fakeApp('/prod/web', {
    portDefinitions: [
      { port: 10_000, protocol: 'tcp' },
      { port: 10_001, protocol: 'tcp' },
    ],
  });
  const bare = { ...fakeApp('/bare'), portDefinitions: [] };
  const instances = [
    fakeInstance(web, 1, 'Running', 'h1'),
    fakeInstance(web, 2, 'Staging', 'h2'),
    fakeInstance(web, 3, 'Scheduled'),
    fakeInstance(web, 4, 'Provisioned', 'h2'),
    fakeInstance(web, 5, 'UnreachableInactive', 'h3'),
  ];
  api.front.addApp(web, instances);
  api.front.addApp(bare, [fakeInstance(bare, 6, 'Running', 'h9')]);
  return { ...api, ids: instances.map(({ id }) => id), taskIds: instances.map(({ tasks }) => tasks[0]?.id ?? '') };
}

const statesOf = (body: { tasks: { state: string }[] }): string[] => body.tasks.map(({ state }) => state);

describe('GET /v2/tasks', () => {
  it('lists what has a task, with service ports', async () => {
    const { server } = withTasks();
    const body = (await server.inject('/v2/tasks')).json();
    expect(statesOf(body)).toEqual([
      'TASK_RUNNING',
      'TASK_STAGING',
      'TASK_STAGING',
      'TASK_UNREACHABLE',
      'TASK_RUNNING',
    ]);
    expect(body.tasks[0].servicePorts).toEqual([10_000, 10_001]);
    expect(body.tasks[1]).not.toHaveProperty('startedAt');
  });

  it.each([
    ['status=running', 2],
    ['status[]=staging', 2],
    ['status=running&status=staging', 2],
    ['status=running&status[]=staging', 4],
    ['status=nonsense', 5],
  ])('filters by %s', async (query, count) => {
    const { server } = withTasks();
    expect((await server.inject(`/v2/tasks?${query}`)).json().tasks).toHaveLength(count);
  });

  it('writes the text form, tab after every endpoint, for readers that name it', async () => {
    const { server } = withTasks();
    const text = await server.inject({ url: '/v2/tasks', headers: { accept: 'text/plain' } });
    expect(text.headers['content-type']).toBe('text/plain;charset=utf-8');
    expect(text.body).toBe('prod_web\t10000\th1:31001\t\nprod_web\t10001\t\nbare\t \th9\t\n');
    const both = await server.inject({ url: '/v2/tasks', headers: { accept: 'text/plain, application/json' } });
    expect(both.json().tasks).toHaveLength(5);
  });

  it('V122: writes one line for each service port, with the addresses of all tasks', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/a/b');
    const on = (n: number, host: string, port: number) => {
      const instance = fakeInstance(app, n, 'Running', host);
      return { ...instance, tasks: instance.tasks.map((task) => ({ ...task, hostPorts: [port] })) };
    };
    front.addApp(app, [on(1, 'h1', 31_000), on(2, 'h2', 31_001)]);
    const { body } = await server.inject({ url: '/v2/tasks', headers: { accept: 'text/plain' } });
    expect(body).toBe('a_b\t10000\th1:31000\th2:31001\t\n');
  });

  it('lists addresses of a container network only if it is named', async () => {
    const { server, front } = testApi();
    const app = {
      ...fakeApp('/net'),
      networks: [{ mode: 'container' as const, name: 'blue' }],
      container: {
        type: 'MESOS' as const,
        volumes: [],
        portMappings: [
          { containerPort: 80, servicePort: 10_100, protocol: 'tcp' as const, labels: {} },
          { containerPort: 81, hostPort: 0, servicePort: 10_101, protocol: 'tcp' as const, labels: {} },
        ],
      },
    };
    front.addApp(app, [fakeInstance(app, 1)]);
    const textOf = async (query: string): Promise<string> =>
      (await server.inject({ url: `/v2/tasks${query}`, headers: { accept: 'text/plain' } })).body;
    expect(await textOf('')).toBe('net\t10100\t\nnet\t10101\th1:31001\t\n');
    expect(await textOf('?containerNetworks=red,blue')).toBe('net\t10100\t10.0.0.5:80\t\nnet\t10101\th1:31001\t\n');
    expect(await textOf('?containerNetworks=*')).toContain('10.0.0.5:80');
    expect(await textOf('?containerNetworks=red')).not.toContain('10.0.0.5');
  });
});

describe('GET /v2/apps/{id}/tasks', () => {
  it('lists the tasks of an app or a group, without service ports', async () => {
    const { server } = withTasks();
    const body = (await server.inject('/v2/apps/prod/web/tasks')).json();
    expect(body.tasks).toHaveLength(4);
    expect(body.tasks[0].servicePorts).toEqual([]);
    expect((await server.inject('/v2/apps/prod/*/tasks')).json()).toEqual(body);
    expect((await server.inject('/v2/apps/nope/tasks')).statusCode).toBe(404);
    expect((await server.inject('/v2/apps/nope/*/tasks')).statusCode).toBe(404);
    const text = await server.inject({ url: '/v2/apps/bare/tasks', headers: { accept: 'text/plain' } });
    expect(text.body).toBe('bare\t \th9\t\n');
  });
});

describe('DELETE /v2/apps/{id}/tasks', () => {
  it('kills the tasks on a host and shows them', async () => {
    const { server, front, ids } = withTasks();
    const answer = await server.inject({ method: 'DELETE', url: '/v2/apps/prod/web/tasks?host=h2' });
    expect(answer.json().tasks).toHaveLength(2);
    expect(front.kills).toEqual([{ instances: [ids[1], ids[3]], scale: false, wipe: false, force: false }]);
  });

  it('kills all of them with host=* and scales in one deployment', async () => {
    const { server, front } = withTasks();
    const url = '/v2/apps/prod/web/tasks?host=*&scale=True&force=true';
    expect((await server.inject({ method: 'DELETE', url })).json()).toEqual({ version: version2, deploymentId });
    expect(front.kills[0]).toMatchObject({ scale: true, force: true });
    expect(front.kills[0]?.instances).toHaveLength(4);
  });

  it('refuses scale together with wipe, and unknown apps', async () => {
    const { server } = withTasks();
    const both = await server.inject({ method: 'DELETE', url: '/v2/apps/prod/web/tasks?scale=true&wipe=true' });
    expect([both.statusCode, both.json().message]).toEqual([400, 'You cannot use scale and wipe at the same time.']);
    expect((await server.inject({ method: 'DELETE', url: '/v2/apps/nope/tasks' })).statusCode).toBe(404);
  });
});

describe('DELETE /v2/apps/{id}/tasks/{taskId}', () => {
  it('kills one task, named by its id or its instance', async () => {
    const { server, front, ids, taskIds } = withTasks();
    const byTask = await server.inject({ method: 'DELETE', url: `/v2/apps/prod/web/tasks/${taskIds[0]}?wipe=true` });
    expect(byTask.json().task).toMatchObject({ id: taskIds[0], state: 'TASK_RUNNING' });
    const byInstance = await server.inject({ method: 'DELETE', url: `/v2/apps/prod/web/tasks/${ids[1]}` });
    expect(byInstance.json().task.id).toBe(taskIds[1]);
    expect(front.kills.map(({ instances, wipe }) => [instances, wipe])).toEqual([
      [[ids[0]], true],
      [[ids[1]], false],
    ]);
  });

  it('does not know tasks of other apps, of other launches, or without a task', async () => {
    const { server, front, ids, taskIds } = withTasks();
    const others = [`${ids[0]}._app.2`, `${ids[2]}._app.1`, ids[2], 'nonsense', 'a_b.0000'];
    for (const id of others) {
      const answer = await server.inject({ method: 'DELETE', url: `/v2/apps/prod/web/tasks/${id}` });
      expect([answer.statusCode, answer.json()]).toEqual([
        404,
        { message: `Task '${id}' does not exist`, details: [] },
      ]);
    }
    const wrongApp = await server.inject({ method: 'DELETE', url: `/v2/apps/bare/tasks/${taskIds[0]}` });
    expect(wrongApp.statusCode).toBe(404);
    expect(front.kills).toEqual([]);
  });
});

describe('POST /v2/tasks/delete', () => {
  it('kills what it knows and ignores the rest', async () => {
    const { server, front, ids, taskIds } = withTasks();
    const payload = { ids: [taskIds[0], taskIds[0], 'x_y.instance-00000000-0000-11ea-8a7e-000000000099._app.1'] };
    const answer = await server.inject({ method: 'POST', url: '/v2/tasks/delete', payload });
    expect(answer.json().tasks).toHaveLength(1);
    expect(front.kills[0]?.instances).toEqual([ids[0]]);
  });

  it('names an id that is none, and refuses scale with wipe', async () => {
    const { server } = withTasks();
    const bad = await server.inject({ method: 'POST', url: '/v2/tasks/delete', payload: { ids: ['nonsense'] } });
    expect([bad.statusCode, bad.json().message]).toEqual([400, "Invalid task id 'nonsense'"]);
    const url = '/v2/tasks/delete?scale=true&wipe=true';
    expect((await server.inject({ method: 'POST', url, payload: { ids: [] } })).statusCode).toBe(400);
    const missing = await server.inject({ method: 'POST', url: '/v2/tasks/delete', payload: {} });
    expect(missing.statusCode).toBe(422);
  });

  it('scales in one deployment', async () => {
    const { server, taskIds } = withTasks();
    const url = '/v2/tasks/delete?scale=true';
    const answer = await server.inject({ method: 'POST', url, payload: { ids: taskIds.slice(0, 2) } });
    expect(answer.json()).toEqual({ version: version2, deploymentId });
  });
});

describe('a task with a check', () => {
  it('shows its result in Marathon’s words', async () => {
    const { server, front } = testApi();
    const app = fakeApp('/c');
    const instance = fakeInstance(app, 1);
    const checked = { ...instance.tasks[0]!, checkStatus: { type: 'HTTP', http: { status_code: 200 } } };
    front.addApp(app, [{ ...instance, appId: '/c' as AppId, tasks: [checked] }]);
    const { tasks } = (await server.inject('/v2/tasks')).json();
    expect(tasks[0].checkResult).toEqual({ http: { statusCode: 200 } });
  });
});
