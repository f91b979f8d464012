import { describe, expect, it } from 'vitest';
import { inPlayground } from '../support/processes.ts';
import { type Answer, type RestClient, sendRaw } from '../support/rest-client.ts';
import { startCluster, startServer } from '../support/stack.ts';

const good = { id: '/good', cmd: 'exec sleep 1000', instances: 1, cpus: 0.01, mem: 8 };
const megabyte = 1024 * 1024;

interface Bad {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const post = (body: unknown): Bad => ({ method: 'POST', path: '/v2/apps', body });
const wrong = (members: object): Bad => post({ ...good, id: '/bad', ...members });
const update = (members: object): Bad => ({ method: 'PUT', path: '/v2/apps/good', body: members });
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

const malformed: readonly Bad[] = [
  ...['', '{', '{"id":"/x"', '{"id":}', 'null', '[]', '42', '"text"', '{"id":"/x",}', '\u0000', "{'id':'/x'}"].map(
    post,
  ),
  post(nested(100_000)),
  post(`{"id":"/bad","cmd":"x","cmd":${'9'.repeat(400)}}`),
  post('{"id":"/bad","cmd":"x","instances":1e999}'),
  post('\ud800'),
  { method: 'PUT', path: '/v2/apps', body: '{"id":"/bad","cmd":"x"}' },
  { method: 'PUT', path: '/v2/apps', body: [{ cmd: 'no id' }] },
  { method: 'POST', path: '/v2/tasks/delete', body: '{"ids":' },
  { method: 'POST', path: '/v2/tasks/delete', body: { ids: 'no list' } },
  { method: 'POST', path: '/v2/tasks/delete', body: { ids: ['no task'] } },
];

const wrongTypes: readonly Bad[] = [
  wrong({ cmd: 7 }),
  wrong({ instances: '3' }),
  wrong({ instances: 1.5 }),
  wrong({ cpus: 'lots' }),
  wrong({ env: [] }),
  wrong({ env: { A: { b: 1 } } }),
  wrong({ labels: { a: 1 } }),
  wrong({ constraints: 'hostname' }),
  wrong({ constraints: [['hostname', 'NEAR']] }),
  wrong({ healthChecks: {} }),
  wrong({ healthChecks: [{ protocol: 'CARRIER_PIGEON' }] }),
  wrong({ container: { type: 'BOX' } }),
  wrong({ fetch: [{ uri: 7 }] }),
  wrong({ upgradeStrategy: { minimumHealthCapacity: 2 } }),
  wrong({ cmd: 'x', args: ['y'] }),
  post({ id: '/bad' }),
  post({ cmd: 'x' }),
];

const wrongValues: readonly Bad[] = [
  ...['cpus', 'mem', 'disk', 'instances', 'gpus', 'backoffSeconds', 'backoffFactor', 'maxLaunchDelaySeconds'].flatMap(
    (member) => [wrong({ [member]: -1 }), update({ [member]: -1 })],
  ),
  wrong({ taskKillGracePeriodSeconds: -1 }),
  wrong({ portDefinitions: [{ port: -1 }] }),
  wrong({ portDefinitions: [{ port: 70_000 }] }),
  wrong({ instances: 2 ** 53 }),
  wrong({ healthChecks: [{ protocol: 'TCP', portIndex: -1 }] }),
  wrong({ healthChecks: [{ protocol: 'TCP', portIndex: 5 }] }),
  ...[
    '/UPPER',
    '/under_score',
    '/a b',
    '/-x',
    '/..',
    '/a/../..',
    '/good/./',
    '/good/../good/below',
    '/\u00e9',
    '/a//b!',
    '',
    '/',
  ].map((id) => wrong({ id })),
  wrong({ dependencies: ['/bad'] }),
  post(good),
  post({ ...good, id: '/good/below' }),
];

const unknownIds: readonly Bad[] = [
  { method: 'GET', path: '/v2/apps/missing' },
  { method: 'DELETE', path: '/v2/apps/missing' },
  { method: 'POST', path: '/v2/apps/missing/restart' },
  { method: 'GET', path: '/v2/apps/missing/tasks' },
  { method: 'GET', path: '/v2/apps/missing/versions' },
  { method: 'GET', path: '/v2/apps/good/versions/2015-01-01T00:00:00.000Z' },
  { method: 'GET', path: '/v2/apps/good/versions/yesterday' },
  { method: 'DELETE', path: '/v2/apps/good/tasks/good.instance-none._app.1' },
  { method: 'DELETE', path: '/v2/apps/good/tasks/%00' },
  { method: 'DELETE', path: '/v2/deployments/none' },
  { method: 'DELETE', path: '/v2/queue/missing/delay' },
  { method: 'GET', path: '/v2/nothing' },
  { method: 'POST', path: '/v2/info', body: {} },
  { method: 'GET', path: '/v2/apps?label=%3D%3D%28' },
];

/** What `GET` shows of everything that a bad request could have changed. */
async function stateOf(rest: RestClient): Promise<string> {
  const paths = ['/v2/apps?embed=apps.tasks', '/v2/tasks', '/v2/deployments', '/v2/queue', '/v2/apps/good/versions'];
  return (await Promise.all(paths.map(rest.get))).map(({ text }) => text).join('\n');
}

/** A 4xx with Marathon's error JSON: a message, and details if any as a list. */
function expectRefusal({ status, text, headers }: Answer, what: string): void {
  expect(status, `${what}: ${text.slice(0, 300)}`).toBeGreaterThanOrEqual(400);
  expect(status, `${what}: ${text.slice(0, 300)}`).toBeLessThan(500);
  expect(headers['content-type'], what).toMatch(/^application\/json/);
  const body = JSON.parse(text) as { message?: unknown; details?: unknown };
  expect(typeof body.message, what).toBe('string');
  expect(text, what).not.toMatch(/\bat .+\.[jt]s:\d+/);
}

const nameOf = ({ method, path, body }: Bad): string =>
  `${method} ${path} ${(typeof body === 'string' ? body : (JSON.stringify(body) ?? '')).slice(0, 80)}`;

/** Paths that an ordinary client cannot send. */
const oddPaths = [
  '/v2/apps/../../etc/passwd',
  '/v2/apps/%2e%2e/%2e%2e/etc/passwd',
  '/v2/apps/..%2f..%2fetc%2fpasswd',
  '/v2/apps/good/../missing',
  '/v2/apps/%',
  '/v2/apps/%zz',
  '/v2/apps/%ff%fe',
  '/v2/apps/%00',
  '/v2/apps/%E0%A4%A',
  '/v2/apps/good%2Ftasks%2Fx%2Fy',
  '/v2/apps/__proto__',
  '/v2/apps/constructor/versions/toString',
  `/v2/apps/${'x/'.repeat(3_000)}`,
  '/ui/../package.json',
  '/ui/%2e%2e/package.json',
  '/ui/..%2fpackage.json',
  '/ui/..%5cpackage.json',
  '/ui/%00',
  '/ui//etc/passwd',
];

describe('bad input', () => {
  it('is refused with an error in JSON and changes nothing', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { rest, program, url } = await startServer(playground, cluster.address);
      await rest.must('POST', '/v2/apps', good);
      await rest.running('/good', 1);
      const before = await stateOf(rest);

      for (const bad of [...malformed, ...wrongTypes, ...wrongValues, ...unknownIds]) {
        expectRefusal(await rest.ask(bad.method, bad.path, bad.body, bad.headers), nameOf(bad));
      }
      expect(await stateOf(rest)).toBe(before);

      for (const path of oddPaths) {
        for (const method of ['GET', 'DELETE']) {
          const said = await sendRaw(url, `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
          expect(said, `${method} ${path}`).toMatch(/^HTTP\/1\.1 4\d\d /);
          expect(said, `${method} ${path}`).not.toMatch(/root:|"dependencies"/);
          expect(JSON.parse(said.slice(said.indexOf('\r\n\r\n') + 4)), `${method} ${path}`).toHaveProperty('message');
        }
      }
      expect(await stateOf(rest)).toBe(before);

      for (const junk of [
        'GARBAGE\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        '\u0016\u0003\u0001',
        `GET / HTTP/1.1\r\n${'x'.repeat(70_000)}`,
      ]) {
        expect(await sendRaw(url, junk, { quietMs: 500 }), JSON.stringify(junk.slice(0, 20))).not.toMatch(
          /^HTTP\/1\.1 [25]/,
        );
      }
      // More is promised than is sent, or sent than is promised; nobody may wait for it, and the server goes on.
      await sendRaw(url, 'POST /v2/apps HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"id":', { quietMs: 200 });
      await sendRaw(url, 'POST /v2/apps HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x', {
        quietMs: 200,
      });
      expect(await stateOf(rest)).toBe(before);
      expect(program.isOver()).toBe(false);
      expect(program.stderr()).not.toMatch(/"level":(50|60)/);
      rest.close();
    });
  });

  it('of 10 MB is refused or ignored without harm', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--agents', '1']);
      const { rest, program } = await startServer(playground, cluster.address);
      await rest.must('POST', '/v2/apps', good);
      await rest.running('/good', 1);
      const before = await stateOf(rest);
      const bodies = [
        'x'.repeat(10 * megabyte),
        nested(5 * megabyte),
        `{"id":"/bad","cmd":"${'x'.repeat(10 * megabyte)}"}`,
        `[${Array.from({ length: 100_000 }, () => '{"cmd":"no id at all","instances":-1,"mem":-1,"cpus":"x","env":{"A":"b"}}').join(',')}]`,
      ];
      for (const body of bodies) {
        expect(Buffer.byteLength(body)).toBeGreaterThan(7 * megabyte);
        for (const [method, path] of [
          ['POST', '/v2/apps'],
          ['PUT', '/v2/apps'],
          ['PUT', '/v2/apps/good'],
          ['POST', '/v2/tasks/delete'],
        ] as const) {
          // The server may close before all of it is sent; what matters is that it answers the next one.
          const answer = await rest.ask(method, path, body).catch(() => undefined);
          if (answer) expectRefusal(answer, `${method} ${path} ${body.slice(0, 30)}`);
        }
      }
      expect(await stateOf(rest)).toBe(before);
      expect(program.isOver()).toBe(false);
      rest.close();
    });
  });
});
