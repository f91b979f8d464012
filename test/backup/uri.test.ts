import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseBackupUri } from '../../src/backup/uri.ts';

it.each([
  ['file:///var/backups/a.backup', '/var/backups/a.backup'],
  ['FILE:///a', '/a'],
  ['file:/a', '/a'],
  ['file://localhost/a/b', '/a/b'],
  ['file:///with%20space/%C3%BC', '/with space/ü'],
  ['file:///a/../b', '/b'],
])('%s names %s', (uri, path) => {
  expect(parseBackupUri(uri)).toEqual({ ok: true, value: path });
});

it.each([
  ['', /not a URI/],
  ['/var/backups/a', /not a URI/],
  ['s3://bucket/key?access_key=AKIA&secret_key=topsecret', /^s3: is not supported: supported is file:/],
  ['http://host/a', /^http: is not supported/],
  ['file:a', /not absolute/],
  ['file://', /directory/],
  ['file://a', /another machine/],
  ['file:///', /directory/],
  ['file:///var/', /directory/],
  ['file://otherhost/a', /another machine/],
  ['file:///a?b=c', /parameters/],
  ['file:///a#b', /parameters/],
  ['file:///a%00b', /not a path/],
  ['file:///a%2Fb', /not a path/],
  ['file:///a%ff', /not a path/],
])('%s is refused with one line that tells no secret', (uri, message) => {
  const parsed = parseBackupUri(uri);
  expect(parsed).toMatchObject({ ok: false, error: expect.stringMatching(message) });
  expect(JSON.stringify(parsed)).not.toMatch(/\\n|topsecret/);
});

it('a directory that is there is refused too', () => {
  const folder = mkdtempSync(join(tmpdir(), 'backup-'));
  expect(parseBackupUri(`file://${folder}`)).toMatchObject({ ok: false, error: expect.stringMatching(/directory/) });
  rmSync(folder, { recursive: true });
});
