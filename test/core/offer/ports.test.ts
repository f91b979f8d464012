import { describe, expect, it } from 'vitest';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import type { Resource } from '../../../src/core/mesos/types.ts';
import { aDemand, anApp, anOffer, definitions, matched, ports, reasonsOfOne, scalar, seeded } from './fixtures.ts';

const offerOf = (...pieces: readonly Resource[]) => anOffer({}, [scalar('cpus', 4), scalar('mem', 4_096), ...pieces]);
const range = (begin: number, end: number) => ports([{ begin, end }]);
const mapped = (...hostPorts: readonly (number | undefined)[]): Partial<AppDefinition> => ({
  networks: [{ mode: 'container/bridge' }],
  container: {
    type: 'DOCKER',
    docker: { image: 'nginx', forcePullImage: false },
    volumes: [],
    portMappings: hostPorts.map((hostPort, i) => ({
      containerPort: 80 + i,
      servicePort: 0,
      protocol: 'tcp',
      labels: {},
      ...(hostPort === undefined ? {} : { hostPort }),
    })),
  },
});
const seeds = Array.from({ length: 200 }, (_, i) => i);
const portsWith = (seed: number, app: AppDefinition, offer: ReturnType<typeof anOffer>) =>
  matched([offer], [aDemand(app)], {}, 0, seeded(seed)).used[0]?.launches[0]?.hostPorts;
const portResources = (resources: readonly Resource[]) => resources.filter(({ name }) => name === 'ports');

describe('host ports', () => {
  it('V95 are neighbours from a random start that wraps at the end, not the service ports', () => {
    const offer = offerOf(range(31_000, 31_009));
    const starts = new Set<number>();
    for (const seed of seeds) {
      const [first, second] = portsWith(seed, anApp(definitions(80, 81)), offer)!;
      expect(first).toBeGreaterThanOrEqual(31_000);
      expect(first).toBeLessThanOrEqual(31_009);
      expect(second).toBe(first === 31_009 ? 31_000 : first! + 1);
      starts.add(first!);
    }
    expect(starts.size).toBe(10);
  });

  it('V96 are the literal ones with requirePorts, in the order of the app', () => {
    const app = anApp({ ...definitions(100, 80), requirePorts: true });
    const { used } = matched([offerOf(range(70, 200))], [aDemand(app)]);
    expect(used[0]?.launches[0]?.hostPorts).toEqual([100, 80]);
    expect(portResources(used[0]!.launches[0]!.task.resources)[0]?.ranges?.range).toEqual([
      { begin: 100, end: 100 },
      { begin: 80, end: 80 },
    ]);
  });

  it('V96 are refused if the literal ones are not offered', () => {
    const app = anApp({ ...definitions(100, 80), requirePorts: true });
    expect(reasonsOfOne(matched([offerOf(range(31_000, 32_000))], [aDemand(app)]))).toEqual(['InsufficientPorts']);
  });

  it('V97 are refused if there are too few', () => {
    const outcome = matched([offerOf(range(31_000, 31_001))], [aDemand(anApp(definitions(0, 0, 0)))]);
    expect(reasonsOfOne(outcome)).toEqual(['InsufficientPorts']);
  });

  it('V98 of any choice avoid the fixed ones of the same app', () => {
    for (const seed of seeds) {
      expect(portsWith(seed, anApp(mapped(0, 31_000)), offerOf(range(31_000, 31_001)))).toEqual([31_001, 31_000]);
    }
  });

  it('V99 come from several roles, each resource keeping its own', () => {
    const app = anApp({ ...definitions(0, 0, 0, 0, 0), role: 'marathon' });
    const offer = anOffer({ role: 'marathon' }, [
      scalar('cpus', 4),
      scalar('mem', 4_096),
      range(30_000, 30_003),
      ports([{ begin: 31_000, end: 31_000 }], { role: 'marathon' }),
    ]);
    for (const seed of seeds) {
      const launch = matched([offer], [aDemand(app)], {}, 0, seeded(seed)).used[0]!.launches[0]!;
      expect([...launch.hostPorts].sort()).toEqual([30_000, 30_001, 30_002, 30_003, 31_000]);
      const [first, second, ...more] = [...portResources(launch.task.resources)].sort((a) => (a.reservations ? 1 : -1));
      expect(more).toEqual([]);
      expect(first?.reservations).toBeUndefined();
      expect(second?.reservations).toEqual([{ type: 'STATIC', role: 'marathon' }]);
      expect(second?.ranges?.range).toEqual([{ begin: 31_000, end: 31_000 }]);
    }
  });

  it('of a mapping without one take nothing and do not stop the later ones', () => {
    const launch = matched([offerOf(range(31_000, 31_000))], [aDemand(anApp(mapped(undefined, 0)))]).used[0]!
      .launches[0]!;
    expect(launch.hostPorts).toEqual([31_000]);
  });

  it('that two mappings share are taken once', () => {
    const launch = matched([offerOf(range(31_000, 31_001))], [aDemand(anApp(mapped(31_000, 31_000)))]).used[0]!
      .launches[0]!;
    expect(launch.hostPorts).toEqual([31_000, 31_000]);
    expect(portResources(launch.task.resources)[0]?.ranges?.range).toEqual([{ begin: 31_000, end: 31_000 }]);
  });

  it('of neighbours collapse into one range', () => {
    const launch = matched([offerOf(range(31_000, 31_002))], [aDemand(anApp(definitions(0, 0, 0)))], {}, 0, () => 0);
    expect(portResources(launch.used[0]!.launches[0]!.task.resources)[0]?.ranges?.range).toEqual([
      { begin: 31_000, end: 31_002 },
    ]);
  });

  it('of roles that the app does not accept are not used', () => {
    const offer = offerOf(ports([{ begin: 31_000, end: 31_100 }], { role: 'other' }));
    expect(reasonsOfOne(matched([offer], [aDemand(anApp(definitions(0)))]))).toEqual(['InsufficientPorts']);
  });
});
