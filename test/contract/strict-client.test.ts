/** The strict client that looks at every answer in these tests sees a member too many, one too few, and a wrong type, wherever it is. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { liveApi } from './support/live-api.ts';
import { marathonAnswers } from './support/marathon-members.ts';
import { differences, type Shape } from './support/shapes.ts';
import { complaintsAbout } from './support/strict-client.ts';

const examples = JSON.parse(
  readFileSync(new URL('./fixtures/responses.fixture.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, unknown>>;

const shapeFor = (method: string, path: string): Shape => {
  const row = marathonAnswers.find(([verb, pattern]) => verb === method && pattern.test(path));
  if (!row) throw new Error(`no row for ${method} ${path}`);
  return row[2];
};

/** Marathon's own examples: where they lie, and what in them is of before 1.5 (samples of mixed versions). */
const old = /\/(uris|ports|ipAddress|storeUrls|network|portMappings)\b is not Marathon's$|\/docker\//;
const published: Readonly<Record<string, readonly [method: string, path: string]>> = {
  app: ['GET', '/v2/apps/a/versions/2020-01-01T00:00:00.000Z'],
  app_list: ['GET', '/v2/apps'],
  app_task: ['DELETE', '/v2/apps/a/tasks/t'],
  app_tasks: ['GET', '/v2/apps/a/tasks'],
  tasks: ['GET', '/v2/tasks'],
  deployments: ['GET', '/v2/deployments'],
  deployments_result: ['PUT', '/v2/apps/a'],
  deployment_steps: ['PUT', '/v2/groups/g'],
  queue: ['GET', '/v2/queue'],
  info: ['GET', '/v2/info'],
  group: ['GET', '/v2/groups'],
};

/** Members that no row has; of alternatives the one that knows most. */
function strangersIn(shape: Shape, value: unknown): readonly string[] {
  if (typeof shape === 'object' && 'anyOf' in shape) {
    const found = shape.anyOf.map((one) => strangersIn(one, value));
    return found.reduce((a, b) => (b.length < a.length ? b : a));
  }
  return differences(shape, value).filter((line) => line.endsWith("is not Marathon's"));
}

describe('The table of Marathon’s members', () => {
  it.each(Object.entries(published))('knows all that the example of %s shows', (name, [method, path]) => {
    const strange = strangersIn(shapeFor(method, path), examples[name]);
    expect(strange.filter((line) => !old.test(line))).toEqual([]);
  });

  it('is compared with every example there is', () => {
    expect(Object.keys(published).toSorted()).toEqual(Object.keys(examples).toSorted());
  });
});

/** An answer with as much in it as there can be. */
async function answers(): Promise<readonly (readonly [string, unknown])[]> {
  const { ask, world } = await liveApi();
  const app = {
    id: '/g/a',
    cmd: 'sleep 9',
    cpus: 0.1,
    mem: 32,
    healthChecks: [{ protocol: 'HTTP' }],
    fetch: [{ uri: 'http://x/y' }],
  };
  await ask('POST', '/v2/apps', app);
  await world.advance(10_000);
  world.mesos.move(world.tasksOf('/g/a')[0] as string, 'TASK_FAILED');
  await world.advance(30_000);
  await ask('POST', '/v2/apps', { ...app, id: '/big', cpus: 10_000 });
  await world.advance(5_000);
  const paths = [
    '/v2/apps?embed=apps.tasks&embed=apps.taskStats',
    '/v2/apps/g/a?embed=app.failures&embed=app.taskStats',
    '/v2/groups?embed=group.apps&embed=group.groups&embed=group.apps.tasks&embed=group.apps.counts',
    '/v2/tasks',
    '/v2/queue?embed=lastUnusedOffers',
    '/v2/deployments',
    '/v2/info',
  ];
  return Promise.all(paths.map(async (path) => [path, (await ask('GET', path)).json()] as const));
}

/** Objects with free names: labels and the like. */
const free = new Set(['labels', 'env', 'secrets', 'options']);

/** Every object in a value, with the name of the member that holds it. */
function objectsIn(value: unknown, name = ''): readonly Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.entries(value).flatMap(([member, inner]) =>
    objectsIn(inner, Array.isArray(value) ? name : member),
  );
  return Array.isArray(value) || free.has(name) ? below : [value as Record<string, unknown>, ...below];
}

const complaintsOf = (url: string, value: unknown): readonly string[] =>
  complaintsAbout({
    method: 'GET',
    url,
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });

describe('A strict client', () => {
  it('takes every answer as it is, and none with a member too many, at any depth', async () => {
    let planted = 0;
    for (const [url, value] of await answers()) {
      expect([url, complaintsOf(url, value)]).toEqual([url, []]);
      for (const object of objectsIn(value)) {
        object['planted'] = 1;
        expect([url, complaintsOf(url, value).length > 0]).toEqual([url, true]);
        delete object['planted'];
        planted += 1;
      }
    }
    expect(planted).toBeGreaterThan(50);
  });

  it('takes no number as text, and no null but in /v2/info', async () => {
    for (const [url, value] of await answers()) {
      for (const object of objectsIn(value)) {
        for (const [name, member] of Object.entries(object)) {
          if (typeof member !== 'number') continue;
          object[name] = String(member);
          expect([url, name, complaintsOf(url, value).length > 0]).toEqual([url, name, true]);
          object[name] = member;
        }
        for (const [name, member] of Object.entries(object)) {
          if (url === '/v2/info') break;
          object[name] = null;
          expect([url, name, complaintsOf(url, value).length > 0]).toEqual([url, name, true]);
          object[name] = member;
        }
      }
    }
  });

  it('has nothing to do with what only we have', () => {
    expect(complaintsOf('/v2/apps/a/why', { anything: 1 })).toEqual([]);
    expect(complaintsOf('/v2/apps?since=', { apps: [], removed: [], full: true })).toEqual([]);
    expect(complaintsOf('/v2/apps', { apps: [], next: 'x' })).toEqual(["/next is not Marathon's"]);
  });
});
