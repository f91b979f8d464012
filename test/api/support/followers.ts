/** Servers that follow, and leaders that behave in every way they should not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/actors/ports.ts';
import { type ApiConfig, defaultProxyLimits, type ProxyConfig } from '../../../src/api/dependencies.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { takePort } from '../../support/ports.ts';
import { onLoopback, type TestApi, testApiAt } from './api-server.ts';

export interface HaApi extends TestApi<Clock> {
  readonly port: number;
  readonly url: string;
  readonly address: string;
  /** From now on this one leads, and can prove it. */
  readonly lead: () => void;
  /** From now on another one leads; without one: nobody does. */
  readonly follow: (leaderUrl?: string) => void;
  /** The value of a counter or gauge; 0 if there is none. */
  readonly metric: (kind: 'counters' | 'gauges', name: string) => number;
}

/** Nobody waits so long for a leader that is there; who is to give up is told to wait less. */
const patienceMs = 30_000;

/** One of several servers, on real sockets and in real time, that knows of no leader yet. */
export function haApi(proxy: Partial<ProxyConfig> = {}, config: Partial<ApiConfig> = {}): Promise<HaApi> {
  return haApiAt(systemClock, proxy, config);
}

/** The same in a time of one's choice. */
export async function haApiAt(
  clock: Clock,
  proxy: Partial<ProxyConfig> = {},
  config: Partial<ApiConfig> = {},
): Promise<HaApi> {
  const own = { port: 0 };
  const ownAddress = (): string => `127.0.0.1:${own.port}`;
  const api = testApiAt(clock, {
    ...config,
    proxy: { ...defaultProxyLimits, waitForLeaderMs: patienceMs, ownAddress, ...proxy },
  });
  const { front, metrics } = api;
  const follow = (leaderUrl?: string): void => {
    const leader = leaderUrl === undefined ? undefined : new URL(leaderUrl).host;
    const notServing = leaderUrl === undefined ? 'there is no leader at the moment' : undefined;
    front.clusterView = { ...front.clusterView, elected: false, leader, leaderUrl, notServing };
  };
  follow();
  const listening = await onLoopback(api);
  own.port = listening.port;
  return {
    ...listening,
    address: ownAddress(),
    url: `http://${ownAddress()}`,
    follow,
    lead: () => {
      front.clusterView = {
        ...front.clusterView,
        elected: true,
        leader: ownAddress(),
        leaderUrl: undefined,
        notServing: undefined,
      };
    },
    metric: (kind, name) => {
      const entry = JSON.parse(metrics.renderJson())[kind][`marathon.${name}.${kind.slice(0, -1)}`];
      return entry?.count ?? entry?.value ?? 0;
    },
  };
}

/** A leader and a follower that forwards to it. */
export async function pair(
  proxy: Partial<ProxyConfig> = {},
  config: Partial<ApiConfig> = {},
): Promise<{ readonly leader: HaApi; readonly follower: HaApi }> {
  const [leader, follower] = [await haApi(proxy, config), await haApi(proxy, config)];
  leader.lead();
  follower.follow(leader.url);
  return { leader, follower };
}

/** An HTTP server that plays the leader, on a port of its own or on the one named. */
export async function httpLeader(
  listener: RequestListener,
  port?: number,
): Promise<{ readonly url: string; readonly server: Server; readonly requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createHttpServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  await listenOnLoopback(server, port);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: urlOf(server), server, requests };
}

export interface ScriptedLeader {
  readonly url: string;
  readonly sockets: Socket[];
  /** What each connection has sent so far. */
  readonly seen: string[];
  readonly close: () => void;
}

/** A bare socket server that plays the leader: `script` is called with everything that a connection has sent so far. */
export async function scriptedLeader(
  script: (socket: Socket, seen: string, connection: number) => void,
): Promise<ScriptedLeader> {
  const sockets: Socket[] = [];
  const seen: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = sockets.push(socket) - 1;
    seen.push('');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      seen[connection] += chunk.toString('latin1');
      script(socket, seen[connection] ?? '', connection);
    });
  });
  await listenOnLoopback(server);
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  onTestFinished(close);
  return { url: urlOf(server), sockets, seen, close };
}

/** A URL at which nobody listens, and nobody else will. */
export const deadUrl = (): string => `http://127.0.0.1:${takePort()}`;

/** A URL to which connections can be begun and never come about: its listener is frozen and its queue is full. */
export async function deafUrl(): Promise<string> {
  const script =
    "require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, function () { console.log(this.address().port) })";
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const fillers: Socket[] = [];
  onTestFinished(() => {
    for (const filler of fillers) filler.destroy();
    child.kill('SIGKILL');
  });
  const [port] = await once(child.stdout.setEncoding('utf8'), 'data');
  child.kill('SIGSTOP');
  // Two find a place in the queue of one, and the kernel is slow to say so; the rest hang.
  for (let i = 0; i < 4; i++) fillers.push(connect(Number(port), '127.0.0.1').on('error', () => {}));
  await delay(100);
  return `http://127.0.0.1:${Number(port)}`;
}

const listenOnLoopback = (server: NetServer, port = 0): Promise<void> =>
  new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));

const urlOf = (server: NetServer): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
