import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, Instance } from '../../../src/core/instance/instance.ts';
import { conditions } from '../../../src/core/instance/instance.ts';
import { victims } from '../../../src/core/scale/victims.ts';
import { anInstance, instanceId } from '../instance/given.ts';
import { anAgent, anApp } from '../offer/fixtures.ts';

const nobody = new Set<Instance['id']>();
const app = anApp();
const grouped = anApp({ constraints: [['hostname', 'GROUP_BY']] });
const ids = (...names: readonly (string | number)[]) => names.map(instanceId);

/** Aged by its number: higher is younger. */
const one = (age: number, condition: Condition = 'Running', more: Partial<Instance> = {}): Instance =>
  anInstance(age, condition, {
    sinceMs: age,
    ...(condition === 'Running' ? { activeSinceMs: age } : {}),
    ...(condition === 'Staging' ? { tasks: [{ ...anInstance(age, 'Staging').tasks[0]!, stagedAtMs: age }] } : {}),
    ...more,
  });

describe('who dies first on scale-down (design §8)', () => {
  it('V59: the sentenced one, then the choice of the constraints, then by age', () => {
    const on = (age: number, host: string) => one(age, 'Running', { agent: anAgent(host) });
    const all = [on(1, 'b'), on(2, 'a'), on(3, 'a'), on(4, 'b'), on(5, 'a')];
    // Of 1, 3, 4 and 5, hosts a and b have two each; after 5 and 4 they are even again.
    expect(victims(grouped, all, new Set(ids(2)), 4)).toEqual(ids(2, 5, 4, 3));
    expect(victims(grouped, [on(1, 'a'), on(2, 'a'), on(3, 'a'), on(4, 'b')], new Set(ids(2)), 3)).toEqual(
      ids(2, 3, 4),
    );
  });

  // deviation(different): scale-down: who dies first
  //   Marathon: sentenced, GROUP_BY's choice, then by state, those that wait for an offer after running ones
  //   here: sentenced, then what does not run (waiting ones first), then GROUP_BY's choice, unhealthy ones, those
  //     not checked yet, and kill selection
  //   why: least harm
  it('V60: those that do not run first, then by age inside each condition', () => {
    const order: readonly Condition[] = [
      'Scheduled',
      'Unreachable',
      'Provisioned',
      'Staging',
      'Starting',
      'Killing',
      'Running',
    ];
    const all = order.flatMap((condition, i) => [one(10 * i, condition), one(10 * i + 1, condition)]);
    const expected = order.flatMap((_, i) => [10 * i + 1, 10 * i]);
    expect(victims(app, all.toReversed(), nobody, all.length)).toEqual(ids(...expected));
  });

  it('GROUP_BY chooses before health and age, but never before one that does not run', () => {
    const all = [
      one(1, 'Running', { agent: anAgent('a') }),
      one(2, 'Running', { agent: anAgent('a') }),
      one(3, 'Running', { agent: anAgent('b'), healthy: false }),
      one(4, 'Staging', { agent: anAgent('b') }),
    ];
    expect(victims(grouped, all, nobody, 2)).toEqual(ids(4, 2));
    expect(victims(app, all, nobody, 2)).toEqual(ids(4, 3));
  });

  it('the unhealthy before the others, whatever their age; unknown health is no fault', () => {
    const all = [one(1, 'Running', { healthy: false }), one(2, 'Running', { healthy: true }), one(3)];
    expect(victims(app, all, nobody, 3)).toEqual(ids(1, 3, 2));
  });

  it('one that was not checked yet before one that is known to be healthy', () => {
    const all = [one(1, 'Running', { healthy: true }), one(2), one(3, 'Running', { healthy: true })];
    expect(victims(app, all, nobody, 2)).toEqual(ids(2, 3));
  });

  it('the oldest first if the app says so', () => {
    const all = [one(2), one(1), one(3)];
    expect(victims(anApp({ killSelection: 'OLDEST_FIRST' }), all, nobody, 3)).toEqual(ids(1, 2, 3));
    expect(victims(app, all, nobody, 3)).toEqual(ids(3, 2, 1));
  });

  it('the age of a staging one is that of its task, of a starting one that of its condition', () => {
    const staged = (name: string, stagedAtMs: number, sinceMs: number) => {
      const task = { ...anInstance(name, 'Staging').tasks[0]!, stagedAtMs };
      return anInstance(name, 'Staging', { sinceMs, tasks: [task] });
    };
    expect(victims(app, [staged('a', 1, 9), staged('b', 2, 8)], nobody, 1)).toEqual(ids('b'));
    const starting = [anInstance('a', 'Starting', { sinceMs: 1 }), anInstance('b', 'Starting', { sinceMs: 2 })];
    expect(victims(app, starting, nobody, 1)).toEqual(ids('b'));
  });

  it('nobody, if nobody must', () => {
    expect(victims(app, [one(1)], nobody, 0)).toEqual([]);
    expect(victims(app, [one(1)], new Set(ids(1)), -3)).toEqual([]);
  });
});

