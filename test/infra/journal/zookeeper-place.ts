/** One ZooKeeper for a test file and, for each test, a path of its own in it, a session there and a relay before it. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { JournalStore } from '../../../src/actors/ports.ts';
import type { EncodedEvent, EncodedRecord } from '../../../src/core/journal/batch.ts';
import type { ZooKeeperSession } from '../../../src/infra/zookeeper/session.ts';
import { type Relay, startRelay } from '../../support/relay.ts';
import { type Ensemble, startEnsemble, type ZkMember, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { Leader } from './leader.ts';
import { type StoreOptions, zooKeeperStore } from './zookeeper-harness.ts';

export let member: ZkMember;
/** To the member; nothing goes through it unless a test says so. */
export let relay: Relay;
/** Straight to the member, below the path of the test. */
export let direct: ZooKeeperSession;
/** Of the test. */
export let path: string;

let ensemble: Ensemble;
const opened: JournalStore[] = [];
let prefix: string;
let count = 0;

/** To be called once by a test file. The paths begin with its name. */
export function giveEachTestAPlace(name: string): void {
  beforeAll(async () => {
    prefix = name;
    if (zooKeeperMissing) return;
    ensemble = await startEnsemble(1);
    member = ensemble.members[0] as ZkMember;
  });
  beforeEach(async () => {
    nextPath();
    if (zooKeeperMissing) return;
    relay = await startRelay(member.host);
    direct = await openTestSession(`zk://${member.host}${path}`);
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await direct?.close();
    await relay?.close();
  });
  afterAll(() => ensemble?.close());
}

/** From now on `path` is another one, empty; `direct` stays where it is. */
export function nextPath(): void {
  path = `/${prefix}-${++count}`;
}

/** A store at the path, closed when the test is over. `host` may be the relay's, with credentials before it. */
export function store(options: StoreOptions = {}, host: string = member.host): JournalStore {
  const one = zooKeeperStore(`zk://${host}${path}`, options);
  opened.push(one);
  return one;
}

export const lead = (options: StoreOptions = {}): Promise<Leader> => Leader.of(store(options));

export const event = (n: number): EncodedEvent => ({ type: 'status_update_event', json: JSON.stringify({ n }) });

export const keysOf = (records: Iterable<EncodedRecord>): readonly string[] =>
  [...records].map(({ key }) => key).sort();
