/** Backup and restore as a leader does them between two leaderships. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maintenanceRecord, openMaintained } from '../../src/actors/maintenance.ts';
import { fileBackups } from '../../src/backup/port.ts';
import { createMemoryJournal } from '../../src/infra/memory-journal.ts';
import { Leader, put } from '../infra/journal/leader.ts';
import { lmdbStore } from '../infra/journal/lmdb-store.ts';
import { recordsIn } from './files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backup-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const uri = (name: string): string => `file://${join(folder, name)}`;
const app = put('/a', { id: '/a' }, 'app');
const nothing = (): void => {};

describe('backups by URI', () => {
  it('are written and read back, and fence the leader before', async () => {
    const store = createMemoryJournal();
    const leader = await Leader.of(store);
    await leader.commit([app]);
    await fileBackups.backup(store, uri('b'));
    await leader.commit([put('/later', {}, 'app')]);
    await fileBackups.restore(store, uri('b'));
    expect(store.records()).toEqual([app]);
    expect(await leader.commit([put('x', 1)])).toMatchObject({ type: 'fenced' });
  });

  it('say what is wrong in one line, before anything is changed', async () => {
    const store = createMemoryJournal();
    await (await Leader.of(store)).commit([app]);
    expect(fileBackups.badUri(uri('b'))).toBeUndefined();
    expect(fileBackups.badUri('s3://bucket/key')).toMatch(/^s3: is not supported: supported is file:[^\n]*$/);
    await expect(fileBackups.restore(store, uri('absent'))).rejects.toThrow(/: there is no such file$/);
    await expect(fileBackups.backup(store, uri('no/folder/b'))).rejects.toThrow(/^cannot write the backup [^\n]*$/);
    await expect(fileBackups.backup(store, 's3://bucket/key')).rejects.toThrow(/^s3: is not supported/);
    expect(store.records()).toEqual([app]);
  });

  it('hold no request for a backup or a restore: whoever restores them must not be asked again', async () => {
    const store = lmdbStore(join(folder, 'data'));
    const leader = await Leader.of(store);
    const { kind, key, value } = maintenanceRecord({ backup: uri('b'), restore: uri('other') });
    await leader.commit([app, put(key, value, kind)]);
    await fileBackups.backup(store, uri('b'));
    expect(await recordsIn(join(folder, 'b'))).toEqual([app]);
    await store.close();
  });

  it('are carried out by the next leader, which then has the restored state under a new generation', async () => {
    const store = lmdbStore(join(folder, 'data'));
    const first = await Leader.of(store);
    await first.commit([app]);
    await fileBackups.backup(store, uri('wanted'));
    const { kind, key, value } = maintenanceRecord({ backup: uri('last'), restore: uri('wanted') });
    await first.commit([put('/later', { id: '/later' }, 'app'), put(key, value, kind)]);
    const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    const { journal, request } = await openMaintained({ store, backups: fileBackups, logger }, undefined, () => false);
    expect([...journal.records]).toEqual([app]);
    expect(request).toEqual(value);
    expect(journal.generation).not.toBe(first.loaded.generation);
    expect(await recordsIn(join(folder, 'last'))).toHaveLength(2);
    await store.close();
  });
});