const crowds = fc.uniqueArray(
  fc.record({
    name: fc.nat(60),
    condition: fc.constantFrom(...conditions),
    host: fc.constantFrom('a', 'b', 'c'),
    healthy: fc.constantFrom(true, false, undefined),
    age: fc.nat(4),
  }),
  { selector: (c) => c.name, maxLength: 20 },
);

describe('the choice of any number among any candidates', () => {
  const candidates = (
    crowd: readonly { name: number; condition: Condition; host: string; healthy?: boolean | undefined; age: number }[],
  ) =>
    crowd.map(({ name, condition, host, healthy, age }) =>
      anInstance(name, condition, {
        sinceMs: age,
        ...(condition === 'Scheduled' ? {} : { agent: anAgent(host) }),
        ...(healthy === undefined ? {} : { healthy }),
        ...(condition === 'Running' ? { activeSinceMs: age } : {}),
      }),
    );

  it('takes exactly that many of them, each once', () => {
    fc.assert(
      fc.property(crowds, fc.nat(25), fc.boolean(), fc.array(fc.nat(60)), (crowd, count, isGrouped, sentenced) => {
        const all = candidates(crowd);
        const chosen = victims(isGrouped ? grouped : app, all, new Set(ids(...sentenced)), count);
        expect(new Set(chosen).size).toBe(Math.min(count, all.length));
        expect(chosen).toHaveLength(Math.min(count, all.length));
        const known = new Set(all.map((c) => c.id));
        expect(chosen.every((id) => known.has(id))).toBe(true);
      }),
    );
  });

  it('does not depend on the order of the candidates, and a smaller choice is the beginning of a larger one', () => {
    fc.assert(
      fc.property(crowds, fc.nat(25), fc.nat(25), (crowd, a, b) => {
        const all = candidates(crowd);
        const chosen = victims(app, all, nobody, Math.max(a, b));
        expect(victims(app, all.toReversed(), nobody, Math.max(a, b))).toEqual(chosen);
        expect(victims(app, all, nobody, Math.min(a, b))).toEqual(chosen.slice(0, Math.min(a, b)));
      }),
    );
  });

  it('takes no running one while another does not run, and the sentenced before both', () => {
    fc.assert(
      fc.property(crowds, fc.nat(25), fc.boolean(), fc.array(fc.nat(60)), (crowd, count, isGrouped, names) => {
        const all = candidates(crowd);
        const sentenced = new Set(ids(...names));
        const chosen = victims(isGrouped ? grouped : app, all, sentenced, count);
        const rank = new Map(all.map((c) => [c.id, sentenced.has(c.id) ? 0 : c.condition === 'Running' ? 2 : 1]));
        const ranks = chosen.map((id) => rank.get(id)!);
        expect(ranks).toEqual(ranks.toSorted());
        const worst = Math.max(-1, ...ranks);
        const spared = all.filter((c) => !chosen.includes(c.id)).map((c) => rank.get(c.id)!);
        expect(spared.every((r) => r >= worst)).toBe(true);
      }),
    );
  });
});
