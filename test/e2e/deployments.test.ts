import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inPlayground, type Playground } from '../support/processes.ts';
import type { AppBody } from '../support/rest-client.ts';
import { startCluster, startServer, taskPorts } from '../support/stack.ts';

/** A service that answers at once, and is ready once a file is there. */
const service = `
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
const { HOST, PORT0, READY } = process.env;
createServer((request, response) => {
  const isReady = request.url !== '/ready' || existsSync(READY);
  response.writeHead(isReady ? 200 : 503, { 'content-type': 'text/plain' }).end(isReady ? 'warm' : 'cold');
}).listen(Number(PORT0), HOST);
`;

function serviceApp(playground: Playground, ready: string): object {
  const script = playground.path('service.mjs');
  writeFileSync(script, service);
  return {
    id: '/web',
    cmd: `exec '${process.execPath}' '${script}'`,
    cpus: 0.1,
    mem: 64,
    portDefinitions: [{ port: 0, name: 'http-api' }],
    env: { READY: playground.path(ready) },
    readinessChecks: [{ path: '/ready', intervalSeconds: 2, timeoutSeconds: 1, preserveLastResponse: true }],
  };
}

interface DeploymentBody {
  readonly status: string;
  readonly result?: string;
  readonly reason?: string;
  readonly waitingFor?: readonly string[];
  readonly successor?: string;
}

describe('deployments', () => {
  it('wait for readiness, are undone when their time is up, and stay readable after a kill -9', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--resources', taskPorts()]);
      let server = await startServer(playground, cluster.address);
      const must = async <T>(method: string, path: string, body?: object): Promise<T> =>
        (await server.rest.must(method, path, body)).json() as T;
      const show = (id: string): Promise<DeploymentBody> => must('GET', `/v2/deployments/${id}`);
      const ended = (id: string): Promise<DeploymentBody> =>
        eventually(`the end of ${id}`, async () => {
          const body = await show(id);
          return body.status === 'finished' && body;
        });
      const created = await must<AppBody>('POST', '/v2/apps', serviceApp(playground, 'ready'));
      const first = created.deployments[0]?.id ?? '';
      await eventually('the wait for readiness', async () => {
        const { waitingFor = [] } = await show(first);
        return waitingFor.join() === 'waits for 1 of 1 instances of /web to be ready';
      });
      const results = await eventually('a readiness result', async () => {
        const { app } = await must<{ app: { readinessCheckResults: object[] } }>(
          'GET',
          '/v2/apps/web?embed=app.readiness',
        );
        return JSON.stringify(app.readinessCheckResults).includes('cold') && app.readinessCheckResults;
      });
      const lastResponse = { status: 503, contentType: 'text/plain', body: 'cold' };
      expect(results).toMatchObject([{ name: 'readinessCheck', ready: false, lastResponse }]);
      writeFileSync(playground.path('ready'), '');
      expect(await ended(first)).toMatchObject({ result: 'succeeded' });
      const before = await server.rest.running('/web', 1);
      const limits = 'deadline=4&onFailure=rollback';
      const never = serviceApp(playground, 'never');
      const { deploymentId } = await must<{ deploymentId: string }>('PUT', `/v2/apps/web?${limits}`, never);
      const over = await ended(deploymentId);
      expect(over).toMatchObject({
        result: 'rolledBack',
        // Mostly that it is not ready; on a busy machine the time may be up before the new task runs.
        reason: expect.stringMatching(/^the deadline of 4 s has passed: waits for .+/),
      });
      expect((await ended(over.successor ?? '')).result).toBe('succeeded');
      await server.program.end('SIGKILL');
      server = await startServer(playground, cluster.address);
      expect(await show(deploymentId)).toEqual(over);
      // The healthy task of the version before was never touched.
      expect((await server.rest.running('/web', 1)).map((t) => t.id)).toEqual(before.map((t) => t.id));
    });
  });
});
