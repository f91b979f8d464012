import { describe, expect, it } from 'vitest';
import { defaultMatchSettings } from '../../../src/core/offer/demand.ts';
import { type MatchOutcome, match } from '../../../src/core/offer/match.ts';
import { maxRefusalsPerPass } from '../../../src/core/offer/refusals.ts';
import {
  aDemand,
  anAgent,
  anApp,
  anOffer,
  definitions,
  matched,
  ports,
  reasonsOfOne,
  scalar,
  seeded,
  text,
} from './fixtures.ts';

const launchesOf = (outcome: MatchOutcome) => outcome.used.flatMap(({ launches }) => launches);
const cpusOf = (count: number, host?: string) =>
  anOffer(host === undefined ? {} : { host }, [scalar('cpus', count), scalar('mem', 100_000)]);
const countBy = <T>(items: readonly T[], key: (item: T) => string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
};

describe('a pass', () => {
  it('launches many instances of one app from one offer', () => {
    const outcome = matched([cpusOf(4)], [aDemand(anApp(), 6)]);
    expect(launchesOf(outcome).map(({ taskId }) => taskId)).toEqual([
      'shop_web.instance-0._app.1',
      'shop_web.instance-1._app.1',
      'shop_web.instance-2._app.1',
      'shop_web.instance-3._app.1',
    ]);
    expect(reasonsOfOne(outcome)).toEqual(['InsufficientCpus']);
  });

  it('does not lose a launch to binary fractions', () => {
    const outcome = matched([cpusOf(0.3)], [aDemand(anApp({ cpus: 0.1 }), 4)]);
    expect(launchesOf(outcome)).toHaveLength(3);
    expect(launchesOf(outcome)[2]?.task.resources[0]?.scalar?.value).toBe(0.1);
  });

  it('lets apps take turns, however many instances one of them wants', () => {
    const demands = [aDemand(anApp({}, '/huge'), 10_000), aDemand(anApp({}, '/a'), 3), aDemand(anApp({}, '/b'), 3)];
    const counts = countBy(launchesOf(matched([cpusOf(6)], demands)), ({ app }) => app.id);
    expect(counts).toEqual({ '/huge': 2, '/a': 2, '/b': 2 });
  });

  it('is cut short at its limit, and says nothing of offers and apps that it did not come to', () => {
    const demands = ['/a', '/b', '/c'].map((id) => aDemand(anApp({}, id), 4));
    const offers = [cpusOf(4), cpusOf(4), cpusOf(4), cpusOf(1)];
    const pass = (mostLaunches?: number) =>
      match({
        ...{ offers, demands, settings: defaultMatchSettings, nowMs: 0, random: seeded(7) },
        ...(mostLaunches === undefined ? {} : { mostLaunches }),
      });
    const cut = pass(6);
    expect(cut.isCut).toBe(true);
    expect(cut.used.map(({ launches }) => launches.length)).toEqual([4, 2]);
    expect(cut.unused).toEqual(offers.slice(2));
    expect(cut.refusals.filter(({ offer }) => offers.slice(2).includes(offer))).toEqual([]);
    expect(Object.values(countBy(launchesOf(cut), ({ app }) => app.id))).toEqual([2, 2, 2]);
    const whole = pass();
    expect([whole.isCut, launchesOf(whole).length, whole.unused]).toEqual([false, 12, offers.slice(3)]);
  });

  it('goes on with the next app in the next offer', () => {
    const demands = ['/a', '/b', '/c', '/d'].map((id) => aDemand(anApp({}, id), 1));
    const counts = countBy(launchesOf(matched([cpusOf(2), cpusOf(2)], demands)), ({ app }) => app.id);
    expect(counts).toEqual({ '/a': 1, '/b': 1, '/c': 1, '/d': 1 });
  });

  it('begins with a random app', () => {
    const demands = ['/a', '/b', '/c'].map((id) => aDemand(anApp({}, id), 1));
    const first = Array.from(
      { length: 60 },
      (_, seed) => launchesOf(matched([cpusOf(1)], demands, {}, 0, seeded(seed * 7_919)))[0]!.app.id,
    );
    expect(new Set(first).size).toBe(3);
  });

  it('reports no refusal of an app that got all it wanted', () => {
    const outcome = matched([cpusOf(0.5), cpusOf(2)], [aDemand(anApp(), 2)]);
    expect(outcome.refusals).toEqual([]);
    expect(outcome.unused).toHaveLength(1);
  });

  it('leaves offers unused that nobody is there for', () => {
    const offers = [cpusOf(1), cpusOf(1)];
    expect(matched(offers, [])).toEqual({ isCut: false, used: [], unused: offers, refusals: [], refusalsLeftOut: 0 });
  });

  it('keeps to the limit of launches for each offer', () => {
    const outcome = matched([cpusOf(10), cpusOf(10)], [aDemand(anApp(), 12)], { maxInstancesPerOffer: 5 });
    expect(outcome.used.map(({ launches }) => launches.length)).toEqual([5, 5]);
  });

  it('reports a bounded number of refusals and counts the others', () => {
    const demands = Array.from({ length: 110 }, (_, i) => aDemand(anApp({ cpus: 9 + i }, `/app-${i}`), 1));
    const offers = Array.from({ length: 100 }, () => cpusOf(1));
    const outcome = matched(offers, demands);
    expect(outcome.refusals).toHaveLength(maxRefusalsPerPass);
    expect(outcome.refusalsLeftOut).toBeGreaterThan(0);
    expect(outcome.unused).toHaveLength(100);
  });

  it('hands the agent on as constraints need it later', () => {
    const domain = { fault_domain: { region: { name: 'r' }, zone: { name: 'z' } } };
    const offer = anOffer({ host: 'h', domain, attributes: [text('rack', 'r1')] });
    expect(launchesOf(matched([offer], [aDemand(anApp())]))[0]?.agent).toEqual({
      host: 'h',
      agentId: 'agent of h',
      region: 'r',
      zone: 'z',
      attributes: [text('rack', 'r1')],
    });
  });
});

