/** What differs from Marathon and is shown by no other test. The marks above the tests make docs/compatibility.md. */
import { describe, expect, it } from 'vitest';
import { createControl } from '../../src/actors/control.ts';
import { parseFlags } from '../../src/config/flags.ts';
import { type ServerConfig, serverConfig } from '../../src/config/server-config.ts';
import { ignoredFlags, serverFlags } from '../../src/config/server-flags.ts';
import { defaultAppSettings } from '../../src/core/app/settings.ts';
import { liveApi } from './support/live-api.ts';

const app = { cmd: 'sleep 9', cpus: 0.1, mem: 32 };

const parsed = (...argv: readonly string[]) => {
  const result = parseFlags({
    specs: serverFlags,
    ignored: ignoredFlags,
    argv: ['--master', 'h:5050', ...argv],
    env: {},
  });
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

function configured(...argv: readonly string[]): ServerConfig {
  const result = serverConfig(parsed(...argv), {});
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('Not there yet', () => {
  // deviation(missing): persistent volumes
  //   here: accepted and checked; such an app waits for ever (`/v2/queue` says no reservation)
  //   instead: external or host volumes
  it('are persistent volumes: an app with one is taken, and waits', async () => {
    const { ask, world } = await liveApi({}, { settings: { app: { ...defaultAppSettings, mesosRole: 'r' } } });
    const volumes = [{ containerPath: 'd', mode: 'RW', persistent: { size: 10 } }];
    const container = { type: 'MESOS', volumes };
    expect((await ask('POST', '/v2/apps', { id: '/a', ...app, container })).statusCode).toBe(201);
    await world.advance(60_000);
    expect(world.tasksOf('/a')).toEqual([]);
    expect((await ask('GET', '/v2/queue')).json().queue).toHaveLength(1);
  });

  // deviation(missing): `secrets`
  //   here: with `--enable_features secrets` accepted and shown; nothing resolves them
  it('are secrets: taken and shown where they are enabled', async () => {
    const settings = { app: { ...defaultAppSettings, features: new Set(['secrets']) } };
    const { ask } = await liveApi({}, { settings });
    const secret = { env: { PASSWORD: { secret: 's' } }, secrets: { s: { source: '/db' } } };
    const answer = await ask('POST', '/v2/apps', { id: '/a', ...app, ...secret });
    expect([answer.statusCode, answer.json()]).toEqual([201, expect.objectContaining(secret)]);
  });

  // deviation(missing): plugins, `/v2/plugins`
  //   here: the list is empty; `--plugin_dir` and `--plugin_conf` warn
  // deviation(missing): StatsD, Datadog, Graphite reporters
  //   here: the flags warn
  //   instead: `/metrics`, `/metrics/prometheus`
  // deviation(missing): `--metrics_prometheus`
  //   here: warns: `/metrics/prometheus` is always there
  it.each([
    'plugin_dir',
    'plugin_conf',
    'metrics_statsd',
    'metrics_datadog',
    'reporter_graphite',
    'metrics_prometheus',
  ])('is what --%s asks for: it is taken with a warning', (name) => {
    expect(parsed(`--${name}`, 'x').warnings).toEqual([expect.stringContaining(`--${name}`)]);
  });
});

describe('A group', () => {
  // deviation(different): `enforceRole` of a group
  //   Marathon: always shown
  //   here: shown where somebody set it
  //   why: strict readers from before roles throw on it
  it('shows enforceRole if somebody has set it', async () => {
    const { ask } = await liveApi();
    await ask('PUT', '/v2/groups/g', {});
    expect((await ask('GET', '/v2/groups/g')).json()).not.toHaveProperty('enforceRole');
    await ask('PATCH', '/v2/groups/g', { enforceRole: false });
    expect((await ask('GET', '/v2/groups/g')).json()).toHaveProperty('enforceRole', false);
  });

  // deviation(different): a PUT of a top-level group without `enforceRole`
  //   Marathon: means the configured default, and may be refused
  //   here: keeps what the group has
  it('keeps enforceRole in a PUT that does not mention it', async () => {
    const { ask } = await liveApi();
    await ask('PUT', '/v2/groups/g', { enforceRole: true });
    expect((await ask('PUT', '/v2/groups/g', { apps: [{ id: 'a', ...app }] })).statusCode).toBe(200);
    expect((await ask('GET', '/v2/groups/g')).json()).toMatchObject({ enforceRole: true, apps: [{ role: 'g' }] });
  });
});

describe('A change', () => {
  // deviation(different): changes while the store is behind
  //   Marathon: wait
  //   here: 503 with `Retry-After`
  //   why: no queue without a bound
  it('is refused with a time to come again while the store is behind', async () => {
    const congestion = { isCongested: true };
    const services = () => ({}) as never;
    const control = createControl({
      congestion,
      services,
      runtime: {},
      views: {},
      stepAside: () => {},
      badUri: () => undefined,
    } as never);
    expect(await control.changeApps([], { force: false })).toMatchObject({
      ok: false,
      error: { status: 503, headers: { 'Retry-After': '1', 'Marathon-Write-Outcome': 'refused' } },
    });
  });
});

describe('Defaults of flags', () => {
  // deviation(defaults): `--http_address`, `--https_address`
  //   Marathon: all addresses
  //   here: 127.0.0.1
  //   why: nothing is open to the network by accident
  // deviation(defaults): `--hostname`
  //   Marathon: the machine's name
  //   here: 127.0.0.1 while bound to loopback, else the address
  //   why: it must lead to this server
  // deviation(defaults): `--max_concurrent_marathon_health_checks`
  //   Marathon: 256
  //   here: 2,048
  //   why: a few hundred hanging tasks must not hold up the checks of all others
  // deviation(defaults): `--max_running_deployments`
  //   Marathon: 100
  //   here: no limit
  //   why: locks are by app
  // deviation(defaults): `--max_instances_per_offer`
  //   Marathon: 5
  //   here: no limit
  //   why: all of an offer can be matched in one pass
  // deviation(defaults): `--min_revive_offers_interval`
  //   Marathon: 5,000 ms
  //   here: 100 ms, the first at once
  //   why: a new app need not wait
  it('differ', () => {
    const { settings, ...config } = configured();
    expect(parsed().values).toMatchObject({ http_address: '127.0.0.1', https_address: '127.0.0.1' });
    expect(config.hostname).toBe('127.0.0.1');
    expect(settings.maxConcurrentHealthChecks).toBe(2_048);
    expect(settings.maxRunningDeployments).toBe(Number.POSITIVE_INFINITY);
    expect(parsed().values['max_instances_per_offer']).toBeUndefined();
    expect(parsed().values).toMatchObject({ min_revive_offers_interval: 100 });
  });

  // deviation(defaults): `--launch_tokens`
  //   Marathon: 100 in 30 s
  //   here: none; the flag warns; `/v2/info` shows what was given, or Marathon's default
  //   why: back-off is by app
  it('of launch tokens are none', () => {
    expect(parsed('--launch_tokens', '100').warnings).toEqual([expect.stringContaining('--launch_tokens')]);
  });

  // deviation(defaults): `--data_dir`
  //   Marathon: –
  //   here: `.ultramarathon`
  // deviation(defaults): `--zk`
  //   Marathon: `zk://localhost:2181/marathon`
  //   here: none: the embedded store is used, and `/v2/info` says `ha` false
  //   why: a laptop needs no ZooKeeper
  it('lead to the embedded store', () => {
    const { zooKeeper, dataDir } = configured();
    expect([zooKeeper, dataDir]).toEqual([undefined, expect.stringMatching(/\.ultramarathon$/)]);
  });
});
