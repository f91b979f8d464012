/** Recording 19, replayed on two clusters that share a directory and an election in a real ZooKeeper. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalMesos, startLocalMesos } from '../../../src/local-mesos/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { type Ensemble, startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';
import { Bindings } from './bindings.ts';
import { compare } from './compare.ts';
import { readRecording, type ZooKeeperEntry } from './recording.ts';
import { replay } from './replayer.ts';
import { commonOptions } from './scenes.ts';

const name = '19-two-masters-zookeeper';
/** The last request to the follower while the dead leader's session still lives. */
const lastBeforeTheEnd = 27;

let ensemble: Ensemble;
let workDir: string;
beforeAll(async () => {
  if (zooKeeperMissing) return;
  ensemble = await startEnsemble(1);
  workDir = await realpath(await mkdtemp(join(tmpdir(), 'two-masters-')));
});
afterAll(async () => {
  await ensemble?.close();
  if (workDir !== undefined) await rm(workDir, { recursive: true, force: true });
});

const start = (): Promise<LocalMesos> =>
  startLocalMesos({
    port: 0,
    simulate: false,
    workDir,
    zk: ensemble.url('/mesos'),
    // Never by itself: the session of the dead leader ends between two requests, as recorded.
    zkSessionTimeoutMs: 60_000,
    ...commonOptions,
    settings: { offersFreedAtOnce: false, ticksByItself: false },
  });

describe('two local masters say what two real ones said in', () => {
  it.skipIf(zooKeeperMissing)(name, async () => {
    const recording = readRecording(name);
    const bindings = new Bindings({ '{workdir}': workDir });
    const session = await openTestSession(ensemble.url('/mesos'));
    const first = await start();
    let second: LocalMesos | undefined;
    try {
      await eventually('it leads', async () => first.registered());
      const other = await start();
      second = other;
      await eventually('it follows', async () => other.master.state.leadership.kind === 'following');
      const [leader = ''] = (await session.children('/')).toSorted();
      const nodes = await Promise.all(
        (await session.children('/')).toSorted().map(async (node) => (await session.get(`/${node}`)).data.toString()),
      );
      const recorded = recording.entries
        .filter((entry): entry is ZooKeeperEntry => 'zookeeper' in entry)
        .flatMap(({ zookeeper }) => (zookeeper['output'] as string[]).filter((line) => line.startsWith('{')));
      expect(nodes).toHaveLength(recorded.length);
      for (const [i, text] of recorded.entries()) {
        expect(compare(JSON.parse(text), JSON.parse(nodes[i] ?? ''), 'node', bindings, name)).toEqual([]);
      }
      const scene = {
        urlOf: (_target: string, port: number | undefined) => (port === 5060 ? other.url : first.url),
        answered: async (request: number) => {
          if (request !== lastBeforeTheEnd) return;
          // As if the time-out had passed.
          await session.remove(`/${leader}`, 'any');
          await eventually('it is elected', async () => other.master.state.leadership.kind === 'leading');
        },
        tick: () => {
          first.master.tick();
          other.master.tick();
        },
        act: async (action: string) => {
          if (action === 'the leader is killed with SIGKILL') await first.leave('vanish');
          if (action === 'SUBSCRIBE at the new leader') {
            await eventually('it has the agents', async () => other.registered());
            expect(await session.children('/')).toHaveLength(1);
          }
        },
        allowsMoreOffers: false,
      };
      expect(await replay(recording, scene, bindings)).toEqual([]);
      expect(other.master.state.identity.id).toBe(bindings.text('{u2}'));
    } finally {
      await second?.close();
      await first.close();
      await session.close();
    }
  });
});
