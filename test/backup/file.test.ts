/** The backup file: what goes in comes out, and whatever is wrong with a file is told before anything is made of it. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackup } from '../../src/backup/load.ts';
import { writeBackup } from '../../src/backup/write.ts';
import type { EncodedRecord } from '../../src/core/journal/batch.ts';
import { put } from '../infra/journal/leader.ts';
import { backupOf, fileOfLines, header, recordsIn, sourceOf } from './files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backup-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const some = [put('/a', { id: '/a', env: { SECRET: 'x' } }, 'app'), put('a.1', { state: 'Running' })];
const altered = (name: string, bytes: Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

describe('a backup file', () => {
  it('gives back what went in: any kinds, keys and values', async () => {
    const kind = fc.constantFrom('app', 'appVersion', 'meta', 'instance') as fc.Arbitrary<EncodedRecord['kind']>;
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.constantFrom('\ud800', '\t', '"\t{', '\n', ''),
    );
    const record = fc.tuple(text, fc.jsonValue(), kind).map(([key, value, k]) => put(key, value, k));
    const records = fc.uniqueArray(record, { minLength: 1, maxLength: 30, selector: (r) => `${r.kind} ${r.key}` });
    await fc.assert(
      fc.asyncProperty(records, async (given) => {
        const path = await backupOf(folder, given);
        expect(await recordsIn(path)).toEqual(given);
        rmSync(path);
      }),
      { numRuns: 60 },
    );
  });

  it('takes records that are larger than a block, and many of them', async () => {
    const given = [
      put('large', 'é✓"\\'.repeat(700_000)),
      ...Array.from({ length: 20_000 }, (_, i) => put(`app.${i}`, { i, pad: 'x'.repeat(i % 90) })),
      put('large too', 'y'.repeat(262_144)),
    ];
    const path = await backupOf(folder, given);
    expect(await recordsIn(path)).toEqual(given);
  });

  it('keeps the meaning of JSON that was not written by this program', async () => {
    const odd = { kind: 'app', key: '/a', format: 1, json: '{ "a":\n "\ud800" }' } as const;
    const read = (await recordsIn(await backupOf(folder, [odd]))) as readonly EncodedRecord[];
    expect(JSON.parse(read[0]?.json ?? '')).toEqual(JSON.parse(odd.json));
  });

  it('says when, where from and what it holds, and can be iterated again', async () => {
    const path = await backupOf(folder, [...some, put('d', {}, 'deployment')]);
    const loaded = await loadBackup(path);
    if (!loaded.ok) throw new Error(loaded.error);
    const { header: told, census, content, close } = loaded.value;
    expect(told).toMatchObject({ createdAt: '1970-01-01T00:00:00.000Z', generation: 'g-1', nextEvent: 17 });
    expect(told.program).toMatch(/^\d+\.\d+\.\d+/);
    expect(census).toEqual({ records: 3, apps: 1, instances: 1, deployments: 1 });
    expect([...content.records]).toEqual([...content.records]);
    close();
  });

  it('is a gzip file of readable lines, for the case that only gunzip is at hand', async () => {
    const text = execFileSync('gunzip', ['-c'], { input: readFileSync(await backupOf(folder, some)) }).toString();
    expect(text.split('\n').slice(1, 3)).toEqual([
      'app 1 "/a"\t{"id":"/a","env":{"SECRET":"x"}}',
      'instance 1 "a.1"\t{"state":"Running"}',
    ]);
  });
});

describe('a damaged file is refused with one line', () => {
  it('when any one byte is another, whichever it is', async () => {
    const bytes = readFileSync(await backupOf(folder, some));
    for (let i = 0; i < bytes.length; i++) {
      for (const flip of [1, 0x80, 0xff]) {
        const copy = Buffer.from(bytes);
        copy.writeUInt8((copy[i] ?? 0) ^ flip, i);
        const said = await recordsIn(altered('flipped', copy));
        expect(said, `byte ${i} of ${bytes.length}`).toMatch(/^cannot use the backup [^\n]*: it [^\n]+$/);
      }
    }
  });

  it('when it ends too early, wherever that is, or goes on', async () => {
    const bytes = readFileSync(await backupOf(folder, some));
    for (let length = 0; length < bytes.length; length++)
      expect(await recordsIn(altered('cut', bytes.subarray(0, length))), `${length}`).toMatch(
        /: it (is cut off|is empty)$/,
      );
    expect(await recordsIn(altered('more', Buffer.concat([bytes, Buffer.from('\n')])))).toMatch(/checksum/);
    expect(await recordsIn(altered('twice', Buffer.concat([bytes, bytes])))).toMatch(/checksum/);
  });

  it('when a block is missing, doubled or in another place', async () => {
    const random = Array.from({ length: 9_000 }, (_, i) =>
      put(`${i}`, `${(i * 2_654_435_761) % 4_294_967_296}`.repeat(9)),
    );
    const bytes = readFileSync(await backupOf(folder, random));
    const first = bytes.readUInt32LE(17);
    const second = bytes.readUInt32LE(first + 17);
    const [a, b, rest] = [
      bytes.subarray(0, first),
      bytes.subarray(first, first + second),
      bytes.subarray(first + second),
    ];
    expect(rest.length).toBeGreaterThan(200);
    for (const parts of [
      [b, rest],
      [a, rest],
      [a, b, b, rest],
      [b, a, rest],
      [a, b],
    ])
      expect(await recordsIn(altered('blocks', Buffer.concat(parts)))).toMatch(/: it (is|has)/);
    expect(await recordsIn(altered('blocks', Buffer.concat([a, b, rest])))).toEqual(random);
  });

  it.each<[string, () => Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /it is empty$/],
    ['another gzip file', () => gzipSync('hello'), /it is not a backup$/],
    ['text', () => Buffer.from('{"backupOf":"ultramarathon"}\n'), /it is not a backup$/],
    ['zeros', () => Buffer.alloc(1_000), /it is not a backup$/],
  ])('when it is %s', async (name, bytes, message) => {
    expect(await recordsIn(altered(name, bytes()))).toMatch(message);
  });

  it('when a block unpacks to more than a block may hold', async () => {
    const bytes = readFileSync(await backupOf(folder, some));
    const bomb = gzipSync(Buffer.alloc(100_000_000), { level: 9 });
    const member = Buffer.concat([bytes.subarray(0, 21), bomb.subarray(10)]);
    member.writeUInt32LE(member.length, 17);
    expect(await recordsIn(altered('bomb', member))).toMatch(
      /it is damaged: a block (cannot be unpacked|has an impossible)/,
    );
    const small = gzipSync(Buffer.alloc(1_000_000), { level: 9 });
    const fitting = Buffer.concat([bytes.subarray(0, 21), small.subarray(10)]);
    fitting.writeUInt32LE(fitting.length, 17);
    expect(await recordsIn(altered('bomb', fitting))).toMatch(/a block cannot be unpacked$/);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['a line that is no record', [header, 'app 1 /a {}'], /a line is no record$/],
    ['a format that is no number', [header, 'app 01 "/a"\t{}'], /a line is no record$/],
    ['a value that is no JSON', [header, 'app 1 "/a"\t{"a":'], /the app record "\/a" is no JSON$/],
    ['the same key twice', [header, 'app 1 "/a"\t{}', 'app 1 "/b"\t{}', 'app 1 "/a"\t{}'], /app record "\/a" twice$/],
    ['an unknown kind', [header, 'pod 1 "/a"\t{}'], /version 9\.9\.9 wrote it: it holds records of kind "pod"/],
    [
      'a newer format',
      [header, 'app 2 "/a"\t{}'],
      /version 9\.9\.9 wrote it: .*"app" records of format 2.*only up to 1$/,
    ],
    ['a newer file format', [header.replace('"fileFormat":1', '"fileFormat":2')], /file format 2.*only 1$/],
    ['no header', ['app 1 "/a"\t{}'], /it is not a backup$/],
    ['a header without generation', [header.replace('generation', 'g')], /header is incomplete$/],
    ['no line at all', [], /it is empty$/],
  ])('when it has %s, although its checksums are right', async (_, lines, message) => {
    expect(await recordsIn(await fileOfLines(folder, lines))).toMatch(message);
  });

  it('when a line is longer than it may be', async () => {
    const path = await fileOfLines(folder, [header, `app 1 "/a"\t"${'x'.repeat(1_000_000)}"`]);
    expect(await recordsIn(path, { maxLineBytes: 900_000 })).toMatch(/it has a line of more than 900000 bytes$/);
    expect(await recordsIn(path, { maxLineBytes: 1_100_000 })).toHaveLength(1);
  });

  it('when it changes between the check and the restore: reading breaks off', async () => {
    const path = await backupOf(folder, some);
    const other = readFileSync(await backupOf(folder, [put('/b', {}, 'app')]));
    const loaded = await loadBackup(path);
    if (!loaded.ok) throw new Error(loaded.error);
    writeFileSync(path, other);
    expect(() => [...loaded.value.content.records]).toThrow(/it was changed while it was being read/);
    loaded.value.close();
  });

  it('when there is none, or it is no file', async () => {
    expect(await recordsIn(join(folder, 'absent'))).toMatch(/: there is no such file$/);
    expect(await recordsIn(folder)).toMatch(/: it is not a file$/);
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await recordsIn(pipe)).toMatch(/: it is not a file$/);
  });
});

describe('writing a backup', () => {
  const fresh = (): string => mkdtempSync(join(folder, 'write-'));

  it('leaves one file, readable by its owner alone', async () => {
    const own = fresh();
    expect(await writeBackup(sourceOf(some), join(own, 'b'))).toMatchObject({
      ok: true,
      value: { apps: 1, instances: 1 },
    });
    expect(readdirSync(own)).toEqual(['b']);
    expect(statSync(join(own, 'b')).mode & 0o777).toBe(0o600);
  });

  it('leaves what was there, and nothing else, when the store breaks off', async () => {
    const own = fresh();
    const path = join(own, 'b');
    await writeBackup(sourceOf(some), path);
    const before = readFileSync(path);
    function* broken(): Generator<EncodedRecord> {
      for (let i = 0; i < 5_000; i++) yield put(`${i}`, 'x'.repeat(200));
      throw new Error('the store\nis gone');
    }
    expect(await writeBackup(sourceOf(broken()), path)).toEqual({
      ok: false,
      error: `cannot write the backup ${path}: the store; is gone`,
    });
    expect(readdirSync(own)).toEqual(['b']);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('replaces an older backup, but no other file, and no directory', async () => {
    const own = fresh();
    const path = join(own, 'b');
    await writeBackup(sourceOf(some), path);
    expect(await writeBackup(sourceOf([put('/b', {}, 'app')]), path)).toMatchObject({ ok: true });
    expect(await recordsIn(path)).toEqual([put('/b', {}, 'app')]);
    writeFileSync(join(own, 'precious'), 'not a backup');
    symlinkSync(join(own, 'precious'), join(own, 'link'));
    for (const name of ['precious', 'link']) {
      const refused = await writeBackup(sourceOf(some), join(own, name));
      expect(refused).toMatchObject({
        ok: false,
        error: expect.stringMatching(/there is a file of that name that is no backup$/),
      });
    }
    expect(readFileSync(join(own, 'precious'), 'utf8')).toBe('not a backup');
    mkdirSync(join(own, 'd'));
    expect(await writeBackup(sourceOf(some), join(own, 'd'))).toMatchObject({
      ok: false,
      error: expect.stringMatching(/directory$/),
    });
  });

  it('refuses an empty store rather than replacing a backup that holds something', async () => {
    const own = fresh();
    await writeBackup(sourceOf(some), join(own, 'b'));
    expect(await writeBackup(sourceOf([]), join(own, 'b'))).toMatchObject({
      ok: false,
      error: expect.stringMatching(/the store is empty$/),
    });
    expect(await recordsIn(join(own, 'b'))).toEqual(some);
  });

  it('says so when the folder is not there', async () => {
    const path = join(folder, 'no', 'such', 'b');
    expect(await writeBackup(sourceOf(some), path)).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^cannot write the backup [^\n]+$/),
    });
  });
});
