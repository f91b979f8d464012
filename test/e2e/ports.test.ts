/** The ports that the other tests rely on: nobody gets what somebody else has. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type PortRange, portsOf, takePorts, windowSize } from '../support/ports.ts';
import { createPlayground, type Playground, root } from '../support/processes.ts';

let playground: Playground;
afterEach(() => playground.close());

interface Taker {
  readonly ports: readonly number[];
  readonly kill: () => Promise<void>;
}

/** A range of one window that is ours anyway, written down in a folder of its own. */
function ownRange(name: string): PortRange {
  const first = takePorts(windowSize)[0] as number;
  return { folder: playground.path(name), first, end: first + windowSize };
}

/** Another process that takes so many ports, one after the other, and keeps them until it is killed. */
async function taker(range: PortRange, count: number): Promise<Taker> {
  const script = `
    const { portsOf } = await import(${JSON.stringify(new URL('../support/ports.ts', import.meta.url).href)});
    const take = portsOf(${JSON.stringify(range)});
    console.log(JSON.stringify(Array.from({ length: ${count} }, () => take(1)[0])));
    setInterval(() => {}, 1_000);
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(child.stdout, 'data');
  return {
    ports: JSON.parse(String(line)) as number[],
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('ports of tests', () => {
  it('belong to one process each, however many take them at the same time', async () => {
    playground = createPlayground();
    const range = { folder: playground.path('ports'), first: 20_000, end: 25_000 };
    const takers = await Promise.all([1, 2, 3, 4].map(() => taker(range, windowSize + 10)));
    const all = takers.flatMap(({ ports }) => ports);
    expect(all).toHaveLength(4 * (windowSize + 10));
    expect(new Set(all).size).toBe(all.length);
    for (const one of takers) await one.kill();
  });

  it('are free again once their process is gone, however it ended, and not before', async () => {
    playground = createPlayground();
    const range = ownRange('ports');
    const other = await taker(range, 1);
    expect(() => portsOf(range)(1)).toThrow(`all ports from ${range.first} to ${range.end} are taken`);
    await other.kill();
    expect(portsOf(range)(2)).toEqual([range.first, range.first + 1]);
  });

  it('are not those that anybody else listens on', async () => {
    playground = createPlayground();
    const range = ownRange('ports');
    const server = createServer().listen(range.end - 1, '127.0.0.1');
    await once(server, 'listening');
    expect(() => portsOf(range)(1)).toThrow(/are taken/);
    await new Promise((resolve) => server.close(resolve));
    expect(portsOf(range)(1)).toEqual([range.first]);
  });
});
