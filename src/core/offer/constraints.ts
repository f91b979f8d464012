/** Placement constraints (behaviour §3). */
import { RE2JS } from 're2js';
import type { AppDefinition, Constraint } from '../app/definition.ts';
import type { AgentInfo } from '../instance/instance.ts';
import { type AgentView, fieldValue, formatScalar } from './fields.ts';
import { GroupCounts } from './group-counts.ts';

/** Judges agents for one app during one pass. */
export interface ConstraintJudge {
  /** True if all constraints of the app hold for one more instance on the agent. */
  readonly accepts: (view: AgentView) => boolean;
  /** The constraints that do not hold: bit i stands for the i-th one, the last bit for all from `maxToldApart` on. */
  readonly broken: (view: AgentView) => number;
  /** Counts an instance as placed on the agent. */
  readonly place: (view: AgentView) => void;
}

/** One constraint; `value` is what the offer has, undefined if its agent lacks the field. */
interface Rule {
  readonly field: string;
  readonly accepts: (value: string | undefined) => boolean;
  /** Told the new size of a group after each placement. */
  readonly grown?: (newSize: number) => void;
}

/** Constraints of one app that `broken` can tell apart. */
export const maxToldApart = 19;

const unconstrained: ConstraintJudge = { accepts: () => true, broken: () => 0, place: () => undefined };

/**
 * Builds the judge of an app from where its instances are. Costs O(placements) the first time that an array of them is seen, and
 * O(constraints) for each question and each placement afterwards.
 */
export function judgeOf(app: AppDefinition, placements: readonly AgentInfo[]): ConstraintJudge {
  if (app.constraints.length === 0) return unconstrained;
  let countsOf = countsBy(app, placements);
  let isOwn = false;
  const compileRules = (): readonly Rule[] =>
    app.constraints.map((constraint) => ruleOf(constraint, countsOf.get(constraint[0]), app));
  let rules = compileRules();
  const place = (view: AgentView): void => {
    if (!isOwn) {
      // The counts belong to the placements, which others judge by, too.
      countsOf = new Map([...countsOf].map(([field, counts]) => [field, counts.copy()]));
      rules = compileRules();
      isOwn = true;
    }
    for (const [field, counts] of countsOf) {
      const newSize = counts.add(view.valueOf(field));
      for (const rule of rules) if (rule.field === field) rule.grown?.(newSize);
    }
  };
  const broken = (view: AgentView): number => {
    let bits = 0;
    for (let i = 0; i < rules.length; i += 1) {
      const rule = rules[i] as Rule;
      if (!rule.accepts(view.valueOf(rule.field))) bits |= 1 << Math.min(i, maxToldApart - 1);
    }
    return bits;
  };
  return {
    accepts: (view) => rules.every((rule) => rule.accepts(view.valueOf(rule.field))),
    broken,
    place,
  };
}

/** The operators that depend on where other instances are. */
const countingOperators: ReadonlySet<string> = new Set(['UNIQUE', 'CLUSTER', 'GROUP_BY', 'MAX_PER']);

/** Counts of placements by field; gone with the array that they were made from. Nobody adds to them. */
const counted = new WeakMap<readonly AgentInfo[], Map<string, GroupCounts>>();

function countsBy(app: AppDefinition, placements: readonly AgentInfo[]): ReadonlyMap<string, GroupCounts> {
  let known = counted.get(placements);
  if (known === undefined) {
    known = new Map();
    // An empty array may be one for all apps, and outlive the fields of each.
    if (placements.length > 0) counted.set(placements, known);
  }
  const counts = new Map<string, GroupCounts>();
  for (const [field, operator] of app.constraints) {
    if (counts.has(field) || !countingOperators.has(operator)) continue;
    const ofField = known.get(field) ?? countPlaced(placements, field);
    known.set(field, ofField);
    counts.set(field, ofField);
  }
  return counts;
}

function countPlaced(placements: readonly AgentInfo[], field: string): GroupCounts {
  const counts = new GroupCounts();
  for (const agent of placements) counts.add(fieldValue(agent, field));
  return counts;
}

