/** A server that only knows what it is told: canned `/v2` answers, an event stream, and the files of `ui/`. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { takePort } from '../support/ports.ts';

/** What `/v2/apps`, `/v2/deployments` and `/v2/queue` answer. */
export interface Canned {
  readonly apps: readonly object[];
  readonly deployments: readonly object[];
  readonly queue: readonly object[];
}

export interface StubMarathon {
  /** Address of the page, below the prefix. */
  readonly pageUrl: string;
  /** Changes the answers without telling anybody. */
  readonly set: (canned: Partial<Canned>) => void;
  /** Sends one event to every open stream; returns how many there were. */
  readonly publish: (type: string) => number;
  /** Resolves as soon as at least one stream is open. */
  readonly streamOpened: () => Promise<void>;
  /** How often `/v2/apps` was asked, and how often the answer was 304. */
  readonly asked: () => { readonly apps: number; readonly unchanged: number };
  /** Requests to `path` and below are answered with this status from now on; undefined = as usual. */
  readonly failWith: (status: number | undefined, path?: string) => void;
  /** Breaks all connections and listens no more. */
  readonly goAway: () => Promise<void>;
  /** Listens again, on the same port. */
  readonly comeBack: () => Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};
const ui = new URL('../../ui/', import.meta.url);

/** Starts the stub on a port of the loopback interface that stays its own. `prefix` is put before every path, as a proxy would. */
export async function startStubMarathon(initial: Partial<Canned> = {}, prefix = ''): Promise<StubMarathon> {
  let canned: Canned = { apps: [], deployments: [], queue: [], ...initial };
  let failure: { readonly status: number | undefined; readonly path: string } | undefined;
  let apps = 0;
  let unchanged = 0;
  let onStream: (() => void)[] = [];
  const streams = new Set<ServerResponse>();

  const answer = (response: ServerResponse, value: unknown, ifNoneMatch: string | undefined): void => {
    const text = JSON.stringify(value);
    const tag = `"${createHash('sha1').update(text).digest('hex')}"`;
    if (ifNoneMatch === tag) {
      unchanged += 1;
      response.writeHead(304, { ETag: tag }).end();
    } else response.writeHead(200, { 'Content-Type': 'application/json', ETag: tag }).end(text);
  };

  const openStream = (response: ServerResponse): void => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream;charset=utf-8' });
    response.write('retry: 100\r\n\r\n');
    streams.add(response);
    response.on('close', () => streams.delete(response));
    for (const tell of onStream) tell();
    onStream = [];
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://stub');
    const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : '';
    if (failure?.status !== undefined && path.startsWith(failure.path)) {
      response.writeHead(failure.status, { 'Content-Type': 'application/json' }).end('{"message":"no leader"}');
      return;
    }
    const known = request.headers['if-none-match'];
    if (path === '/v2/apps') {
      apps += 1;
      answer(response, { apps: canned.apps }, known);
    } else if (path === '/v2/deployments') answer(response, canned.deployments, known);
    else if (path === '/v2/queue') answer(response, { queue: canned.queue }, known);
    else if (path === '/v2/events') openStream(response);
    else if (path.startsWith('/ui/')) void sendFile(path.slice('/ui/'.length), response);
    else response.writeHead(404).end();
  });
  const port = await listen(server, takePort());
  return {
    pageUrl: `http://127.0.0.1:${port}${prefix}/ui/`,
    set: (next) => {
      canned = { ...canned, ...next };
    },
    publish: (type) => {
      for (const stream of streams) stream.write(`event: ${type}\r\ndata: {"eventType":"${type}"}\r\n\r\n`);
      return streams.size;
    },
    streamOpened: () => (streams.size > 0 ? Promise.resolve() : new Promise((resolve) => onStream.push(resolve))),
    asked: () => ({ apps, unchanged }),
    failWith: (status, path = '/v2/') => {
      failure = { status, path };
    },
    goAway: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    comeBack: async () => {
      await listen(server, port);
    },
  };
}

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

async function sendFile(name: string, response: ServerResponse): Promise<void> {
  const file = name === '' ? 'index.html' : name;
  const type = types[extname(file)];
  const body =
    type === undefined || file.includes('/') ? undefined : await readFile(new URL(file, ui)).catch(() => undefined);
  if (body === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'Content-Type': type }).end(body);
}
