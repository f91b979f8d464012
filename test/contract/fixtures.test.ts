/** Marathon's own bodies through the whole front door, and our answers against its published schemas and examples. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { type LiveApi, liveApi } from './support/live-api.ts';
import { groupSchemaComplaints, schemaComplaints } from './support/published-schema.ts';
import { shapeOf } from './support/shape.ts';

const load = (name: string) =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.fixture.json`, import.meta.url), 'utf8')) as Readonly<
    Record<string, object>
  >;
const apps = load('app-requests');
const groups = load('group-requests');
const pods = load('pod-requests');
const responses = load('responses');

/** Every feature on, a network for those that need one, and a role that may hold reservations. */
const generous = {
  app: {
    ...defaultAppSettings,
    mesosRole: 'marathon',
    defaultNetworkName: 'dcos',
    features: new Set(['secrets', 'external_volumes', 'gpu_resources', 'vips', 'task_killing']),
  },
};

/** What is refused even so, with the places that the answer names. */
const refused: Readonly<Record<string, readonly string[]>> = { 'example-app': ['/ipAddress', '/'] };

const single = Object.keys(apps).filter((name) => !name.startsWith('list-'));

describe('Request fixtures', () => {
  it.each(single)('%s is accepted or refused as listed, and shown as the published schema says', async (name) => {
    const { ask } = await liveApi({}, { settings: generous, agents: 0 });
    const answer = await ask('POST', '/v2/apps', apps[name]);
    if (refused[name]) {
      expect(answer.statusCode).toBe(422);
      expect(answer.json().details.map(({ path }: { path: string }) => path)).toEqual(refused[name]);
      return;
    }
    expect([answer.statusCode, answer.body.slice(0, 500)]).toEqual([201, expect.anything()]);
    expect(schemaComplaints(answer.json())).toEqual([]);
    const { app } = (await ask('GET', `/v2/apps${answer.json().id}`)).json();
    expect(schemaComplaints(app)).toEqual([]);
  });

  it.each(Object.keys(apps).filter((name) => name.startsWith('list-') && name !== 'list-apps-patch'))(
    '%s is accepted as one change',
    async (name) => {
      const { ask } = await liveApi({}, { settings: generous, agents: 0 });
      expect((await ask('PUT', '/v2/apps?partialUpdate=false', apps[name])).statusCode).toBe(200);
    },
  );

  it.each(Object.keys(groups))(
    '%s is accepted by POST and PUT, and shown as the published schema says',
    async (name) => {
      const { ask } = await liveApi({}, { agents: 0 });
      expect((await ask('POST', '/v2/groups', groups[name])).statusCode).toBe(201);
      const { id } = groups[name] as { id: string };
      const again = await ask('PUT', '/v2/groups?force=true', groups[name]);
      expect([again.statusCode, (await ask('GET', '/v2/deployments')).json().length]).toEqual([200, 1]);
      expect((await ask('GET', `/v2/groups/${id}`)).json()).toMatchObject({ id: `/${id.replace(/^\//, '')}` });
      const root = (await ask('GET', '/v2/groups')).json();
      expect(groupSchemaComplaints(root)).toEqual([]);
    },
  );

  it.each(Object.keys(pods))('%s, a pod, is refused in words', async (name) => {
    const { ask } = await liveApi();
    const answer = await ask('POST', '/v2/pods', pods[name]);
    expect([answer.statusCode, answer.json().message]).toEqual([422, 'Object is not valid']);
  });
});

