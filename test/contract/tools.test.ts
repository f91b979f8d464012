/** Requests as tools written for Marathon send them, and what these tools look at in the answers: status, message, presence and type. */
import { describe, expect, it } from 'vitest';
import { type LiveApi, liveApi } from './support/live-api.ts';

const json = { 'content-type': 'application/json' };
const app = { cmd: 'sleep 9', cpus: 0.1, mem: 32 };

/** As go-marathon writes an app: empty lists and nulls for what is not set, ports of the service as numbers. */
const fromGo = {
  id: '/product/frontend',
  args: ['/usr/sbin/apache2ctl', '-D', 'FOREGROUND'],
  container: {
    type: 'DOCKER',
    docker: {
      forcePullImage: true,
      image: 'quay.io/group/apache:latest',
      network: 'BRIDGE',
      parameters: [],
      portMappings: [{ containerPort: 80, hostPort: 0, servicePort: 0, protocol: 'tcp' }],
      privileged: false,
    },
    volumes: [],
  },
  ...{ cpus: 0.1, mem: 64, disk: 0, instances: 2 },
  env: { NAME: 'frontend' },
  healthChecks: [{ protocol: 'HTTP', path: '/health', portIndex: 0, intervalSeconds: 5, timeoutSeconds: 5 }],
  ports: [],
  dependencies: null,
  uris: null,
  labels: null,
  fetch: null,
};

/** As Terraform writes one: everything, operators in lower case, half of a strategy. */
const fromTerraform = {
  id: '/tf',
  ...app,
  constraints: [['hostname', 'unique']],
  upgradeStrategy: { minimumHealthCapacity: 0.5 },
  killSelection: 'OLDEST_FIRST',
  unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 120 },
  portDefinitions: [{ port: 0, protocol: 'tcp', labels: {}, name: 'x' }],
  residency: null,
  readinessChecks: [],
};

type Row = readonly [
  tool: string,
  method: string,
  url: string,
  body: unknown,
  headers: object,
  status: number,
  seen: unknown,
];

const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const stamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const result = { version: stamp, deploymentId: uuid };
const invalid = (path: string, ...errors: readonly string[]) => ({
  message: 'Object is not valid',
  details: [{ path, errors }],
});
const misread = (path: string, error: string) => ({ message: 'Invalid JSON', details: [{ path, errors: [error] }] });
const aboutCommand = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.";

