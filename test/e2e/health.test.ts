import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inPlayground, type Playground } from '../support/processes.ts';
import { type RestClient, restClient, type TaskBody } from '../support/rest-client.ts';
import { startCluster, startServer, taskPorts } from '../support/stack.ts';

/** A service that is healthy until a file names its task; then it answers 503, or with `TCP` no longer listens. */
const service = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { HOST, PORT0, KIND, SICK, STEP, MESOS_TASK_ID } = process.env;
const isSick = () => {
  try { return readFileSync(SICK, 'utf8').includes(MESOS_TASK_ID); } catch { return false; }
};
const server = createServer((request, response) => {
  response.statusCode = KIND !== 'TCP' && isSick() ? 503 : 200;
  response.end(STEP);
});
server.listen(Number(PORT0), HOST);
if (KIND === 'TCP') setInterval(() => { if (isSick() && server.listening) { server.close(); server.closeAllConnections(); } }, 50);
`;

interface Check {
  readonly id: string;
  readonly protocol: string;
  readonly command?: string;
}

const often = {
  gracePeriodSeconds: 20,
  delaySeconds: 0,
  intervalSeconds: 1,
  // A busy machine must not make anybody ill.
  timeoutSeconds: 10,
  maxConsecutiveFailures: 2,
};

function serviceApp(playground: Playground, { id, protocol, command }: Check, more: object = {}): object {
  const script = playground.path('service.mjs');
  writeFileSync(script, service);
  const check =
    command === undefined ? { protocol, path: '/', portIndex: 0 } : { protocol, command: { value: command } };
  if (protocol.endsWith('TCP')) delete (check as { path?: string }).path;
  return {
    id,
    cmd: `exec '${process.execPath}' '${script}'`,
    cpus: 0.1,
    mem: 64,
    backoffSeconds: 0,
    portDefinitions: [{ port: 0 }],
    env: { KIND: protocol, SICK: playground.path('sick'), STEP: 'first' },
    healthChecks: [{ ...often, ...check }],
    ...more,
  };
}

const isHealthy = (task: TaskBody): boolean =>
  task.state === 'TASK_RUNNING' && (task.healthCheckResults ?? []).some(({ alive }) => alive);

describe('health', () => {
  it('HTTP, TCP and COMMAND checks see services turn well and ill; who is ill is killed and replaced', async () => {
    await inPlayground(async (playground) => {
      const sick = playground.path('sick');
      const checks: readonly Check[] = [
        { id: '/http', protocol: 'HTTP' },
        { id: '/tcp', protocol: 'TCP' },
        { id: '/agent-http', protocol: 'MESOS_HTTP' },
        { id: '/command', protocol: 'COMMAND', command: `! grep -q "$MESOS_TASK_ID" '${sick}'` },
      ];
      const cluster = await startCluster(playground, ['--resources', taskPorts()]);
      const { rest, url } = await startServer(playground, cluster.address);
      const verdicts = await readVerdicts(url);
      for (const check of checks) await rest.must('POST', '/v2/apps', serviceApp(playground, check));
      const healthy = async (id: string): Promise<TaskBody> => {
        // With checks, a deployment is over when they succeed.
        const [task] = await rest.running(id, 1);
        const app = await rest.app(id);
        expect([id, app.tasksHealthy, app.tasksUnhealthy]).toEqual([id, 1, 0]);
        expect(isHealthy(task!), id).toBe(true);
        return task!;
      };

      const before = await Promise.all(checks.map(({ id }) => healthy(id)));

      writeFileSync(sick, before.map((task) => task.id).join('\n'));
      await Promise.all(
        checks.map(async ({ id }, i) => {
          const old = before[i]!.id;
          // Mesos itself decides about its own kind of check and may kill before it has told that the task is ill.
          if (id === '/http' || id === '/tcp') {
            await eventually(`${id} is seen to be ill`, () =>
              verdicts.seen.some(({ instanceId, alive }) => !alive && old.startsWith(`${instanceId}.`)),
            );
          }
          const fresh = await eventually(`${id} is replaced`, async () =>
            (await rest.tasks(id)).find((task) => task.id !== old && isHealthy(task)),
          );
          expect(fresh.id).not.toBe(old);
          await eventually(`the old task of ${id} is gone`, () => !playground.tasks().has(old));
        }),
      );
      await eventually('one process each', () => playground.tasks().size === checks.length);
      verdicts.close();
      rest.close();
    });
  });

  it('a rolling update under continuous requests never drops below the minimum', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--resources', taskPorts()]);
      const { rest } = await startServer(playground, cluster.address);
      const instances = 2;
      const more = { instances, upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0.5 } };
      await rest.must('POST', '/v2/apps', serviceApp(playground, { id: '/web', protocol: 'HTTP' }, more));
      await rest.running('/web', instances);

      const visitor = visit(rest, instances);
      const env = { KIND: 'HTTP', SICK: playground.path('sick'), STEP: 'second' };
      await rest.must('PUT', '/v2/apps/web', { env });
      await rest.idle();
      await rest.running('/web', instances);
      const { answers, least } = await visitor.end();
      expect(least).toBe(instances);
      expect([...answers].sort()).toEqual(['first', 'second']);
      const now = await rest.tasks('/web');
      for (const task of now) expect((await restClient(addressOf(task)).get('/')).text).toBe('second');
      rest.close();
    });
  });
});

interface Verdict {
  readonly instanceId: string;
  readonly alive: boolean;
}

/** Collects each change of a task's health: an ill task may be gone before anybody asks for it. */
async function readVerdicts(url: string): Promise<{ readonly seen: readonly Verdict[]; readonly close: () => void }> {
  const seen: Verdict[] = [];
  const stop = new AbortController();
  const headers = { accept: 'text/event-stream' };
  const path = '/v2/events?event_type=health_status_changed_event';
  const { status, body } = await fetch(url + path, { headers, signal: stop.signal });
  expect(status).toBe(200);
  const parser = createParser({
    onEvent: ({ event, data }) => event?.startsWith('health') && seen.push(JSON.parse(data)),
  });
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  };
  // It ends when it is closed; what it has missed then shows where it is looked for.
  void read().catch(() => {});
  return { seen, close: () => stop.abort() };
}

const addressOf = (task: TaskBody): string => `http://${task.host}:${task.ports[0]}`;