describe('roles', () => {
  const reserved = (role: string) => [
    scalar('cpus', 1, { role, allocation: role }),
    scalar('cpus', 1, { allocation: role }),
    scalar('mem', 4_096, { allocation: role }),
  ];
  const app = (changes = {}) => anApp({ role: 'dev', cpus: 1.5, ...changes });

  it('mix reserved and unreserved resources, reserved ones first', () => {
    const offer = anOffer({ role: 'dev' }, reserved('dev'));
    const [launch] = launchesOf(matched([offer], [aDemand(app())]));
    expect(launch?.task.resources.filter(({ name }) => name === 'cpus')).toEqual([
      scalar('cpus', 1, { role: 'dev', allocation: 'dev' }),
      scalar('cpus', 0.5, { allocation: 'dev' }),
    ]);
  });

  it('understand the old form of reservations', () => {
    const old = { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 2 }, role: 'dev' };
    const offer = anOffer({ role: 'dev' }, [old, scalar('mem', 4_096, { allocation: 'dev' })]);
    expect(launchesOf(matched([offer], [aDemand(app())]))[0]?.task.resources[0]).toEqual({
      ...old,
      scalar: { value: 1.5 },
    });
  });

  it('of an offer pass by apps whose instances have another, without a word', () => {
    const outcome = matched([anOffer({ role: 'ops' })], [aDemand(app())]);
    expect(outcome.refusals).toEqual([]);
    expect(outcome.unused).toHaveLength(1);
  });

  it('are those of the instance, not of the app', () => {
    const offers = [anOffer({ role: 'dev' }), anOffer({ role: 'ops' })];
    const waiting = ['dev', 'ops', 'ops'].map((role, i) => ({ ...aDemand(app(), 3).waiting[i]!, role }));
    const outcome = matched(offers, [{ ...aDemand(app()), waiting }]);
    expect(outcome.used.map(({ launches }) => launches.length)).toEqual([1, 2]);
  });

  it.each([
    ['any', 'taken'],
    ['unreserved', ['InsufficientCpus']],
    ['reserved', ['InsufficientCpus', 'InsufficientMemory']],
  ] as const)('accepted by default: %s', (acceptedResourceRolesDefault, expected) => {
    const outcome = matched([anOffer({ role: 'dev' }, reserved('dev'))], [aDemand(app())], {
      acceptedResourceRolesDefault,
    });
    expect(reasonsOfOne(outcome)).toEqual(expected);
  });

  it('that the app accepts outrank the default', () => {
    const offer = anOffer({ role: 'dev' }, reserved('dev'));
    const outcome = matched([offer], [aDemand(app({ cpus: 0.5, acceptedResourceRoles: ['*'] }))]);
    expect(launchesOf(outcome)[0]?.task.resources[0]?.reservations).toBeUndefined();
  });

  it('that are not accepted at all are named', () => {
    const offer = anOffer({ role: 'dev' }, [scalar('cpus', 4, { role: 'dev' }), scalar('mem', 4_096, { role: 'dev' })]);
    const outcome = matched([offer], [aDemand(app({ acceptedResourceRoles: ['*'] }))]);
    expect(reasonsOfOne(outcome)).toEqual(['UnfulfilledRole', 'InsufficientCpus', 'InsufficientMemory']);
  });
});

