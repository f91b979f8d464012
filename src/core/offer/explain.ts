/** How an app stands, in one word, one line and numbers: what an operator reads first when something does not run. */
import type { AppDefinition } from '../app/definition.ts';
import { type Condition, type Instance, isScheduled } from '../instance/instance.ts';
import { timestamp } from '../time.ts';
import type { PlacementWarning } from './warnings.ts';
import type { WhyNot } from './why.ts';
import { counted, nearMissText, reasonsText } from './why-text.ts';

/**
 * - `running`: as many run as are wanted. `suspended`: none is wanted, none runs.
 * - `starting`: nothing waits; what was launched does not run yet.
 * - `deploying`: a deployment has not come to what is missing yet.
 * - `disconnected`, `delayed`: what waits could not be launched on any agent at the moment.
 * - `noAgents`, `noFit`: what waits fits on no agent. `offersDue`: it fits as far as we know, and starts with an offer.
 */
export type Standing =
  | 'running'
  | 'suspended'
  | 'starting'
  | 'deploying'
  | 'disconnected'
  | 'delayed'
  | 'noAgents'
  | 'noFit'
  | 'offersDue';

/** The instances that wait in one role, and the agents' answer to one more of them. */
export interface WaitingGroup {
  readonly role: string;
  readonly waiting: readonly Instance[];
  readonly whyNot: WhyNot;
}

export interface StandingInput {
  readonly app: AppDefinition;
  readonly counts: InstanceCounts;
  /** Largest first. */
  readonly groups: readonly WaitingGroup[];
  /** The scheduler knows that they wait; until a deployment comes to them it does not. */
  readonly isAsked: boolean;
  readonly isConnected: boolean;
  readonly notBeforeMs: number | undefined;
  readonly lastFailure: { readonly host: string; readonly message: string } | undefined;
  readonly deployments: readonly { readonly id: string; readonly currentStep: number; readonly totalSteps: number }[];
  readonly warnings: readonly PlacementWarning[];
  readonly nowMs: number;
}

/** Instances that are meant to run, by how far they have come. */
export interface InstanceCounts {
  readonly target: number;
  readonly running: number;
  /** Launched, and not running. */
  readonly starting: number;
  readonly unreachable: number;
  readonly waiting: number;
  /** The one that has been starting for the longest time. */
  readonly slowest:
    | { readonly condition: Condition; readonly sinceMs: number; readonly host: string | undefined }
    | undefined;
}

/** Counts the instances of an app. */
export function countInstances(target: number, instances: Iterable<Instance>): InstanceCounts {
  let running = 0;
  let starting = 0;
  let unreachable = 0;
  let waiting = 0;
  let slowest: InstanceCounts['slowest'];
  for (const instance of instances) {
    const { condition, sinceMs, agent } = instance;
    if (instance.goal !== 'Running') continue;
    if (isScheduled(instance)) waiting += 1;
    else if (condition === 'Running') running += 1;
    else if (condition === 'Unreachable' || condition === 'UnreachableInactive') unreachable += 1;
    else {
      starting += 1;
      if (slowest === undefined || sinceMs < slowest.sinceMs) slowest = { condition, sinceMs, host: agent?.host };
    }
  }
  return { target, running, starting, unreachable, waiting, slowest };
}

/** Judges how the app stands. */
export function standingOf(input: StandingInput): Standing {
  const { counts, groups, deployments } = input;
  if (counts.waiting === 0) {
    if (counts.running + counts.unreachable < counts.target) {
      if (counts.starting === 0 && deployments.length > 0) return 'deploying';
      return 'starting';
    }
    return counts.target === 0 && counts.running === 0 ? 'suspended' : 'running';
  }
  if (!input.isConnected) return 'disconnected';
  if (!input.isAsked) return 'deploying';
  if (input.notBeforeMs !== undefined && input.notBeforeMs > input.nowMs) return 'delayed';
  if (groups.every(({ whyNot }) => whyNot.agents === 0)) return 'noAgents';
  return groups.some(({ whyNot }) => whyNot.fitting > 0) ? 'offersDue' : 'noFit';
}

