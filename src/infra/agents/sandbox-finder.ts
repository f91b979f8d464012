/** Which path an agent knows a task's sandbox by (mesos-v1 §6.1, §6.4). */
import type { FilesFailure, SandboxPlace } from '../../actors/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { AgentPlace } from './agent-directory.ts';
import { type AgentHttp, away } from './agent-http.ts';
import { BoundedCache } from './bounded-cache.ts';

/** Sandboxes that are remembered. */
const maxSandboxes = 10_000;

export interface FinderOptions {
  readonly http: AgentHttp;
  readonly frameworkId: () => string | undefined;
}

type Found = Promise<Result<string, FilesFailure>>;

/** Agents of Mesos 1.5 and later know sandboxes by names that need no look into their state, which may be large. */
const hasVirtualPaths = (version: string): boolean => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return true;
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 5);
};

export class SandboxFinder {
  readonly #options: FinderOptions;
  readonly #known = new BoundedCache<string>(maxSandboxes);

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  async find(place: SandboxPlace, agent: AgentPlace): Found {
    const key = `${place.agentId} ${place.taskId}`;
    const known = this.#known.get(key);
    if (known !== undefined) return ok(known);
    const frameworkId = this.#options.frameworkId();
    if (frameworkId === undefined) return err(away('this server has not been registered with Mesos yet'));
    const found = hasVirtualPaths(agent.version)
      ? await this.#byName(place, agent, frameworkId)
      : await this.#inState(place, agent, frameworkId);
    if (found.ok) this.#known.put(key, found.value);
    return found;
  }

  async #byName(place: SandboxPlace, agent: AgentPlace, frameworkId: string): Found {
    for (const executorId of place.executorIds) {
      const path = `/frameworks/${frameworkId}/executors/${executorId}/runs/latest`;
      const listed = await this.#options.http.json({
        to: agent,
        path: `/files/browse?path=${encodeURIComponent(path)}`,
      });
      if (listed.ok) return ok(path);
      if (listed.error.kind !== 'notFound') return listed;
    }
    return err(noSandbox(place));
  }

  async #inState(place: SandboxPlace, agent: AgentPlace, frameworkId: string): Found {
    const state = await this.#options.http.json({ to: agent, path: `${agent.path}/state` });
    if (!state.ok) return state;
    const { frameworks, completed_frameworks: past } = listsIn(state.value);
    for (const framework of [...(frameworks ?? []), ...(past ?? [])]) {
      if (framework['id'] !== frameworkId) continue;
      const { executors, completed_executors: over } = listsIn(framework);
      for (const executor of [...(executors ?? []), ...(over ?? [])]) {
        const { id, directory } = executor;
        const isIt = typeof id === 'string' && place.executorIds.includes(id);
        if (isIt && typeof directory === 'string' && directory !== '') return ok(directory);
      }
    }
    return err(noSandbox(place));
  }
}

const noSandbox = ({ taskId, agentId }: SandboxPlace): FilesFailure => ({
  kind: 'notFound',
  reason: `agent ${agentId} has no sandbox of task ${taskId}: it has not been launched yet, or its files have been removed`,
});

type Lists = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[] | undefined>>;

/** The lists of objects among the members. */
function listsIn(value: unknown): Lists {
  const members = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(
    members.flatMap(([name, member]) =>
      Array.isArray(member) ? [[name, member.filter((one) => typeof one === 'object' && one !== null)]] : [],
    ),
  );
}
