/**
 * What marathon-lb's zdd, which replaces an app by another one of the other colour while a balancer serves both, does with the API
 * (behaviour §11.6). The tool and the balancer are played here: their rules and vectors decide what is asked, and the server must do it.
 */
import { describe, expect, it } from 'vitest';
import { type LiveApi, liveApi } from './support/live-api.ts';

interface Task {
  readonly id: string;
  readonly state: string;
  readonly startedAt?: string;
  readonly version: string;
  readonly healthCheckResults: readonly { readonly alive: boolean }[];
}
interface App {
  readonly id: string;
  readonly instances: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly versionInfo: { readonly lastScalingAt: string };
  readonly deployments: readonly { readonly id: string }[];
  readonly tasks: readonly Task[];
}
type Colour = 'blue' | 'green';

/** As zdd makes it of a user's app: an id, a service port and labels of the colour; the balancer merges by `HAPROXY_0_PORT`. */
const coloured = (colour: Colour, target: number, instances: number, startedAt: string) => ({
  id: `/web-${colour}`,
  cmd: 'sleep 9',
  cpus: 0.1,
  mem: 16,
  instances,
  portDefinitions: [{ port: colour === 'blue' ? 10_050 : 10_051, protocol: 'tcp' }],
  healthChecks: [{ protocol: 'HTTP', path: '/', portIndex: 0, intervalSeconds: 2, gracePeriodSeconds: 2 }],
  labels: {
    HAPROXY_GROUP: 'external',
    HAPROXY_0_PORT: '10050',
    HAPROXY_DEPLOYMENT_GROUP: 'web',
    HAPROXY_DEPLOYMENT_ALT_PORT: '10051',
    HAPROXY_DEPLOYMENT_COLOUR: colour,
    HAPROXY_DEPLOYMENT_STARTED_AT: startedAt,
    HAPROXY_DEPLOYMENT_TARGET_INSTANCES: String(target),
  },
});

/** The requests of the tool, and what it reads of the answers. */
function zdd({ ask, world }: LiveApi) {
  const must = async (...request: Parameters<LiveApi['ask']>) => {
    const answer = await ask(...request);
    expect([request[0], request[1], answer.statusCode < 300]).toEqual([request[0], request[1], true]);
    return answer.json();
  };
  const deployments = async (): Promise<readonly { readonly id: string }[]> => must('GET', '/v2/deployments');
  return {
    must,
    deployments,
    /** The apps of one deployment group, the older colour first, as both the tool and the balancer look for them. */
    group: async (): Promise<readonly App[]> => {
      const { apps } = (await must('GET', '/v2/apps?embed=apps.tasks&embed=apps.deployments')) as { apps: App[] };
      const startedAt = ({ labels }: App): string => labels['HAPROXY_DEPLOYMENT_STARTED_AT'] ?? '';
      return apps
        .filter(({ labels }) => labels['HAPROXY_DEPLOYMENT_GROUP'] === 'web')
        .sort((a, b) => (startedAt(a) < startedAt(b) ? -1 : 1));
    },
    /** Looks every 5 s, as the tool does, until no deployment is listed. */
    settled: async (): Promise<void> => {
      for (let look = 0; (await deployments()).length > 0; look++) {
        if (look === 60) throw new Error('a deployment does not end');
        await world.advance(5_000);
      }
      await world.advance(10_000);
    },
    scale: (colour: Colour, instances: number, query = '') =>
      must('PUT', `/v2/apps/web-${colour}${query}`, { instances }),
    kill: (tasks: readonly Task[]) => must('POST', '/v2/tasks/delete?scale=true', { ids: tasks.map(({ id }) => id) }),
  };
}

const isUp = ({ state, healthCheckResults }: Task): boolean =>
  state === 'TASK_RUNNING' && healthCheckResults.some(({ alive }) => alive);

/** Which tasks of the old app marathon-lb takes out of service. */
function drained(before: App, after: App): readonly Task[] {
  const healthy = after.tasks.filter(isUp).length;
  const target = Number(after.labels['HAPROXY_DEPLOYMENT_TARGET_INSTANCES']);
  const count = Math.min(before.tasks.length, healthy, Math.max(0, healthy + before.tasks.length - target));
  return [...before.tasks].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, count);
}

/** How many instances the tool gives to the new app next. */
function grown({ instances: n, labels }: App, old: App): number {
  const target = Number(labels['HAPROXY_DEPLOYMENT_TARGET_INSTANCES']);
  const next = Math.floor(n + (n + 1) / 2);
  return next >= old.instances ? target : Math.min(next, target);
}

const ids = (tasks: readonly Task[]): readonly string[] => tasks.map(({ id }) => id).sort();

