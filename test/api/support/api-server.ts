/** A server on fakes, in memory or on a real port, and what tests ask of it. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse as Response } from 'fastify';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/actors/ports.ts';
import { type ApiConfig, defaultApiConfig } from '../../../src/api/dependencies.ts';
import { listen } from '../../../src/api/listen.ts';
import { buildServer } from '../../../src/api/server.ts';
import { createMetricsRegistry, type MetricsRegistry } from '../../../src/infra/metrics/registry.ts';
import { expectMarathonLike } from '../../contract/support/strict-client.ts';
import { FakeFiles } from '../../support/fake-files.ts';
import { FakeFront } from '../../support/fake-front.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export interface TestApi<C extends Clock = VirtualClock> {
  readonly server: FastifyInstance;
  readonly front: FakeFront;
  readonly files: FakeFiles;
  readonly clock: C;
  readonly metrics: MetricsRegistry;
  readonly lines: LogLine[];
}

/** Builds a server for `inject`. */
export function testApi(config: Partial<ApiConfig> = {}): TestApi {
  return testApiAt(createVirtualClock(), config);
}

/** The same in a time of one's choice. */
export function testApiAt<C extends Clock>(clock: C, config: Partial<ApiConfig> = {}): TestApi<C> {
  const front = new FakeFront();
  const files = new FakeFiles();
  const metrics = createMetricsRegistry({ clock, withProcess: false });
  const lines: LogLine[] = [];
  const log =
    (level: string) =>
    (event: string, fields = {}, cause?: unknown): void => {
      lines.push({ level, event, fields, cause });
    };
  const server = buildServer({
    read: front.read,
    control: front.control,
    events: front.events,
    metrics,
    config: { ...defaultApiConfig, ...config },
    clock,
    files: files.port,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  });
  onTestFinished(async () => {
    await server.close();
  });
  if (!config.emitLegacyFields) lookAtAnswers(server);
  return { server, front, files, clock, metrics, lines };
}

/** What tests inject is looked at as by a strict client, whatever else they look at. */
function lookAtAnswers(server: FastifyInstance): void {
  const inject = server.inject.bind(server) as (asked: InjectOptions | string) => Promise<Response>;
  server.inject = (async (asked: InjectOptions | string) => {
    const answer = await inject(asked);
    const { method = 'GET', url } = typeof asked === 'string' ? { url: asked } : asked;
    const { statusCode: status, headers, body } = answer;
    if (typeof url === 'string') expectMarathonLike({ method: method.toUpperCase(), url, status, headers, body });
    return answer;
  }) as unknown as FastifyInstance['inject'];
}

/** The same server on a loopback port. */
export async function listeningApi(config: Partial<ApiConfig> = {}): Promise<TestApi & { readonly port: number }> {
  return onLoopback(testApi(config));
}

/** Opens a port for it. */
export async function onLoopback<C extends Clock>(api: TestApi<C>): Promise<TestApi<C> & { readonly port: number }> {
  const listening = await listen(api.server, { http: { host: '127.0.0.1', port: 0 } });
  if (!listening.ok) throw new Error(listening.error.message);
  return { ...api, port: listening.value.httpPort ?? 0 };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One request over a real socket; the path goes out exactly as given. */
export function ask(
  port: number,
  options: { method?: string; path: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(options.body);
  });
}

/** A bare socket that collects what it reads, and waits until it has seen something. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  closed = false;
  readonly #waiting = new Set<() => void>();

  constructor(port: number, opening: string) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.write(opening);
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
    onTestFinished(() => {
      this.socket.destroy();
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves once `holds` is true of what was read. */
  until(holds: (client: RawClient) => boolean): Promise<void> {
    if (holds(this)) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        if (!holds(this)) return;
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }
}
