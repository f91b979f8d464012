/**
 * Creates or updates the app `/2048`: `node examples/2048/post.mjs [URL]`.
 *
 * Does what the one-liner of README.md does, whatever folder the local cluster was started in: it puts the absolute place of this
 * folder into app.json and sends it to the server (default: ULTRAMARATHON_URL, else http://127.0.0.1:8080).
 */
import { readFileSync } from 'node:fs';

const server = new URL(process.argv[2] ?? process.env.ULTRAMARATHON_URL ?? 'http://127.0.0.1:8080');
const checkout = new URL('../../', import.meta.url).pathname.replace(/\/$/, '');
const app = JSON.parse(readFileSync(new URL('app.json', import.meta.url), 'utf8'));
app.fetch = app.fetch.map(({ uri, ...rest }) => ({
  ...rest,
  uri: /^[a-z]+:/.test(uri) ? uri : `file://${checkout}/${uri}`,
}));

const headers = { 'Content-Type': 'application/json' };
if (server.username !== '') {
  const credentials = decodeURIComponent(`${server.username}:${server.password}`);
  headers.Authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  server.username = '';
  server.password = '';
}
const base = server.href.replace(/\/$/, '');

try {
  const answer = await fetch(`${base}/v2/apps${app.id}`, { method: 'PUT', headers, body: JSON.stringify(app) });
  const text = await answer.text();
  if (answer.ok) {
    console.log(`${app.id} is on its way: ${text}\nWatch it at ${base}/ui/`);
  } else {
    console.error(`${base} answered ${answer.status}: ${text}`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(`Nothing answers at ${base}: ${error.cause?.message ?? error.message}. Is "npm start" running?`);
  process.exitCode = 1;
}
