/**
 * Tasks that were given up while nobody knew that they were dead: their agent was out of reach, or Mesos did not know it. A master tells
 * without being asked of an agent that comes back to it, but not of one that comes to it for the first time (transcripts 08, 16).
 */
import type { InstanceEffect } from '../instance/decide.ts';
import type { Condition, Instance } from '../instance/instance.ts';
import { isTerminal } from '../instance/instance.ts';
import type { RecordWrite } from '../journal/batch.ts';

/** Strays that are kept; the oldest goes first. */
export const maxStrays = 10_000;
/** So long they are asked for; behind that the question for all there is finds them, as it does any other unknown task. */
export const strayKnownMs = 60 * 60 * 1000;

export interface Stray {
  readonly taskId: string;
  readonly agentId: string;
  /** Time of giving it up, in epoch milliseconds. */
  readonly sinceMs: number;
}

/** A `meta` record, not a kind of its own, for the same reason as those of request keys: servers of before ignore it. */
const prefix = 'stray/';

/** True for the name of a `meta` record that holds a `Stray`. */
export const isStrayRecord = (name: string): boolean => name.startsWith(prefix);

/** Stores it, if there is one. */
export const strayRecords = (stray: Stray | undefined): readonly RecordWrite[] =>
  stray === undefined ? [] : [{ kind: 'meta', key: prefix + stray.taskId, value: stray }];

/** Forgets it. */
export const strayForgotten = (taskId: string): RecordWrite => ({
  kind: 'meta',
  key: prefix + taskId,
  value: undefined,
});

/** True if a task of this condition may be alive although nobody can see it. */
const isOutOfSight = (condition: Condition): boolean =>
  condition === 'Unreachable' || condition === 'UnreachableInactive' || condition === 'Unknown';

type Change = Extract<InstanceEffect, { type: 'update' | 'expunge' }>;

/** The task that a change of an instance leaves behind and that may go on living; undefined if there is none. */
export function strayLeft(before: Instance, change: Change, nowMs: number): Stray | undefined {
  if (change.type === 'expunge') return outOfSight(change.last, nowMs);
  const { condition } = change.next;
  return condition === 'Unknown' && before.condition !== condition ? outOfSight(change.next, nowMs) : undefined;
}

function outOfSight({ tasks, agent }: Instance, nowMs: number): Stray | undefined {
  const [task] = tasks;
  if (task === undefined || agent === undefined || !isOutOfSight(task.condition)) return undefined;
  return { taskId: task.id, agentId: agent.agentId, sinceMs: nowMs };
}

/** What a status says of a stray: it is over, it can still not be seen, or it lives. */
export function strayNews(condition: Condition): 'over' | 'unseen' | 'alive' {
  if (isOutOfSight(condition)) return 'unseen';
  return isTerminal(condition) ? 'over' : 'alive';
}
