/** The apps that simulated users write: every member that the scheduler decides on takes odd values sooner or later. */
import type { Constraint, ConstraintOperator } from '../../src/core/app/definition.ts';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { Dice } from './dice.ts';

/** In an order without cycles: an app depends only on those before it. */
export const appIds = ['/a', '/b', '/g/c', '/g/d', '/g/h/e'] as const;

const constraints: readonly Constraint[] = [
  ['hostname', 'UNIQUE'],
  ['hostname', 'MAX_PER', '2'],
  ['hostname', 'CLUSTER', 'host0'],
  ['hostname', 'UNLIKE', 'host1'],
  ['rack', 'LIKE', 'r[01]'],
  ['rack', 'GROUP_BY'],
  ['@zone', 'GROUP_BY', '2'],
  ['@zone', 'IS', 'z0'],
  ['rack', 'CLUSTER'],
  ['@zone', 'MAX_PER', '3'],
] satisfies readonly (readonly [string, ConstraintOperator, string?])[];

/** A complete app. `taken` are the apps that exist. */
export function drawApp(dice: Dice, id: string, taken: readonly string[]): AppUpdate {
  const ports = dice.pick([0, 0, 1, 1, 2]);
  const isFixed = ports > 0 && dice.chance(0.15);
  const hasChecks = ports > 0 && dice.chance(0.4);
  const earlier = appIds.slice(0, appIds.indexOf(id as (typeof appIds)[number])).filter((one) => taken.includes(one));
  return {
    cmd: `sleep ${dice.between(1, 3)}`,
    instances: dice.below(6),
    cpus: dice.chance(0.04) ? 100 : dice.pick([0.1, 0.1, 0.3, 1]),
    mem: dice.pick([32, 128, 512]),
    disk: 0,
    portDefinitions: Array.from({ length: ports }, (_, i) => ({ port: isFixed ? 31_000 + i : 0, protocol: 'tcp' })),
    requirePorts: isFixed,
    constraints: dice.chance(0.3) ? [dice.pick(constraints)] : [],
    healthChecks: hasChecks
      ? [
          {
            protocol: dice.pick(['HTTP', 'TCP']),
            portIndex: 0,
            gracePeriodSeconds: dice.pick([1, 20]),
            intervalSeconds: dice.pick([2, 10]),
            timeoutSeconds: 1,
            maxConsecutiveFailures: dice.pick([1, 3]),
          },
        ]
      : [],
    upgradeStrategy: {
      minimumHealthCapacity: dice.pick([0, 0.5, 0.75, 1]),
      maximumOverCapacity: dice.pick([0, 0.3, 1]),
    },
    ...(dice.chance(0.5)
      ? {
          unreachableStrategy: dice.pick([
            'disabled',
            { inactiveAfterSeconds: 10, expungeAfterSeconds: 60 },
            { inactiveAfterSeconds: 30, expungeAfterSeconds: 200 },
          ] as const),
        }
      : {}),
    killSelection: dice.pick(['YOUNGEST_FIRST', 'OLDEST_FIRST']),
    backoffSeconds: dice.pick([0, 1, 5]),
    maxLaunchDelaySeconds: 60,
    dependencies:
      earlier.length > 0 && dice.chance(0.25)
        ? [dice.chance(0.3) && earlier.includes('/g/c') ? '/g' : dice.pick(earlier)].filter(
            (d) => d !== '/g' || !id.startsWith('/g'),
          )
        : [],
  };
}

/** A change of one or two members. */
export function drawPatch(dice: Dice): AppUpdate {
  return dice.weighted<() => AppUpdate>([
    [4, () => ({ cmd: `sleep ${dice.between(1, 5)}` })],
    [1, () => ({ labels: { one: String(dice.below(5)) } })],
    [1, () => ({ cpus: dice.pick([0.1, 0.2, 0.5]), instances: dice.below(6) })],
    [1, () => ({ constraints: dice.chance(0.5) ? [] : [dice.pick(constraints)] })],
    [
      1,
      () => ({
        upgradeStrategy: { minimumHealthCapacity: dice.pick([0, 0.5, 1]), maximumOverCapacity: dice.pick([0, 1]) },
      }),
    ],
  ])();
}
