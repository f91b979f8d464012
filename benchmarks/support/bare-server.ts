/**
 * What the read benchmark compares with, a process of its own: `node:http` with nothing but a map from URL to bytes. It gets them from the
 * server under test, so that both send the same.
 */
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Take over what is answered to these requests; whatever there was is forgotten. */
export interface BareCommand {
  readonly port: number;
  readonly requests: readonly { readonly path: string; readonly headers: Readonly<Record<string, string>> }[];
}

/** Answer every request that is not a GET with these bytes, once its body is there. */
export interface BareWriteCommand {
  readonly write: { readonly status: number; readonly headers: readonly string[]; readonly body: string };
}

export type BareAnswer =
  | { readonly type: 'listening'; readonly port: number }
  /** Bytes of all bodies. */
  | { readonly type: 'ready'; readonly bodyBytes: number };

interface Copy {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

const ownHeaders = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);
const copies = new Map<string, Copy>();

const copyOf = (port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Copy> =>
  new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { rawHeaders, statusCode = 0 } = response;
        const kept: string[] = [];
        for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
          const name = rawHeaders[i] ?? '';
          if (!ownHeaders.has(name.toLowerCase())) kept.push(name, rawHeaders[i + 1] ?? '');
        }
        resolve({ status: statusCode, headers: kept, body: Buffer.concat(chunks) });
      });
    });
    asked.on('error', reject);
  });

let write: Copy | undefined;

const server = createServer((request, response) => {
  if (request.method !== 'GET' && write) {
    const { status, headers, body } = write;
    request.resume();
    request.on('end', () => response.writeHead(status, [...headers]).end(body));
    return;
  }
  const copy = copies.get(request.url ?? '');
  if (!copy) {
    response.writeHead(500, ['Content-Length', '0']).end();
    return;
  }
  response.writeHead(copy.status, [...copy.headers]);
  if (copy.body.length > 0) response.end(copy.body);
  else response.end();
});

const say = (answer: BareAnswer): void => void process.send?.(answer);

process.on('message', async (command: BareCommand | BareWriteCommand) => {
  if ('write' in command) {
    write = { ...command.write, body: Buffer.from(command.write.body) };
    say({ type: 'ready', bodyBytes: write.body.length });
    return;
  }
  const { port, requests } = command;
  copies.clear();
  let bodyBytes = 0;
  for (const { path, headers } of requests) {
    const copy = await copyOf(port, path, headers);
    bodyBytes += copy.body.length;
    copies.set(path, copy);
  }
  say({ type: 'ready', bodyBytes });
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => say({ type: 'listening', port: (server.address() as AddressInfo).port }));
