/** One master's part in the election: a numbered ephemeral node beside those of the others, of which the lowest leads (mesos-v1 §1.9). */
import type { Log } from '../master/model.ts';
import { openZkSession, type ZkSession } from './zk-client.ts';
import type { ZkServers } from './zk-url.ts';

export type Outcome =
  | { readonly kind: 'leading' }
  | { readonly kind: 'following'; readonly leader: { readonly hostname: string; readonly port: number } }
  /** Nobody is elected, or nobody knows. */
  | { readonly kind: 'none' };

export interface CandidateOptions {
  readonly servers: ZkServers;
  readonly sessionTimeoutMs: number;
  /** MasterInfo, as the others and all clients read it. */
  readonly info: object;
  readonly log: Log;
  /** Called with every change. Whoever was told that it leads, and then anything else, has lost the lead for good. */
  readonly onOutcome: (outcome: Outcome) => void;
}

export interface Candidate {
  readonly stop: (how: 'resign' | 'vanish') => Promise<void>;
}

const prefix = 'json.info_';
const candidateName = /^json\.info_\d{10}$/;
const reopenPauseMs = 500;

export function standForElection(options: CandidateOptions): Candidate {
  return new Standing(options);
}

class Standing implements Candidate {
  readonly #options: CandidateOptions;
  #session: ZkSession | undefined;
  /** Name of our node. */
  #own: string | undefined;
  #outcome = '';
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isLooking = false;
  #looksAgain = false;

  constructor(options: CandidateOptions) {
    this.#options = options;
    this.#open();
  }

  readonly stop = async (how: 'resign' | 'vanish'): Promise<void> => {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    if (how === 'resign') await this.#session?.close();
    else this.#session?.vanish();
  };

  #open(): void {
    if (this.#isStopped) return;
    const { servers, sessionTimeoutMs, log } = this.#options;
    this.#own = undefined;
    const session: ZkSession = openZkSession({
      servers,
      timeoutMs: sessionTimeoutMs,
      onConnected: () => void this.#look(session),
      onLost: (reason) => this.#lost(session, reason),
      onGarbage: (reason) => log.warn(`what a ZooKeeper server says cannot be understood: ${reason}`),
    });
    this.#session = session;
  }

  #lost(session: ZkSession, reason: string): void {
    if (this.#session !== session || this.#isStopped) return;
    this.#options.log.warn(`the election is out of reach: ${reason}`);
    this.#tell({ kind: 'none' });
    this.#timer = setTimeout(() => this.#open(), reopenPauseMs);
    this.#timer.unref();
  }

  /** Takes part if it does not yet, and reads who leads; the watches lead to another look. */
  async #look(session: ZkSession): Promise<void> {
    if (this.#isLooking) {
      this.#looksAgain = true;
      return;
    }
    this.#isLooking = true;
    try {
      do {
        this.#looksAgain = false;
        await this.#lookOnce(session);
      } while (this.#looksAgain);
    } catch (error) {
      if (this.#session === session && !this.#isStopped) {
        // Whether our node was made is not certain: a new session begins without it.
        session.vanish();
        this.#lost(session, (error as Error).message);
      }
    } finally {
      this.#isLooking = false;
    }
  }

  async #lookOnce(session: ZkSession): Promise<void> {
    const { servers, info } = this.#options;
    if (this.#own === undefined) {
      await session.createPath(servers.path);
      const created = await session.createCandidate(`${servers.path}/${prefix}`, Buffer.from(JSON.stringify(info)));
      this.#own = created.slice(created.lastIndexOf('/') + 1);
    }
    const again = (): void => void this.#look(session);
    const names = (await session.children(servers.path, again)).filter((name) => candidateName.test(name)).sort();
    const [first] = names;
    if (!names.includes(this.#own)) throw new Error('our candidature has vanished');
    if (first === this.#own) {
      this.#tell({ kind: 'leading' });
      return;
    }
    const data = await session.read(`${servers.path}/${first}`, again);
    if (data === undefined) this.#looksAgain = true;
    else this.#tell(leaderIn(data.toString()));
  }

  #tell(outcome: Outcome): void {
    const text = JSON.stringify(outcome);
    if (this.#isStopped || text === this.#outcome) return;
    this.#outcome = text;
    this.#options.onOutcome(outcome);
  }
}

function leaderIn(text: string): Outcome {
  try {
    const { hostname, port, address } = JSON.parse(text) as {
      readonly hostname?: unknown;
      readonly port?: unknown;
      readonly address?: { readonly hostname?: unknown; readonly port?: unknown };
    };
    const host = address?.hostname ?? hostname;
    const number = address?.port ?? port;
    if (typeof host === 'string' && typeof number === 'number') {
      return { kind: 'following', leader: { hostname: host, port: number } };
    }
  } catch {
    // As if there were none: whoever wrote this is no master that we could name.
  }
  return { kind: 'none' };
}
