/** Servers that readers of events have to get over: one that is killed again and again, and three of which one leads. */
import { setTimeout as delay } from 'node:timers/promises';
import { attempt, describeAttempt } from './attempt.ts';
import type { Stage } from './event-trial.ts';
import { eventually } from './eventually.ts';
import { leaderOf } from './ha-stack.ts';
import { takePort } from './ports.ts';
import type { Playground, Program } from './processes.ts';
import { type RunningServer, startServer } from './stack.ts';

/** One server with the embedded store, which is killed `kills` times and started again on its directory and its port. */
export async function killedServer(playground: Playground, master: string, kills: number): Promise<Stage> {
  let server: RunningServer = await startServer(playground, master);
  const { url } = server;
  const { port } = new URL(url);
  server.rest.close();
  const kill = async (): Promise<void> => {
    await server.program.end('SIGKILL');
    server = await startServer(playground, master, [], { port });
    server.rest.close();
  };
  return { urls: [url], disturbances: Array.from({ length: kills }, () => kill) };
}

export interface ServersOptions {
  readonly master: string;
  /** `zk://…`: where they keep their state. */
  readonly zk: string;
  readonly sessionTimeoutMs: number;
}

/** One of several; no relays between, since with many readers this process has enough to do. */
interface Member {
  readonly url: string;
  program: Program;
}

/** Longest wait for another leader, which also has to read what is stored, on a machine that has other things to do. */
const electionLimitMs = 180_000;

/**
 * Three servers, any of which may be asked: the leader is killed, abdicates, and is killed again. Who was killed comes
 * back when another one leads.
 */
export async function threeServers(playground: Playground, options: ServersOptions): Promise<Stage> {
  const { master, zk, sessionTimeoutMs } = options;
  const start = async (port = String(takePort())): Promise<Member> => {
    const words = ['--zk', zk, '--master', master, '--zk_session_timeout', String(sessionTimeoutMs)];
    const program = playground.run(['server', ...words, '--http_port', port, '--logging_level', 'warn']);
    const [, url = ''] = await program.says(/^Ultramarathon at (\S+) /m);
    return { url, program };
  };
  const members = [await start(), await start(), await start()];
  const up = (): readonly Member[] => members.filter(({ program }) => !program.isOver());
  const leader = (): Promise<Member> => eventually('a leader', () => leaderOf(up()), electionLimitMs);
  const another = async (than: Member): Promise<void> => {
    const other = async (): Promise<boolean> => {
      const found = await leaderOf(up());
      return found !== undefined && found !== than;
    };
    await eventually('another leader', other, electionLimitMs);
  };
  const kill = async (): Promise<void> => {
    const member = await leader();
    await member.program.end('SIGKILL');
    await another(member);
    member.program = (await start(new URL(member.url).port)).program;
  };
  const abdicate = async (): Promise<void> => {
    const member = await eventually(
      'the abdication',
      async () => {
        const asked = await leaderOf(up());
        if (!asked) throw new Error('nobody is named as leader by all who answer');
        const answer = await attempt(asked.url, 'DELETE', '/v2/leader');
        if (answer.type === 'answer' && answer.status === 200) return asked;
        throw new Error(describeAttempt(answer));
      },
      electionLimitMs,
    );
    // Nothing may be asked of one that is about to go.
    await delay(sessionTimeoutMs / 10);
    await another(member);
  };
  await leader();
  return {
    urls: members.map(({ url }) => url),
    disturbances: [kill, abdicate, kill],
  };
}
