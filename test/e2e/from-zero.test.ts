import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inPlayground, killIfThere, root } from '../support/processes.ts';
import { restClient } from '../support/rest-client.ts';
import { isLong } from '../support/stack.ts';

/** Copies what a clone of the present state would hold. */
function cloneTo(target: string): void {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const path of listed.stdout.toString().split('\0')) {
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(root, path), join(target, path));
  }
}

/** A small checkout whose build takes no time: the real scripts, one source file. */
function tinyCheckout(target: string): void {
  for (const name of ['scripts', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json', 'bin']) {
    cpSync(join(root, name), join(target, name), { recursive: true });
  }
  mkdirSync(join(target, 'src'));
  writeFileSync(join(target, 'src', 'main.ts'), "process.stdout.write('first\\n');\n");
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'));
}

/** Imports a script of that checkout and evaluates an expression with its exports as `m`. */
function evaluate(
  checkout: string,
  expression: string,
  env: Readonly<Record<string, string>> = {},
): { status: number | null; stdout: string; stderr: string } {
  const url = pathToFileURL(join(checkout, 'scripts', 'prepare.mjs')).href;
  const script = `const m = await import(${JSON.stringify(url)}); ${expression};`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

const runBin = (checkout: string): string =>
  spawnSync(process.execPath, [join(checkout, 'bin', 'ultramarathon.js')], { encoding: 'utf8' }).stdout;

/** As if it had been saved a minute from now: file systems tell times apart only so finely. */
function saveLater(file: string, text: string): void {
  writeFileSync(file, text);
  const later = new Date(Date.now() + 60_000);
  utimesSync(file, later, later);
}

describe('from zero', () => {
  it('builds what is missing or stale, and nothing that is fresh', async () => {
    await inPlayground(async ({ dir }) => {
      tinyCheckout(dir);
      const unbuilt = spawnSync(process.execPath, [join(dir, 'bin', 'ultramarathon.js')], { encoding: 'utf8' });
      expect(unbuilt.status).toBe(2);
      expect(unbuilt.stderr).toMatch(/^ultramarathon: not built yet[^\n]*\n$/);

      expect(evaluate(dir, 'm.ensureBuilt()').stdout).toMatch(/^Building … done/);
      expect(runBin(dir)).toBe('first\n');
      expect(evaluate(dir, 'm.ensureBuilt()').stdout).toBe('');

      saveLater(join(dir, 'src', 'main.ts'), "process.stdout.write('second\\n');\n");
      expect(evaluate(dir, 'm.ensureBuilt()').stdout).toMatch(/^Building … done/);
      expect(runBin(dir)).toBe('second\n');
    });
  });

  it('says what is wrong with a source that does not compile, and goes on complaining until it is mended', async () => {
    await inPlayground(async ({ dir }) => {
      tinyCheckout(dir);
      writeFileSync(join(dir, 'src', 'main.ts'), 'const n: number = "text";\n');
      for (let i = 0; i < 2; i++) {
        const failed = evaluate(dir, 'm.ensureBuilt()');
        expect(failed.status).toBe(2);
        expect(failed.stderr).toMatch(/main\.ts.*\n(.*\n)*ultramarathon: Building failed/);
      }
    });
  });

  it.each([
    ['18.20.4', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['22.0.0', true],
    ['24.1.0', true],
  ])('takes Node %s: %s', (version, isGood) => {
    const { status, stderr } = evaluate(root, `m.checkNode('${version}')`);
    expect(status).toBe(isGood ? 0 : 2);
    expect(stderr).toMatch(
      isGood ? /^$/ : new RegExp(`^ultramarathon: Node 20\\.19 or newer is needed, this is ${version}\\n$`),
    );
  });

  it('installs packages if package-lock.json has changed since, and only then', async () => {
    await inPlayground(async ({ dir }) => {
      // An npm that notes what it is asked to do: the real one would empty node_modules.
      const npm = join(dir, 'npm.mjs');
      writeFileSync(
        npm,
        `import { appendFileSync } from 'node:fs';\nappendFileSync(${JSON.stringify(join(dir, 'asked'))}, process.argv.slice(2).join(' ') + '\\n');\n`,
      );
      cpSync(join(root, 'scripts'), join(dir, 'scripts'), { recursive: true });
      mkdirSync(join(dir, 'node_modules'));
      const asked = (): string => (existsSync(join(dir, 'asked')) ? readFileSync(join(dir, 'asked'), 'utf8') : '');
      const install = () => evaluate(dir, 'm.ensureInstalled()', { npm_execpath: npm });
      writeFileSync(join(dir, 'package-lock.json'), '{}');
      expect(install().stdout).toMatch(/^Installing packages … done/);
      expect(asked()).toBe('ci --no-audit --no-fund\n');
      expect(install().stdout).toBe('');
      writeFileSync(join(dir, 'package-lock.json'), '{ }');
      expect(install().stdout).toMatch(/^Installing packages … done/);
      expect(asked().split('\n')).toHaveLength(3);
    });
  });

  it('does not install through a link, since that would empty the folder behind it', async () => {
    await inPlayground(async ({ dir }) => {
      cpSync(join(root, 'scripts'), join(dir, 'scripts'), { recursive: true });
      writeFileSync(join(dir, 'package-lock.json'), '{}');
      mkdirSync(join(dir, 'shared'));
      symlinkSync(join(dir, 'shared'), join(dir, 'node_modules'));
      const { status, stderr } = evaluate(dir, 'm.ensureInstalled()', { npm_execpath: join(dir, 'no-npm.mjs') });
      expect(status).toBe(2);
      expect(stderr).toMatch(/^ultramarathon: node_modules is a link[^\n]*\n$/);
    });
  });

  if (isLong) {
    it('a fresh clone is up by npm start alone, packages from the registry included', async () => {
      await inPlayground(async (playground) => {
        const checkout = playground.path('clone');
        cloneTo(checkout);
        const flags = ['--http_port', '0', '--mesos_port', '0', '--data_dir', playground.path('data')];
        // A group of its own, as in a terminal, where Ctrl-C reaches npm, its shell and the program alike.
        const child = spawn('npm', ['start', '--', ...flags], {
          cwd: checkout,
          env: { ...process.env, ULTRAMARATHON_E2E: playground.dir },
          stdio: ['ignore', 'pipe', 'ignore'],
          detached: true,
        });
        const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
        try {
          const rest = restClient(await firstUrl(child, ended));
          await rest.must('POST', '/v2/apps', { id: '/first', cmd: 'exec sleep 1000', cpus: 0.01, mem: 8 });
          await rest.running('/first', 1);
          rest.close();
        } finally {
          killIfThere(-(child.pid ?? 0), 'SIGINT');
        }
        await ended;
      });
    });
  }
});

/** The address that `npm start` prints; fails if it ends before. */
function firstUrl(child: ChildProcess, ended: Promise<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const match = /API\s+(\S+)\/v2\/apps\n/.exec(said);
      if (match) resolve(match[1] ?? '');
    });
    void ended.then((code) => reject(new Error(`npm start ended with ${code}: ${said}`)));
  });
}
