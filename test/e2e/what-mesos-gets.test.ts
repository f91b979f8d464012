/** What reaches Mesos from apps of every kind, and what becomes of what Mesos tells about them: real programs, real processes. */
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createParser } from 'eventsource-parser';
import { describe, expect, it } from 'vitest';
import type { TaskInfo } from '../../src/core/mesos/types.ts';
import { eventually } from '../support/eventually.ts';
import { recordCalls, type SentCall } from '../support/mesos-calls.ts';
import { mistakesInText } from '../support/mesos-proto/check.ts';
import { inPlayground, type Playground } from '../support/processes.ts';
import { startRelay } from '../support/relay.ts';
import { restClient } from '../support/rest-client.ts';
import { startCluster, startServer, taskPorts } from '../support/stack.ts';

const small = { cpus: 0.1, mem: 32, backoffSeconds: 600 };

/** A program that listens on its port, which is what makes its checks succeed. */
const listener = `
const { createServer } = require('node:http');
createServer((_, response) => response.end('ok')).listen(Number(process.env.PORT0), process.env.HOST);
`;

function apps(playground: Playground): readonly Record<string, unknown>[] {
  mkdirSync(playground.path('home'));
  const script = playground.path('listen.cjs');
  writeFileSync(script, listener);
  writeFileSync(playground.path('home/tool.sh'), '#!/bin/sh\necho fetched\n');
  chmodSync(playground.path('home/tool.sh'), 0o644);
  const listen = `exec '${process.execPath}' '${script}'`;
  const often = {
    gracePeriodSeconds: 30,
    intervalSeconds: 1,
    timeoutSeconds: 2,
    maxConsecutiveFailures: 3,
    delaySeconds: 0,
  };
  return [
    {
      id: '/full/http',
      ...small,
      mem: 64,
      cmd: `./in/renamed.sh && ${listen}`,
      env: { PLAIN: 'ü "quoted" $x', EMPTY: '' },
      labels: { tier: 'front', HAPROXY_GROUP: 'external' },
      fetch: [
        {
          uri: playground.path('home/tool.sh'),
          executable: true,
          extract: false,
          cache: false,
          destPath: 'in/renamed.sh',
        },
      ],
      taskKillGracePeriodSeconds: 7,
      portDefinitions: [{ port: 0, protocol: 'tcp', name: 'web', labels: { VIP_0: '/web:80' } }],
      healthChecks: [{ ...often, protocol: 'MESOS_HTTP', path: '/ping', portIndex: 0 }],
      check: { http: { portIndex: 0, path: '/' }, intervalSeconds: 1, timeoutSeconds: 2, delaySeconds: 0 },
    },
    {
      id: '/tcp',
      ...small,
      mem: 64,
      cmd: listen,
      portDefinitions: [{ port: 0 }],
      healthChecks: [{ ...often, protocol: 'MESOS_TCP', portIndex: 0 }],
    },
    {
      id: '/command',
      ...small,
      cmd: 'sleep 1000',
      healthChecks: [{ ...often, protocol: 'COMMAND', command: { value: 'test "$MARATHON_APP_ID" = /command' } }],
    },
    {
      id: '/args',
      ...small,
      args: ['sleep', '1000'],
      check: { exec: { command: { argv: ['false'] } }, intervalSeconds: 1, timeoutSeconds: 1, delaySeconds: 0 },
    },
    {
      id: '/volume',
      ...small,
      cmd: 'sleep 1000',
      container: { type: 'MESOS', volumes: [{ containerPath: 'data', hostPath: playground.path('home'), mode: 'RO' }] },
    },
    {
      id: '/docker',
      ...small,
      container: {
        type: 'DOCKER',
        docker: { image: 'none/such', parameters: [{ key: 'hostname', value: 'h' }] },
        portMappings: [{ containerPort: 80, hostPort: 0, name: 'web' }],
      },
      networks: [{ mode: 'container/bridge' }],
      healthChecks: [{ ...often, protocol: 'MESOS_HTTPS', portIndex: 0 }],
    },
    { id: '/executor', ...small, cmd: 'serve', executor: '/opt/executor' },
  ];
}

const launched = (calls: readonly SentCall[]): ReadonlyMap<string, TaskInfo> =>
  new Map(
    calls
      .flatMap(
        ({ body }) => (body['accept'] as { operations?: { launch: { task_infos: TaskInfo[] } }[] })?.operations ?? [],
      )
      .flatMap(({ launch }) => launch.task_infos)
      .map((task) => [`/${task.name.split('.').reverse().join('/')}`, task]),
  );

