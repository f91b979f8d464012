/** The election on a real ZooKeeper (design §5.3, §5.11). */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/actors/ports.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import type { ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { eventually } from '../../support/eventually.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { type Ensemble, startEnsemble, type ZkMember, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { createMeddler, type Meddling, type Seen } from '../journal/meddler.ts';
import { ownOf, startCandidate, type TestCandidate, type TestCandidateOptions } from './candidate-harness.ts';

/** Of sessions that end while others wait for it. */
const timeoutMs = 2_000;

let ensemble: Ensemble;
let member: ZkMember;
let relay: Relay;
let direct: ZooKeeperSession;
let started: TestCandidate[];
let path: string;
let count = 0;
beforeAll(async () => {
  if (zooKeeperMissing) return;
  ensemble = await startEnsemble(1);
  member = ensemble.members[0] as ZkMember;
});
beforeEach(async () => {
  started = [];
  path = `/election-${++count}`;
  if (zooKeeperMissing) return;
  relay = await startRelay(member.host);
  direct = await openTestSession(ensemble.url(path));
});
afterEach(async () => {
  await Promise.all(started.map(({ election }) => election.stop()));
  await direct?.close();
  await relay?.close();
});
afterAll(() => ensemble?.close());

function stand(name: string, options: TestCandidateOptions = {}, host = member.host): TestCandidate {
  const candidate = startCandidate(name, `zk://${host}${path}`, options);
  started.push(candidate);
  return candidate;
}

/** One after another, so that their order is known. */
async function standInOrder(...names: readonly string[]): Promise<readonly TestCandidate[]> {
  const candidates: TestCandidate[] = [];
  for (const name of names) {
    candidates.push(stand(name));
    await eventually(`${name} stands`, async () => (await nodes()).length === candidates.length);
  }
  return candidates;
}

const nodes = (): Promise<readonly string[]> => direct.children('/election').catch(() => []);
const leading = (): readonly string[] => started.filter((one) => one.claim() !== undefined).map(({ name }) => name);
const names = async (of: TestCandidate): Promise<readonly string[]> =>
  (await of.election.candidates()).map(({ address }) => address.split(':')[0] as string);
const isCreation = (one: Seen): boolean => one.verb === 'create' && one.path.startsWith('/election/');

describe.skipIf(zooKeeperMissing)('an election', () => {
  it('has one leader, and everybody knows where it is', async () => {
    const candidates = ['a', 'b', 'c'].map((name) => stand(name));
    await eventually('a leader that all know', () => {
      const [leader] = leading();
      return leader !== undefined && candidates.every((one) => one.leader() === leader);
    });
    expect(leading().length).toBe(1);
    expect((await nodes()).length).toBe(3);
    const leader = candidates.find((one) => one.claim() !== undefined) as TestCandidate;
    expect((await direct.exists(leader.claim() as string))?.ephemeralOwner).not.toBe(0n);
    expect(leader.metrics.gauged('election.elected')).toBe(1);
    await eventually('the count', () => candidates.every((one) => one.metrics.gauged('election.candidates') === 3));
  });

  it('is won by the oldest; who stops hands over at once to the next oldest', async () => {
    const [a, b, c] = (await standInOrder('a', 'b', 'c')) as [TestCandidate, TestCandidate, TestCandidate];
    await a.elected();
    expect(await names(c)).toEqual(['a', 'b', 'c']);
    await a.election.stop();
    // Long before the session would have ended.
    await b.elected();
    await b.election.stop();
    await c.elected();
    // After its stop nobody is told anything.
    expect(a.events.map(({ type }) => type)).not.toContain('lost');
    expect(c.leader()).toBe('c');
  });

  it('design §5.3: a resignation puts it behind everybody else, and the claim is gone when it resolves', async () => {
    const [a, b] = (await standInOrder('a', 'b')) as [TestCandidate, TestCandidate];
    const claim = await a.elected();
    await a.election.resign();
    expect(await direct.exists(claim)).toBeUndefined();
    await b.elected();
    expect(await names(b)).toEqual(['b', 'a']);
    expect((await nodes()).length).toBe(2);
    await b.election.resign();
    expect(await a.elected(2)).not.toBe(claim);
  });

  it('a resignation whose answers are lost leaves no second candidature', async () => {
    const meddler = createMeddler();
    const a = stand('a', { openSession: meddler.openSession });
    const claim = await a.elected();
    for (const how of ['loseAnswer', 'loseRequest'] as const) {
      let losses = 1;
      meddler.meddle(({ verb }) => (verb === 'remove' && losses-- > 0 ? how : 'pass'));
      await a.election.resign();
      await eventually('one again', async () => {
        const found = await nodes();
        return found.length === 1 && `/election/${found[0]}` !== claim;
      });
    }
    await eventually('elected again', async () => `/election/${(await nodes())[0]}` === a.claim());
  });

  it('who withdraws does not stand until it says so, and is told who leads all the same', async () => {
    const [a, b] = (await standInOrder('a', 'b')) as [TestCandidate, TestCandidate];
    await a.elected();
    a.election.withdraw('the store cannot be used');
    a.election.withdraw('the store cannot be used');
    await b.elected();
    await eventually('the news', () => a.leader() === 'b');
    expect(await names(a)).toEqual(['b']);
    // Also over a new session.
    const early = stand('c');
    early.election.withdraw('from the beginning');
    await eventually('the news', () => early.leader() === 'b');
    expect((await nodes()).length).toBe(1);
    a.election.withdraw(undefined);
    await eventually('a stands', async () => (await names(b)).join() === 'b,a');
    await b.election.stop();
    await a.elected(2);
  });

  it('what a candidate announces is seen by the others, and changes no order', async () => {
    const [a, b] = (await standInOrder('a', 'b')) as [TestCandidate, TestCandidate];
    await a.elected();
    b.election.announce({ reachesMesos: false });
    await eventually('the change', async () => (await a.election.candidates())[1]?.reachesMesos === false);
    a.election.announce({ url: 'http://elsewhere:1' });
    await eventually('the news', () => {
      const told = b.events.findLast(({ type }) => type === 'leader');
      return told?.type === 'leader' && told.leader?.url === 'http://elsewhere:1';
    });
    await a.election.resign();
    await eventually('it is kept', async () => (await b.election.candidates())[1]?.url === 'http://elsewhere:1');
    expect(await b.election.candidates()).toEqual([
      { ...ownOf('b'), reachesMesos: false },
      { ...ownOf('a'), url: 'http://elsewhere:1' },
    ]);
  });

  it('leaves out what is no candidature, and does not fail on what it cannot read', async () => {
    await direct.ensurePath('/election');
    await direct.create('/election/garbage', Buffer.from('x'));
    await direct.create('/election/g-n_', Buffer.from('no json'), 'ephemeralSequential');
    const a = stand('a');
    const b = stand('b');
    await eventually('both', async () => (await nodes()).length === 4);
    expect((await names(a)).toSorted()).toEqual(['a', 'b']);
    expect([...a.events, ...b.events].filter(({ type }) => type === 'elected')).toEqual([]);
    const stranger = (await nodes()).find((name) => name.startsWith('g-n_'));
    await direct.remove(`/election/${stranger}`, 'any');
    await eventually('a leader', () => leading().length === 1);
  });

  it('cannot be asked for candidates without a connection', async () => {
    const a = stand('a', {}, relay.address);
    await a.elected();
    relay.cut('reset');
    await eventually('suspended', async () => (await a.election.candidates().catch(() => 'away')) === 'away');
    relay.heal();
    await eventually('again', async () => (await names(a).catch(() => [])).join() === 'a');
  });

  it('that is stopped at any moment leaves no candidature, no connection and no news', async () => {
    for (const waitMs of [0, 1, 5, 20, 60, 150]) {
      const a = stand(`a${waitMs}`, {}, relay.address);
      await delay(waitMs);
      await a.election.stop();
      const told = a.events.length;
      await eventually('no connection', () => relay.connections() === 0);
      await eventually('no candidature', async () => (await nodes()).length === 0);
      expect(a.events.length).toBe(told);
    }
    relay.cut('blackHole');
    const silent = stand('silent', {}, relay.address);
    await silent.election.stop();
  });
});

describe.skipIf(zooKeeperMissing)('a candidature', () => {
  it.each(['loseAnswer', 'loseRequest'] as const)(
    'design §5.3: %s: is found by its id and adopted, never created twice',
    async (how) => {
      const meddler = createMeddler();
      let losses = 3;
      meddler.meddle((one) => (isCreation(one) && losses-- > 0 ? how : 'pass'));
      const a = stand('a', { openSession: meddler.openSession });
      const claim = await a.elected();
      expect((await nodes()).map((name) => `/election/${name}`)).toEqual([claim]);
      const creations = meddler.seen.filter(isCreation);
      expect(creations.length).toBe(how === 'loseAnswer' ? 1 : 4);
      // Always the same id, so that it can be told again.
      expect(new Set(creations.map((one) => one.path)).size).toBe(1);
      expect(meddler.sessions.length).toBe(1);
    },
  );

  it('design §5.3: is looked for only behind a request that passed the majority', async () => {
    const meddler = createMeddler();
    let losses = 1;
    meddler.meddle((one) => (isCreation(one) && losses-- > 0 ? 'loseAnswer' : 'pass'));
    const a = stand('a', { openSession: meddler.openSession });
    await a.elected();
    const verbs = meddler.seen.slice(meddler.seen.findIndex(isCreation)).map(({ verb }) => verb);
    expect(verbs.slice(0, 3)).toEqual(['create', 'multi', 'children']);
  });

  it('design §5.3: is one when the connection breaks around its creation', async () => {
    for (const direction of ['toTarget', 'toClient'] as const) {
      for (const bytes of [60, 120, 200]) {
        const before = relay.accepted();
        relay.breakAfter(direction, bytes);
        const a = stand(`${direction}-${bytes}`, {}, relay.address);
        const claim = await a.elected();
        expect((await nodes()).map((name) => `/election/${name}`)).toEqual([claim]);
        expect(relay.accepted() - before).toBeGreaterThan(1);
        await a.election.stop();
      }
    }
  });

  it('that somebody removes is lost, and a new one stands behind the others', async () => {
    const [a, b] = (await standInOrder('a', 'b')) as [TestCandidate, TestCandidate];
    const claim = await a.elected();
    await direct.remove(claim, 'any');
    await b.elected();
    await eventually('the news', () => a.events.some(({ type }) => type === 'lost'));
    await eventually('a stands again', async () => (await names(b)).join() === 'b,a');
    expect(a.claim()).toBeUndefined();
    expect(a.metrics.counted('election.losses')).toBe(1);
  });

  it('can be proven while it stands, and not when it is gone or nobody answers', async () => {
    const a = stand('a', {}, relay.address);
    expect(await a.election.prove(100)).toBe(false);
    const claim = await a.elected();
    const before = performance.now();
    expect(await a.election.prove(60_000)).toBe(true);
    expect(a.election.provenAtMs()).toBeGreaterThanOrEqual(before);
    relay.stall('toClient');
    expect(await a.election.prove(200)).toBe(false);
    relay.flow();
    await direct.remove(claim, 'any');
    expect(await a.election.prove(60_000)).toBe(false);
  });

  it('goes to a new session when the old one has ended, and there are never two of it', async () => {
    const meddler = createMeddler({ maxRequests: 40 });
    const a = stand('a', { openSession: meddler.openSession, sessionTimeoutMs: 600 });
    const told = () => a.events.map(({ type }) => type).filter((type) => type !== 'leader');
    let most = 0;
    await eventually('several sessions', async () => {
      const found = await nodes();
      most = Math.max(most, found.length);
      return told().length >= 4;
    });
    expect(most).toBe(1);
    expect(meddler.sessions.length).toBeGreaterThan(1);
    expect(told().slice(0, 4)).toEqual(['elected', 'lost', 'elected', 'lost']);
  });
});

describe.skipIf(zooKeeperMissing)('a leader that is cut off', () => {
  it('design §5.11: says that it is lost before anybody else can be elected, and comes back behind', async () => {
    const a = stand('a', { sessionTimeoutMs: timeoutMs }, relay.address);
    await a.elected();
    const b = stand('b');
    await eventually('both', async () => (await nodes()).length === 2);
    const provenAtMs = a.election.provenAtMs();
    relay.cut('blackHole');
    await b.elected();
    const lost = a.events.find(({ type }) => type === 'lost');
    const elected = b.events.find(({ type }) => type === 'elected');
    expect(lost).toBeDefined();
    expect(lost!.atMs).toBeLessThan(elected!.atMs);
    expect(elected!.atMs).toBeGreaterThan(provenAtMs + timeoutMs);
    expect(a.election.provenAtMs()).toBe(Number.NEGATIVE_INFINITY);
    expect(a.leader()).toBeUndefined();
    relay.heal();
    await eventually('a is back', async () => (await names(b)).join() === 'b,a');
    expect(leading()).toEqual(['b']);
  });

  it('design §5.11: from the majority alone is lost as well: reads that are answered prove nothing', async () => {
    const meddler = createMeddler();
    const a = stand('a', { openSession: meddler.openSession, sessionTimeoutMs: timeoutMs });
    await a.elected();
    // What goes through the majority is never answered; its own server goes on answering reads.
    meddler.meddle(({ verb }): Meddling | Promise<Meddling> =>
      ['multi', 'create', 'setData', 'remove'].includes(verb) ? new Promise(() => {}) : 'pass',
    );
    const cutMs = performance.now();
    const { length } = meddler.seen;
    let provenMs = 0;
    await eventually('lost', () => {
      provenMs = Math.max(provenMs, a.election.provenAtMs());
      return a.events.some(({ type }) => type === 'lost');
    });
    expect(provenMs).toBeLessThanOrEqual(cutMs);
    const lostMs = a.events.find(({ type }) => type === 'lost')?.atMs ?? 0;
    expect(lostMs - provenMs).toBeGreaterThan((timeoutMs * 2) / 3 - 50);
    expect(meddler.seen.slice(length).some(({ verb }) => verb === 'children')).toBe(true);
    expect(meddler.sessions[0]?.state()).toBe('ended');
  });

  it('for a moment stays the leader, and finds out what it has missed', async () => {
    const a = stand('a', {}, relay.address);
    const claim = await a.elected();
    const b = stand('b');
    await eventually('both', () => b.leader() === 'a');
    relay.reset();
    await b.election.stop();
    await eventually('a knows', () => a.metrics.gauged('election.candidates') === 1);
    expect(a.events.map(({ type }) => type)).not.toContain('lost');
    expect(a.claim()).toBe(claim);
    expect(await a.election.prove(60_000)).toBe(true);
  });
});

describe.skipIf(zooKeeperMissing)('watches', () => {
  it('fault 8: are one on the leader and one on the list for each candidate, however often the lead changes', async () => {
    const candidates = await standInOrder('a', 'b', 'c', 'd', 'e');
    for (let turn = 0; turn < 15; turn++) {
      const first = (await nodes()).toSorted((x, y) => Number(x.slice(-10)) - Number(y.slice(-10)))[0];
      const leader = await eventually('a leader', () => candidates.find((one) => one.claim() === `/election/${first}`));
      const [, next] = await leader.election.candidates();
      await leader.election.resign();
      await eventually('everybody knows', () => candidates.every((one) => `${one.leader()}:80` === next?.address));
    }
    // ZooKeeper counts the one on the leader alone.
    await eventually('settled', async () => (await member.watches()) === candidates.length);
  });

  it('are set again when the request that should have set them was lost', async () => {
    const meddler = createMeddler();
    const a = stand('a');
    await a.elected();
    let losses = 1;
    meddler.meddle(({ verb }) => (verb === 'children' && losses-- > 0 ? 'loseRequest' : 'pass'));
    const sessionTimeoutMs = 10_000;
    // It looks after each fifth of the session; when it has looked once, it does not any more, and there is only the watch.
    let looks: (() => void)[] | undefined;
    const after: Clock['after'] = (ms, run) => {
      if (ms !== sessionTimeoutMs / 5 || looks === undefined) return systemClock.after(ms, run);
      looks.push(run);
      return { cancel: () => {} };
    };
    const clock = { ...systemClock, after };
    const b = stand('b', { openSession: meddler.openSession, sessionTimeoutMs, clock });
    await eventually('both', async () => (await nodes()).length === 2);
    await eventually('b has looked again', () => b.leader() === 'a');
    looks = [];
    await eventually('the next look is held', () => looks?.length === 1);
    stand('c');
    await eventually('b has heard of c', () => b.metrics.gauged('election.candidates') === 3);
    looks.pop()?.();
  });
});
