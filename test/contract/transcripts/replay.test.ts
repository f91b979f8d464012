import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalMesos } from '../../../src/local-mesos/cluster.ts';
import { Bindings } from './bindings.ts';
import { readRecording, recordingNames } from './recording.ts';
import { replay } from './replayer.ts';
import { commonOptions, notReplayed, scenes } from './scenes.ts';
import { replaceSleep, sleepers } from './sleeps.ts';
import { untilTrapped } from './trapped.ts';

/** What master and agent both have, on ports of their own; here an agent is asked for it by its name. */
const ownAgentPath = /^\/(state|containers|monitor\/statistics|api\/v1)$/;

async function differencesOf(name: string): Promise<readonly string[]> {
  const { options, actions = {}, answered = {}, sleeps = {} } = scenes[name] ?? {};
  const workDir = await realpath(await mkdtemp(join(tmpdir(), 'transcript-')));
  const cluster = await startLocalMesos({
    port: 0,
    simulate: false,
    workDir,
    ...commonOptions,
    ...options,
    settings: { offersFreedAtOnce: false, ticksByItself: false, ...options?.settings },
  });
  try {
    const scene = {
      urlOf: (target: string, _port: number | undefined, path: string) =>
        target === 'agent' && ownAgentPath.test(path) ? `${cluster.url}/slave(1)` : cluster.url,
      tick: () => cluster.master.tick(),
      act: async (action: string) => actions[action]?.(cluster),
      answered: async (request: number) => answered[request]?.(cluster),
      before: sleepers(cluster, sleeps),
      beforeKill: (taskId: string) => untilTrapped(cluster, taskId),
      allowsMoreOffers: false,
    };
    return await replay(readRecording(name), scene, new Bindings({ '{workdir}': workDir }));
  } finally {
    await cluster.close();
    await rm(workDir, { recursive: true, force: true });
  }
}

let restoreSleep: (() => Promise<void>) | undefined;
beforeAll(async () => {
  restoreSleep = await replaceSleep();
});
afterAll(() => restoreSleep?.());

describe('the local cluster says what a real Mesos said in', () => {
  it('every recording, or there is a reason', () => {
    expect([...Object.keys(scenes), ...Object.keys(notReplayed)].sort()).toEqual(recordingNames);
  });

  for (const name of Object.keys(scenes)) {
    it.concurrent(name, async ({ expect: expectHere }) => {
      expectHere(await differencesOf(name)).toEqual([]);
    });
  }
});
