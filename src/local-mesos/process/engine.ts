/** A Docker-compatible engine behind its command line client: how it is asked, and what it is asked about one container. */
import { execFile } from 'node:child_process';
import { err, ok, type Result } from '../../core/result.ts';
import { basicEnvironment } from './environment.ts';
import { inTurns } from './turns.ts';

/** How to call a client; enough to remove a container that an earlier run of this program has left. */
export interface EngineClient {
  /** `docker`, `podman` or a path. */
  readonly program: string;
  /** Options that stand before every verb, such as `--root` and its value. */
  readonly options: readonly string[];
}

/** An engine that has answered. */
export interface ContainerEngine extends EngineClient {
  /** Podman takes short image names differently, also when it goes by the name `docker`. */
  readonly kind: 'docker' | 'podman';
  readonly version: string;
  /** Options of every `run`. */
  readonly runOptions: readonly string[];
}

/** One container, known to its engine by a name that we gave it. */
export interface EngineContainer {
  readonly engine: EngineClient;
  readonly name: string;
}

export interface ContainerSight {
  readonly running: boolean;
  /** Address of its own; undefined with host networking, and where the engine tells none. */
  readonly ip: string | undefined;
  /** The kernel ended it, or something in it, for want of memory. */
  readonly outOfMemory: boolean;
}

/** An engine that does not answer for so long is as good as none. */
const answerTimeoutMs = 30_000;
/** So much of an answer is read: `inspect` of a container with many ports and variables is some 100 KiB. */
const maxAnswerBytes = 8 * 1024 ** 2;
const maxComplaintLength = 1_000;
/** Variables that tell a client where its engine, its settings and its user's directories are. */
const clientVariables =
  /^(HOME|TMPDIR|XDG_[A-Z_]+|DBUS_SESSION_BUS_ADDRESS|DOCKER_[A-Z_]+|CONTAINER_HOST|CONTAINER_SSHKEY|CONTAINERS_[A-Z_]+|REGISTRY_AUTH_FILE|STORAGE_[A-Z_]+|(HTTPS?|NO)_PROXY|(https?|no)_proxy)$/;

/** A client is a program of some weight, and a thousand containers may be asked for twice a second while they start. */
const maxInspections = 4;
/** The queue is as long as there are containers that start or end. */
const inspecting = inTurns(maxInspections);

export interface AskOptions {
  /** Milliseconds; undefined: as long as it takes, or until the signal. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal;
  /** Sandbox of the task that the call is made for: if we are killed meanwhile, the next start finds the client by it. */
  readonly sandbox?: string;
}

/** Output of one call of the client; the error is the last line of its complaint, or why it could not be called. */
export function askEngine(
  { program, options }: EngineClient,
  args: readonly string[],
  { timeoutMs, signal, sandbox }: AskOptions = { timeoutMs: answerTimeoutMs },
): Promise<Result<string, string>> {
  return new Promise((resolve) => {
    const how = {
      env: { ...clientEnvironment(), ...(sandbox === undefined ? {} : { MESOS_DIRECTORY: sandbox }) },
      timeout: timeoutMs ?? 0,
      killSignal: 'SIGKILL',
      maxBuffer: maxAnswerBytes,
      ...(signal === undefined ? {} : { signal }),
    } as const;
    execFile(program, [...options, ...args], how, (error, stdout, stderr) => {
      resolve(error === null ? ok(stdout) : err(complaintOf(error, stderr, timeoutMs)));
    });
  });
}

function complaintOf(
  error: { readonly code?: unknown; readonly killed?: boolean; readonly message: string },
  stderr: string,
  timeoutMs: number | undefined,
): string {
  if (error.code === 'ENOENT') return 'not found on PATH';
  const last = lastLine(stderr);
  if (last !== undefined) return last;
  if (error.killed === true && timeoutMs !== undefined) return `no answer within ${timeoutMs / 1000} s`;
  return typeof error.code === 'number'
    ? `exited with status ${error.code}`
    : error.message.slice(0, maxComplaintLength);
}

/** The last line that says something. */
export function lastLine(text: string): string | undefined {
  const line = text.trim().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? undefined : line.slice(0, maxComplaintLength);
}

/** What the client itself needs to see; the task's variables go to the container, not to it. */
export function clientEnvironment(): Record<string, string> {
  const environment = basicEnvironment();
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && clientVariables.test(name)) environment[name] = value;
  }
  return environment;
}

/** What the engine knows about a container, or undefined while there is none. */
export async function inspectContainer({ engine, name }: EngineContainer): Promise<ContainerSight | undefined> {
  const answer = await inspecting(() => askEngine(engine, ['container', 'inspect', name]));
  return answer.ok ? readInspection(answer.value) : undefined;
}

interface Inspection {
  readonly State?: { readonly Running?: boolean; readonly OOMKilled?: boolean };
  readonly NetworkSettings?: {
    readonly IPAddress?: string;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string } | null>> | null;
  };
}

/** Reads what `container inspect` prints; undefined for what is no such thing. A container in networks has its address there, and only there with new engines. */
export function readInspection(text: string): ContainerSight | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const seen = (Array.isArray(parsed) ? parsed[0] : undefined) as Inspection | undefined;
  if (seen === undefined) return undefined;
  const { IPAddress: direct = '', Networks: networks } = seen.NetworkSettings ?? {};
  const own = [direct, ...Object.values(networks ?? {}).map((network) => network?.IPAddress ?? '')];
  const { Running: running = false, OOMKilled: outOfMemory = false } = seen.State ?? {};
  return { running, ip: own.find((ip) => ip !== ''), outOfMemory };
}

/** Lets the engine end a container: SIGTERM, and SIGKILL after the grace. Returns false when there is no such container. */
export async function stopContainer({ engine, name }: EngineContainer, graceMs: number): Promise<boolean> {
  const seconds = String(Math.ceil(graceMs / 1000));
  return (await askEngine(engine, ['stop', '-t', seconds, name], { timeoutMs: graceMs + answerTimeoutMs })).ok;
}

/** Removes a container, running or not, with its anonymous volumes. The error is why it may still be there. */
export async function removeContainer({ engine, name }: EngineContainer): Promise<Result<void, string>> {
  const removed = await askEngine(engine, ['rm', '--force', '--volumes', name]);
  return removed.ok || /no (such )?container/i.test(removed.error) ? ok(undefined) : err(removed.error);
}
