/** Servers that speak no ZooKeeper: what a client must survive. */
import { createServer, type Socket } from 'node:net';

export interface ScriptedServer {
  /** `host:port` */
  readonly host: string;
  readonly accepted: () => number;
  readonly open: () => number;
  readonly close: () => Promise<void>;
}

/** Listens on a port of its own and does with each connection what `script` says; without one it takes it and stays silent. */
export async function startScriptedServer(script: (socket: Socket) => void = () => {}): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
    script(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    accepted: () => accepted,
    open: () => sockets.size,
    close: () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}
