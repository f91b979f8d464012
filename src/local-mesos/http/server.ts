/** The HTTP server of the cluster, straight on `node:http`, since thousands of small calls a second pass through it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { sendFault, sendText } from './answers.ts';

export type Endpoint = (req: IncomingMessage, res: ServerResponse, url: URL) => void;

export interface Routes {
  /** By exact path, without a trailing slash. */
  readonly exact: ReadonlyMap<string, Endpoint>;
  /** By the beginning of the path, for what no exact route takes; the longest wins. */
  readonly prefixes: ReadonlyMap<string, Endpoint>;
  readonly otherwise: Endpoint;
}

/** Idle connections stay open for so long; schedulers keep theirs. */
const keepAliveMs = 300_000;

export interface HttpServer {
  readonly server: Server;
  /** Begins to answer; until then every request gets a 503, as from a master that is still recovering. */
  readonly serve: (routes: Routes) => void;
  /** Answers at another address too; gives why not, if it cannot. */
  readonly alsoListen: (port: number, host: string) => Promise<string | undefined>;
  /** Breaks all connections and resolves when the port is free. */
  readonly close: () => Promise<void>;
}

/** Creates the server; it does not listen yet. `onBroken` is told of answers whose reader had gone. */
export function createHttpServer(onBroken: () => void): HttpServer {
  let routes: Routes | undefined;
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    // Without a listener, writing to a connection that has just broken would end the program.
    res.on('error', onBroken);
    if (routes === undefined) sendText(res, 503, 'Master has not finished recovery');
    else {
      try {
        route(routes, req, res);
      } catch (error) {
        sendFault(res, error);
      }
    }
  };
  const sockets = new Set<Socket>();
  const more: Server[] = [];
  const make = (): Server => {
    const made = createServer(handle);
    made.keepAliveTimeout = keepAliveMs;
    made.requestTimeout = 0;
    // Otherwise a connection that was opened and has nothing to say yet would be answered 408 after a minute.
    made.headersTimeout = 0;
    made.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    return made;
  };
  const server = make();
  const alsoListen = (port: number, host: string): Promise<string | undefined> =>
    new Promise((resolve) => {
      const other = make();
      other.once('error', (error) => resolve(error.message));
      other.listen(port, host, () => {
        more.push(other);
        resolve(undefined);
      });
    });
  const close = async (): Promise<void> => {
    const closed = [server, ...more].map((one) => new Promise<void>((resolve) => one.close(() => resolve())));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  };
  const serve = (given: Routes): void => {
    routes = given;
  };
  return { server, serve, alsoListen, close };
}

function route(routes: Routes, req: IncomingMessage, res: ServerResponse): void {
  const target = req.url ?? '/';
  // The path of nearly every request needs no parsing.
  const direct = routes.exact.get(target);
  const url = new URL(direct === undefined ? safeTarget(target) : target, 'http://localhost');
  const path = url.pathname.replace(/\/+$/, '');
  const endpoint = direct ?? routes.exact.get(path) ?? byPrefix(routes, path) ?? routes.otherwise;
  endpoint(req, res, url);
}

/** Whatever stands in a request line, parsing it must not throw. */
const safeTarget = (target: string): string => (target.startsWith('/') ? target.replace(/^\/+/, '/') : '/');

function byPrefix(routes: Routes, path: string): Endpoint | undefined {
  let best: string | undefined;
  for (const prefix of routes.prefixes.keys()) {
    const matches = path === prefix || path.startsWith(`${prefix}/`);
    if (matches && prefix.length > (best?.length ?? -1)) best = prefix;
  }
  return best === undefined ? undefined : routes.prefixes.get(best);
}
