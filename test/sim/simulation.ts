/** One run from one seed. */
import type { Violation } from './chronicle.ts';
import { Dice } from './dice.ts';
import { faults } from './faults.ts';
import { drawProfile, type Profile } from './profile.ts';
import { comeToRest } from './rest.ts';
import { SimWorld } from './world.ts';

export interface RunReport {
  readonly seed: number;
  readonly profile: Profile;
  /** Empty if everything held. The first one is what went wrong; the run ends with it. */
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly counts: ReadonlyMap<string, number>;
  readonly lines: readonly string[];
}

/** Lives through one world. `print` gets the log line by line. */
export async function simulate(seed: number, print?: (line: string) => void): Promise<RunReport> {
  const dice = new Dice(seed);
  const profile = drawProfile(dice);
  const world = new SimWorld(dice.fork(), profile, print);
  world.chronicle.log(`seed ${seed} ${JSON.stringify(profile)}`);
  for (const name of ['a', 'b', 'c'].slice(0, profile.servers)) await world.startServer(name);
  if (await live(world, dice.fork(), profile)) await comeToRest(world);
  for (const server of world.servers) server.die();
  await world.settle();
  const { violations, lines, counts } = world.chronicle;
  const simulatedMs = world.clock.monotonic();
  return { seed, profile, violations, simulatedMs, faults: world.chronicle.faults, counts, lines };
}

/** Users and faults in turn. False as soon as something is wrong. */
async function live(world: SimWorld, dice: Dice, profile: Profile): Promise<boolean> {
  for (let step = 0; step < profile.steps; step++) {
    if (dice.next() * (1 + profile.faultWeight) < profile.faultWeight) {
      const fault = dice.weighted(profile.faults);
      faults[fault](world, dice);
    } else {
      const asked = world.servers.filter((s) => s.isUp && (s.isServing || dice.chance(0.1)));
      if (asked.length > 0) world.users.act(dice.pick(asked));
    }
    // Often the next thing comes while this one is still under way.
    const pauseMs = dice.chance(0.4) ? dice.below(50) : Math.floor(dice.next() ** 3 * profile.pauseMs);
    if (!(await world.advance(pauseMs))) return false;
    if (dice.chance(0.5)) await world.restartDead();
  }
  return world.chronicle.violations.length === 0;
}
