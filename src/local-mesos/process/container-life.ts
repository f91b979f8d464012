/** What a task's life asks about its container: when it runs and where, and what is said of its end. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ContainerSight, type EngineContainer, inspectContainer, lastLine } from './engine.ts';
import { type ExitStatus, exitMessage } from './exit-status.ts';

/** Between two questions whether a container runs. */
const inspectPauseMs = 500;
/** A container on this machine answers or refuses a connection at once; one in a virtual machine of its own does neither. */
const reachTimeoutMs = 1_000;
/** What clients exit with when there is no container to speak of: by the engine, not executable, not found. */
const clientCodes: ReadonlySet<number | null> = new Set([125, 126, 127]);
/** How the clients of Docker and Podman begin their own complaints. */
const clientComplaint = /^(docker: |Error: |Error response from daemon: )/;
const killedCode = 137;

/**
 * Waits until the engine says that the container runs, which may be a while after its client was started. Undefined once `isOver`.
 * Each question has an answer in bounded time, and the client's end is the end of waiting.
 */
export async function awaitContainer(
  container: EngineContainer,
  isOver: () => boolean,
): Promise<ContainerSight | undefined> {
  while (!isOver()) {
    const sight = await inspectContainer(container);
    if (sight?.running === true && !isOver()) return sight;
    await delay(inspectPauseMs);
  }
  return undefined;
}

/** Whether a container answers under its own address, as far as that can be told; otherwise only its published ports lead to it. */
export async function isReachedDirectly(
  { ip }: ContainerSight,
  published: ReadonlyMap<number, number> = new Map(),
): Promise<boolean> {
  const [port] = published.keys();
  return ip === undefined || port === undefined || isReachable(ip, port);
}

/** Whether an address answers at all: a refusal is an answer. */
function isReachable(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: reachTimeoutMs });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('timeout', () => finish(false));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code === 'ECONNREFUSED'));
  });
}

/**
 * Message of the last report of a container. When the client could not run it, what the client complained is added: Mesos leaves
 * that in the sandbox, where the user of a failing app does not see it first.
 */
export async function containerEndMessage(
  status: ExitStatus,
  sandbox: string,
  wasRunning: boolean,
  sight: ContainerSight | undefined,
): Promise<string> {
  const message = exitMessage(status, 'Container');
  if (sight?.outOfMemory === true && status.code === killedCode) return `${message} (its memory limit was exceeded)`;
  if (wasRunning || !clientCodes.has(status.code)) return message;
  // The code is told in any case; this only adds the client's words, if the task has left them there.
  const complaint = lastLine(await readFile(join(sandbox, 'stderr'), 'utf8').catch(() => ''));
  const isClients = complaint !== undefined && clientComplaint.test(complaint);
  return isClients ? `Failed to run docker container: ${message}; stderr='${complaint}'` : message;
}
