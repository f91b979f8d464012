/** What a prober may meet on loopback. */
import type { AddressInfo, Server } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { generate } from 'selfsigned';

export interface Target {
  readonly port: number;
  /** What the connections sent, joined. */
  readonly received: () => string;
  readonly close: () => Promise<void>;
}

type Serve = (socket: Socket) => void;

async function listening(server: Server, host: string, open: Set<Socket>, texts: string[]): Promise<Target> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    received: () => texts.join(''),
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

const tracked =
  (serve: Serve, open: Set<Socket>, texts: string[]): Serve =>
  (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A prober hangs up as soon as it knows: that is no fault of the test.
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => texts.push(data.toString('latin1')));
    serve(socket);
  };

/** Listens on a port of its own and does to each connection what `serve` says. */
export async function target(serve: Serve, host = '127.0.0.1'): Promise<Target> {
  const open = new Set<Socket>();
  const texts: string[] = [];
  return listening(createServer(tracked(serve, open, texts)), host, open, texts);
}

/** The same behind TLS, with a certificate that nobody trusts. */
export async function tlsTarget(serve: Serve): Promise<Target> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'nobody' }], { keySize: 2048 });
  const open = new Set<Socket>();
  const texts: string[] = [];
  return listening(createTlsServer({ cert, key }, tracked(serve, open, texts)), '127.0.0.1', open, texts);
}

/** Answers the first bytes with a text. */
export const answering =
  (...texts: readonly string[]): Serve =>
  (socket) => {
    socket.once('data', () => {
      for (const text of texts) socket.write(text);
    });
  };

/** A port on which nobody listens. */
export async function deadPort(): Promise<number> {
  const { port, close } = await target(() => {});
  await close();
  return port;
}
