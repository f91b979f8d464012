import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { standForElection } from '../../../src/local-mesos/election/candidate.ts';
import { eventually } from '../../support/eventually.ts';

it('A ZooKeeper server whose words make no sense is told of once, and tried again', async () => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    connections++;
    socket.on('error', () => {});
    // A packet of one byte: too short for any answer.
    socket.once('data', () => socket.write(Buffer.from([0, 0, 0, 1, 0])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const said: string[] = [];
  const candidate = standForElection({
    servers: { hosts: [`127.0.0.1:${port}`], path: '/mesos', credentials: undefined },
    sessionTimeoutMs: 120_000,
    info: {},
    log: { info: () => {}, warn: (message) => said.push(message) },
    onOutcome: () => {},
  });
  onTestFinished(async () => {
    await candidate.stop('vanish');
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await eventually('it connects again', () => connections >= 3);
  expect(said).toEqual([expect.stringMatching(/^what a ZooKeeper server says cannot be understood: ./)]);
});