describe('zdd', () => {
  it('V128: kills exactly the tasks that the balancer drained, and their app has as many instances less', async () => {
    const api = await liveApi({}, { agents: 10 });
    const tool = zdd(api);
    await tool.must('POST', '/v2/apps', coloured('blue', 4, 4, '2026-01-01T00:00:00'));
    await tool.settled();
    await tool.must('POST', '/v2/apps', coloured('green', 4, 1, '2026-01-01T00:01:00'));
    await tool.settled();
    const [old, fresh] = (await tool.group()) as [App, App];
    expect([old.id, old.tasks.filter(isUp).length, fresh.id, fresh.tasks.filter(isUp).length]).toEqual([
      '/web-blue',
      4,
      '/web-green',
      1,
    ]);
    const going = drained(old, fresh);
    expect(going).toHaveLength(1);
    await api.world.advance(1_000);
    const { deploymentId } = await tool.kill(going);
    await tool.settled();
    expect(api.world.eventsOf('deployment_success').map(({ id }) => id)).toContain(deploymentId);
    const [left, same] = (await tool.group()) as [App, App];
    expect(left.instances).toBe(3);
    expect(ids(left.tasks)).toEqual(ids(old.tasks).filter((id) => id !== going[0]?.id));
    expect([left.labels, left.deployments]).toEqual([old.labels, []]);
    expect(left.versionInfo.lastScalingAt > old.versionInfo.lastScalingAt).toBe(true);
    expect([same.instances, ids(same.tasks)]).toEqual([1, ids(fresh.tasks)]);
  });

  it('V129: lets the new app grow while the old one stays, each step being told by the list of deployments', async () => {
    const api = await liveApi({}, { agents: 10 });
    const tool = zdd(api);
    await tool.must('POST', '/v2/apps', coloured('blue', 10, 10, '2026-01-01T00:00:00'));
    await tool.must('POST', '/v2/apps', coloured('green', 10, 1, '2026-01-01T00:01:00'));
    await tool.settled();
    const before = ((await tool.group()) as [App, App])[0];
    const sizes: number[] = [];
    for (;;) {
      const [old, fresh] = (await tool.group()) as [App, App];
      sizes.push(fresh.tasks.filter(isUp).length);
      expect(fresh.instances).toBe(sizes.at(-1));
      expect(ids(old.tasks)).toEqual(ids(before.tasks));
      if (fresh.instances >= 10) break;
      const { deploymentId } = await tool.scale('green', grown(fresh, old));
      expect((await tool.deployments()).map(({ id }) => id)).toEqual([deploymentId]);
      await tool.settled();
    }
    expect(sizes).toEqual([1, 2, 3, 5, 8, 10]);
  });

  it('replaces the one by the other, with never fewer tasks up than there shall be, and deletes the old app', async () => {
    const api = await liveApi({}, { agents: 10 });
    const tool = zdd(api);
    await tool.must('POST', '/v2/apps', coloured('blue', 4, 4, '2026-01-01T00:00:00'));
    await tool.must('POST', '/v2/apps', coloured('green', 4, 1, '2026-01-01T00:01:00'));
    await tool.settled();
    for (let round = 0; ; round++) {
      expect(round).toBeLessThan(20);
      const [old, fresh] = (await tool.group()) as [App, App];
      const serving = [...old.tasks, ...fresh.tasks].filter(isUp).length;
      expect(serving).toBeGreaterThanOrEqual(4);
      const going = drained(old, fresh);
      if (fresh.instances === 4 && going.length === old.tasks.length) {
        await tool.must('DELETE', '/v2/apps/web-blue');
        break;
      }
      if (going.length > 0) await tool.kill(going);
      // The deployments of two apps do not hold each other up.
      if (fresh.instances < 4) await tool.scale('green', grown(fresh, old));
      await tool.settled();
    }
    await tool.settled();
    const group = await tool.group();
    expect(group.map(({ id, instances }) => [id, instances])).toEqual([['/web-green', 4]]);
    expect(group[0]?.tasks.filter(isUp)).toHaveLength(4);
    expect(api.world.tasksOf('/web-blue')).toEqual([]);
    expect(api.errors).toEqual([]);
  });

  it('is told what holds an app that is being deployed, and goes on by force', async () => {
    const api = await liveApi({}, { agents: 10 });
    const tool = zdd(api);
    await tool.must('POST', '/v2/apps', coloured('green', 4, 1, '2026-01-01T00:01:00'));
    const [running] = await tool.deployments();
    const held = await api.ask('PUT', '/v2/apps/web-green', { instances: 2 });
    expect([held.statusCode, held.json()]).toEqual([
      409,
      { message: expect.stringContaining('force=true'), deployments: [{ id: running?.id }] },
    ]);
    const { deploymentId } = await tool.scale('green', 2, '?force=true');
    expect((await tool.deployments()).map(({ id }) => id)).toEqual([deploymentId]);
    await tool.settled();
    expect(((await tool.group())[0]?.tasks ?? []).filter(isUp)).toHaveLength(2);
  });
});