describe('what Mesos gets', () => {
  it('of apps of every kind is as its protocol defines it, and what it tells of them is used', async () => {
    await inPlayground(async (playground) => {
      const definitions = apps(playground);
      const cluster = await startCluster(playground, ['--resources', `cpus:8;mem:4096;disk:4096;${taskPorts()}`]);
      const relay = await startRelay(cluster.address);
      const calls = recordCalls(relay);
      const { rest } = await startServer(playground, relay.address, ['--enable_features', 'task_killing']);
      for (const app of definitions) await rest.must('POST', '/v2/apps', app);
      for (const id of ['/full/http', '/tcp', '/command', '/args', '/volume']) await rest.running(id, 1, 60_000);
      await eventually('all were launched', () => launched(calls).size === definitions.length, 30_000);
      for (const id of ['/full/http', '/tcp', '/command'])
        await eventually(`${id} is healthy`, async () => (await rest.app(id)).tasksHealthy === 1, 60_000);

      const infos = launched(calls);
      expect(infos.get('/full/http')).toMatchObject({
        kill_policy: { grace_period: { nanoseconds: 7e9 } },
        labels: {
          labels: [
            { key: 'tier', value: 'front' },
            { key: 'HAPROXY_GROUP', value: 'external' },
          ],
        },
        discovery: { visibility: 'FRAMEWORK', name: 'http.full', ports: { ports: [{ name: 'web', protocol: 'tcp' }] } },
        command: { uris: [{ executable: true, extract: false, cache: false, output_file: 'in/renamed.sh' }] },
        health_check: {
          type: 'HTTP',
          http: { scheme: 'http', path: '/ping' },
          grace_period_seconds: 30,
          consecutive_failures: 3,
        },
        check: { type: 'HTTP', http: { path: '/' }, interval_seconds: 1 },
      });
      expect(infos.get('/executor')).not.toHaveProperty('command');
      expect(infos.get('/docker')?.container).toMatchObject({ type: 'DOCKER', docker: { network: 'BRIDGE' } });
      // As the operator of the master sees it.
      const master = restClient(`http://${cluster.address}`);
      const operator = (await master.must('POST', '/api/v1', { type: 'GET_TASKS' })).json() as {
        get_tasks: {
          tasks: { task_id: { value: string }; health_check?: object; discovery?: object; labels?: object }[];
        };
      };
      const [task] = await rest.tasks('/full/http');
      const seen = operator.get_tasks.tasks.find(({ task_id: id }) => id.value === task?.id);
      const sent = infos.get('/full/http');
      expect([seen?.health_check, seen?.discovery, seen?.labels]).toEqual([
        sent?.health_check,
        sent?.discovery,
        sent?.labels,
      ]);

      // Results of checks are used: the agent's exit code, and the status.
      const checked = async (id: string) =>
        ((await rest.tasks(id))[0] as unknown as { checkResult?: object }).checkResult;
      await eventually(
        'the check of /args is told',
        async () => JSON.stringify(await checked('/args'))?.includes('1'),
        30_000,
      );
      await eventually(
        'the check of /full/http is told',
        async () => JSON.stringify(await checked('/full/http'))?.includes('200'),
        30_000,
      );

      // Kills, and a change of everything, make the other calls.
      await rest.must('DELETE', '/v2/apps/tcp/tasks');
      await rest.must('DELETE', '/v2/apps/docker?force=true');
      await rest.must('DELETE', '/v2/apps/executor?force=true');
      await eventually('a KILL was sent', () => calls.some(({ body }) => body.type === 'KILL'));
      const types = new Set(calls.map(({ body }) => body.type));
      for (const type of ['SUBSCRIBE', 'ACCEPT', 'ACKNOWLEDGE', 'KILL']) expect(types).toContain(type);
      for (const { text, body } of calls) expect([body.type, mistakesInText(text)]).toEqual([body.type, []]);
      master.close();
      rest.close();
      await relay.close();
    });
  });

  it('a task that Mesos kills for its health is seen to be ill, told of, and replaced', async () => {
    await inPlayground(async (playground) => {
      const well = playground.path('well');
      writeFileSync(well, '');
      const cluster = await startCluster(playground);
      const { rest, url } = await startServer(playground, cluster.address);
      const seen: {
        readonly eventType: string;
        readonly alive?: boolean;
        readonly taskStatus?: string;
        readonly taskId?: string;
      }[] = [];
      const stop = new AbortController();
      const events = await fetch(`${url}/v2/events`, { headers: { accept: 'text/event-stream' }, signal: stop.signal });
      const parser = createParser({ onEvent: ({ data }) => seen.push(JSON.parse(data)) });
      const reading = (async () => {
        for await (const chunk of events.body ?? []) parser.feed(Buffer.from(chunk).toString());
      })().catch(() => {});
      const check = {
        protocol: 'COMMAND',
        command: { value: `test -e '${well}'` },
        gracePeriodSeconds: 0,
        delaySeconds: 0,
      };
      await rest.must('POST', '/v2/apps', {
        id: '/ill',
        cmd: 'sleep 1000',
        ...small,
        backoffSeconds: 0,
        healthChecks: [{ ...check, intervalSeconds: 1, timeoutSeconds: 5, maxConsecutiveFailures: 2 }],
      });
      const [first] = await rest.running('/ill', 1, 60_000);
      await eventually('it is healthy', async () => (await rest.app('/ill')).tasksHealthy === 1, 30_000);
      renameSync(well, `${well}.away`);
      const killed = () => seen.find(({ taskStatus, taskId }) => taskStatus === 'TASK_KILLED' && taskId === first?.id);
      await eventually('Mesos kills it', killed, 60_000);
      renameSync(`${well}.away`, well);
      await eventually(
        'another one is healthy',
        async () => {
          const tasks = await rest.tasks('/ill');
          return tasks.length === 1 && tasks[0]?.id !== first?.id && (await rest.app('/ill')).tasksHealthy === 1;
        },
        60_000,
      );
      const flips = seen.flatMap(({ eventType, alive }) =>
        eventType === 'health_status_changed_event' ? [alive] : [],
      );
      expect(flips.slice(0, 2)).toEqual([true, false]);
      expect(seen.some(({ eventType }) => eventType === 'failed_health_check_event')).toBe(true);
      expect(seen.some(({ eventType }) => eventType === 'instance_health_changed_event')).toBe(true);
      // It is Mesos that killed it, not this server.
      expect(seen.some(({ eventType }) => eventType === 'unhealthy_instance_kill_event')).toBe(false);
      stop.abort();
      await reading;
      rest.close();
    });
  });
});
