/** Runs the built commands as processes of their own, on ports that are free. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface RunningCommand {
  readonly pid: number;
  /** `http://host:port`. */
  readonly url: string;
  /** `host:port`. */
  readonly address: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a command and resolves once it has named its address. Warnings and errors are shown. With `profileTo` it leaves a CPU profile in
 * that folder when it ends.
 */
export async function runCommand(args: readonly string[], profileTo?: string): Promise<RunningCommand> {
  const profile = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
  const child = spawn(process.execPath, [...profile, main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /https?:\/\/[\d.]+:\d+/.exec(said);
      if (found) resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)));
  });
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return { pid: child.pid ?? 0, url, address: url.slice(url.indexOf('//') + 2), stop };
}

/** CPU time of the main thread of a process, in ms, to the nanosecond from the kernel's scheduler. */
export function threadCpuMs(pid: number): number {
  const [runningNs = '0'] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
  return Number(runningNs) / 1e6;
}

/** Resident memory of a process in MiB. */
export const residentMiB = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

/** The same without what is mapped from files, such as the store's pages, which the kernel takes back when it needs room. */
export const anonymousMiB = (pid: number): number =>
  Math.round(Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

/** What is mapped from files alone: the program's own text, and the pages of the store. */
export const mappedMiB = (pid: number): number =>
  Math.round(Number(/RssFile:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

/** GET as JSON. */
export const get = async (url: string): Promise<Record<string, unknown>> =>
  (await fetch(url)).json() as Promise<Record<string, unknown>>;

/** A write; throws unless it was accepted. */
export async function request(url: string, method: string, body?: object): Promise<void> {
  const response = await fetch(url, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
}
