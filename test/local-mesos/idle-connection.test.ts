import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startLocalMesos } from '../../src/local-mesos/cluster.ts';
import { createHttpServer } from '../../src/local-mesos/http/server.ts';

describe('an idle connection', () => {
  it('is never answered on its own: the server has no time-out for the first request', () => {
    const { server } = createHttpServer(() => {});
    expect([server.headersTimeout, server.requestTimeout]).toEqual([0, 0]);
  });

  it('is still answered when it speaks late', async () => {
    const workDir = mkdtempSync(join(tmpdir(), 'local-mesos-'));
    const cluster = await startLocalMesos({ port: 0, agents: 0, workDir, simulate: true });
    const socket = connect(cluster.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const answer = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
    await cluster.close();
    rmSync(workDir, { recursive: true, force: true });
  });
});
