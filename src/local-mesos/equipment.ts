/** What the agents of this machine have to run tasks with, beside processes: a container engine, and limits by the kernel. */
import { ok, type Result } from '../core/result.ts';
import type { Log } from './master/model.ts';
import { type Isolation, type IsolationWish, noIsolation, openIsolation } from './process/cgroups/isolation.ts';
import { type EngineSearch, type EngineWishes, engineFinder } from './process/engine-finder.ts';
import type { AgentFacts } from './task-runner.ts';

export interface EquipmentOptions {
  readonly simulate: boolean;
  readonly workDir: string;
  /** Finds the engine for container images; in place of `containerEngine`. */
  readonly engine?: EngineSearch;
  readonly containerEngine?: EngineWishes;
  readonly isolation?: IsolationWish;
  /** Seen from the top of the hierarchy. */
  readonly cgroupsRoot?: string;
  /** A task uses no more cpus than it asked for. */
  readonly hardCpuLimit?: boolean;
}

export interface Equipment {
  readonly engine: EngineSearch;
  readonly isolation: Isolation;
  readonly hardCpuLimit: boolean;
  readonly facts: () => AgentFacts;
}

/**
 * Looks at the machine. The engine is asked in the background, since a dead one takes its time, and what it says is logged; tasks
 * with images wait for it. The error says why the isolation that was asked for is not to be had.
 */
export async function openEquipment(options: EquipmentOptions, log: Log): Promise<Result<Equipment, string>> {
  const { simulate, workDir, isolation: wish = 'none', cgroupsRoot: root, hardCpuLimit = false } = options;
  const engine = options.engine ?? engineFinder(options.containerEngine);
  let containerEngine = 'not asked yet';
  let containerizers = 'mesos';
  const ask: EngineSearch = async () => {
    const found = await engine();
    containerEngine = found.ok ? `${found.value.program}, version ${found.value.version}` : `none: ${found.error}`;
    containerizers = found.ok ? 'docker,mesos' : 'mesos';
    return found;
  };
  const isolation = simulate
    ? ok(noIsolation('the agents are simulated'))
    : await openIsolation({ wish, root, hardCpuLimit, workDir });
  if (!isolation.ok) return isolation;
  if (!simulate) {
    log.info(isolation.value.description);
    void ask().then((found) =>
      log.info(found.ok ? `container engine: ${containerEngine}` : `no container engine (${found.error})`),
    );
  }
  const facts = (): AgentFacts => ({
    flags: {
      cgroups_enable_cfs: String(hardCpuLimit),
      containerizers,
      isolation: isolation.value.name,
    },
    isolation: isolation.value.description,
    containerEngine,
  });
  return ok({ engine: ask, isolation: isolation.value, hardCpuLimit, facts });
}
