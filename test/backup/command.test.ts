/** `ultramarathon backup` and `restore` on the embedded store. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runBackup, runRestore } from '../../src/backup/command.ts';
import type { EncodedRecord } from '../../src/core/journal/batch.ts';
import { lockDataDirectory } from '../../src/infra/data-directory.ts';
import { Leader, put } from '../infra/journal/leader.ts';
import { lmdbStore } from '../infra/journal/lmdb-store.ts';

let folder: string;
let out: string;
let complaints: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backup-'));
  out = '';
  complaints = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += String(text);
    return true;
  });
  vi.stubEnv('MARATHON_ZK', undefined);
  vi.stubEnv('MARATHON_DATA_DIR', undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const records: readonly EncodedRecord[] = [
  put('/a', { id: '/a' }, 'app'),
  put('/b', { id: '/b' }, 'app'),
  put('/a@1', { id: '/a' }, 'appVersion'),
  put('a.1', { appId: '/a' }),
  put('frameworkId', { frameworkId: 'f-1' }, 'meta'),
];
const fill = async (directory: string, content = records): Promise<void> => {
  const leader = await Leader.of(lmdbStore(at(directory)));
  expect(await leader.commit(content, [{ type: 't', json: '{}' }])).toEqual({ type: 'committed' });
  await leader.store.close();
};
const contentOf = async (directory: string): Promise<readonly EncodedRecord[]> => {
  const leader = await Leader.of(lmdbStore(at(directory)));
  const found = [...leader.loaded.records];
  await leader.store.close();
  return found;
};
const restore = (...flags: readonly string[]): Promise<number> =>
  runRestore(['--data_dir', at('to'), '--file', at('f'), ...flags]);

describe('backup and restore', () => {
  it('take everything from one data directory to another, the framework id too, under a new generation', async () => {
    await fill('from');
    expect(await runBackup([`--data_dir=${at('from')}`, '--file', at('f')])).toBe(0);
    expect(out).toMatch(/^backed up 2 apps, 1 instance and no deployments of \S*from to \S*\/f \(\d+ bytes\)\n$/);
    out = '';
    expect(await restore()).toBe(0);
    expect(out).toMatch(/^restored 2 apps, 1 instance and no deployments to \S*to from \S*\/f \(of \d{4}-[^\n]*Z\)\n$/);
    expect(complaints).toBe('');
    const found = await contentOf('to');
    expect(found).toHaveLength(records.length);
    expect(found).toEqual(expect.arrayContaining([...records]));
    const [one, two] = [lmdbStore(at('from')), lmdbStore(at('to'))];
    expect((await one.read()).generation).not.toBe((await two.read()).generation);
    await one.close();
    await two.close();
  });

  it('replace what is there only by force, and then all of it', async () => {
    await fill('from');
    await runBackup(['--data_dir', at('from'), '--file', at('f')]);
    await fill('to', [put('/old', {}, 'app')]);
    expect(await restore()).toBe(1);
    expect(complaints).toMatch(/^ultramarathon: \S*to is not empty: give --force [^\n]*nothing was changed\n$/);
    expect(await contentOf('to')).toEqual([put('/old', {}, 'app')]);
    expect(await restore('--force')).toBe(0);
    expect(await contentOf('to')).toHaveLength(records.length);
  });

  it('replace by force even what only a newer version can read, which going back may need', async () => {
    await fill('from');
    await runBackup(['--data_dir', at('from'), '--file', at('f')]);
    await fill('to', [{ ...put('/new', {}, 'app'), format: 5 }]);
    expect(await restore()).toBe(1);
    expect(complaints).toMatch(/"app" records of format 5[^\n]*--force/);
    expect(await restore('--force')).toBe(0);
    expect(await contentOf('to')).toHaveLength(records.length);
  });

  it('change nothing when the file is damaged, even by force', async () => {
    await fill('from');
    await runBackup(['--data_dir', at('from'), '--file', at('f')]);
    await fill('to', [put('/old', {}, 'app')]);
    const bytes = readFileSync(at('f'));
    writeFileSync(at('f'), bytes.subarray(0, bytes.length - 1));
    expect(await restore('--force')).toBe(1);
    expect(complaints).toMatch(/^ultramarathon: cannot use the backup \S*\/f: it is cut off\n$/);
    expect(await contentOf('to')).toEqual([put('/old', {}, 'app')]);
  });

  it.each([
    ['backup', runBackup, /DELETE \/v2\/leader\?backup=file:/],
    ['restore', runRestore, /DELETE \/v2\/leader\?restore=file:/],
  ] as const)(
    '%s refuses a data directory whose server runs, and says what else can be done',
    async (_, run, advice) => {
      await fill('from');
      await runBackup(['--data_dir', at('from'), '--file', at('f')]);
      const lock = await lockDataDirectory(at('from'));
      expect(await run(['--data_dir', at('from'), '--file', at('f')])).toBe(1);
      expect(complaints).toMatch(
        /^ultramarathon: the data directory \S*from is in use by process \d+: stop it, or [^\n]*\n$/,
      );
      expect(complaints).toMatch(advice);
      if (lock.ok) await lock.value.release();
    },
  );

  it('give the data directory free again, whatever happened', async () => {
    await fill('from');
    expect(await runBackup(['--data_dir', at('from'), '--file', at('no/such/folder')])).toBe(1);
    expect(await runBackup(['--data_dir', at('from'), '--file', at('f')])).toBe(0);
    expect(await runRestore(['--data_dir', at('from'), '--file', at('f')])).toBe(1);
    const lock = await lockDataDirectory(at('from'));
    expect(lock.ok).toBe(true);
    if (lock.ok) await lock.value.release();
  });

  it('backup makes no store where there is none', async () => {
    mkdirSync(at('from'));
    for (const name of ['from', 'absent']) {
      complaints = '';
      expect(await runBackup(['--data_dir', at(name), '--file', at('f')])).toBe(1);
      expect(complaints).toMatch(/^ultramarathon: there is no store in [^\n]*\n$/);
    }
    expect(readdirSync(folder)).toEqual(['from']);
    expect(readdirSync(at('from'))).toEqual([]);
  });

  it('take the store from the environment of the servers, unless the command line names one', async () => {
    await fill('from');
    vi.stubEnv('MARATHON_DATA_DIR', at('from'));
    vi.stubEnv('MARATHON_HTTP_PORT', '8080');
    expect(await runBackup(['--file', at('f')])).toBe(0);
    expect(await restore()).toBe(0);
    expect(complaints).toBe('');
    expect(await contentOf('to')).toHaveLength(records.length);
  });
});

describe('the command line', () => {
  it.each<readonly [readonly string[], RegExp]>([
    [[], /which store\? give --data_dir or --zk|--file is missing/],
    [['--file', 'f'], /which store/],
    [['--data_dir', 'd'], /--file is missing/],
    [['--data_dir', 'd', '--zk', 'zk://h:1/a', '--file', 'f'], /exclude each other/],
    [['--data_dir', 'd', '--file', 'f', '--nonsense'], /unknown flag --nonsense/],
    [['d', '--file', 'f'], /unexpected argument: d/],
    [['--zk', 'http://u:topsecret@h/', '--file', 'f'], /--zk: /],
  ])('%j is refused with exit code 2 and one line', async (argv, message) => {
    for (const run of [runBackup, runRestore]) {
      complaints = '';
      expect(await run(argv)).toBe(2);
      expect(complaints).toMatch(message);
      expect(complaints).toMatch(/^ultramarathon: [^\n]+\n$/);
      expect(complaints).not.toMatch(/topsecret/);
    }
  });

  it('--force belongs to restore alone', async () => {
    expect(await runBackup(['--data_dir', 'd', '--file', 'f', '--force'])).toBe(2);
  });

  it.each([runBackup, runRestore])('--help names every flag', async (run) => {
    expect(await run(['--help'])).toBe(0);
    for (const flag of ['--data_dir', '--zk', '--file']) expect(out).toContain(flag);
    expect(out.includes('--force')).toBe(run === runRestore);
  });
});
