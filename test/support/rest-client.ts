/** A client of the REST API for tests: plain HTTP, nothing of the project's own code. */
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { eventually } from './eventually.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The body as JSON; fails if it is none. */
  readonly json: () => unknown;
}

export interface AppBody {
  readonly id: string;
  readonly cmd?: string;
  readonly instances: number;
  readonly version: string;
  readonly tasksRunning: number;
  readonly tasksHealthy: number;
  readonly tasksUnhealthy: number;
  readonly deployments: readonly { readonly id: string }[];
}

export interface TaskBody {
  readonly id: string;
  readonly appId: string;
  readonly state: string;
  readonly host: string;
  readonly ports: readonly number[];
  readonly version: string;
  readonly healthCheckResults?: readonly { readonly alive: boolean }[];
}

export interface RestOptions {
  /** `user:password`. */
  readonly credentials?: string;
  /** PEM of the certificate to trust. */
  readonly ca?: string;
}

export interface RestClient {
  readonly url: string;
  readonly ask: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly get: (path: string) => Promise<Answer>;
  /** Sends and fails unless the status is 2xx. */
  readonly must: (method: string, path: string, body?: unknown) => Promise<Answer>;
  readonly apps: () => Promise<readonly AppBody[]>;
  readonly app: (id: string) => Promise<AppBody>;
  readonly tasks: (id?: string) => Promise<readonly TaskBody[]>;
  /** Waits until the app has exactly so many running tasks and no deployment; gives them. */
  readonly running: (id: string, count: number, timeoutMs?: number) => Promise<readonly TaskBody[]>;
  /** Waits until no deployment is left. */
  readonly idle: (timeoutMs?: number) => Promise<void>;
  readonly close: () => void;
}

/** A request that nobody answers fails after so long. */
const answerTimeoutMs = 60_000;

/** A client of the server at `url`. Bodies that are no strings are sent as JSON. */
export function restClient(url: string, options: RestOptions = {}): RestClient {
  const isSecure = url.startsWith('https:');
  const agent = isSecure ? new SecureAgent({ keepAlive: true }) : new PlainAgent({ keepAlive: true });
  const ask: RestClient['ask'] = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const send = isSecure ? secureRequest : plainRequest;
      const request = send(url + path, {
        method,
        agent,
        timeout: answerTimeoutMs,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(options.credentials === undefined ? {} : { auth: options.credentials }),
        headers: {
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          ...headers,
        },
      });
      request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${path}`)));
      request.on('error', reject);
      request.on('response', (response) => void readAnswer(response).then(resolve, reject));
      request.end(payload);
    });
  const get = (path: string): Promise<Answer> => ask('GET', path);
  const must: RestClient['must'] = async (method, path, body) => {
    const answer = await ask(method, path, body);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    }
    return answer;
  };
  const list = async <T>(path: string, member: string): Promise<T> =>
    ((await must('GET', path)).json() as Record<string, T>)[member] as T;
  const tasks = (id?: string): Promise<readonly TaskBody[]> =>
    list(id === undefined ? '/v2/tasks' : `/v2/apps${id}/tasks`, 'tasks');
  const app = (id: string): Promise<AppBody> => list(`/v2/apps${id}`, 'app');
  return {
    url,
    ask,
    get,
    must,
    apps: () => list('/v2/apps', 'apps'),
    app,
    tasks,
    running: (id, count, timeoutMs) =>
      eventually(
        `${count} running tasks of ${id}`,
        async () => {
          const { deployments } = await app(id);
          const all = await tasks(id);
          const isDone = all.length === count && all.every((task) => task.state === 'TASK_RUNNING');
          return isDone && deployments.length === 0 && all;
        },
        timeoutMs,
      ),
    idle: async (timeoutMs) => {
      await eventually('no deployment', async () => (await get('/v2/deployments')).text === '[]', timeoutMs);
    },
    close: () => agent.destroy(),
  };
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) as unknown };
}

/**
 * Sends these bytes on a connection of their own and gives all that comes back until it is closed, until what came is `enough`,
 * or until nothing has come for `quietMs`.
 */
export function sendRaw(
  url: string,
  bytes: string | Buffer,
  { quietMs = answerTimeoutMs, enough }: { readonly quietMs?: number; readonly enough?: RegExp } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (enough?.test(said) === true) socket.destroy();
    });
    // The server may close while we still write.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => resolve(said));
  });
}
