/** Opens the ports: HTTP, HTTPS or both, served by one set of routes. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { err, ok, type Result } from '../core/result.ts';

/**
 * Connections that the kernel may hold until they are taken. Node's 511 are few where a thousand readers of events come back at the same
 * moment: whoever finds no place tries again only after one second, three, seven, …
 */
const backlog = 4_096;

export interface Endpoint {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface ListenOptions {
  readonly http?: Endpoint;
  /** Needs `tls`. */
  readonly https?: Endpoint;
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface Listening {
  /** The ports that were opened. */
  readonly httpPort?: number;
  readonly httpsPort?: number;
  /** Ends event streams, closes ports and connections. */
  readonly close: () => Promise<void>;
}

/** Why a port could not be opened: one line for people, a code for programs. */
export interface ListenError {
  readonly code: 'portTaken' | 'addressUnusable' | 'tlsUnusable';
  readonly message: string;
}

/** Listens on every endpoint, or on none. */
export async function listen(server: FastifyInstance, options: ListenOptions): Promise<Result<Listening, ListenError>> {
  const opened: { httpPort?: number; httpsPort?: number } = {};
  let secure: Server | undefined;
  const close = async (): Promise<void> => {
    const closing = secure;
    const secureClosed = closing?.listening ? new Promise((resolve) => closing.close(resolve)) : undefined;
    await server.close();
    closing?.closeAllConnections();
    await secureClosed;
  };
  const fail = async (error: ListenError): Promise<Result<never, ListenError>> => {
    await close();
    return err(error);
  };
  await server.ready();
  if (options.https) {
    const made = secureServer(server, options.tls);
    if (!made.ok) return fail(made.error);
    secure = made.value;
    const result = await open(secure, options.https);
    if (!result.ok) return fail(result.error);
    opened.httpsPort = result.value;
  }
  if (options.http) {
    try {
      await server.listen({ ...options.http, backlog });
    } catch (error) {
      return fail(listenError(error as NodeJS.ErrnoException, options.http));
    }
    opened.httpPort = (server.server.address() as AddressInfo).port;
  }
  return ok({ ...opened, close });
}

/** A TLS server that hands its requests, upgrades and broken clients to the plain one's handlers. */
function secureServer(server: FastifyInstance, tls: ListenOptions['tls']): Result<Server, ListenError> {
  if (!tls) return err({ code: 'tlsUnusable', message: 'HTTPS needs a certificate and its key' });
  let secure: Server;
  try {
    secure = createServer({ ...tls, keepAliveTimeout: server.server.keepAliveTimeout });
  } catch (error) {
    return err({ code: 'tlsUnusable', message: `The certificate or its key cannot be used: ${messageOf(error)}` });
  }
  secure.requestTimeout = server.server.requestTimeout;
  secure.on('request', (request, response) => server.server.emit('request', request, response));
  secure.on('upgrade', (...upgrade) => server.server.emit('upgrade', ...upgrade));
  secure.on('clientError', (...failure) => server.server.emit('clientError', ...failure));
  return ok(secure);
}

const open = (server: Server, endpoint: Endpoint): Promise<Result<number, ListenError>> =>
  new Promise((resolve) => {
    server.once('error', (error) => resolve(err(listenError(error, endpoint))));
    server.listen({ ...endpoint, backlog }, () => resolve(ok((server.address() as AddressInfo).port)));
  });

function listenError(error: NodeJS.ErrnoException, { host, port }: Endpoint): ListenError {
  return error.code === 'EADDRINUSE'
    ? { code: 'portTaken', message: `Port ${port} on ${host} is already in use` }
    : { code: 'addressUnusable', message: `Cannot listen on ${host}:${port}: ${messageOf(error)}` };
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