/** `/web` runs twice, `/big` waits and holds its lock, `/g` is a group with one app. `{task}` is a task of `/web`. */
const rows: readonly Row[] = [
  [
    'go-marathon creates an app',
    'POST',
    '/v2/apps',
    fromGo,
    json,
    201,
    {
      id: '/product/frontend',
      networks: [{ mode: 'container/bridge' }],
      container: { portMappings: [{ containerPort: 80, hostPort: 0, servicePort: expect.any(Number), labels: {} }] },
      labels: {},
      tasksRunning: 0,
      deployments: [{ id: uuid }],
    },
  ],
  ['Terraform replaces an app', 'PUT', '/v2/apps/tf?partialUpdate=false&force=true', fromTerraform, json, 201, result],
  [
    'go-marathon reads one',
    'GET',
    '/v2/apps//web?embed=app.tasks',
    undefined,
    json,
    200,
    {
      app: {
        instances: 2,
        tasks: [{ healthCheckResults: [], servicePorts: [] }, {}],
        versionInfo: { lastScalingAt: stamp },
      },
    },
  ],
  [
    'Traefik polls',
    'GET',
    '/v2/apps?embed=apps.tasks&embed=apps.deployments&embed=apps.readiness',
    undefined,
    {},
    200,
    {
      apps: [{ readinessCheckResults: [], deployments: [] }, {}, {}],
    },
  ],
  [
    'Prometheus discovers',
    'GET',
    '/v2/apps/?embed=apps.tasks',
    undefined,
    { authorization: 'token=x', accept: '*/*' },
    200,
    {
      apps: [{ tasks: [{ ports: [expect.any(Number)], ipAddresses: expect.any(Array) }, {}], tasksRunning: 2 }, {}, {}],
    },
  ],
  [
    'marathon-lb polls',
    'GET',
    '/v2/apps?embed=apps.tasks',
    undefined,
    { accept: 'text/plain, application/json' },
    200,
    {
      apps: [{ labels: {}, requirePorts: false, portDefinitions: [{ port: expect.any(Number) }] }, {}, {}],
    },
  ],
  ['marathon-lb zdd scales', 'PUT', '/v2/apps//web', { instances: 3 }, json, 200, result],
  ['marathon-lb zdd kills and scales', 'POST', '/v2/tasks/delete?scale=true', { ids: ['{task}'] }, json, 200, result],
  ['marathon-consul selects', 'GET', '/v2/apps?label=consul&embed=apps.tasks', undefined, {}, 200, { apps: [] }],
  ['marathon-consul asks who leads', 'GET', '/v2/leader', undefined, {}, 200, { leader: 'localhost:8080' }],
  ['an encoded id', 'GET', '/v2/apps/%2Fweb/versions', undefined, {}, 200, { versions: [stamp] }],
  ['Jenkins deploys', 'PUT', '/v2/apps//web?force=true', { id: '/web', ...app, instances: 2 }, json, 200, result],
  [
    'Jenkins meets a lock',
    'PUT',
    '/v2/apps//big',
    { instances: 2 },
    json,
    409,
    {
      message: expect.stringMatching(/^App is locked by one or more deployments\./),
      deployments: [{ id: uuid }],
    },
  ],
  ['marathon-python restarts', 'POST', '/v2/apps/web/restart?force=True', undefined, json, 200, result],
  [
    'marathon-python kills',
    'DELETE',
    '/v2/apps/web/tasks?host=nowhere&scale=False&wipe=False',
    undefined,
    json,
    200,
    { tasks: [] },
  ],
  [
    'marathon-python misses a task',
    'DELETE',
    '/v2/apps/web/tasks/none',
    undefined,
    json,
    404,
    {
      message: "Task 'none' does not exist",
      details: [],
    },
  ],
  [
    'marathon-python misses an app',
    'GET',
    '/v2/apps/none',
    undefined,
    {},
    404,
    { message: "App '/none' does not exist", details: [] },
  ],
  [
    'dcos lists tasks',
    'GET',
    '/v2/tasks',
    undefined,
    json,
    200,
    { tasks: [{ servicePorts: [expect.any(Number)] }, {}, {}] },
  ],
  ['dcos scales a group', 'PUT', '/v2/groups/g?force=false', { scaleBy: 2 }, json, 200, result],
  ['dcos adds a group', 'POST', 'v2/groups/', { id: '/n', apps: [{ id: 'a', ...app }] }, json, 201, result],
  [
    'dcos adds it again',
    'POST',
    '/v2/groups',
    { id: '/g' },
    json,
    409,
    {
      message: 'Group /g is already created. Use PUT to change this group.',
    },
  ],
  ['dcos resets a delay', 'DELETE', '/v2/queue//big/delay', undefined, json, 204, undefined],
  [
    'dcos resets one that is not',
    'DELETE',
    '/v2/queue//web/delay',
    undefined,
    json,
    404,
    {
      message: 'Application /web not found in tasks queue.',
      details: [],
    },
  ],
  [
    'dcos shows the queue',
    'GET',
    '/v2/queue?embed=lastUnusedOffers',
    undefined,
    {},
    200,
    {
      queue: [{ app: { id: '/big' }, count: 1, role: '*', delay: { overdue: true, timeLeftSeconds: 0 } }],
    },
  ],
  [
    'dcos stops a deployment',
    'DELETE',
    '/v2/deployments/none?force=true',
    undefined,
    json,
    404,
    {
      message: 'DeploymentPlan none does not exist',
      details: [],
    },
  ],
  ['nixy looks', 'GET', '/ping', undefined, {}, 200, 'pong'],
  [
    'marathon-ui kills',
    'POST',
    '/v2/tasks/delete?scale=false&wipe=false',
    { ids: ['{task}'] },
    json,
    200,
    {
      tasks: [{ id: '{task}', appId: '/web' }],
    },
  ],
  ['marathon-ui asks for plugins', 'GET', '/v2/plugins', undefined, {}, 200, { plugins: [] }],
  [
    'an id that is taken, with a good body',
    'POST',
    '/v2/apps',
    { id: '/web', ...app },
    json,
    409,
    {
      message: 'An app with id [/web] already exists.',
    },
  ],
  [
    '… and with a bad one',
    'POST',
    '/v2/apps',
    { id: '/web', ...app, args: ['x'] },
    json,
    422,
    invalid('/', aboutCommand),
  ],
  [
    '… and with a contradiction',
    'POST',
    '/v2/apps',
    { id: '/web', ...app, readinessChecks: [{ portName: 'x' }] },
    json,
    422,
    {
      details: [{ path: '/readinessChecks(0)/portName' }],
    },
  ],
  [
    'a number as text',
    'PUT',
    '/v2/apps/web',
    { instances: '3' },
    json,
    422,
    misread('/instances', 'error.expected.jsnumber'),
  ],
  [
    'a label that is a number',
    'PUT',
    '/v2/apps/web',
    { labels: { a: 1 } },
    json,
    422,
    misread('/labels/a', 'error.expected.jsstring'),
  ],
  [
    'half a body',
    'PUT',
    '/v2/apps/web',
    '{"instances":',
    json,
    400,
    { message: 'Invalid JSON', details: expect.any(String) },
  ],
  [
    'no body',
    'POST',
    '/v2/apps',
    undefined,
    json,
    400,
    { message: 'Please specify data in JSON format', details: expect.any(String) },
  ],
  [
    'a form',
    'POST',
    '/v2/apps',
    'a=b',
    { 'content-type': 'application/x-www-form-urlencoded' },
    415,
    {
      message: 'Unsupported Media Type',
    },
  ],
  ['no ids', 'POST', '/v2/tasks/delete', {}, json, 422, misread('/ids', 'error.path.missing')],
  ['an id of nothing', 'POST', '/v2/tasks/delete', { ids: ['x'] }, json, 400, { message: "Invalid task id 'x'" }],
  [
    'a version that was never',
    'PUT',
    '/v2/apps/web',
    { version: '2000-01-01T00:00:00.000Z' },
    json,
    404,
    {
      message: "App '/web' does not exist",
    },
  ],
  ['a path of nobody', 'GET', '/v2/nothing', undefined, {}, 404, { message: 'URI not found: /v2/nothing' }],
  [
    'the root as a new group',
    'POST',
    '/v2/groups',
    { apps: [] },
    json,
    409,
    {
      message: 'Group / is already created. Use PUT to change this group.',
    },
  ],
];

