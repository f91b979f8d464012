/** What kind of world a seed makes: how large, how slow, and which things go wrong in it, so that each seed stresses something else. */
import type { Dice } from './dice.ts';

export const faultNames = [
  'agentPartition',
  'agentDeath',
  'masterFailover',
  'connectionBreak',
  'callsBreak',
  'rescind',
  'taskEnd',
  'sickness',
  'commitFails',
  'fence',
  'storeAway',
  'crash',
  'crashAtCommit',
  'crashAtCall',
  'freeze',
  'electionCut',
  'mesosCut',
  'abdicate',
  'clockJump',
  'stray',
] as const;

export type FaultName = (typeof faultNames)[number];

export interface Profile {
  readonly servers: number;
  readonly agents: number;
  readonly apps: number;
  readonly steps: number;
  /** Relative to users, whose weight is 1. */
  readonly faults: readonly (readonly [weight: number, name: FaultName])[];
  readonly faultWeight: number;
  /** Longest usual delay of one message, milliseconds. */
  readonly latencyMs: number;
  /** Longest usual delay of one commit and of its answer, milliseconds. */
  readonly commitMs: number;
  /** Probabilities that a message is lost, or comes twice. */
  readonly loss: {
    readonly update: number;
    readonly double: number;
    readonly acknowledge: number;
    readonly kill: number;
    readonly accept: number;
    readonly demand: number;
    readonly reconcile: number;
  };
  /** Probability that a new task ends at once, or hangs on its way. */
  readonly taskFails: number;
  readonly taskHangs: number;
  /** Longest pause between two steps, milliseconds; most are far shorter. */
  readonly pauseMs: number;
  /** Host ports of an agent. */
  readonly portsOfAgent: number;
}

/** Zero, or a share of `most`: many worlds are free of a given trouble, so that another one gets far. */
const sometimes = (dice: Dice, most: number): number => (dice.chance(0.5) ? 0 : dice.next() * most);

/** Draws a profile. */
export function drawProfile(dice: Dice): Profile {
  const isCalm = dice.chance(0.1);
  const faults = faultNames.flatMap((name) =>
    dice.chance(isCalm ? 0.1 : 0.5) ? [[dice.next() + 0.1, name] as const] : [],
  );
  return {
    servers: dice.weighted([
      [2, 1],
      [2, 2],
      [3, 3],
    ]),
    agents: dice.between(2, 5),
    apps: dice.between(1, 5),
    steps: dice.between(30, 90),
    faults,
    faultWeight: faults.length === 0 ? 0 : 0.2 + dice.next() * 1.5,
    latencyMs: dice.pick([0, 1, 20, 200]),
    commitMs: dice.pick([0, 0, 3, 50, 400]),
    loss: {
      update: sometimes(dice, 0.3),
      double: sometimes(dice, 0.3),
      acknowledge: sometimes(dice, 0.3),
      kill: sometimes(dice, 0.5),
      accept: sometimes(dice, 0.2),
      demand: sometimes(dice, 0.2),
      reconcile: sometimes(dice, 0.3),
    },
    taskFails: sometimes(dice, 0.3),
    taskHangs: sometimes(dice, 0.1),
    pauseMs: dice.pick([2_000, 20_000, 60_000]),
    portsOfAgent: dice.pick([3, 6, 20]),
  };
}
