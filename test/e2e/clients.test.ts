/** Clients that others wrote for Marathon, against the real program. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { takePort } from '../support/ports.ts';
import { inPlayground } from '../support/processes.ts';
import { startAll } from '../support/stack.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./clients/marathon_client.py', import.meta.url));
/** Debian's packages are seen by Debian's interpreter alone. */
const python = '/usr/bin/python3';
const pythonPackage = '/usr/lib/python3/dist-packages/marathon/client.py';
/** For the whole script, on a busy machine. */
const scriptTimeoutMs = 280_000;

interface EventBusClient {
  readonly on: (event: string, listener: (name: string) => void) => void;
  readonly subscribe: () => void;
  readonly unsubscribe: () => void;
  readonly es: { readonly close: () => void };
}

describe('Clients of others', () => {
  it.skipIf(!existsSync(pythonPackage))(
    'python3-marathon: apps, tasks, versions, queue, deployments, groups, info, events',
    async () => {
      await inPlayground(async (playground) => {
        const { url } = await startAll(playground);
        const { stdout } = await run(python, [script, url], { timeout: scriptTimeoutMs });
        expect(stdout).toMatch(/^done \d+/m);
      });
    },
  );

  it('marathon-event-bus-client: hears of a deployment by the names of its events', async () => {
    const Client = createRequire(import.meta.url)('marathon-event-bus-client') as new (
      options: object,
    ) => EventBusClient;
    await inPlayground(async (playground) => {
      const { url, rest } = await startAll(playground);
      const { hostname, port } = new URL(url);
      const heard: string[] = [];
      const types = ['deployment_info', 'deployment_success', 'status_update_event', 'group_change_success'];
      const handlers = Object.fromEntries(types.map((type) => [type, (name: string) => heard.push(name)]));
      const client = new Client({ marathonHost: hostname, marathonPort: port, eventTypes: types, handlers });
      let isOpen = false;
      client.on('subscribed', () => {
        isOpen = true;
      });
      try {
        client.subscribe();
        await eventually('an open stream', () => isOpen);
        await rest.ask('POST', '/v2/apps', { id: '/a', cmd: 'sleep 1000', cpus: 0.1, mem: 32 });
        await eventually('the end of the deployment', () => heard.includes('deployment_success'));
        expect(new Set(heard)).toEqual(new Set(types));
      } finally {
        client.es.close();
      }
    });
  });

  it.skipIf(!existsSync('/usr/bin/prometheus'))(
    'Prometheus finds every task with its ports, labels and image',
    async () => {
      await inPlayground(async (playground) => {
        const { url, rest } = await startAll(playground);
        const apps = [
          {
            id: '/prod/web',
            cmd: 'sleep 1000',
            cpus: 0.1,
            mem: 32,
            instances: 2,
            labels: { team: 'x' },
            ports: [0, 0],
          },
          { id: '/bare', cmd: 'sleep 1000', cpus: 0.1, mem: 32, ports: [] },
        ];
        await rest.ask('PUT', '/v2/apps', apps);
        const port = takePort();
        const config = playground.path('prometheus.yml');
        writeFileSync(
          config,
          `scrape_configs:\n- job_name: tasks\n  scrape_interval: 1h\n  marathon_sd_configs:\n  - servers: ['${url}']\n    refresh_interval: 1s\n`,
        );
        const flags = [`--storage.tsdb.path=${playground.path('tsdb')}`, `--web.listen-address=127.0.0.1:${port}`];
        const prometheus = spawn('prometheus', [`--config.file=${config}`, ...flags], { stdio: 'ignore' });
        const ended = once(prometheus, 'exit');
        try {
          const found = await eventually(
            'four targets',
            async () => {
              const targets = await targetsOf(port);
              return targets.filter((one) => one['__meta_marathon_app'] === '/prod/web').length === 4 && targets;
            },
            60_000,
          );
          check(found);
        } finally {
          prometheus.kill('SIGKILL');
          await ended;
        }
      });
    },
  );
});

function check(found: readonly Labels[]): void {
  const web = found.filter((one) => one['__meta_marathon_app'] === '/prod/web');
  expect(new Set(web.map((one) => one['__meta_marathon_task'])).size).toBe(2);
  expect(new Set(web.map((one) => one['__meta_marathon_port_index']))).toEqual(new Set(['0', '1']));
  expect(new Set(web.map((one) => one['__address__'])).size).toBe(4);
  expect(web.every((one) => one['__meta_marathon_app_label_team'] === 'x')).toBe(true);
}

type Labels = Readonly<Record<string, string>>;

async function targetsOf(port: number): Promise<readonly Labels[]> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/targets?state=active`);
  const body = (await response.json()) as { data: { activeTargets: { discoveredLabels: Labels }[] } };
  return body.data.activeTargets.map((one) => one.discoveredLabels);
}
