/** Candidates in an election on a real ZooKeeper, and everything that they were told. */
import type { Candidate, Clock, Election, ElectionEvent } from '../../../src/actors/ports.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { createElection } from '../../../src/infra/election.ts';
import { systemIds } from '../../../src/infra/ids.ts';
import type { OpenSession } from '../../../src/infra/zk-journal/sessions.ts';
import { parseZkUrl } from '../../../src/infra/zookeeper/zk-url.ts';
import { eventually } from '../../support/eventually.ts';
import { createSilentLogger, createSilentMetrics, type SilentMetrics } from '../../support/null-observers.ts';

export interface TestCandidate {
  readonly name: string;
  readonly election: Election;
  readonly metrics: SilentMetrics;
  /** Everything it was told, with the monotonic time. */
  readonly events: readonly (ElectionEvent & { readonly atMs: number })[];
  /** Its claim while it is elected. */
  readonly claim: () => string | undefined;
  /** Name of whom it takes for the leader. */
  readonly leader: () => string | undefined;
  /** Waits until it is elected, at least for the `times`-th time, and gives its claim. */
  readonly elected: (times?: number) => Promise<string>;
}

export interface TestCandidateOptions {
  readonly sessionTimeoutMs?: number;
  readonly openSession?: OpenSession;
  readonly clock?: Clock;
}

/** The longest there is: nothing of a test that ends no session depends on one that does. */
const longSessionMs = 120_000;

export const ownOf = (name: string): Candidate => ({
  address: `${name}:80`,
  url: `http://${name}:80`,
  version: '1',
  reachesMesos: true,
});

/** It stands at once. */
export function startCandidate(name: string, zkUrl: string, options: TestCandidateOptions = {}): TestCandidate {
  const servers = parseZkUrl(zkUrl);
  if (!servers.ok) throw new Error(servers.error);
  const metrics = createSilentMetrics();
  const election = createElection({
    servers: servers.value,
    sessionTimeoutMs: longSessionMs,
    connectTimeoutMs: 10_000,
    clock: systemClock,
    ids: systemIds,
    logger: createSilentLogger(),
    metrics,
    ...options,
  });
  const events: (ElectionEvent & { readonly atMs: number })[] = [];
  election.start(ownOf(name), (event) => events.push({ ...event, atMs: performance.now() }));
  const last = <T extends ElectionEvent['type']>(...types: T[]) =>
    events.findLast((event) => types.includes(event.type as T)) as Extract<ElectionEvent, { type: T }> | undefined;
  const claim = (): string | undefined => {
    const event = last('elected', 'lost');
    return event?.type === 'elected' ? event.claim : undefined;
  };
  return {
    name,
    election,
    metrics,
    events,
    claim,
    leader: () => last('leader')?.leader?.address.split(':')[0],
    elected: async (times = 1) => {
      await eventually(
        `${name} is elected`,
        () => claim() !== undefined && events.filter(({ type }) => type === 'elected').length >= times,
      );
      return claim() as string;
    },
  };
}
