import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { assignServicePorts, ServicePorts, servicePortsOf } from '../../../src/core/app/service-ports.ts';
import { define, must, update } from './given.ts';

const range = { localPortMin: 10_000, localPortMax: 20_000 };
const withPorts = (...ports: readonly number[]): AppDefinition => define({ cmd: 'a', ports });

function inUse(apps: readonly AppDefinition[] = [], ofRange = range): ServicePorts {
  const ports = new ServicePorts(ofRange);
  for (const app of apps) ports.replace(undefined, app);
  return ports;
}

/** The ports that one app gets. */
const assigned = (after: AppDefinition, ports: ServicePorts, before?: AppDefinition): readonly number[] =>
  must(assignServicePorts([{ before, after }], ports)).flatMap(servicePortsOf);

describe('service ports (behaviour §2.5)', () => {
  it('V127: the lowest free port, which the app keeps when its command changes', () => {
    const ports = inUse([withPorts(10_000)]);
    const [first] = must(assignServicePorts([{ before: undefined, after: withPorts(0) }], ports));
    if (!first) throw new Error('no app');
    expect(servicePortsOf(first)).toEqual([10_001]);
    ports.replace(undefined, first);
    const after = must(update(first, { cmd: 'b', ports: [0] }));
    expect(assigned(after, ports, first)).toEqual([10_001]);
  });

  it('are taken back at the same position, then in order', () => {
    expect(assigned(withPorts(0, 0), inUse(), withPorts(10_007, 10_005))).toEqual([10_007, 10_005]);
    expect(assigned(withPorts(10_007, 0), inUse(), withPorts(10_005, 10_007))).toEqual([10_007, 10_005]);
    expect(assigned(withPorts(0, 0), inUse(), withPorts(10_007))).toEqual([10_007, 10_000]);
  });

  it('outside the range are not passed on', () => {
    expect(assigned(withPorts(0), inUse(), withPorts(80))).toEqual([10_000]);
  });

  it('that the change names or gives up are not handed out', () => {
    const old = withPorts(10_000);
    const requests = [
      { before: undefined, after: withPorts(0) },
      { before: old, after: withPorts(10_001) },
    ];
    expect(must(assignServicePorts(requests, inUse([old]))).map(servicePortsOf)).toEqual([[10_002], [10_001]]);
  });

  it('of port mappings are assigned too, their other ports are left alone', () => {
    const app = define({ cmd: 'a', networks: [{ mode: 'container/bridge' }], container: { docker: { image: 'a' } } });
    const [after] = must(assignServicePorts([{ before: undefined, after: app }], inUse()));
    expect(after?.container?.portMappings).toEqual([
      { containerPort: 0, hostPort: 0, servicePort: 10_000, protocol: 'tcp', name: 'default', labels: {} },
    ]);
  });

  it('may be named twice', () => {
    const ports = inUse([withPorts(10_000), withPorts(10_000)]);
    ports.replace(withPorts(10_000), undefined);
    expect(ports.has(10_000)).toBe(true);
    ports.replace(withPorts(10_000), undefined);
    expect(ports.has(10_000)).toBe(false);
    expect(assigned(withPorts(0), ports)).toEqual([10_000]);
  });

  it('that were given up are the lowest free ones again', () => {
    const [first, second] = [withPorts(10_000), withPorts(10_001)];
    const ports = inUse([first, second]);
    expect(assigned(withPorts(0), ports)).toEqual([10_002]);
    ports.replace(first, undefined);
    expect(assigned(withPorts(0), ports)).toEqual([10_000]);
  });

  it('that are used up refuse the change', () => {
    const small = { localPortMin: 10_000, localPortMax: 10_002 };
    const refused = assignServicePorts([{ before: undefined, after: withPorts(0, 0, 0) }], inUse([], small));
    expect(refused).toMatchObject({
      ok: false,
      error: { status: 422, message: 'All ports in the range [10000-10002) are already in use' },
    });
  });

  it('of an app that asks for none leave the app as it is', () => {
    const app = withPorts(10_000);
    expect(must(assignServicePorts([{ before: undefined, after: app }], inUse([app])))[0]).toBe(app);
  });

  it('are all different, whatever comes and goes', () => {
    const change = fc.record({ app: fc.nat(9), count: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const ports = inUse([], { localPortMin: 10_000, localPortMax: 10_050 });
        const apps = new Map<number, AppDefinition>();
        for (const { app, count } of changes) {
          const before = apps.get(app);
          const after = withPorts(...Array.from({ length: count }, () => 0));
          const [next] = must(assignServicePorts([{ before, after }], ports));
          if (!next) throw new Error('no app');
          ports.replace(before, next);
          apps.set(app, next);
          const all = [...apps.values()].flatMap(servicePortsOf);
          expect(new Set(all).size).toBe(all.length);
          expect(all.every((port) => port >= 10_000 && port < 10_050 && ports.has(port))).toBe(true);
          const kept = before ? servicePortsOf(before).slice(0, count) : [];
          expect(servicePortsOf(next).slice(0, kept.length)).toEqual(kept);
        }
      }),
    );
  });
});