async function prepared(): Promise<LiveApi & { readonly task: string }> {
  const api = await liveApi();
  await api.ask('POST', '/v2/apps', { id: '/web', ...app, instances: 2 });
  await api.ask('POST', '/v2/groups', { id: '/g', apps: [{ id: 'a', ...app }] });
  await api.world.advance(10_000);
  await api.ask('POST', '/v2/apps', { id: '/big', ...app, cpus: 10_000 });
  await api.world.advance(1_000);
  return { ...api, task: api.world.tasksOf('/web')[0] ?? '' };
}

describe('What a tool asks is answered as it expects:', () => {
  it.each(rows)('%s: %s %s', async (...row) => {
    const [, method, url, body, headers, status, seen] = row;
    const { ask, task, world } = await prepared();
    const filled: unknown =
      typeof body === 'object' ? JSON.parse(JSON.stringify(body).replaceAll('{task}', task)) : body;
    const answer = await ask(method as 'GET', url, filled, headers);
    expect([answer.statusCode, answer.body.slice(0, 300)]).toEqual([status, expect.anything()]);
    if (seen === undefined) expect(answer.body).toBe('');
    else if (typeof seen === 'string') expect(answer.body).toBe(seen);
    else if (status >= 400) {
      const wanted = seen as { readonly message?: string };
      expect(answer.json()).toMatchObject(wanted);
      // No more than this: go-marathon tells refusals apart by what is in them.
      if ('message' in wanted) expect(Object.keys(answer.json())).toEqual(Object.keys(wanted));
    } else {
      const text = JSON.stringify(answer.json()).replaceAll(task, '{task}');
      expect(JSON.parse(text)).toMatchObject(seen as object);
    }
    world.expectSane();
  });
});
