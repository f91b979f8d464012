import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { inPlayground } from '../support/processes.ts';
import { restClient, sendRaw } from '../support/rest-client.ts';
import { startCluster, startServer } from '../support/stack.ts';

const credentials = 'operator:correct horse';
const paths = [
  '/',
  '/ui/',
  '/ui/app.js',
  '/ping',
  '/metrics',
  '/metrics/prometheus',
  '/v2/apps',
  '/v2/info',
  '/v2/leader',
  '/v2/events',
  '/nothing',
];

/** Status of the answer to an upgrade, or 101. */
async function upgradeStatus(url: string, options: object): Promise<number> {
  const socket = new WebSocket(url, options);
  // `terminate` of a socket that is not open yet reports an error of its own.
  socket.on('error', () => {});
  const status = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode),
  ]);
  socket.terminate();
  return status;
}

describe('access', () => {
  it('with credentials nothing is shown or done without them', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--agents', '1']);
      const flags = ['--http_realm', 'Castle', '--webui_url', 'https://castle.example/ui/'];
      const { url, rest } = await startServer(playground, cluster.address, flags, {
        env: { MARATHON_HTTP_CREDENTIALS: credentials },
        credentials,
      });
      const stranger = restClient(url);
      const liar = restClient(url, { credentials: 'operator:wrong' });
      for (const path of paths) {
        for (const client of [stranger, liar]) {
          const answer = await client.ask('GET', path, undefined, { accept: '*/*, text/event-stream' });
          expect(answer.status, path).toBe(401);
          expect(answer.headers['www-authenticate']).toBe('Basic realm="Castle"');
          expect(answer.json()).toHaveProperty('message');
        }
      }
      const body = { id: '/intruder', cmd: 'exec sleep 1000' };
      expect((await stranger.ask('POST', '/v2/apps', body)).status).toBe(401);
      expect((await stranger.ask('DELETE', '/v2/apps/x')).status).toBe(401);
      expect(await rest.apps()).toEqual([]);
      const events = `${url.replace('http', 'ws')}/v2/events`;
      expect(await upgradeStatus(events, {})).toBe(401);
      expect(await upgradeStatus(events, { auth: 'operator:wrong' })).toBe(401);

      expect(await upgradeStatus(events, { auth: credentials })).toBe(101);
      for (const origin of [url, 'https://castle.example'])
        expect(await upgradeStatus(events, { auth: credentials, origin }), origin).toBe(101);
      expect(await upgradeStatus(events, { auth: credentials, origin: 'https://evil.example' })).toBe(403);
      for (const path of ['/ui/', '/ping', '/metrics', '/metrics/prometheus', '/v2/apps', '/v2/info']) {
        expect((await rest.get(path)).status, path).toBe(200);
      }
      const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
      const request = `GET /v2/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: ${authorization}\r\n\r\n`;
      const isOpen = /^HTTP\/1\.1 200 .*text\/event-stream.*\r\n\r\n/s;
      expect(await sendRaw(url, request, { enough: isOpen })).toMatch(isOpen);
      expect((await rest.get('/v2/info')).text).not.toContain('correct horse');
      for (const client of [rest, stranger, liar]) client.close();
    });
  });

  it('speaks TLS with the certificate from PEM files, for requests and for streams', async () => {
    await inPlayground(async (playground) => {
      const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
        extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
      });
      writeFileSync(playground.path('cert.pem'), cert);
      writeFileSync(playground.path('key.pem'), key, { mode: 0o600 });
      const cluster = await startCluster(playground, ['--agents', '1']);
      const tls = ['--disable_http', '--https_port', '0', '--ssl_cert_file', 'cert.pem', '--ssl_key_file', 'key.pem'];
      const { url, rest } = await startServer(playground, cluster.address, tls, { ca: cert });
      expect(url).toMatch(/^https:/);
      await rest.must('POST', '/v2/apps', { id: '/safe', cmd: 'exec sleep 1000', cpus: 0.01, mem: 8 });
      await rest.running('/safe', 1);
      expect((await rest.get('/ui/')).status).toBe(200);
      expect(await upgradeStatus(`${url.replace('https', 'wss')}/v2/events`, { ca: cert })).toBe(101);
      // A client that does not trust the certificate gets nothing, nor does one without TLS.
      await expect(restClient(url).get('/v2/apps')).rejects.toThrow(/self.signed/i);
      expect(
        await sendRaw(url.replace('https', 'http'), 'GET /v2/apps HTTP/1.1\r\nHost: x\r\n\r\n', { quietMs: 500 }),
      ).not.toContain('/safe');
      rest.close();
    });
  });

  it('refuses a key that does not belong to the certificate with one line', async () => {
    await inPlayground(async (playground) => {
      const [one, other] = await Promise.all([generate([]), generate([])]);
      writeFileSync(playground.path('cert.pem'), one.cert);
      writeFileSync(playground.path('key.pem'), other.private);
      const words = [
        '--https_port',
        '0',
        '--http_port',
        '0',
        '--ssl_cert_file',
        'cert.pem',
        '--ssl_key_file',
        'key.pem',
      ];
      const program = playground.run(['server', '--master', '127.0.0.1:1', '--data_dir', 'data', ...words]);
      expect(await program.exited).toEqual({ code: 2, signal: null });
      expect(program.stderr()).toMatch(/^ultramarathon: .*certificate[^\n]*\n$/i);
    });
  });
});
