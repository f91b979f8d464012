import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serverFlags } from '../../src/config/server-flags.ts';
import { createPlayground, inPlayground, type Playground, type ProgramOptions, root } from '../support/processes.ts';
import { startAll, startCluster, startServer } from '../support/stack.ts';

interface Refused {
  readonly words: readonly string[];
  /** What the line must name. */
  readonly says: RegExp;
  readonly env?: Readonly<Record<string, string>>;
}

const master = ['--master', '127.0.0.1:5050'];

const refused: readonly Refused[] = [
  { words: [], says: /which command/ },
  { words: ['serve'], says: /unknown command: serve/ },
  { words: ['--master', 'x'], says: /unknown command/ },
  { words: ['server'], says: /--master/ },
  { words: ['server', ...master, '--htp_port', '1'], says: /--htp_port.*did you mean --http_port/ },
  { words: ['start', '--agent', '1'], says: /--agent.*did you mean --agents/ },
  { words: ['local-mesos', '--agnets', '1'], says: /--agnets/ },
  { words: ['server', ...master, 'extra'], says: /extra/ },
  { words: ['server', ...master, '--http_port'], says: /--http_port needs a value/ },
  { words: ['server', ...master, '--http_port', 'many'], says: /--http_port.*many/ },
  { words: ['server', ...master, '--http-port=-1'], says: /http_port.*-1/ },
  { words: ['server', ...master, '--http_port', '65536'], says: /http_port.*65536/ },
  { words: ['server', ...master, '--logging_level', 'loud'], says: /loud/ },
  { words: ['server', ...master, '--disable_http=perhaps'], says: /perhaps/ },
  { words: ['server', '--master', 'not a master'], says: /--master/ },
  { words: ['server', ...master, '--zk', 'zk://h1:2181/m', '--data_dir', 'd'], says: /--zk.*--data_dir/ },
  { words: ['server', ...master, '--disable_http'], says: /--disable_http/ },
  { words: ['server', ...master, '--ssl_cert_file', 'missing.pem'], says: /--ssl_key_file/ },
  {
    words: ['server', ...master, '--ssl_cert_file', 'missing.pem', '--ssl_key_file', 'missing.pem'],
    says: /missing\.pem/,
  },
  { words: ['server', ...master, '--http_credentials', 'nobody'], says: /--http_credentials must be user:password/ },
  { words: ['server', ...master, '--local_port_min', '9', '--local_port_max', '8'], says: /--local_port_min/ },
  { words: ['server', ...master, '--enable_features', 'magic'], says: /magic/ },
  {
    words: ['server', ...master, '--http_port', '0'],
    env: { MARATHON_HTTP_PORT: '1' },
    says: /http_port is given twice/,
  },
  { words: ['server', ...master], env: { MARATHON_HTTP_PORT: 'many' }, says: /MARATHON_HTTP_PORT.*many/ },
  { words: ['start', '--agents', '0'], says: /--agents/ },
  { words: ['start', '--master', 'h:1'], says: /--master/ },
  { words: ['start', '--resources', 'cpus:lots'], says: /cpus:lots|resources/ },
  { words: ['local-mesos', '--port', '65536'], says: /--port/ },
  { words: ['local-mesos', '--resources', 'cpus:lots'], says: /cpus:lots|resources/ },
  { words: ['local-mesos', '--work_dir', 'a-file/below'], says: /a-file/ },
  { words: ['server', ...master, '--data_dir', 'a-file'], says: /a-file/ },
  { words: ['start', '--mesos_port', '0', '--data_dir', 'a-file'], says: /a-file/ },
  // A place that exists and takes no directories.
  { words: ['server', ...master, '--data_dir', '/proc/nowhere'], says: /\/proc\/nowhere/ },
  { words: ['start', '--mesos_port', '0', '--data_dir', '/proc/nowhere'], says: /\/proc\/nowhere/ },
  { words: ['local-mesos', '--port', '0', '--work_dir', '/proc/nowhere'], says: /\/proc\/nowhere/ },
  { words: ['server', ...master, '--zk', 'zk://127.0.0.1:1'], says: /--zk: it needs a path/ },
];

/** Runs to the end: exit code 2, nothing on standard output, one line on standard error. */
async function expectRefusal(
  playground: Playground,
  words: readonly string[],
  says: RegExp,
  options: ProgramOptions = {},
): Promise<void> {
  const program = playground.run(words, options);
  const exit = await program.exited;
  const said = { exit, stdout: program.stdout(), stderr: program.stderr() };
  expect(said, words.join(' ')).toEqual({
    exit: { code: 2, signal: null },
    stdout: '',
    stderr: expect.stringMatching(/^[^\n]+\n$/),
  });
  expect(program.stderr()).toMatch(says);
}