interface Visits {
  readonly rounds: number;
  readonly answers: ReadonlySet<string>;
  /** Fewest healthy tasks that were ever listed. */
  readonly least: number;
}

/**
 * Asks every task that is listed as healthy, round after round. One that does not answer was told to end a moment before and
 * leaves the list; whoever looks again finds at least `minimum` that do.
 */
function visit(rest: RestClient, minimum: number): { end: () => Promise<Visits> } {
  const answers = new Set<string>();
  let rounds = 0;
  let least = Number.POSITIVE_INFINITY;
  let isOver = false;
  const healthyOnes = async (): Promise<readonly TaskBody[]> => (await rest.tasks('/web')).filter(isHealthy);
  const ask = async (task: TaskBody): Promise<boolean> => {
    const client = restClient(addressOf(task));
    const answer = await client.get('/').catch(() => undefined);
    client.close();
    if (answer?.status === 200) answers.add(answer.text);
    return answer?.status === 200;
  };
  const round = async (): Promise<void> => {
    const listed = await healthyOnes();
    least = Math.min(least, listed.length);
    const isUp = await Promise.all(listed.map(ask));
    const up = isUp.filter((one) => one).length;
    expect(up, 'somebody always answers').toBeGreaterThan(0);
    if (up < minimum) {
      await eventually(`${minimum} answer whoever looks again`, async () => {
        const again = await Promise.all((await healthyOnes()).map(ask));
        return again.filter((one) => one).length >= minimum;
      });
    }
    const failed = listed.filter((_, i) => !isUp[i]).map((task) => task.id);
    await eventually(
      'who does not answer is not listed for ever',
      async () => !(await healthyOnes()).some((task) => failed.includes(task.id)),
    );
  };
  const running = (async () => {
    for (; !isOver; rounds++) {
      await round();
      await delay(5);
    }
  })();
  // Told when the caller asks for the outcome.
  running.catch(() => {});
  return {
    end: async () => {
      isOver = true;
      await running;
      return { rounds, answers, least };
    },
  };
}
