/** One look at a task: by a command, an HTTP request or a TCP connection (mesos-v1 §5.2). */
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import type { CommandInfo } from '../../core/mesos/types.ts';
import type { EngineContainer } from './engine.ts';
import { valuesOf } from './environment.ts';
import { invocationOf, type Launch, startProcess } from './launcher.ts';
import { startTicksOf } from './process-table.ts';
import { sweepTree } from './process-tree.ts';
import type { SystemUser } from './system-user.ts';

/** What is checked, once defaults are filled in. */
export type ProbeTarget =
  | { readonly kind: 'command'; readonly command: CommandInfo }
  | {
      readonly kind: 'http';
      readonly scheme: string;
      readonly port: number;
      readonly path: string;
      readonly ipv6: boolean;
    }
  | { readonly kind: 'tcp'; readonly port: number; readonly ipv6: boolean };

/** Undefined members mean that there was no answer in time or none at all. */
export type ProbeResult =
  | { readonly kind: 'command'; readonly exitCode: number | undefined }
  | { readonly kind: 'http'; readonly statusCode: number | undefined }
  | { readonly kind: 'tcp'; readonly succeeded: boolean };

/** Where the task lives, as far as probes need to know. */
export interface ProbeScene {
  readonly sandbox: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: SystemUser | undefined;
  /** Commands run inside this container, if the task is one. */
  readonly container?: EngineContainer;
  /** Address of the task: the agent's, or its container's own. */
  readonly ip: string;
  /** Ports of the agent by the container ports they lead to, where a container must be asked through them. */
  readonly published?: ReadonlyMap<number, number>;
}

const maxRedirects = 5;
const killTimeoutMs = 2_000;

/** Runs one probe until it is done or `signal` aborts it. Never rejects for what the task does. */
export async function probe(target: ProbeTarget, scene: ProbeScene, signal: AbortSignal): Promise<ProbeResult> {
  const port = target.kind === 'command' ? 0 : (scene.published?.get(target.port) ?? target.port);
  switch (target.kind) {
    case 'command':
      return { kind: 'command', exitCode: await runCommand(target.command, scene, signal) };
    case 'http':
      return {
        kind: 'http',
        statusCode: await firstAnswer(addresses(target.ipv6, scene), (ip) => ask(target, ip, port, signal)),
      };
    case 'tcp': {
      const open = await firstAnswer(addresses(target.ipv6, scene), (ip) => connects(ip, port, signal));
      return { kind: 'tcp', succeeded: open === true };
    }
  }
}

/** Whether a result counts as healthy. */
export function isHealthy(result: ProbeResult): boolean {
  switch (result.kind) {
    case 'command':
      return result.exitCode === 0;
    case 'http':
      return result.statusCode !== undefined && result.statusCode >= 200 && result.statusCode < 400;
    case 'tcp':
      return result.succeeded;
  }
}

/**
 * Mesos asks 127.0.0.1. Agents of a local cluster share one machine but have addresses of their own, so the agent's is asked
 * first: a task that listens on `$HOST` only is found, and another agent's task is not mistaken for it. A container with an
 * address of its own has nothing to do with this machine's 127.0.0.1.
 */
function addresses(ipv6: boolean, { ip, container }: ProbeScene): readonly string[] {
  if (ipv6) return ['::1'];
  const isOwn = container !== undefined && !ip.startsWith('127.');
  return isOwn || ip === '127.0.0.1' ? [ip] : [ip, '127.0.0.1'];
}

async function firstAnswer<T>(
  ips: readonly string[],
  attempt: (ip: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const ip of ips) {
    const answer = await attempt(ip);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

async function runCommand(command: CommandInfo, scene: ProbeScene, signal: AbortSignal): Promise<number | undefined> {
  const child = startProcess({
    ...scene,
    ...commandOf(command, scene),
    outputTo: 'stderr',
  });
  const { pid } = child;
  const startTicks = pid === undefined ? undefined : startTicksOf(pid);
  const exit = new Promise<number | undefined>((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('exit', (code) => resolve(code ?? undefined));
  });
  const aborted = Symbol('aborted');
  const first = await Promise.race([exit, whenAborted(signal, aborted)]);
  if (first !== aborted) return first as number | undefined;
  if (pid !== undefined) await sweepTree({ roots: [{ pid, startTicks }], ownsSandbox: () => false }, killTimeoutMs);
  return undefined;
}

function commandOf(command: CommandInfo, scene: ProbeScene): Pick<Launch, 'invocation' | 'environment'> {
  const invocation = invocationOf(command, scene.sandbox);
  const own = valuesOf(command.environment?.variables);
  const { container, environment } = scene;
  if (container === undefined) return { invocation, environment: { ...environment, ...own } };
  const variables = Object.entries(own).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const args = [...container.engine.options, 'exec', ...variables, container.name, invocation.file, ...invocation.args];
  return { invocation: { file: container.engine.program, argv0: container.engine.program, args }, environment };
}

function whenAborted<T>(signal: AbortSignal, value: T): Promise<T> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(value);
    else signal.addEventListener('abort', () => resolve(value), { once: true });
  });
}

/** Status of the page after redirects. Certificates are not verified, as in Mesos. */
async function ask(
  target: ProbeTarget & { readonly kind: 'http' },
  ip: string,
  port: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  let url = new URL(`${target.scheme}://${host}:${port}${target.path}`);
  for (let redirects = 0; ; redirects++) {
    const answer = await get(url, signal);
    if (answer?.location === undefined || redirects === maxRedirects) return answer?.status;
    if (!URL.canParse(answer.location, url.href)) return answer.status;
    const next = new URL(answer.location, url);
    if (!/^https?:$/.test(next.protocol)) return answer.status;
    url = next;
  }
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

function get(url: URL, signal: AbortSignal): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const options = { signal, agent: false, rejectUnauthorized: false, headers: { Connection: 'close' } };
    const request = (url.protocol === 'https:' ? https : http).get(url, options, (response) => {
      const status = response.statusCode ?? 0;
      const redirected = status >= 300 && status < 400;
      resolve({ status, location: redirected ? response.headers.location : undefined });
      response.destroy();
    });
    request.on('error', () => resolve(undefined));
  });
}

function connects(ip: string, port: number, signal: AbortSignal): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port });
    const finish = (answer: true | undefined): void => {
      signal.removeEventListener('abort', give);
      socket.destroy();
      resolve(answer);
    };
    const give = (): void => finish(undefined);
    signal.addEventListener('abort', give, { once: true });
    socket.once('connect', () => finish(true));
    socket.once('error', give);
    if (signal.aborted) give();
  });
}
