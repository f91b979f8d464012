/**
 * Serves the game. Needs nothing but Node: `node server.mjs`, then open the address that it prints.
 *
 * The files of `page/` are read once, at start, and nothing else can be asked for. So a task serves what was there when it was
 * launched, and a changed page is rolled out by restarting the app.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const folder = new URL('./page/', import.meta.url);
const files = new Map();
for (const name of readdirSync(folder)) {
  const type = types[extname(name)];
  if (type !== undefined) files.set(`/${name}`, { type, body: readFileSync(new URL(name, folder)) });
}
files.set('/', files.get('/index.html'));

const headers = {
  'Cache-Control': 'no-cache',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
};

const server = createServer((request, response) => {
  const send = (status, type, body) => {
    response.writeHead(status, { ...headers, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'Only GET and HEAD.\n');
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path === '/task.json') return send(200, 'application/json', taskJson());
  const file = files.get(path);
  if (file === undefined) return send(404, 'text/plain', 'Not found.\n');
  send(200, file.type, file.body);
});

/** Which task this is; Marathon's variables are missing when the server was started by hand. */
function taskJson() {
  const { MESOS_TASK_ID: task, MARATHON_APP_VERSION: version } = process.env;
  const { address, port } = server.address();
  return JSON.stringify({ task, version, address: `${address}:${port}` });
}

const host = process.env.HOST || '127.0.0.1';
const port = Number(process.env.PORT0 || process.env.PORT || 2048);

server.on('error', (error) => {
  console.error(`Cannot serve on ${host}:${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, host, () => {
  console.log(`2048 is at http://${host.includes(':') ? `[${host}]` : host}:${server.address().port}/`);
});

/** Answers what was asked before and then goes, so that an update loses no request. */
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
