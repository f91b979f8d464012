/** Finds the container engine of this machine, and proves that it answers. */
import { err, ok, type Result } from '../../core/result.ts';
import { askEngine, type ContainerEngine, lastLine } from './engine.ts';

export interface EngineWishes {
  /** The client to use; `none`: no engine at all; undefined: the first of `docker` and `podman` that answers. */
  readonly program?: string | undefined;
  /** Options before every verb. */
  readonly options?: readonly string[] | undefined;
  /** Options of every `run`. */
  readonly runOptions?: readonly string[] | undefined;
}

/** The engine, or in one sentence why there is none. */
export type EngineSearch = () => Promise<Result<ContainerEngine, string>>;

const clients = ['docker', 'podman'] as const;
/** After looking in vain, the next look comes no sooner than this. */
const lookAgainMs = 30_000;

/**
 * Gives a function that looks for the engine when it is first called, and again later if there was none: a daemon may be started
 * after us.
 */
export function engineFinder(wishes: EngineWishes = {}): EngineSearch {
  let found: Promise<Result<ContainerEngine, string>> | undefined;
  let lookedAt = 0;
  return async () => {
    if (found === undefined || (!(await found).ok && performance.now() - lookedAt > lookAgainMs)) {
      lookedAt = performance.now();
      found = findEngine(wishes);
    }
    return found;
  };
}

async function findEngine(wishes: EngineWishes): Promise<Result<ContainerEngine, string>> {
  if (wishes.program === 'none') return err('containers are switched off (--container_engine=none)');
  const reasons: string[] = [];
  for (const program of wishes.program === undefined ? clients : [wishes.program]) {
    const proven = await proveEngine(program, wishes);
    if (proven.ok) return proven;
    reasons.push(`${program}: ${proven.error}`);
  }
  return err(reasons.join('; '));
}

/** A client may be there without its engine: only a list of containers proves that daemon and storage can be used. */
async function proveEngine(program: string, wishes: EngineWishes): Promise<Result<ContainerEngine, string>> {
  const client = { program, options: wishes.options ?? [] };
  const name = await askEngine({ program, options: [] }, ['--version']);
  if (!name.ok) return name;
  const version = await askEngine(client, ['version', '--format', '{{.Server.Version}}']);
  if (!version.ok) return version;
  const list = await askEngine(client, ['ps', '--quiet', '--all', '--filter', 'name=mesos-none']);
  if (!list.ok) return list;
  return ok({
    ...client,
    kind: /podman/i.test(name.value) ? 'podman' : 'docker',
    version: lastLine(version.value) ?? 'unknown',
    runOptions: wishes.runOptions ?? [],
  });
}