describe('resources that ordinary launches never take', () => {
  const labels = { labels: ['marathon_framework_id', 'marathon_task_id'].map((key) => ({ key, value: 'x' })) };
  const plain = scalar('disk', 500);
  it.each([
    ['reserved for an instance', scalar('disk', 500, { role: '*', reservation: { labels } })],
    ['reserved for an instance in the old form', { ...plain, reservation: { labels } }],
    ['a persistent volume', { ...plain, disk: { persistence: { id: 'v' } } }],
    ['a disk that is not the root disk', { ...plain, disk: { source: { type: 'MOUNT' } } }],
    ['revocable', { ...plain, revocable: {} }],
    ['shared', { ...plain, shared: {} }],
  ])('%s', (_, disk) => {
    const offer = anOffer({}, [scalar('cpus', 4), scalar('mem', 4_096), disk]);
    expect(reasonsOfOne(matched([offer], [aDemand(anApp({ disk: 100 }))]))).toEqual(['InsufficientDisk']);
  });

  it('a reservation with only one of the labels is an ordinary one', () => {
    const reservation = { labels: { labels: labels.labels.slice(1) } };
    const offer = anOffer({}, [
      scalar('cpus', 4),
      scalar('mem', 4_096),
      scalar('disk', 500, { role: '*', reservation }),
    ]);
    expect(reasonsOfOne(matched([offer], [aDemand(anApp({ disk: 100 }))]))).toBe('taken');
  });
});

describe('reasons', () => {
  it('are all recorded, in funnel order, ports only if nothing else is wrong', () => {
    const app = anApp({
      cpus: 9,
      mem: 9_999,
      disk: 99_999,
      gpus: 1,
      constraints: [['rack', 'UNIQUE']],
      ...definitions(0),
    });
    const offer = anOffer({}, [scalar('cpus', 1), scalar('mem', 1), scalar('disk', 1)]);
    expect(reasonsOfOne(matched([offer], [aDemand(app)]))).toEqual([
      'UnfulfilledConstraint',
      'InsufficientCpus',
      'InsufficientMemory',
      'InsufficientDisk',
      'InsufficientGpus',
    ]);
  });

  it('name the missing reservation of an app with a persistent volume', () => {
    const volumes = [{ containerPath: 'data', persistent: { size: 10 } }];
    const outcome = matched([anOffer()], [aDemand(anApp({ container: { type: 'MESOS', volumes } }))]);
    expect(reasonsOfOne(outcome)).toEqual(['NoCorrespondingReservationFound']);
  });

  it('count executor resources in', () => {
    const app = anApp({ cpus: 1, executor: '/opt/run', executorResources: { cpus: 0.5, mem: 32, disk: 0 } });
    const outcome = matched([cpusOf(1.4)], [aDemand(app)]);
    expect(reasonsOfOne(outcome)).toEqual(['InsufficientCpus']);
    const [launch] = launchesOf(matched([cpusOf(1.5)], [aDemand(app)]));
    expect(launch?.task.resources[0]?.scalar?.value).toBe(1);
    expect(launch?.task.executor).toMatchObject({ resources: [{ scalar: { value: 0.5 } }, { scalar: { value: 32 } }] });
  });
});

describe('maintenance', () => {
  const nowMs = 1_800_000_000_000;
  const nanoseconds = (ms: number) => ({ nanoseconds: ms * 1e6 });
  const dayMs = 86_400_000;
  const offerWith = (startMs: number, durationMs?: number) =>
    anOffer({
      unavailability: {
        start: nanoseconds(startMs),
        ...(durationMs === undefined ? {} : { duration: nanoseconds(durationMs) }),
      },
    });
  const refused = ['UnfulfilledConstraint', 'AgentMaintenance'];

  it.each([
    ['V108 in 200 s refuses with 300 s of draining', offerWith(nowMs + 200_000, dayMs), 300, refused],
    ['V108 in 200 s accepts without draining', offerWith(nowMs + 200_000, dayMs), 0, 'taken'],
    ['V109 over since long accepts', offerWith(nowMs - dayMs, 3_600_000), 0, 'taken'],
    ['V109 without end refuses', offerWith(nowMs - dayMs), 0, refused],
  ] as const)('%s', (_, offer, drainingSeconds, expected) => {
    expect(reasonsOfOne(matched([offer], [aDemand(anApp())], { drainingSeconds }, nowMs))).toEqual(expected);
  });

  it('is ignored if switched off', () => {
    const outcome = matched([offerWith(nowMs - dayMs)], [aDemand(anApp())], { maintenanceMode: false }, nowMs);
    expect(reasonsOfOne(outcome)).toBe('taken');
  });
});

