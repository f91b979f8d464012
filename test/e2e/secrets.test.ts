/** What is secret stays out of the logs of server and local cluster, at the most talkative level and when things go wrong. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inPlayground } from '../support/processes.ts';
import { restClient } from '../support/rest-client.ts';
import { startCluster, startServer } from '../support/stack.ts';

/** One for each way that a secret may come in; any trace of this in a log is one too much. */
const mark = 'h7QzW4';
const secret = (way: string): string => `${mark}-${way}-${mark}`;

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** The secret, as it stands, encoded in a URL, or within a header. */
const traces = (text: string): readonly string[] => {
  const decoded = text.replaceAll(
    /[A-Za-z0-9+/]{16,}={0,2}/g,
    (part) => `${part} ${Buffer.from(part, 'base64').toString('latin1')}`,
  );
  return decoded.split('\n').filter((line) => line.includes(mark));
};

describe('secrets', () => {
  it('are found by the search that the other tests rely on', () => {
    expect(traces(`x ${secret('a')}`)).toHaveLength(1);
    expect(traces(`{"authorization":"${basic('user', secret('a'))}"}`)).toHaveLength(1);
    expect(traces('nothing here')).toEqual([]);
  });

  it('of flags, URLs, headers, environments and files are not in the logs', async () => {
    await inPlayground(async (playground) => {
      const secretFile = playground.path('mesos-secret');
      writeFileSync(secretFile, `${secret('mesos')}\n`);
      const cluster = await startCluster(playground);
      const credentials = `admin:${secret('http')}`;
      const flags = [
        ...['--logging_level', 'trace', '--http_credentials', credentials],
        ...['--mesos_authentication_principal', 'ultramarathon', '--mesos_authentication_secret_file', secretFile],
        ...['--event_subscriber', 'http_callback', '--http_endpoints', `http://u:${secret('endpoint')}@127.0.0.1:1/a`],
      ];
      const { rest, program, url } = await startServer(playground, cluster.address, flags, { credentials });
      const stranger = restClient(url, { credentials: `admin:${secret('wrong')}` });
      expect((await stranger.get('/v2/apps')).status).toBe(401);
      await stranger.ask('GET', '/v2/apps', undefined, { Authorization: `token=${secret('token')}` });
      stranger.close();

      const callback = encodeURIComponent(`http://u:${secret('callback')}@127.0.0.1:1/b`);
      await rest.must('POST', `/v2/eventSubscriptions?callbackUrl=${callback}`, { secret: secret('hmac') });
      const app = { id: '/a', cmd: 'sleep 1000', cpus: 0.1, mem: 32, env: { PASSWORD: secret('env') } };
      await rest.must('POST', '/v2/apps', app);
      await rest.running('/a', 1);
      // Things go wrong: a fetch that fails, a program that fails, a body that is wrong, a command that does not exist.
      const fetch = [{ uri: `http://u:${secret('fetch')}@127.0.0.1:1/a.tgz` }];
      await rest.must('POST', '/v2/apps', { ...app, id: '/unfetched', fetch, backoffSeconds: 600 });
      await rest.must('POST', '/v2/apps', { ...app, id: '/failing', cmd: 'exit 3', backoffSeconds: 600 });
      const image = { type: 'DOCKER', docker: { image: `u:${secret('image')}@127.0.0.1:1/none` } };
      await rest.must('POST', '/v2/apps', { ...app, id: '/docker', container: image, backoffSeconds: 600 });
      expect((await rest.ask('POST', '/v2/apps', { ...app, id: '/bad', cpus: 'x' })).status).toBe(422);
      expect((await rest.ask('POST', '/v2/apps', `{"env": ${secret('broken')}`)).status).toBe(400);
      for (const id of ['/unfetched', '/failing']) {
        await eventually(`${id} has failed`, async () => 'lastTaskFailure' in ((await rest.app(id)) as object));
      }
      await eventually('callbacks have failed', () => program.stderr().includes('events.callback.trouble'));
      const [task] = await rest.tasks('/a');
      expect((await rest.get(`/v2/tasks/${task?.id}/files/read?path=stdout`)).status).toBe(200);
      // The cluster goes while it is talked to, and comes back.
      await cluster.program.end('SIGKILL');
      await eventually('that is noticed', () => program.stderr().includes('mesos.disconnected'));
      const again = await startCluster(playground, [], cluster.address);
      await eventually('it is back', () => program.stderr().split('"event":"mesos.subscribed"').length > 4);
      const shown = await Promise.all(['/v2/info', '/metrics', '/metrics/prometheus'].map((path) => rest.get(path)));
      await rest.must('DELETE', '/v2/apps/a?force=true');
      rest.close();
      await program.end('SIGTERM');
      await again.program.end('SIGTERM');

      expect(program.stderr()).toContain('"event":"http.request"');
      for (const { program: each } of [cluster, again, { program }])
        expect(traces(each.stdout() + each.stderr())).toEqual([]);
      for (const { text } of shown) expect(traces(text)).toEqual([]);
    });
  });

  it.each([
    [['--zk', `zk://user:${secret('zk')}@`]],
    [['--zk', `zk://user:${secret('zk')}@host:x/path`]],
    [['--zk', `zk://${secret('zk')}@host:1/path`]],
    [['--zk', `zk://user:${secret('zk')}@host:1/path`, '--data_dir', 'd']],
    [['--zk', `zk://user:${secret('zk')}/x@host:1/path`]],
    [['--master', `zk://user:${secret('master')}@host:x/mesos`]],
    [['--master', `http://user:${secret('master')}@host:5050`]],
    [['--master', `user:${secret('master')}@host:5050`]],
    [['--master', 'h:1', '--http_credentials', secret('http')]],
    [['--master', 'h:1', '--http_credentials', 'user:', secret('http')]],
    [
      [
        '--master',
        'h:1',
        '--mesos_authentication_principal',
        'p',
        '--mesos_authentication_secret',
        `a:${secret('mesos')}`,
      ],
    ],
    [['--master', 'h:1', '--mesos_authentication_secret', secret('mesos')]],
    [['--master', 'h:1', '--http_endpoints', `http://u:${secret('endpoint')}@h/a`]],
    [
      [
        '--master',
        'h:1',
        '--event_subscriber',
        'http_callback',
        '--http_endpoints',
        `http://u:${secret('endpoint')}@h:0/a`,
      ],
    ],
    [
      [
        '--master',
        'h:1',
        '--event_subscriber',
        'http_callback',
        '--http_endpoints',
        `ftp://u:${secret('endpoint')}@h/a`,
      ],
    ],
    [['--master', 'h:1', '--event_subscriber', 'http_callback', '--http_endpoints', `u:${secret('endpoint')}@h/a`]],
  ])('of flags that are refused are not repeated: %j', async (flags) => {
    await inPlayground(async (playground) => {
      const program = playground.run(['server', '--data_dir', playground.path('data'), ...flags]);
      expect((await program.exited).code).toBe(2);
      expect(program.stderr()).toMatch(/\w/);
      expect(traces(program.stdout() + program.stderr())).toEqual([]);
    });
  });
});
