/** The command as users start it, in processes of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseFlags } from '../../src/local-mesos/flags.ts';
import { frameworkInfo, MesosClient, send, taskFor } from '../support/mesos-client.ts';
import { workDir } from './cluster-fixture.ts';

const entry = resolve(import.meta.dirname, '../../src/local-mesos/main.ts');
const code = `import(${JSON.stringify(entry)}).then(async (m) => { process.exitCode = await m.runLocalMesos(process.argv.slice(1)); })`;

const started: ChildProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Whether a process runs; one that is dead and only waits to be reaped by the system's first process does not. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

class Command {
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown>;
  out = '';
  err = '';

  constructor(...flags: readonly string[]) {
    this.child = spawn(process.execPath, ['--import', 'tsx', '-e', code, '--', ...flags], { stdio: 'pipe' });
    started.push(this.child);
    this.#closed = once(this.child, 'close');
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.out += chunk.toString();
    });
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.err += chunk.toString();
    });
  }

  /** The URL it prints when it is ready. */
  async url(): Promise<string> {
    for (;;) {
      const url = /http:\/\/\S+/.exec(this.out)?.[0];
      if (url !== undefined) return url;
      await Promise.race([
        once(this.child.stdout!, 'data'),
        this.#closed.then(() => Promise.reject(new Error(this.err))),
      ]);
    }
  }

  async exitCode(): Promise<number | null> {
    await this.#closed;
    return this.child.exitCode;
  }
}

describe('ultramarathon local-mesos', () => {
  it('prints one line with its URL, runs a real process and ends it with itself on SIGTERM', async () => {
    const dir = await workDir();
    const command = new Command('--port', '0', '--agents', '2', '--work-dir', dir, '--attributes=rack:{n}');
    const url = await command.url();
    expect(command.out).toBe(`Local Mesos cluster with 2 agents at ${url}\n`);
    const scheduler = new MesosClient(url);
    await scheduler.connect();
    const [offer] = await scheduler.nextOffers();
    const task = taskFor(offer!, 'real.1', { command: { shell: true, value: 'echo $HOME; exec sleep 1000' } });
    await scheduler.launch([offer!], [task]);
    const starting = await scheduler.nextStatus('real.1');
    expect(starting.state).toBe('TASK_STARTING');
    await scheduler.acknowledge(starting);
    const running = await scheduler.nextStatus('real.1');
    expect(running.state).toBe('TASK_RUNNING');
    const pid = running.container_status!['executor_pid'] as number;
    expect(isAlive(pid)).toBe(true);
    command.child.kill('SIGTERM');
    expect(await command.exitCode()).toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(await scheduler.ended).toBe('broken');
  });

  it('that was killed leaves processes behind, which the next start on the directory ends', async () => {
    const dir = await workDir();
    const first = new Command('--port', '0', '--agents', '1', '--work_dir', dir);
    const scheduler = new MesosClient(await first.url());
    await scheduler.connect();
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, 'stray.1')]);
    const pid = (await scheduler.nextStatus('stray.1')).container_status!['executor_pid'] as number;
    first.child.kill('SIGKILL');
    await first.exitCode();
    expect(isAlive(pid)).toBe(true);
    const second = new Command('--port', '0', '--agents', '1', '--work_dir', dir);
    const again = new MesosClient(await second.url());
    expect(isAlive(pid)).toBe(false);
    await again.connect(frameworkInfo({ id: { value: scheduler.frameworkId } }));
    await again.reconcile({ taskId: 'stray.1', agentId: offer!.agent_id.value });
    expect((await again.nextStatus('stray.1')).state).toBe('TASK_GONE');
    again.close();
  });

  it('refuses a second process on the same directory, and starts after the first was killed', async () => {
    const dir = await workDir();
    const first = new Command('--simulate', '--port=0', '--work_dir', dir);
    await first.url();
    const second = new Command('--simulate', '--port=0', '--work_dir', dir);
    expect(await second.exitCode()).toBe(2);
    expect(second.err).toBe(`local-mesos: another local cluster is running on ${dir}\n`);
    first.child.kill('SIGKILL');
    await first.exitCode();
    const third = new Command('--simulate', '--port=0', '--work_dir', dir);
    expect((await send(`${await third.url()}/health`)).status).toBe(200);
  });

  it('ends with code 2 and one line when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const command = new Command('--simulate', '--port', String(port), '--work_dir', await workDir());
    expect(await command.exitCode()).toBe(2);
    expect(command.err).toBe(`local-mesos: port ${port} on 127.0.0.1 is taken\n`);
    other.close();
  });

  it('ends with code 2 and one line when a flag or its value is wrong, and with 0 after --help', async () => {
    const wrong = new Command('--agents', 'many');
    const help = new Command('--help');
    expect(await wrong.exitCode()).toBe(2);
    expect(wrong.err).toBe('local-mesos: --agents: "many" is not a whole number from 0 to 65000\n');
    expect(await help.exitCode()).toBe(0);
    for (const flag of ['port', 'host', 'agents', 'attributes', 'resources', 'work_dir', 'simulate']) {
      expect(help.out).toContain(`--${flag}`);
    }
  });
});

describe('the flags', () => {
  it('may be written with dashes or underscores, with = or a blank', () => {
    const spellings = [['--work_dir', 'd'], ['--work-dir', 'd'], ['--work_dir=d'], ['--work-dir=d']];
    for (const argv of spellings)
      expect(parseFlags(argv)).toMatchObject({ ok: true, value: { workDir: 'd', port: 5050 } });
    expect(parseFlags(['--simulate', '--resources', 'cpus:1;mem:2'])).toMatchObject({
      ok: true,
      value: { simulate: true, resources: 'cpus:1;mem:2' },
    });
    expect(parseFlags(['--heartbeat_interval', '2secs', '--domains', 'a/{n}', '--master_domain=a/1'])).toMatchObject({
      ok: true,
      value: { heartbeatSeconds: 2, domains: 'a/{n}', masterDomain: 'a/1', recover: undefined },
    });
    expect(parseFlags(['--recover', '--zk', 'zk://h:1/m', '--zk-session-timeout=3'])).toMatchObject({
      ok: true,
      value: { recover: true, zk: 'zk://h:1/m', zkSessionTimeoutSeconds: 3 },
    });
  });

  for (const argv of [
    ['--nope'],
    ['--port'],
    ['--port', '70000'],
    ['--port', '1.5'],
    ['x'],
    ['--simulate=no'],
    ['--offer_timeout', '0'],
    ['--heartbeat_interval', 'x'],
  ]) {
    it(`are refused with one line for: ${argv.join(' ')}`, () => {
      const parsed = parseFlags(argv);
      expect(parsed.ok ? '' : parsed.error).toMatch(/^.+$/);
    });
  }
});
