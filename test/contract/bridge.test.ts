/** What haproxy-marathon-bridge, which ran on every edge node in its time, makes of the task list as text (behaviour §11.2). */
import { describe, expect, it } from 'vitest';
import { testApi } from '../api/support/api-server.ts';
import { fakeApp, fakeInstance } from '../support/fake-front.ts';

/** The blocks that it would write: fields are split at white space, and lines without a number in the second one are passed over. */
function bridged(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [name, port, ...servers] = line.split(/\s+/).filter((field) => field !== '');
    if (name === undefined || !/^\d+$/.test(port ?? '')) return [];
    const numbered = servers.map((server, i) => `  server ${name}-${servers.length - i} ${server} check`);
    return [`listen ${name}-${port}`, ...numbered];
  });
}

async function textOf(servicePorts: readonly number[]): Promise<string> {
  const { server, front } = testApi();
  const app = { ...fakeApp('/a/b'), portDefinitions: servicePorts.map((port) => ({ port, protocol: 'tcp' as const })) };
  const on = (n: number, host: string, port: number) => {
    const instance = fakeInstance(app, n, 'Running', host);
    return { ...instance, tasks: instance.tasks.map((task) => ({ ...task, hostPorts: servicePorts.map(() => port) })) };
  };
  front.addApp(app, [on(1, 'h1', 31_000), on(2, 'h2', 31_001)]);
  return (await server.inject({ url: '/v2/tasks', headers: { accept: 'text/plain' } })).body;
}

describe('The bridge', () => {
  it('V123: listens on the service port and sends to every task', async () => {
    expect(bridged(await textOf([10_000]))).toEqual([
      'listen a_b-10000',
      '  server a_b-2 h1:31000 check',
      '  server a_b-1 h2:31001 check',
    ]);
  });

  it('V124: passes over an app without ports', async () => {
    const text = await textOf([]);
    expect(text).toBe('a_b\t \th1\th2\t\n');
    expect(bridged(text)).toEqual([]);
  });
});
