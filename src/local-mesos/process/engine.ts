/** A Docker-compatible engine behind its command line client, if this machine has one that answers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { basicEnvironment } from './environment.ts';

export interface ContainerEngine {
  /** The client's program, `docker` or `podman` or a path. */
  readonly program: string;
}

/** One container, known to its engine by a name that we gave it. */
export interface EngineContainer {
  readonly engine: ContainerEngine;
  readonly name: string;
}

const clients = ['docker', 'podman'] as const;
/** An engine that does not answer for so long is as good as none. */
const answerTimeoutMs = 10_000;
/** After looking in vain, the next look comes no sooner than this. */
const lookAgainMs = 30_000;
/** Variables that tell a client where its engine is. */
const clientVariables = ['HOME', 'DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'CONTAINER_HOST', 'XDG_RUNTIME_DIR'];

const run = promisify(execFile);

/** Gives a function that finds the engine when it is first needed, and looks again later if there was none. */
export function engineFinder(): () => Promise<ContainerEngine | undefined> {
  let found: Promise<ContainerEngine | undefined> | undefined;
  let lookedAt = 0;
  return async () => {
    if (found === undefined || ((await found) === undefined && performance.now() - lookedAt > lookAgainMs)) {
      lookedAt = performance.now();
      found = findEngine();
    }
    return found;
  };
}

async function findEngine(): Promise<ContainerEngine | undefined> {
  for (const program of clients) {
    const version = await askEngine({ program }, ['version', '--format', '{{.Server.Version}}']);
    if (version !== undefined) return { program };
  }
  return undefined;
}

/** Output of one call of the client, or undefined when it failed or took longer than `timeoutMs`. */
export async function askEngine(
  engine: ContainerEngine,
  args: readonly string[],
  timeoutMs: number = answerTimeoutMs,
): Promise<string | undefined> {
  try {
    const options = { env: clientEnvironment(), timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
    return (await run(engine.program, [...args], options)).stdout;
  } catch {
    // No such container, no engine, no permission: for the caller they are the same, there is no answer.
    return undefined;
  }
}

/** What the client itself needs to see; the task's variables go to the container, not to it. */
export function clientEnvironment(): Record<string, string> {
  const environment = basicEnvironment();
  for (const name of clientVariables) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** Address of a running container: undefined while it is not running, '' for one without its own (host networking). */
export async function runningAddress({ engine, name }: EngineContainer): Promise<string | undefined> {
  const format = '{{.State.Running}} {{.NetworkSettings.IPAddress}}';
  const answer = await askEngine(engine, ['inspect', '--type', 'container', '--format', format, name]);
  const [running, address = ''] = (answer ?? '').trim().split(' ');
  return running === 'true' ? address : undefined;
}

/** Lets the engine end a container: SIGTERM, and SIGKILL after the grace. Returns false when there is no such container. */
export async function stopContainer({ engine, name }: EngineContainer, graceMs: number): Promise<boolean> {
  const seconds = String(Math.ceil(graceMs / 1000));
  return (await askEngine(engine, ['stop', '--time', seconds, name], graceMs + answerTimeoutMs)) !== undefined;
}

/** Removes a container, running or not. */
export async function removeContainer({ engine, name }: EngineContainer): Promise<void> {
  await askEngine(engine, ['rm', '--force', name]);
}
