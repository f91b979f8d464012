/** Faults at random, several seeds; what one seed does is the same each time as far as processes allow. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt } from '../../support/attempt.ts';
import { type HaStack, startHaStack } from '../../support/ha-stack.ts';
import { randomFrom } from '../../support/random.ts';
import type { Relay } from '../../support/relay.ts';
import { isLong } from '../../support/stack.ts';
import { zooKeeperMissing } from '../../support/zookeeper.ts';
import { breakNextTransaction, cutPoints } from '../../support/zookeeper-wire.ts';

const seeds = Array.from({ length: isLong ? 20 : 3 }, (_, n) => n + 1);
const faultsPerSeed = isLong ? 12 : 3;
const maxFaultMs = isLong ? 8_000 : 4_000;

let stack: HaStack;
beforeAll(async () => {
  if (!zooKeeperMissing) stack = await startHaStack({ seed: 300 });
});
afterAll(() => stack?.close());

type Random = (below: number) => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T;
/** Of three servers one may be hurt at a time, of three members as well. */
const faults: Readonly<Record<string, (random: Random) => Promise<void>>> = {
  'kill a server': async (random) => {
    const server = pick(random, stack.servers);
    await server.kill();
    await delay(random(maxFaultMs));
    await server.start();
  },
  'stop a server': async (random) => {
    const server = pick(random, stack.servers);
    await server.stop();
    await server.start();
  },
  'freeze a server': async (random) => {
    const server = pick(random, stack.servers);
    server.freeze();
    await delay(random(maxFaultMs * 2));
    server.thaw();
  },
  'cut a server from ZooKeeper': async (random) => {
    const server = pick(random, stack.servers);
    server.cutFromZooKeeper(pick(random, ['reset', 'blackHole']));
    await delay(random(maxFaultMs * 2));
    server.heal();
  },
  'cut a server from Mesos': async (random) => {
    const server = pick(random, stack.servers);
    server.cutFromMesos(pick(random, ['reset', 'blackHole']));
    await delay(random(maxFaultMs));
    server.heal();
  },
  'lose answers of ZooKeeper': async (random) => {
    const server = pick(random, stack.servers);
    for (const relay of server.zooKeeper) relay.stall('toClient');
    await delay(random(1_000));
    for (const relay of server.zooKeeper) relay.reset();
    server.heal();
  },
  'break a commit': async (random) => {
    const leader = (await stack.leader()) ?? pick(random, stack.servers);
    await breakNextTransaction(leader.taps, pick(random, cutPoints), maxFaultMs).catch(() => {});
  },
  'slow ZooKeeper': async (random) => {
    const relays: readonly Relay[] = stack.servers.flatMap((server) => server.zooKeeper);
    for (const relay of relays) relay.delay(random(200));
    await delay(random(maxFaultMs));
    for (const relay of relays) relay.delay(0);
  },
  abdicate: async (random) => {
    await attempt(pick(random, stack.servers).url, 'DELETE', '/v2/leader');
    await delay(random(1_000));
  },
  'kill a member of the ensemble': async (random) => {
    const member = pick(random, stack.ensemble.members);
    await member.kill();
    await delay(random(maxFaultMs));
    await member.start();
    await stack.ensemble.ready();
  },
  'freeze a member of the ensemble': async (random) => {
    const member = pick(random, stack.ensemble.members);
    member.freeze();
    await delay(random(maxFaultMs));
    member.thaw();
  },
};

describe.skipIf(zooKeeperMissing)('random faults', () => {
  it.each(seeds)('seed %i: nothing is lost, invented, killed or doubled', async (seed) => {
    const random = randomFrom(seed);
    await stack.during(`seed ${seed}`, async () => {
      for (let n = 0; n < faultsPerSeed; n++) {
        const name = pick(random, Object.keys(faults));
        stack.history.note(name);
        await faults[name]?.(random);
        await delay(random(1_000));
      }
      stack.history.note('all is healed');
      await stack.writable();
      expect(stack.history.acknowledged().length).toBeGreaterThan(faultsPerSeed);
    });
  });
});