describe('scarce GPUs', () => {
  const offer = () => anOffer({}, [scalar('cpus', 4), scalar('mem', 4_096), scalar('gpus', 1)]);
  const label = (value: string) => ({ labels: { GPU_SCHEDULING_BEHAVIOR: value } });

  it('V110 are kept from apps that do not ask for any', () => {
    expect(reasonsOfOne(matched([offer()], [aDemand(anApp())]))).toEqual(['DeclinedScarceResources']);
  });

  it('V110 are open to an app that is labelled unrestricted', () => {
    expect(reasonsOfOne(matched([offer()], [aDemand(anApp(label('unrestricted')))]))).toBe('taken');
  });

  it('follow the flag, and the label before it', () => {
    const gpuScheduling = 'unrestricted';
    expect(reasonsOfOne(matched([offer()], [aDemand(anApp())], { gpuScheduling }))).toBe('taken');
    const outcome = matched([offer()], [aDemand(anApp(label('restricted')))], { gpuScheduling });
    expect(reasonsOfOne(outcome)).toEqual(['DeclinedScarceResources']);
  });

  it('go to apps that ask for them', () => {
    const [launch] = launchesOf(matched([offer()], [aDemand(anApp({ gpus: 1 }))]));
    expect(launch?.task.resources.find(({ name }) => name === 'gpus')?.scalar?.value).toBe(1);
  });
});

describe('fault domains', () => {
  const inRegion = (name: string) => anOffer({ domain: { fault_domain: { region: { name }, zone: { name: 'z' } } } });

  it('keep an app in the region of the master', () => {
    const outcome = matched([inRegion('away')], [aDemand(anApp())], { masterRegion: 'home' });
    expect(reasonsOfOne(outcome)).toEqual(['UnfulfilledConstraint']);
    expect(reasonsOfOne(matched([inRegion('home')], [aDemand(anApp())], { masterRegion: 'home' }))).toBe('taken');
  });

  it('are open to an app that names a region, and where there are none', () => {
    const app = anApp({ constraints: [['@region', 'IS', 'away']] });
    expect(reasonsOfOne(matched([inRegion('away')], [aDemand(app)], { masterRegion: 'home' }))).toBe('taken');
    expect(reasonsOfOne(matched([anOffer()], [aDemand(anApp())], { masterRegion: 'home' }))).toBe('taken');
    expect(reasonsOfOne(matched([inRegion('away')], [aDemand(anApp())]))).toBe('taken');
  });
});

describe('constraints within a pass', () => {
  it('see what the same pass has launched', () => {
    const app = anApp({ constraints: [['hostname', 'UNIQUE']] });
    const outcome = matched([cpusOf(4, 'h1'), cpusOf(4, 'h1'), cpusOf(4, 'h2')], [aDemand(app, 5)]);
    expect(launchesOf(outcome).map(({ agent }) => agent.host)).toEqual(['h1', 'h2']);
  });

  it('see where instances already are', () => {
    const app = anApp({ constraints: [['hostname', 'UNIQUE']] });
    const outcome = matched([cpusOf(4, 'h1')], [aDemand(app, 1, { placements: [anAgent('h1')] })]);
    expect(reasonsOfOne(outcome)).toEqual(['UnfulfilledConstraint']);
  });

  it('fill groups evenly from one set of offers', () => {
    const app = anApp({ constraints: [['hostname', 'GROUP_BY']], instances: 30 });
    const outcome = matched(
      ['h1', 'h2', 'h3'].map((name) => cpusOf(20, name)),
      [aDemand(app, 30)],
    );
    expect(countBy(launchesOf(outcome), ({ agent }) => agent.host)).toEqual({ h1: 10, h2: 10, h3: 10 });
    expect(outcome.refusals).toEqual([]);
  });

  it('report the last word of a grouped app, once for each offer', () => {
    const app = anApp({ constraints: [['hostname', 'GROUP_BY']], instances: 30 });
    const outcome = matched([cpusOf(2, 'h1'), cpusOf(9, 'h2')], [aDemand(app, 30)]);
    expect(countBy(launchesOf(outcome), ({ agent }) => agent.host)).toEqual({ h1: 2, h2: 3 });
    expect(outcome.refusals.map(({ offer, reasons }) => [offer.hostname, reasons])).toEqual([
      ['h1', ['InsufficientCpus']],
      ['h2', ['UnfulfilledConstraint']],
    ]);
  });
});

describe('ports within a pass', () => {
  it('are handed out once', () => {
    const offer = anOffer({}, [scalar('cpus', 4), scalar('mem', 4_096), ports([{ begin: 31_000, end: 31_002 }])]);
    const outcome = matched([offer], [aDemand(anApp(definitions(0)), 4)]);
    expect(
      launchesOf(outcome)
        .flatMap(({ hostPorts }) => hostPorts)
        .sort(),
    ).toEqual([31_000, 31_001, 31_002]);
    expect(reasonsOfOne(outcome)).toEqual(['InsufficientPorts']);
  });
});