/** An agent without the field satisfies UNLIKE and nothing else (behaviour §3.2). */
function ruleOf(constraint: Constraint, counts = new GroupCounts(), app: AppDefinition): Rule {
  const [field, operator, wanted = ''] = constraint;
  const present = (accepts: (value: string) => boolean): Rule => ({
    field,
    accepts: (value) => value !== undefined && accepts(value),
  });
  switch (operator) {
    case 'UNIQUE':
      return present((value) => counts.sizeOf(value) === 0);
    case 'CLUSTER':
      return wanted === ''
        ? present((value) => counts.first === undefined || counts.first.value === value)
        : present((value) => value === wanted);
    case 'MAX_PER': {
      const most = /^\d+$/.test(wanted) ? Number(wanted) : 0;
      return present((value) => counts.sizeOf(value) < most);
    }
    case 'IS': {
      const text = isNumber(wanted) ? formatScalar(Number(wanted)) : wanted;
      return present((value) => value === text);
    }
    case 'LIKE': {
      const matches = patternOf(constraint);
      return present((value) => matches?.(value) === true);
    }
    case 'UNLIKE': {
      const matches = patternOf(constraint);
      return { field, accepts: (value) => value === undefined || matches?.(value) === false };
    }
    case 'GROUP_BY':
      return groupByRule(field, wanted, counts, app.instances);
  }
}

const isNumber = (text: string): boolean => /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);

/**
 * With a count N of groups: each of the N gets its share of the configured instances, and what the division leaves
 * over goes to whoever is first. Without a count: new groups are opened freely, otherwise the smallest group is next
 * (behaviour §3.3, design §8).
 */
function groupByRule(field: string, wanted: string, counts: GroupCounts, instances: number): Rule {
  const groups = wanted === 'inf' ? Number.MAX_SAFE_INTEGER : /^[+-]?\d+$/.test(wanted) ? Number(wanted) : 0;
  if (groups < 1) {
    return {
      field,
      accepts: (value) => {
        if (value === undefined) return false;
        const size = counts.sizeOf(value);
        return size === 0 || size === counts.smallest;
      },
    };
  }
  const share = Math.floor(instances / groups);
  const rest = instances % groups;
  let overShare = 0;
  for (const size of counts.sizes()) overShare += Math.max(0, size - share);
  return {
    field,
    accepts: (value) => {
      if (value === undefined) return false;
      const size = counts.sizeOf(value);
      if (size === 0) return counts.groups < groups;
      return size < share || (size === share && overShare < rest);
    },
    grown: (newSize) => {
      if (newSize > share) overShare += 1;
    },
  };
}

type Matches = (text: string) => boolean;

/** Verdicts that one pattern remembers; then it forgets all and starts anew. */
const maxRememberedVerdicts = 1_000;
/** Compiled once for each constraint of a definition; gone with the definition. */
const compiled = new WeakMap<Constraint, Matches | 'invalid'>();

/**
 * Tests for a match of the whole text, or undefined for an empty or broken pattern, which refuses LIKE and UNLIKE
 * alike.
 */
function patternOf(constraint: Constraint): Matches | undefined {
  let matches = compiled.get(constraint);
  if (matches === undefined) {
    matches = compile(constraint[2] ?? '');
    compiled.set(constraint, matches);
  }
  return matches === 'invalid' ? undefined : matches;
}

function compile(pattern: string): Matches | 'invalid' {
  if (pattern === '') return 'invalid';
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch {
    // Validation refuses such patterns with a message; one that an old store brings along must not stop the pass.
    return 'invalid';
  }
  const verdicts = new Map<string, boolean>();
  return (text) => {
    let verdict = verdicts.get(text);
    if (verdict === undefined) {
      verdict = regex.testExact(text);
      if (verdicts.size >= maxRememberedVerdicts) verdicts.clear();
      verdicts.set(text, verdict);
    }
    return verdict;
  };
}
