import { describe, expect, it } from 'vitest';
import type { AppDefinition, HealthCheck, PortMapping } from '../../../src/core/app/definition.ts';
import { checkAddress, isRunByLeader } from '../../../src/core/health/address.ts';
import { probeDelayMs } from '../../../src/core/health/cadence.ts';
import type { Instance } from '../../../src/core/instance/instance.ts';
import { anInstance } from '../instance/given.ts';
import { anAgent, anApp, definitions } from '../offer/fixtures.ts';

const check = (changes: Partial<HealthCheck> = {}): HealthCheck => ({
  protocol: 'HTTP',
  gracePeriodSeconds: 300,
  intervalSeconds: 60,
  timeoutSeconds: 20,
  maxConsecutiveFailures: 3,
  ...changes,
});

const mapping = (containerPort: number, hostPort?: number, name?: string): PortMapping => ({
  containerPort,
  servicePort: 0,
  protocol: 'tcp',
  labels: {},
  ...(hostPort === undefined ? {} : { hostPort }),
  ...(name === undefined ? {} : { name }),
});
const networked = (mode: 'container' | 'container/bridge', ...portMappings: readonly PortMapping[]): AppDefinition =>
  anApp({ networks: [{ mode }], container: { type: 'MESOS', volumes: [], portMappings } });

function running(hostPorts: readonly number[], ip?: string): Instance {
  const base = anInstance('a', 'Running', { agent: anAgent('host.some') });
  const ipAddresses = ip === undefined ? [] : [{ ipAddress: ip, protocol: 'IPv4' as const }];
  return { ...base, tasks: [{ ...base.tasks[0]!, hostPorts, ipAddresses }] };
}

describe('the address that a check asks (behaviour §6.2)', () => {
  const mixed = networked('container', mapping(80), mapping(443, 30_000, 'tls'));
  const bridged = networked('container/bridge', mapping(80), mapping(443, 0));
  const ip = '192.168.0.1';
  type Row = readonly [string, AppDefinition, Partial<HealthCheck>, Instance, readonly [string, number] | undefined];
  const rows: readonly Row[] = [
    ['V106: a container port on the own address', mixed, { portIndex: 0 }, running([30_000], ip), [ip, 80]],
    ['V106: a host port on the agent', mixed, { portIndex: 1 }, running([30_000], ip), ['host.some', 30_000]],
    ['by name', mixed, { portIndex: 'tls' }, running([30_000], ip), ['host.some', 30_000]],
    ['by a name that no port has', mixed, { portIndex: 'x' }, running([30_000], ip), undefined],
    ['V107: no address yet', networked('container', mapping(80)), {}, running([]), undefined],
    [
      'V107: a host port is known before the address',
      mixed,
      { portIndex: 1 },
      running([30_000]),
      ['host.some', 30_000],
    ],
    ['a port of its own on a container network', mixed, { port: 9 }, running([30_000], ip), [ip, 9]],
    ['a port of its own without address yet', mixed, { port: 9 }, running([30_000]), undefined],
    ['a port of its own on the host', anApp(definitions(1)), { port: 9 }, running([31_000]), ['host.some', 9]],
    ['the first host port by default', anApp(definitions(1, 2)), {}, running([31_000, 31_001]), ['host.some', 31_000]],
    ['a later host port', anApp(definitions(1, 2)), { portIndex: 1 }, running([31_000, 31_001]), ['host.some', 31_001]],
    ['bridge: mapped', bridged, { portIndex: 1 }, running([31_005]), ['host.some', 31_005]],
    ['bridge: unmapped', bridged, { portIndex: 0 }, running([31_005]), ['host.some', 80]],
    ['an index beyond the ports', anApp(definitions(1)), { portIndex: 1 }, running([31_000]), undefined],
    ['no ports at all', anApp(), {}, running([]), undefined],
    ['no agent', anApp(definitions(1)), {}, anInstance('a', 'Scheduled'), undefined],
  ];
  it.each(rows)('%s', (_, app, changes, instance, expected) => {
    const address = checkAddress(app, check(changes), instance);
    expect(address).toEqual(expected && { host: expected[0], port: expected[1] });
  });

  it('is asked by the leader for HTTP, HTTPS and TCP alone', () => {
    const all = ['HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_HTTP', 'MESOS_HTTPS', 'MESOS_TCP'] as const;
    expect(all.filter((protocol) => isRunByLeader(check({ protocol })))).toEqual(['HTTP', 'HTTPS', 'TCP']);
  });
});

describe('the cadence of probes', () => {
  const delays = (intervalSeconds: number, isProven: boolean) =>
    Array.from({ length: 40 }, (_, i) =>
      probeDelayMs(check({ intervalSeconds }), i, isProven, Number.POSITIVE_INFINITY),
    );

  it('is the interval once the task has proven itself', () => {
    expect(new Set(delays(60, true))).toEqual(new Set([60_000]));
  });

  it('begins quickly and doubles up to the interval', () => {
    expect(delays(2, false).slice(0, 7)).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
  });

  it('never exceeds the interval nor goes down, however often it asks, and takes no interval for a busy loop', () => {
    const all = delays(60, false);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    expect(all.at(-1)).toBe(60_000);
    expect(probeDelayMs(check(), 5_000, false, Number.POSITIVE_INFINITY)).toBe(60_000);
    expect(probeDelayMs(check({ intervalSeconds: 0 }), 50, true, 0)).toBe(1_000);
  });

  it('is quick only while failures are dropped: what counts comes at the interval', () => {
    const five = check({ intervalSeconds: 60 });
    expect(probeDelayMs(five, 3, false, 801)).toBe(800);
    expect(probeDelayMs(five, 3, false, 800)).toBe(60_000);
    expect(probeDelayMs(five, 1, false, -1)).toBe(60_000);
    expect(probeDelayMs(five, 0, false, 0)).toBe(5_000);
  });
});
