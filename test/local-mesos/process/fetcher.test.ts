import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandUri } from '../../../src/core/mesos/types.ts';
import { type Bench, openBench, type Watched } from './harness.ts';

let bench: Bench;
let source: string;
let server: http.Server;
let base: string;
let stalled: http.ServerResponse | undefined;

beforeEach(async () => {
  bench = await openBench();
  source = join(bench.workDir, 'source');
  await mkdir(source);
  server = http.createServer((request, response) => {
    const url = request.url ?? '';
    if (url === '/stall') {
      response.writeHead(200).write('x');
      stalled = response;
    } else if (url === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (url === '/moved') response.writeHead(302, { location: '/app.txt' }).end();
    else if (url === '/to-file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    else if (url.startsWith('/app')) response.end(`content of ${url}`);
    else
      readFile(join(source, url)).then(
        (data) => response.end(data),
        () => response.writeHead(404).end('nothing here'),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await bench.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

let count = 0;
function fetched(...uris: readonly CommandUri[]): Watched {
  return bench.run(`fetch.${++count}`, '', { command: { value: 'find . -type f | sort | grep -v std', uris } });
}

async function filesOf(task: Watched): Promise<readonly string[]> {
  const end = await task.end();
  expect(end.message).toBe('Command exited with status 0');
  return (await task.file('stdout')).trim().split('\n');
}

function make(program: string, ...args: readonly string[]): void {
  execFileSync(program, [...args], { cwd: source, stdio: 'ignore' });
}

/** An archive made by Python, which writes whatever it is told to. */
function forge(code: string): void {
  make('python3', '-c', `import tarfile, zipfile, io\n${code}`);
}

describe('fetching', () => {
  it('brings files over http under the last part of the URI, its query included', async () => {
    const task = fetched({ value: `${base}/app.txt` }, { value: `${base}/app?v=1` }, { value: `${base}/moved` });
    expect(await filesOf(task)).toEqual(['./app.txt', './app?v=1', './moved']);
    expect(await task.file('app.txt')).toBe('content of /app.txt');
    expect(await task.file('moved')).toBe('content of /app.txt');
    expect(await task.file('stderr')).toContain(`Fetched '${base}/app.txt' to '`);
  });

  it('puts a file where output_file says, and makes it executable', async () => {
    await writeFile(join(source, 'run.tgz'), '#!/bin/sh\necho ran');
    const task = fetched({ value: join(source, 'run.tgz'), output_file: 'bin/deep/run.tgz', executable: true });
    expect(await filesOf(task)).toEqual(['./bin/deep/run.tgz']);
    expect((await stat(join(bench.runner.sandbox(`fetch.${count}`) ?? '', 'bin/deep/run.tgz'))).mode & 0o777).toBe(
      0o755,
    );
  });

  it('copies local files, file URIs and whole directories', async () => {
    await mkdir(join(source, 'tree', 'inner'), { recursive: true });
    await writeFile(join(source, 'tree', 'inner', 'leaf'), 'leaf');
    await writeFile(join(source, 'plain file'), 'plain');
    const task = fetched(
      { value: join(source, 'tree') },
      { value: join(source, 'plain file') },
      { value: `file://${source}/plain%20file`, output_file: 'second' },
    );
    expect(await filesOf(task)).toEqual(['./plain file', './second', './tree/inner/leaf']);
  });

  it('starts relative paths from the frameworks home', async () => {
    const home = await openBench({ frameworksHome: source });
    await mkdir(join(source, 'tree'));
    await writeFile(join(source, 'tree', 'leaf'), 'leaf');
    const task = home.run('relative', 'cat tree/leaf', {
      command: { value: 'cat tree/leaf', uris: [{ value: 'tree' }] },
    });
    await task.end();
    expect(await task.file('stdout')).toBe('leaf');
    await home.close();
  });

  const refusals: readonly (readonly [string, () => CommandUri, string])[] = [
    ['a missing local file', () => ({ value: '/no/such/file' }), 'No such file or directory'],
    ['a missing page', () => ({ value: `${base}/gone` }), 'the server answered 404'],
    ['endless redirects', () => ({ value: `${base}/loop` }), 'more than 5 redirects'],
    ['a redirect to a local file', () => ({ value: `${base}/to-file` }), 'which is not http'],
    ['a port where nobody listens', () => ({ value: 'http://127.0.0.1:1/x' }), 'ECONNREFUSED'],
    ['a scheme that nobody knows', () => ({ value: 'hdfs://x/y' }), 'only http, https, file'],
    ['a relative path that leads nowhere', () => ({ value: 'some/file' }), 'No such file or directory'],
    ['a quote in the URI', () => ({ value: "/tmp/a'b" }), 'Illegal characters in URI'],
    ['a URI without a path', () => ({ value: 'http://127.0.0.1/' }), 'Malformed URI (missing path)'],
    ['an absolute output file', () => ({ value: '/etc/hosts', output_file: '/tmp/x' }), 'must be within the sandbox'],
    [
      'an output file that climbs',
      () => ({ value: '/etc/hosts', output_file: 'a/../../x' }),
      'must be within the sandbox',
    ],
  ];
  it.each(refusals)('fails for %s and names the URI', async (_what, uri, why) => {
    const task = fetched(uri());
    const end = await task.end();
    expect(end).toMatchObject({
      state: 'TASK_FAILED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    });
    expect(end.message).toMatch(
      /^Failed to launch container: Failed to fetch all URIs for container '[0-9a-f-]{36}': exited with status 1 \(/,
    );
    expect(end.message).toContain(`Failed to fetch '${uri().value}': `);
    expect(end.message).toContain(why);
    expect(await task.file('stderr')).toContain(why);
    expect(task.reports).toHaveLength(1);
  });

  it('stops when the task is killed in the middle of a download', async () => {
    const task = fetched({ value: `${base}/stall` });
    await new Promise<void>((resolve) => {
      const look = (): void => (stalled === undefined ? void setImmediate(look) : resolve());
      look();
    });
    bench.runner.kill(`fetch.${count}`, true);
    expect(await task.end()).toMatchObject({ state: 'TASK_KILLED', reason: 'REASON_TASK_KILLED_DURING_LAUNCH' });
  });

  it.runIf(process.getuid?.() === 0)(
    'serves a user who may not pass through the directories above the sandbox',
    async () => {
      await writeFile(join(source, 'plain'), 'x');
      make('tar', '-czf', 'a.tgz', 'plain');
      make('zip', 'a.zip', 'plain');
      const uris = [{ value: `${base}/a.tgz` }, { value: `${base}/a.zip` }, { value: '/etc/hostname' }];
      await chmod(bench.workDir, 0o700);
      const task = bench.run('closed', '', {
        command: { value: 'ls plain a.tgz a.zip hostname', user: 'nobody', uris },
      });
      expect(await task.end()).toMatchObject({ state: 'TASK_FINISHED' });
    },
  );

  it.runIf(process.getuid?.() === 0)('reads local files as the user of the task, who then owns them', async () => {
    await writeFile(join(source, 'secret'), 'x', { mode: 0o600 });
    await writeFile(join(source, 'open'), 'x', { mode: 0o644 });
    await chmod(source, 0o755);
    const as = (file: string): Watched =>
      bench.run(`as.${file}`, '', {
        command: {
          value: 'ls -ln open app | cut -d" " -f3',
          user: 'nobody',
          uris: [{ value: join(source, file) }, { value: `${base}/app` }],
        },
      });
    expect((await as('secret').end()).message).toContain('Permission denied');
    const open = as('open');
    await open.end();
    expect(await open.file('stdout')).toBe('65534\n65534\n');
  });
});

describe('archives', () => {
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['a.tar', ['tar', '-cf', 'a.tar', 'dir']],
    ['a.tgz', ['tar', '-czf', 'a.tgz', 'dir']],
    ['a.tar.gz', ['tar', '-czf', 'a.tar.gz', '--format=pax', 'dir']],
    ['a.tar.bz2', ['tar', '-cjf', 'a.tar.bz2', 'dir']],
    ['a.txz', ['tar', '-cJf', 'a.txz', 'dir']],
    ['a.zip', ['zip', '-r', '-y', 'a.zip', 'dir']],
  ];
  it.each(commands)('unpacks %s with its links and keeps the archive', async (name, command) => {
    const long = 'n'.repeat(120);
    await mkdir(join(source, 'dir', 'sub'), { recursive: true });
    await writeFile(join(source, 'dir', 'sub', long), 'deep');
    await writeFile(join(source, 'dir', 'top'), 'top');
    await symlink('../top', join(source, 'dir', 'sub', 'link'));
    make(command[0] as string, ...command.slice(1));
    const task = fetched({ value: `${base}/${name}` });
    expect(await filesOf(task)).toEqual([`./${name}`, `./dir/sub/${long}`, './dir/top']);
    expect(await task.file('dir/sub/link')).toBe('top');
  });

  it('unpacks a single gzip file beside itself', async () => {
    await writeFile(join(source, 'notes.gz'), gzipSync('notes'));
    const task = fetched({ value: `${base}/notes.gz` });
    expect(await filesOf(task)).toEqual(['./notes', './notes.gz']);
    expect(await task.file('notes')).toBe('notes');
  });

  it('leaves an archive packed when extract is false', async () => {
    await writeFile(join(source, 'a.zip'), 'not even a zip');
    expect(await filesOf(fetched({ value: `${base}/a.zip`, extract: false }))).toEqual(['./a.zip']);
  });

  const tar = (body: string): string =>
    `t = tarfile.open('evil.tar', 'w')\ndef add(name, kind=tarfile.REGTYPE, target='', data=b'x'):\n  i = tarfile.TarInfo(name); i.type = kind; i.linkname = target; i.size = len(data) if kind == tarfile.REGTYPE else 0\n  t.addfile(i, io.BytesIO(data))\n${body}\nt.close()`;
  const zip = (body: string): string =>
    `z = zipfile.ZipFile('evil.zip', 'w')\ndef link(name, target):\n  i = zipfile.ZipInfo(name); i.create_system = 3; i.external_attr = 0o120777 << 16\n  z.writestr(i, target)\n${body}\nz.close()`;
  const evil: readonly (readonly [string, string, string])[] = [
    ['a tar entry with ..', 'evil.tar', tar("add('good'); add('a/../../evil')")],
    ['an absolute tar entry', 'evil.tar', tar("add('/tmp/evil-of-a-test')")],
    ['a tar link to an absolute path', 'evil.tar', tar("add('l', tarfile.SYMTYPE, '/etc'); add('good')")],
    ['a tar link that climbs out', 'evil.tar', tar("add('d/l', tarfile.SYMTYPE, '../../x')")],
    ['a tar link that climbs after a name', 'evil.tar', tar("add('l', tarfile.SYMTYPE, 'a/../../x')")],
    ['a tar entry below a link', 'evil.tar', tar("add('l', tarfile.SYMTYPE, 'a'); add('l/evil')")],
    ['a tar entry over a link', 'evil.tar', tar("add('l', tarfile.SYMTYPE, 'a'); add('l')")],
    ['a hard link to outside', 'evil.tar', tar("add('h', tarfile.LNKTYPE, '../../x')")],
    ['a device', 'evil.tar', tar("add('dev', tarfile.CHRTYPE)")],
    ['a long name with ..', 'evil.tar', tar("add('a/' * 80 + '../' * 90 + 'evil')")],
    ['a zip entry with ..', 'evil.zip', zip("z.writestr('../evil', 'x')")],
    ['an absolute zip entry', 'evil.zip', zip("z.writestr('/tmp/evil-of-a-test', 'x')")],
    ['a zip link to outside', 'evil.zip', zip("link('l', '/etc')")],
    ['a zip entry below a link', 'evil.zip', zip("link('l', 'a'); z.writestr('l/evil', 'x')")],
    ['what is no zip', 'evil.zip', "open('evil.zip', 'w').write('x' * 100)"],
    ['what is no tar', 'evil.tar', "open('evil.tar', 'w').write('x' * 1024)"],
    [
      'a tar that is cut off',
      'evil.tar',
      `${tar("add('good', data=b'x' * 5000)")}\nopen('evil.tar', 'r+').truncate(2000)`,
    ],
  ];
  it.each(evil)('refuses %s and unpacks nothing of it', async (_what, name, code) => {
    forge(code);
    const task = fetched({ value: `${base}/${name}` });
    expect((await task.end()).message).toContain(`Failed to fetch '${base}/${name}': cannot extract it: `);
    expect((await readdir(bench.runner.sandbox(`fetch.${count}`) ?? '')).sort()).toEqual([name, 'stderr', 'stdout']);
  });

  it('refuses to write through a link that an earlier archive has brought', async () => {
    forge(tar("add('l', tarfile.SYMTYPE, 'dir'); add('dir', tarfile.DIRTYPE)"));
    make('mv', 'evil.tar', 'first.tar');
    forge(tar("add('l/evil')"));
    const task = fetched({ value: `${base}/first.tar` }, { value: `${base}/evil.tar` });
    expect((await task.end()).message).toContain("the entry 'l/evil' would be written through a link");
  });
});
