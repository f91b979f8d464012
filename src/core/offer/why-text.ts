/** Why-answers in words: short enough for one line, and with what to do. */
import type { Constraint } from '../app/definition.ts';
import { timestamp } from '../time.ts';
import type { Rule } from './agent-rules.ts';
import type { ScalarName } from './resources.ts';
import type { Change, NearMiss, WhyNot } from './why.ts';

/** `1 agent`, `2 agents`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** Thousandths as a number of at most three decimals. */
const amount = (milli: number): string => String(Math.round(milli) / 1000);

const units: Readonly<Record<ScalarName, string>> = {
  cpus: 'cpus',
  mem: 'MiB of memory',
  disk: 'MiB of disk',
  gpus: 'GPUs',
};

/** `0.5 cpus`, `64 MiB of memory`. */
export const quantity = (name: ScalarName, milli: number): string => `${amount(milli)} ${units[name]}`;

/** `UNIQUE on hostname`, `LIKE "r[1-3]" on rack`. */
export const constraintText = ([field, operator, value]: Constraint): string =>
  value === undefined ? `${operator} on ${field}` : `${operator} "${value}" on ${field}`;

/** A broken rule, as the reason of some agents. */
export function ruleText(rule: Rule): string {
  switch (rule.type) {
    case 'noOffer':
      return 'nothing on offer';
    case 'role':
      return 'nothing of an accepted role';
    case 'constraint':
      return constraintText(rule.constraint);
    case 'region':
      return 'in another region than the master';
    case 'reservation':
      return 'no reservation for the volume';
    case 'maintenance':
      return 'under maintenance';
    case 'amount':
      return { cpus: 'too few cpus', mem: 'too little memory', disk: 'too little disk', gpus: 'too few GPUs' }[
        rule.name
      ];
    case 'ports':
      return 'ports not free';
    case 'scarceGpus':
      return 'kept for apps that use GPUs';
  }
}

/** What would have to be different, to be read behind "fits on <host>". */
export function changeText(change: Change): string {
  switch (change.type) {
    case 'less': {
      const { name, neededMilli, freeMilli } = change;
      return `with ${quantity(name, neededMilli - freeMilli)} less (needs ${amount(neededMilli)}, free ${amount(freeMilli)})`;
    }
    case 'ports': {
      const { fixed, any } = change;
      const parts = [
        ...(fixed.length === 0
          ? []
          : [`without host port${fixed.length === 1 ? '' : 's'} ${fixed.slice(0, 5).join(', ')}`]),
        ...(any === 0 ? [] : [`with ${counted(any, 'port')} fewer`]),
      ];
      return parts.join(' and ');
    }
    case 'constraint': {
      const { constraint, value } = change;
      return `without ${constraintText(constraint)} (${value === undefined ? `it has no ${constraint[0]}` : `it has ${value}`})`;
    }
    case 'role':
      return `with acceptedResourceRoles that include ${change.offered.join(' or ')}`;
    case 'region':
      return `with a constraint on @region (it is in ${change.region ?? 'none'})`;
    case 'maintenance':
      return change.untilMs === undefined
        ? 'once its maintenance is over'
        : `once its maintenance is over (${timestamp(change.untilMs)})`;
    case 'noOffer':
      return 'once it has something on offer';
    case 'reservation':
      return 'with a reservation for its volume';
    case 'scarceGpus':
      return 'with the label GPU_SCHEDULING_BEHAVIOR=unrestricted';
  }
}

/** `fits on agent-7 with 0.2 cpus less (needs 0.5, free 0.3)`. */
export const nearMissText = ({ agent, changes }: NearMiss): string =>
  `fits on ${agent.host} ${changes.map(changeText).join(', and ')}`;

/** Reasons that a sentence names. */
const maxReasonsNamed = 3;

/** `9 too few cpus, 3 UNIQUE on hostname`: the first reasons of agents, the most frequent one first. */
export function reasonsText({ reasons }: Pick<WhyNot, 'reasons'>): string {
  const firsts = reasons.filter(({ first }) => first > 0).sort((a, b) => b.first - a.first);
  const named = firsts.slice(0, maxReasonsNamed).map(({ first, rule }) => `${first} ${ruleText(rule)}`);
  const rest = firsts.slice(maxReasonsNamed).reduce((sum, { first }) => sum + first, 0);
  return [...named, ...(rest === 0 ? [] : [`${rest} other reasons`])].join(', ');
}
