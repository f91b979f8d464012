/** A process of its own that answers health checks: `node probe-target.ts PORTS`. Prints its ports, then its count each second. */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
let answered = 0;

function listen(): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      answered++;
      socket.end(answer);
    });
  });
  return new Promise((resolve) =>
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
      resolve((server.address() as AddressInfo).port),
    ),
  );
}

const ports = await Promise.all(Array.from({ length: Number(process.argv[2] ?? 1) }, listen));
process.send?.({ ports });
process.on('message', () => process.send?.({ answered }));
process.on('disconnect', () => process.exit(0));
