/** Why-answers as JSON: `/v2/apps/{id}/why` in full, `/v2/queue?embed=why` in short. */
import type { ReadModel } from '../../actors/front.ts';
import { type AgentAnswer, answersOfAgents } from '../../core/offer/agent-answers.ts';
import { reasonOf } from '../../core/offer/agent-rules.ts';
import type { StandingInput } from '../../core/offer/explain.ts';
import type { KnownAgent } from '../../core/offer/known-agents.ts';
import { amountsOf } from '../../core/offer/known-agents.ts';
import type { Amounts } from '../../core/offer/resources.ts';
import type { Change, NearMiss, WhyNot } from '../../core/offer/why.ts';
import { changeText, nearMissText, ruleText } from '../../core/offer/why-text.ts';
import { timestamp } from '../../core/time.ts';
import type { AskedGroup, WhyAnswer } from '../why-answers.ts';

/** Waiting instances that one answer lists for each role; the count tells of all. */
const maxWaitingListed = 100;
/** Agents that one answer lists for each role, the nearest ones. */
const maxAgentsListed = 1_000;

/** The whole answer for one app. */
export function whyJson(answer: WhyAnswer, read: ReadModel): object {
  const { input, groups } = answer;
  const { app, deployments } = input;
  const failure = read.lastTaskFailure(app.id);
  return {
    appId: app.id,
    ...head(answer),
    needs: {
      ...units(groups[0]?.rules.needs.total ?? { cpus: 0, mem: 0, disk: 0, gpus: 0 }),
      ports: (groups[0]?.rules.needs.ports ?? []).map((port) => port ?? null),
      constraints: app.constraints,
    },
    deployments: deployments.map(({ id, currentStep, totalSteps }) => ({ id, currentStep, totalSteps })),
    ...(failure === undefined ? {} : { lastTaskFailure: failure }),
    waiting: groups.map((group) => ({ ...groupJson(group), ...agentsJson(group, read.placement().agents()) })),
  };
}

/** The short answer for one entry of the queue. */
export const shortWhyJson = (answer: WhyAnswer): object => ({
  ...head(answer),
  waiting: answer.groups.map(({ role, waiting, whyNot }) => ({ role, count: waiting.length, ...whyNotJson(whyNot) })),
});

function head({ standing, summary, input }: WhyAnswer): object {
  const { slowest: _, ...instances } = input.counts;
  return { state: standing, summary, instances, ...delayJson(input), warnings: input.warnings };
}

function delayJson({ notBeforeMs, nowMs }: StandingInput): object {
  if (notBeforeMs === undefined || notBeforeMs <= nowMs) return {};
  return { delay: { until: timestamp(notBeforeMs), timeLeftSeconds: Math.ceil((notBeforeMs - nowMs) / 1000) } };
}

function groupJson({ role, rules, waiting, whyNot }: AskedGroup): object {
  return {
    role,
    acceptedResourceRoles: rules.roles,
    count: waiting.length,
    instances: waiting
      .slice(0, maxWaitingListed)
      .map(({ id, sinceMs, incarnation }) => ({ id, since: timestamp(sinceMs), launches: incarnation })),
    ...whyNotJson(whyNot),
  };
}

const whyNotJson = ({ agents, fitting, reasons, nearest, offeredAtMs }: WhyNot): object => ({
  agents,
  fitting,
  ...(offeredAtMs === undefined ? {} : { lastOfferAt: timestamp(offeredAtMs) }),
  reasons: reasons.map(({ reason, rule, first, agents: all, example }) => ({
    reason,
    text: ruleText(rule),
    agents: first,
    agentsInAll: all,
    example: example.host,
  })),
  nearest: nearest.map(nearMissJson),
});

const nearMissJson = (miss: NearMiss): object => ({
  agentId: miss.agent.agentId,
  hostname: miss.agent.host,
  agents: miss.agents,
  text: nearMissText(miss),
  changes: miss.changes.map(changeJson),
});

/** Amounts in their units instead of thousandths. */
const units = ({ cpus, mem, disk, gpus }: Amounts): object => ({
  cpus: cpus / 1000,
  mem: mem / 1000,
  disk: disk / 1000,
  gpus: gpus / 1000,
});

function changeJson(change: Change): object {
  const text = changeText(change);
  switch (change.type) {
    case 'less': {
      const { name, neededMilli, freeMilli } = change;
      const less = (neededMilli - freeMilli) / 1000;
      return { type: 'less', resource: name, less, needed: neededMilli / 1000, free: freeMilli / 1000, text };
    }
    case 'maintenance':
      return {
        type: 'maintenance',
        ...(change.untilMs === undefined ? {} : { until: timestamp(change.untilMs) }),
        text,
      };
    default:
      return { ...change, text };
  }
}

function agentsJson(group: AskedGroup, agents: readonly KnownAgent[]): object {
  const listed = answersOfAgents(group.rules, agents, maxAgentsListed);
  return {
    agentsNotListed: agents.length - listed.length,
    perAgent: listed.map((answer) => agentJson(group, answer)),
  };
}

/** The first broken rule is the reason; the others are named too, for who mends the first would meet them next. */
function agentJson({ rules }: AskedGroup, { known, rules: broken, changes }: AgentAnswer): object {
  const seen = rules.seenOf(known);
  const [first, ...others] = broken;
  return {
    agentId: known.agent.agentId,
    hostname: known.agent.host,
    fits: first === undefined,
    ...(first === undefined ? {} : { reason: reasonOf(first), text: changeText(changes[0] as Change) }),
    ...(others.length === 0 ? {} : { alsoFailing: others.map(reasonOf) }),
    ...(seen === undefined ? {} : { free: units(amountsOf(seen.supply)), offeredAt: timestamp(seen.atMs) }),
    tasks: known.tasks,
  };
}
