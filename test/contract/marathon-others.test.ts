/** Leader, queue, embeds and searches, case by case as Marathon's own tests ask for them (rest-api §3.2, §3.3, §5.5, §6A.2). */
import { describe, expect, it } from 'vitest';
import { liveApi } from './support/live-api.ts';

const app = (id: string, more: object = {}) => ({ id, cmd: 'sleep 1', instances: 0, ...more });

describe('Giving up the lead', () => {
  const noUri = 'URI has invalid syntax.';
  const other = (uri: string) => `Invalid URI or unsupported scheme: ${uri}`;
  it.each([
    ['backup=x', other('x')],
    ['backup=http://h/x', other('http://h/x')],
    ['backup=file:///', other('file:///')],
    ['restore=FILE:///x', other('FILE:///x')],
    ['restore=%20', noUri],
    ['backup=file:///x&restore=a%7Cb', noUri],
    ['backup=a%7Cb&restore=x', noUri],
  ])('needs a place for its state: %s', async (query, error) => {
    const { ask } = await liveApi();
    const answer = await ask('DELETE', `/v2/leader?${query}`);
    expect([answer.statusCode, answer.json()]).toEqual([
      422,
      { message: 'Object is not valid', details: [{ path: '/', errors: [error] }] },
    ]);
    expect((await ask('GET', '/v2/leader')).statusCode).toBe(200);
  });
});

describe('Apps embed', () => {
  const counts = ['tasksStaged', 'tasksRunning', 'tasksHealthy', 'tasksUnhealthy'];
  /** What is asked for, beyond what a list has anyway. */
  const wanted: Readonly<Record<string, readonly string[]>> = {
    lastTaskFailure: ['lastTaskFailure'],
    counts: [],
    deployments: [],
    readiness: ['readinessCheckResults'],
    tasks: ['tasks'],
    failures: ['lastTaskFailure', 'tasks'],
    taskStats: ['taskStats', 'tasksStats'],
    nonsense: [],
    'group.apps': [],
  };
  it.each(Object.keys(wanted))('%s, with any prefix or none', async (name) => {
    const { ask, world } = await liveApi();
    await ask('POST', '/v2/apps', app('/a', { instances: 1 }));
    await world.advance(10_000);
    const [task] = world.tasksOf('/a') as [string];
    world.mesos.move(task, 'TASK_FAILED');
    await world.advance(30_000);
    const plain = Object.keys((await ask('GET', '/v2/apps')).json().apps[0]);
    expect(plain).toEqual(expect.arrayContaining([...counts, 'deployments']));
    for (const prefix of ['', 'app.', 'apps.', 'group.apps.']) {
      const [one] = (await ask('GET', `/v2/apps?embed=${prefix}${name}`)).json().apps;
      const more = Object.keys(one).filter((member) => !plain.includes(member));
      expect([prefix, more.toSorted()]).toEqual([prefix, wanted[name]?.toSorted()]);
    }
  });

  it('several at once, however they are written', async () => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/a'));
    const one = async (query: string) => Object.keys((await ask('GET', `/v2/apps?${query}`)).json().apps[0]);
    const both = await one('embed=tasks&embed=app.taskStats');
    expect(both).toEqual(expect.arrayContaining(['tasks', 'taskStats']));
    expect(await one('embed=apps.taskStats&embed=nonsense&embed=apps.tasks')).toEqual(both);
  });
});

describe('A search of apps', () => {
  it.each([
    ['', ['/app/service-a', '/app/service-b']],
    ['cmd=', ['/app/service-a', '/app/service-b']],
    ['cmd=PARTY', ['/app/service-a']],
    ['cmd=none', []],
    ['id=APP', ['/app/service-a', '/app/service-b']],
    ['id=service-a&cmd=hard', ['/app/service-a']],
    ['id=service-a&cmd=work', []],
    ['label=b==2', ['/app/service-a']],
    ['label=a==1,b!=2', ['/app/service-b']],
    ['label=a==1&cmd=work', ['/app/service-b']],
    ['cmd=&id=&label=', ['/app/service-a', '/app/service-b']],
    ['label=b in (2, 7)', ['/app/service-a']],
    ['label=b notin (2, 7)', ['/app/service-b']],
    ['label=c', ['/app/service-b']],
    ['label=\\{c\\} == x\\ y', ['/app/service-b']],
  ])('for %j', async (query, found) => {
    const { ask } = await liveApi();
    await ask('POST', '/v2/apps', app('/app/service-a', { cmd: 'party hard', labels: { a: '1', b: '2' } }));
    const more = { c: '', '{c}': 'x y' };
    await ask('POST', '/v2/apps', app('/app/service-b', { cmd: 'work hard', labels: { a: '1', b: '3', ...more } }));
    const answer = await ask('GET', `/v2/apps?${encodeURI(query)}`);
    expect([answer.statusCode, answer.json().apps.map(({ id }: { id: string }) => id)]).toEqual([200, found]);
  });

  it.each(['foo some (one, two)', 'foo in one', 'foo test', 'foo ==', '==', 'foo in (', 'a,,b'])(
    'for the label %j is refused',
    async (label) => {
      const { ask } = await liveApi();
      const answer = await ask('GET', `/v2/apps?label=${encodeURIComponent(label)}`);
      expect([answer.statusCode, answer.json()]).toEqual([422, { message: expect.any(String) }]);
    },
  );
});

describe('A delayed app', () => {
  const failing = { instances: 1, backoffSeconds: 3_600, maxLaunchDelaySeconds: 3_600 };
  const delayed = async () => {
    const api = await liveApi();
    await api.ask('POST', '/v2/apps', app('/a', failing));
    await api.world.advance(10_000);
    api.world.mesos.move((api.world.tasksOf('/a') as [string])[0], 'TASK_FAILED');
    await api.world.advance(1_000);
    const delay = async () => (await api.ask('GET', '/v2/queue')).json().queue[0]?.delay;
    expect(await delay()).toMatchObject({ overdue: false });
    return { ...api, delay };
  };

  it('waits on when its count changes', async () => {
    const { ask, delay } = await delayed();
    expect((await ask('PUT', '/v2/apps/a?force=true', { instances: 3 })).statusCode).toBe(200);
    expect((await delay()).timeLeftSeconds).toBeGreaterThan(3_000);
  });

  it.each([
    ['PUT', '/v2/apps/a?force=true', { cmd: 'sleep 2' }, 200],
    ['POST', '/v2/apps/a/restart?force=true', undefined, 200],
    ['DELETE', '/v2/queue/a/delay', undefined, 204],
  ] as const)('starts at once after %s %s', async (method, path, body, status) => {
    const { ask, world } = await delayed();
    expect((await ask(method, path, body)).statusCode).toBe(status);
    await world.advance(10_000);
    expect(world.tasksOf('/a')).toHaveLength(1);
    expect((await ask('GET', '/v2/queue')).json()).toEqual({ queue: [] });
    // Nothing waits any more, so there is no delay to take away.
    expect((await ask('DELETE', '/v2/queue/a/delay')).statusCode).toBe(404);
  });
});
