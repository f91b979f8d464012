/** Where agents are, as the master tells (mesos-v1 §6.3). */
import type { Clock, FilesFailure } from '../../actors/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { type AgentHost, type AgentHttp, away } from './agent-http.ts';
import { BoundedCache } from './bounded-cache.ts';

/** Agents that are remembered. */
const maxAgents = 10_000;
/** An agent may come back at another address under its old id; what was heard longer ago is asked again. */
const rememberedMs = 60_000;

export interface AgentPlace extends AgentHost {
  /** Path of the agent's own endpoints, such as `/slave(1)`. */
  readonly path: string;
  /** `1.11.0`. */
  readonly version: string;
}

/** Where to ask for agents. */
export interface MasterPlace extends AgentHost {
  /** What stands before `/slaves`. */
  readonly prefix: string;
}

export interface DirectoryOptions {
  readonly http: AgentHttp;
  readonly clock: Clock;
  /** The leading master; undefined without a connection to one. */
  readonly master: () => MasterPlace | undefined;
}

interface Slave {
  readonly id?: unknown;
  readonly pid?: unknown;
  readonly hostname?: unknown;
  readonly version?: unknown;
}

export class AgentDirectory {
  readonly #options: DirectoryOptions;
  readonly #known = new BoundedCache<{ readonly place: AgentPlace; readonly atMs: number }>(maxAgents);

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  async find(agentId: string): Promise<Result<AgentPlace, FilesFailure>> {
    const { clock, http, master: masterOf } = this.#options;
    const known = this.#known.get(agentId);
    if (known && clock.monotonic() - known.atMs < rememberedMs) return ok(known.place);
    const master = masterOf();
    if (master === undefined) {
      return known
        ? ok(known.place)
        : err(away(`there is no connection to Mesos, which knows where agent ${agentId} is`));
    }
    const path = `${master.prefix}/slaves?slave_id=${encodeURIComponent(agentId)}`;
    const answer = await http.json({ to: master, path });
    if (!answer.ok) return known ? ok(known.place) : answer;
    const place = placeIn(answer.value, agentId, master.tls);
    if (place === undefined) {
      this.#known.drop(agentId);
      return err(away(`agent ${agentId} is not registered with the master`));
    }
    this.#known.put(agentId, { place, atMs: clock.monotonic() });
    return ok(place);
  }

  /** It is not where it was: the master is asked again next time. */
  forget(agentId: string): void {
    this.#known.drop(agentId);
  }
}

function placeIn(answer: unknown, agentId: string, tls: boolean): AgentPlace | undefined {
  const slaves = (answer as { readonly slaves?: unknown } | null)?.slaves;
  if (!Array.isArray(slaves)) return undefined;
  const slave = (slaves as Slave[]).find(({ id }) => id === agentId);
  return slave && placeOf(slave, tls);
}

/** The pid is the address that agents and master themselves use; the hostname may be anything an operator likes. */
function placeOf({ pid, hostname, version }: Slave, tls: boolean): AgentPlace | undefined {
  const [, process, address, port] = /^([^@/?#\s]+)@(.+):(\d{1,5})$/.exec(String(pid)) ?? [];
  if (process === undefined || address === undefined || port === undefined) return undefined;
  const host = address.replace(/^\[|\]$/g, '');
  const name = typeof hostname === 'string' && hostname !== '' ? hostname : host;
  return { host, port: Number(port), tls, name, path: `/${process}`, version: String(version) };
}