describe('the command line', () => {
  it('refuses what is wrong with one line and exit code 2', async () => {
    const playground = createPlayground();
    try {
      writeFileSync(playground.path('a-file'), '');
      const waiting = [...refused];
      const worker = async (): Promise<void> => {
        for (let one = waiting.shift(); one; one = waiting.shift()) {
          await expectRefusal(playground, one.words, one.says, one.env ? { env: one.env } : {});
        }
      };
      await Promise.all([worker(), worker(), worker()]);
    } finally {
      await playground.close();
    }
  });

  it('does not show a secret that it refuses', async () => {
    await inPlayground(async (playground) => {
      const program = playground.run(['server', ...master, '--http_credentials', 'hunter2']);
      await program.exited;
      expect(program.stderr()).not.toContain('hunter2');
    });
  });

  it('names the flags of every command for --help and exits with 0', async () => {
    await inPlayground(async (playground) => {
      const shown = async (words: readonly string[]): Promise<string> => {
        const program = playground.run(words);
        expect(await program.exited, words.join(' ')).toEqual({ code: 0, signal: null });
        expect(program.stderr()).toBe('');
        return program.stdout();
      };
      const [general, server, start, mesos] = await Promise.all([
        shown(['--help']),
        shown(['server', '--help']),
        shown(['start', '--http_port', 'nonsense', '--help']),
        shown(['local-mesos', '--help']),
      ]);
      for (const command of ['start', 'server', 'local-mesos']) expect(general).toContain(command);
      for (const { name } of serverFlags) expect(server).toContain(`--${name}`);
      for (const name of ['agents', 'mesos_port', 'data_dir', 'http_port']) expect(start).toContain(`--${name}`);
      for (const name of ['port', 'agents', 'attributes', 'resources', 'work_dir', 'simulate']) {
        expect(mesos).toContain(`--${name}`);
      }
    });
  });

  it('works through bin/ultramarathon.js from any directory', async () => {
    await inPlayground(async (playground) => {
      const program = playground.run(['--help'], { program: join(root, 'bin', 'ultramarathon.js') });
      expect(await program.exited).toEqual({ code: 0, signal: null });
      expect(program.stdout()).toContain('local-mesos');
    });
  });

  it('takes flags with hyphens, environment variables and old flags, and warns of what it ignores', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--agents=1']);
      const { program, rest } = await startServer(
        playground,
        cluster.address,
        ['--framework-name', 'hyphens', '--zk_timeout', '10000', '--disable_checkpoint'],
        { env: { MARATHON_FAILOVER_TIMEOUT: '1234', MARATHON_HTTP_PRT: '1' } },
      );
      const info = (await rest.must('GET', '/v2/info')).json();
      expect(info).toMatchObject({
        marathon_config: { framework_name: 'hyphens', failover_timeout: 1234, checkpoint: false },
      });
      expect(program.stderr()).toMatch(/warning: --zk_timeout has no meaning here/);
      expect(program.stderr()).toMatch(/warning: MARATHON_HTTP_PRT .*did you mean --http_port/);
      rest.close();
    });
  });

  it('refuses a taken port and a directory in use, and leaves nothing behind', async () => {
    await inPlayground(async (playground) => {
      const taken = createServer();
      const port = await new Promise<string>((resolve) => {
        taken.listen(0, '127.0.0.1', () => resolve(String((taken.address() as { port: number }).port)));
      });
      const running = await startAll(playground);
      const free = ['--http_port', '0', '--mesos_port', '0'];
      const other = ['--data_dir', playground.path('other')];
      await expectRefusal(playground, ['server', ...master, ...other, '--http_port', port], new RegExp(port));
      await expectRefusal(playground, ['start', '--mesos_port', port, ...other, '--http_port', '0'], new RegExp(port));
      await expectRefusal(playground, ['start', '--http_port', port, ...other, '--mesos_port', '0'], new RegExp(port));
      await expectRefusal(playground, ['local-mesos', '--port', port, '--work_dir', 'third'], new RegExp(port));
      const data = playground.path('data');
      await expectRefusal(playground, ['start', ...free, '--data_dir', data], /data/);
      await expectRefusal(playground, ['server', ...master, '--http_port', '0', '--data_dir', data], /data/);
      await expectRefusal(playground, ['local-mesos', '--port', '0', '--work_dir', join(data, 'mesos')], /mesos/);
      // What was refused holds nothing: the same directory serves the next one.
      const late = playground.run(['server', '--master', running.cluster, '--http_port', '0', ...other]);
      await late.says(/^Ultramarathon at /);
      running.rest.close();
      taken.close();
    });
  });

  it('prints the addresses of API, page and cluster, and all of them answer', async () => {
    await inPlayground(async (playground) => {
      const { program, rest } = await startAll(playground);
      const urls = [...program.stdout().matchAll(/http:\/\/127\.0\.0\.1:\d+\S*/g)].map(([url]) => url);
      expect(urls).toHaveLength(3);
      for (const url of urls) {
        const path = /:\d+$/.test(url) ? '/state' : '';
        expect((await fetch(url + path)).status, url).toBe(200);
      }
      expect(program.stdout()).toContain(playground.path('data'));
      rest.close();
    });
  });
});