/** One line for a person: how many run, what keeps the others, what would help. */
export function summaryOf(input: StandingInput, standing: Standing = standingOf(input)): string {
  const { counts, deployments } = input;
  const [deployment] = deployments;
  const step = deployment && `deployment ${deployment.id} (step ${deployment.currentStep} of ${deployment.totalSteps})`;
  const waits = `${ofTarget(counts, counts.waiting)} ${counts.waiting === 1 ? 'waits' : 'wait'}`;
  switch (standing) {
    case 'running':
      return `${ofTarget(counts, counts.running)} run${counts.running === 1 ? 's' : ''}${unreachableText(counts)}.`;
    case 'suspended':
      return 'Suspended: the app has 0 instances, so nothing is meant to run.';
    case 'starting':
      return startingText(counts, input.nowMs);
    case 'deploying':
      return `${ofTarget(counts, counts.running)} run; ${step ?? 'a deployment'} has not come to the rest yet.`;
    case 'disconnected':
      return `${waits}: there is no connection to a Mesos master, nothing can be launched before it is back.`;
    case 'delayed':
      return `${waits}: ${delayText(input)}`;
    case 'noAgents':
      return `${waits}: no agent is known, Mesos has offered nothing yet.`;
    case 'offersDue':
      return `${waits}: ${offersDueText(input)}`;
    case 'noFit':
      return `${waits}: ${noFitText(input)}`;
  }
}

const ofTarget = ({ target }: InstanceCounts, count: number): string =>
  count > target ? counted(count, 'instance') : `${count} of ${counted(target, 'instance')}`;

const unreachableText = ({ unreachable }: InstanceCounts): string =>
  unreachable === 0 ? '' : `, ${unreachable} ${unreachable === 1 ? 'is' : 'are'} on agents that Mesos cannot reach`;

function startingText(counts: InstanceCounts, nowMs: number): string {
  const { slowest, starting } = counts;
  if (slowest === undefined) return `${ofTarget(counts, counts.running)} run; the rest is about to be scheduled.`;
  const host = slowest.host === undefined ? '' : ` on ${slowest.host}`;
  const seconds = Math.max(0, Math.floor((nowMs - slowest.sinceMs) / 1000));
  const verb = starting === 1 ? 'is' : 'are';
  return `${ofTarget(counts, starting)} ${verb} starting: ${slowest.condition}${host} for ${seconds} s.`;
}

function delayText({ app, notBeforeMs = 0, nowMs, lastFailure }: StandingInput): string {
  const seconds = Math.ceil((notBeforeMs - nowMs) / 1000);
  const cause =
    lastFailure === undefined ? '' : `; the last one failed on ${lastFailure.host} (${oneLine(lastFailure.message)})`;
  return (
    `launch delay after failures for ${seconds} s more, until ${timestamp(notBeforeMs)}${cause}. ` +
    `DELETE /v2/queue${app.id}/delay ends it.`
  );
}

function offersDueText({ groups }: StandingInput): string {
  const group = groups.find(({ whyNot }) => whyNot.fitting > 0);
  if (group === undefined) return '';
  const { fitting, fittingExample, agents, offeredAtMs } = group.whyNot;
  const seen = offeredAtMs === undefined ? '' : `, last offer ${timestamp(offeredAtMs)}`;
  return (
    `one more fits on ${fitting} of ${counted(agents, 'agent')} as last seen ` +
    `(such as ${fittingExample?.host ?? ''}${seen}), and starts with the next offer from there.`
  );
}

/** Near misses that a sentence names. */
const nearMissesNamed = 2;

function noFitText({ groups, warnings }: StandingInput): string {
  const whyNot = groups[0]?.whyNot;
  if (whyNot === undefined) return '';
  const [never] = warnings;
  if (whyNot.reasons.every(({ rule, first }) => rule.type === 'noOffer' || first === 0)) return nothingOffered(groups);
  const role = groups[0]?.role === '*' ? '' : ` in role ${groups[0]?.role}`;
  const head = `none of ${counted(whyNot.agents, 'agent')} fits${role} (${reasonsText(whyNot)}).`;
  const misses = whyNot.nearest.slice(0, nearMissesNamed).map(nearMissText);
  const remedy = misses.length === 0 ? '' : ` It ${misses.join('; or ')}.`;
  return `${head}${remedy}${never === undefined ? '' : ` ${never.message}`}`;
}

/** Agents are known, and none has anything on offer: it is all in use, or Mesos offers nothing to the role. */
const nothingOffered = ([group]: StandingInput['groups']): string =>
  `no agent has anything on offer to role ${group?.role ?? '*'} (${counted(group?.whyNot.agents ?? 0, 'agent')} known): ` +
  'everything is in use, or Mesos gives the role nothing.';

/** Longest part of a task's last message that a summary repeats. */
const maxMessageLength = 120;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > maxMessageLength ? `${line.slice(0, maxMessageLength)}…` : line;
}