interface Comparison {
  readonly url: string;
  /** Left out on both sides. */
  readonly outside?: RegExp;
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

/** An app with everything, deployed, failed once and waiting again; and one that never fits. */
async function busy(): Promise<LiveApi> {
  const api = await liveApi();
  const { ask, world } = api;
  await ask('POST', '/v2/apps', {
    ...(apps['example-app-check'] as object),
    id: '/tools/web',
    env: { A: 'b' },
    labels: { team: 'x' },
    constraints: [['hostname', 'GROUP_BY', '2']],
    healthChecks: [{ protocol: 'HTTP', path: '/', portIndex: 0 }],
    fetch: [{ uri: 'http://localhost/x.tgz' }],
    user: 'root',
    container: {
      type: 'DOCKER',
      docker: { image: 'group/image', parameters: [{ key: 'a-docker-option', value: 'xxx' }] },
      portMappings: [{ containerPort: 8080, hostPort: 0, servicePort: 9000, protocol: 'tcp', name: 'http' }],
      volumes: [{ containerPath: '/etc/a', hostPath: '/var/data/a', mode: 'RO' }],
    },
    networks: [{ mode: 'container/bridge' }],
    portDefinitions: undefined,
    check: undefined,
  });
  await world.advance(10_000);
  const [task] = world.tasksOf('/tools/web');
  world.mesos.move(task as string, 'TASK_FAILED');
  await world.advance(30_000);
  await ask('POST', '/v2/apps', { id: '/tools/big', cmd: 'x', cpus: 100_000 });
  await world.advance(5_000);
  return api;
}

/** Tasks show their agent's fault domain only where there is one. */
const noDomain = ['/tasks[]/region', '/tasks[]/zone'];

/** What 1.11 shows of tasks (rest-api §7.12), and its own example leaves out. */
const moreOfTasks = [
  '/tasks[]/ipAddresses',
  '/tasks[]/localVolumes',
  '/tasks[]/healthCheckResults',
  '/tasks[]/healthCheckResults[]',
  '/tasks[]/healthCheckResults[]/alive',
  '/tasks[]/healthCheckResults[]/consecutiveFailures',
  '/tasks[]/healthCheckResults[]/firstSuccess',
  '/tasks[]/healthCheckResults[]/lastSuccess',
  '/tasks[]/healthCheckResults[]/instanceId',
];

/**
 * For each answer: the members of the example that ours has not, and those that ours has and the example has not. Both are complete: a
 * member that comes or goes fails the test. Everything in both has the same type.
 */
const comparisons: Readonly<Record<string, Comparison>> = {
  app_list: {
    url: '/v2/apps?id=/tools/web',
    // What lies inside a definition is the business of the schema.
    outside:
      /^\/apps\[\]\/(deployments|args|env|labels|container|healthChecks|constraints|networks|dependencies|fetch|\w*Roles|\w*Strategy|user)/,
    // Members of before 1.5, which are shown with --emit_legacy_fields.
    missing: ['/apps[]/uris', '/apps[]/uris[]', '/apps[]/ports', '/apps[]/ports[]'],
    extra: ['/apps[]/gpus', '/apps[]/killSelection', '/apps[]/role'],
  },
  app_tasks: { url: '/v2/apps/tools/web/tasks', missing: noDomain, extra: [...moreOfTasks, '/tasks[]/servicePorts'] },
  tasks: { url: '/v2/tasks', missing: noDomain, extra: moreOfTasks },
  deployments: { url: '/v2/deployments', outside: /[pP]od|readinessCheckResults\[\]/, missing: [], extra: [] },
  queue: {
    url: '/v2/queue?embed=lastUnusedOffers',
    // The agents here have neither attributes nor sets.
    outside: /^\/queue\[\]\/app\/|\/set|\/attributes\[\]/,
    missing: ['/queue[]/processedOffersSummary/lastUsedOfferAt'],
    extra: [],
  },
  info: {
    url: '/v2/info',
    missing: ['/marathon_config/access_control_allow_origin[]'],
    extra: ['/marathon_config/new_group_enforce_role', '/marathon_config/maintenance_mode'],
  },
  group: {
    url: '/v2/groups',
    outside: /apps\[\]|^\/groups\[\]\/groups\[\]/,
    missing: [],
    extra: ['/groups[]/pods', '/pods'],
  },
};

describe('Answers, member by member with the examples', () => {
  it.each(Object.keys(comparisons))('%s', async (name) => {
    const { url, outside, missing, extra } = comparisons[name] as Comparison;
    const { ask } = await busy();
    const body = (await ask('GET', url)).json();
    const ours = shapeOf(body);
    const theirs = shapeOf(responses[name]);
    const only = (here: object, there: object) =>
      Object.keys(here).filter((path) => !Object.hasOwn(there, path) && !outside?.test(path));
    expect({ missing: only(theirs, ours), extra: only(ours, theirs) }).toEqual({
      missing,
      extra: expect.toSatisfy((found: string[]) => found.toSorted().join() === [...extra].toSorted().join()),
    });
    for (const [path, type] of Object.entries(ours)) {
      if (theirs[path] !== undefined && theirs[path] !== 'null' && type !== 'null')
        expect([path, type]).toEqual([path, theirs[path]]);
    }
  });
});
