/** Nothing is served that the description of the API does not tell of, and nothing is told that is not served. */
import { describe, expect, it } from 'vitest';
import type { AppTarget } from '../../src/api/app-path.ts';
import type { GroupTarget } from '../../src/api/group-path.ts';
import { operations } from '../../src/api/openapi/operations.ts';
import { listeningApi, RawClient, testApi } from '../api/support/api-server.ts';

/** A path of each kind below `/v2/apps/`; the compiler asks for a new one. */
const appPaths: Readonly<Record<AppTarget['type'], string>> = {
  app: 'a',
  group: '*',
  tasks: 'a/tasks',
  groupTasks: '*/tasks',
  task: 'a/tasks/t',
  versions: 'a/versions',
  version: 'a/versions/2020-01-01T00:00:00.000Z',
  restart: 'a/restart',
  why: 'a/why',
};

const groupPaths: Readonly<Record<GroupTarget['type'], string>> = {
  group: 'g',
  apps: 'g/apps',
  versions: 'g/versions',
  version: 'g/versions/2020-01-01T00:00:00.000Z',
};

/** What the wildcards of the router stand for. */
const wildcards: Readonly<Record<string, readonly string[]>> = {
  '/v2/apps/*': Object.values(appPaths),
  '/v2/groups/*': Object.values(groupPaths),
  '/v2/queue/*': ['a/delay'],
  '/v2/plugins/*': ['p'],
  '/ui/*': ['index.html'],
  '/v2/pods/*': ['p', 'p::status', '::status', 'p::versions', 'p::instances/i'],
};

/** Endings that only some verbs know; for the others they are part of an id. */
const endings: readonly (readonly [ending: RegExp, verbs: readonly string[]])[] = [
  [/^\/v2\/apps\/.*\/restart$/, ['POST']],
  [/^\/v2\/apps\/.*\/why$/, ['GET']],
  [/^\/v2\/groups\/.*\/(apps|versions)$/, ['GET']],
  [/^\/v2\/groups\/.*\/versions\/[^/]+$/, ['GET', 'PUT']],
];

const isPartOfId = (verb: string, path: string): boolean =>
  endings.some(([ending, known]) => ending.test(path) && !known.includes(verb));

const verbs = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Served, and not described, for a reason. */
const exempt: readonly (readonly [path: RegExp, reason: string])[] = [
  [/^\/v2\/pods\/./, 'there are no pods: always 404, or an empty list'],
  [/^\/v2\/plugins\/./, 'there are no plugins: always 404'],
  [/^\/(help|api-console)$/, 'old paths of Marathon that lead to /docs'],
  [/^\/(docs|openapi\.json)$/, 'the description itself'],
  [/^\/$/, 'leads to the web page'],
  [/^\/ui/, 'the web page: static files'],
];

/** The routes of the router, with the paths that its wildcards stand for and something in the place of parameters. */
function registered(text: string): readonly string[] {
  const at: string[] = [];
  const paths: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^([│ ]*)[├└]── (\S+) \(/.exec(line);
    if (!match) continue;
    const depth = (match[1] ?? '').length / 4;
    at.length = depth;
    at[depth] = match[2] ?? '';
    const path = at.join('/').replaceAll(/\/+/g, '/');
    const ends = wildcards[path];
    if (path.endsWith('*') && !ends) throw new Error(`${path}: tell what it stands for`);
    if (ends) paths.push(...ends.map((end) => path.replace('*', end)));
    else paths.push(path.replaceAll(/:\w+/g, 'x'));
  }
  return paths;
}

const describedBy = (verb: string, path: string): boolean =>
  operations.some(
    (one) =>
      one.method.toUpperCase() === verb && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );

describe('The description of the API', () => {
  it('tells of every route with every verb, but those that are exempt for a reason', async () => {
    const { server } = testApi();
    await server.ready();
    const paths = registered(server.printRoutes({ commonPrefix: false }));
    expect(paths.length).toBeGreaterThan(40);
    const missing: string[] = [];
    for (const path of paths) {
      if (exempt.some(([pattern]) => pattern.test(path))) continue;
      for (const verb of verbs) {
        // A verb that a path does not know is 405 whatever is asked.
        const { statusCode } = await server.inject({
          method: verb,
          url: path,
          headers: { accept: 'application/json' },
        });
        if (statusCode !== 405 && !isPartOfId(verb, path) && !describedBy(verb, path)) missing.push(`${verb} ${path}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('exempts nothing that is not there', async () => {
    const { server } = testApi({ uiDirectory: 'ui' });
    await server.ready();
    const paths = registered(server.printRoutes({ commonPrefix: false }));
    for (const [pattern, reason] of exempt)
      expect([reason, paths.some((path) => pattern.test(path))]).toEqual([reason, true]);
  });

  it('tells of streams as they are', async () => {
    const { port } = await listeningApi();
    const events = new RawClient(port, 'GET /v2/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
    await events.until(({ text }) => text.includes('\r\n\r\n'));
    expect(events.text).toMatch(/^HTTP\/1.1 200 /);
    expect(events.text).toMatch(/content-type: text\/event-stream/i);
    const upgrade =
      'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    for (const path of ['/v2/events', '/v2/live']) {
      const socket = new RawClient(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
      await socket.until(({ text }) => text.includes('\r\n\r\n'));
      expect(socket.text).toMatch(/^HTTP\/1.1 101 /);
      expect(operations.find((one) => one.path === path)?.answers).toHaveProperty('101');
    }
  });
});
