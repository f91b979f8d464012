/** The LMDB journal and processes that die, or whose disk is full. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Leader } from './leader.ts';
import { lmdbStore } from './lmdb-store.ts';

const script = fileURLToPath(new URL('committing-child.ts', import.meta.url));

describe('LMDB journal on disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'journal-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Lines printed until the process was gone; `onLine` is told how many there are. */
  const linesOf = (child: ChildProcess, onLine: (count: number) => void): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        onLine(text.split('\n').length - 1);
      });
      child.on('error', reject);
      child.on('close', () => resolve(text.split('\n').slice(0, -1)));
    });

  it('has every acknowledged batch after kill -9, whole batches only, again and again', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--import', 'tsx', script, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const killAfter = 1 + Math.floor(Math.random() * 300);
      const lines = await linesOf(child, (count) => count >= killAfter && child.kill('SIGKILL'));
      acknowledged = Math.max(acknowledged, ...lines.map(Number));
      expect(lines.length).toBeGreaterThan(0);

      const leader = await Leader.of(lmdbStore(directory));
      const { nextBatch, nextEvent, records } = leader.loaded;
      expect(nextBatch).toBeGreaterThan(acknowledged);
      expect(nextEvent).toBe(nextBatch);
      const found = new Map([...records].map((record) => [record.key, record.json]));
      expect(found.size).toBe(nextBatch);
      expect(found.get('newest')).toBe(String(nextBatch - 1));
      const { events } = await leader.store.readEvents(1, nextBatch);
      expect(events.map((event) => Number(event.json))).toEqual(Array.from({ length: nextBatch - 1 }, (_, i) => i + 1));
      await leader.store.close();
    }
  });

  it('answers failed with a reason when the disk takes no more, and is whole afterwards', async () => {
    // 1 MiB for each file, in units of 1,024 bytes.
    const command = `ulimit -f 1024; exec "$0" --import tsx "$1" "$2" 2>/dev/null`;
    const child = spawn('bash', ['-c', command, process.execPath, script, directory], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = await linesOf(child, () => {});
    expect(lines.at(-1)).toMatch(/^failed the disk refused the write: ./);
    const leader = await Leader.of(lmdbStore(directory));
    expect(leader.loaded.nextBatch).toBe(lines.length);
    expect([...leader.loaded.records].length).toBe(lines.length);
    expect(await leader.commit([])).toEqual({ type: 'committed' });
    await leader.store.close();
  });
});
