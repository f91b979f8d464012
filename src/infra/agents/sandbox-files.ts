/**
 * Files of tasks, from real agents and the local cluster alike (mesos-v1 §6.2, §6.5). Parts are read by READ_FILE of the agent's own API,
 * which is exact for any bytes; `/files/read` would decode them as text.
 */
import type {
  Clock,
  Download,
  FilePart,
  FilesFailure,
  Metrics,
  SandboxEntry,
  SandboxFiles,
  SandboxPlace,
} from '../../actors/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { TlsSettings } from '../mesos/sender.ts';
import { AgentDirectory, type AgentPlace, type MasterPlace } from './agent-directory.ts';
import { AgentHttp, away } from './agent-http.ts';
import { ReadGate } from './read-gate.ts';
import { SandboxFinder } from './sandbox-finder.ts';

export interface SandboxFilesOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** The leading master; undefined without a connection to one. */
  readonly master: () => MasterPlace | undefined;
  readonly frameworkId: () => string | undefined;
  /** Value of the Authorization header, for master and agents. */
  readonly authorization: string | undefined;
  readonly tls: TlsSettings | undefined;
}

type Asked<T> = Promise<Result<T, FilesFailure>>;

interface Target {
  readonly agent: AgentPlace;
  /** Path of the file as the agent knows it. */
  readonly path: string;
}

const busy: FilesFailure = { kind: 'busy', reason: 'too many files are being read at the moment' };

/** Creates the reader; nothing is asked before it is used. */
export function createSandboxFiles(options: SandboxFilesOptions): SandboxFiles {
  const { clock, metrics } = options;
  const http = new AgentHttp(options);
  const directory = new AgentDirectory({ ...options, http });
  const finder = new SandboxFinder({ ...options, http });
  const gate = new ReadGate(clock);
  metrics.gauge('task-files.requests.active', () => gate.running);
  metrics.gauge('task-files.requests.waiting', () => gate.waiting);
  metrics.gauge('task-files.downloads.active', () => gate.downloads);

  const locate = async (place: SandboxPlace, path: string): Asked<Target & { readonly root: string }> => {
    const agent = await directory.find(place.agentId);
    if (!agent.ok) return agent;
    const root = await finder.find(place, agent.value);
    if (!root.ok) return root;
    return ok({ agent: agent.value, root: root.value, path: path === '' ? root.value : `${root.value}/${path}` });
  };
  /** What an agent that does not answer is told of it: its address may be an old one. */
  const noted = <T>(place: SandboxPlace, result: Result<T, FilesFailure>): Result<T, FilesFailure> => {
    if (result.ok) return result;
    metrics.count(`task-files.failures.${result.error.kind}`);
    if (result.error.kind === 'away') directory.forget(place.agentId);
    return result;
  };
  const inTurn = async <T>(place: SandboxPlace, ask: () => Asked<T>): Asked<T> => {
    metrics.count('task-files.requests');
    const result = await gate.ask(ask);
    return noted(place, result ?? err(busy));
  };

  return {
    browse: (place, path) =>
      inTurn(place, async () => {
        const target = await locate(place, path);
        if (!target.ok) return target;
        const asked = `/files/browse?path=${encodeURIComponent(target.value.path)}`;
        const listed = await http.json({ to: target.value.agent, path: asked });
        return listed.ok ? entriesIn(listed.value, target.value.root) : listed;
      }),
    read: (place, path, range) =>
      inTurn(place, async () => {
        const target = await locate(place, path);
        if (!target.ok) return target;
        const part = await readPart(http, target.value, range);
        if (part.ok) {
          gate.took(part.value.data.length);
          metrics.count('task-files.read.size', part.value.data.length);
        }
        return part;
      }),
    download: async (place, path) => {
      metrics.count('task-files.requests');
      const release = gate.takeDownload();
      if (release === undefined) return noted(place, err(busy));
      const begun = await begin(http, await locate(place, path));
      if (!begun.ok) {
        release();
        return noted(place, begun);
      }
      return ok(counted(begun.value, release, (bytes) => metrics.count('task-files.download.size', bytes)));
    },
    close: () => http.close(),
  };
}

async function readPart(
  http: AgentHttp,
  { agent, path }: Target,
  { offset, length }: { readonly offset: number; readonly length: number },
): Asked<FilePart> {
  const body = { type: 'READ_FILE', read_file: { path, offset, length } };
  const answer = await http.json({ to: agent, path: `${agent.path}/api/v1`, body });
  if (!answer.ok) return answer;
  const part = (answer.value as { readonly read_file?: { readonly size?: unknown; readonly data?: unknown } } | null)
    ?.read_file;
  const { size, data = '' } = part ?? {};
  if (typeof size !== 'number' || typeof data !== 'string') return err(unexpected(agent));
  const bytes = Buffer.from(data, 'base64');
  return bytes.length > length ? err(unexpected(agent)) : ok({ data: bytes, size });
}

const unexpected = ({ host, port }: AgentPlace): FilesFailure =>
  away(`${host}:${port} answered something that is no answer to the question`);

interface ListedFile {
  readonly path?: unknown;
  readonly size?: unknown;
  readonly mtime?: unknown;
  readonly mode?: unknown;
  readonly uid?: unknown;
  readonly gid?: unknown;
  readonly nlink?: unknown;
}

/** Paths come as the agent knows them; what users see begins below the sandbox. */
function entriesIn(listed: unknown, root: string): Result<readonly SandboxEntry[], FilesFailure> {
  if (!Array.isArray(listed)) return err(away('the agent answered no list of files'));
  return ok(
    (listed as ListedFile[]).map(({ path, size, mtime, mode, uid, gid, nlink }) => ({
      path: String(path).startsWith(`${root}/`) ? String(path).slice(root.length + 1) : String(path),
      size: Number(size),
      modifiedMs: Number(mtime) * 1000,
      mode: String(mode),
      user: String(uid),
      group: String(gid),
      links: Number(nlink),
    })),
  );
}

async function begin(http: AgentHttp, target: Result<Target, FilesFailure>): Asked<Download> {
  if (!target.ok) return target;
  const { agent, path } = target.value;
  const answer = await http.stream({ to: agent, path: `/files/download?path=${encodeURIComponent(path)}` });
  if (!answer.ok) return answer;
  const response = answer.value;
  const length = Number(response.headers['content-length']);
  return ok({
    size: Number.isSafeInteger(length) ? length : undefined,
    chunks: response as AsyncIterable<Buffer>,
    cancel: () => response.destroy(),
  });
}

/** Gives the place back when the download ends, in whichever way. */
function counted(download: Download, release: () => void, count: (bytes: number) => void): Download {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of download.chunks) {
        count(chunk.length);
        yield chunk;
      }
    } finally {
      release();
    }
  }
  return {
    ...download,
    chunks: chunks(),
    cancel: () => {
      download.cancel();
      release();
    },
  };
}
