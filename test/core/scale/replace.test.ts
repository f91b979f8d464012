import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instance } from '../../../src/core/instance/instance.ts';
import { type AppTarget, isCounted, type Known, reconcile } from '../../../src/core/scale/reconcile.ts';
import { replacementRoom, replaceStep } from '../../../src/core/scale/replace.ts';
import { plainApp } from '../../support/app.ts';
import { anInstance, instanceId } from '../instance/given.ts';

describe('A step of replacing before killing', () => {
  it.each([
    // wanted, running, condemned, settled → release, extra
    [3, 3, 1, 2, 0, 1],
    [3, 4, 1, 2, 0, 1],
    [3, 4, 1, 3, 1, 0],
    [3, 5, 2, 1, 0, 2],
    [3, 5, 2, 2, 1, 1],
    [3, 6, 3, 0, 0, 3],
    [1, 1, 1, 0, 0, 1],
    [1, 2, 1, 1, 1, 0],
    [3, 3, 0, 3, 0, 0],
    [2, 5, 1, 4, 1, 0],
    [0, 2, 2, 0, 2, 0],
  ])(
    'of %i wanted, %i running, %i condemned, %i settled releases %i and adds %i',
    (wanted, running, condemned, settled, release, extra) => {
      const facts = { wanted, running, condemned, settled, maximumOverCapacity: 1 };
      expect(replaceStep(facts)).toEqual({ release, extra });
    },
  );

  it('adds as many as a rolling upgrade may, and always one', () => {
    expect([replacementRoom(10, 0), replacementRoom(10, 0.25), replacementRoom(10, 1)]).toEqual([1, 2, 10]);
  });
});

type Fate = 'well' | 'condemned' | 'starting';

const member = (n: number, fate: Fate): Known => ({
  instance: anInstance(n, fate === 'starting' ? 'Staging' : 'Running', {
    ...(fate === 'starting' ? {} : { healthy: fate === 'well' }),
    ...(fate === 'condemned' ? { condemned: 'refused' } : {}),
  }),
  goal: 'Running',
  isAwaited: fate === 'starting',
});
const target = (instances: number, maximumOverCapacity: number): AppTarget => ({
  app: plainApp('/shop/web', '2026-01-01T00:00:01.000Z', {
    instances,
    replaceBeforeKill: true,
    upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity },
  }),
  mode: 'steady',
  sentenced: new Set(),
});
const hasChecks = (_: Instance): boolean => true;

describe('An app that replaces before it kills', () => {
  it('starts another one, waits until that is well, and lets the condemned one go', () => {
    const goal = target(2, 1);
    const before = [member(1, 'condemned'), member(2, 'well')];
    expect(reconcile(goal, before, hasChecks)).toMatchObject({ kill: [], start: 1 });
    expect(reconcile(goal, [...before, member(3, 'starting')], hasChecks)).toMatchObject({ kill: [], start: 0 });
    expect(reconcile(goal, [...before, member(3, 'well')], hasChecks)).toMatchObject({
      kill: [instanceId(1)],
      start: 0,
    });
  });

  it('does not let it go because of one that never was well', () => {
    const never = { ...member(3, 'starting'), instance: anInstance(3, 'Running', { healthy: false }) };
    const all = [member(1, 'condemned'), member(2, 'well'), never];
    expect(reconcile(target(2, 1), all, hasChecks)).toMatchObject({ kill: [], start: 0 });
  });

  it('lets those go that a user sentenced, whatever replaces them', () => {
    const goal = { ...target(2, 1), sentenced: new Set([instanceId(1)]) };
    expect(reconcile(goal, [member(1, 'condemned'), member(2, 'well')], hasChecks)).toMatchObject({
      kill: [instanceId(1)],
      start: 1,
    });
  });

  it('always comes to as many well ones as wanted, never kills below them, and keeps within its room', () => {
    const crowd = fc.array(fc.constantFrom<Fate>('well', 'condemned', 'starting'), { maxLength: 12 });
    fc.assert(
      fc.property(crowd, fc.integer({ min: 1, max: 8 }), fc.constantFrom(0, 0.3, 1), (fates, wanted, over) => {
        const goal = target(wanted, over);
        let all = fates.map((fate, n) => member(n, fate));
        let numbers = 100;
        for (let round = 0; ; round++) {
          expect(round).toBeLessThan(60);
          const { kill, start } = reconcile(goal, all, hasChecks);
          const doomed = new Set(kill);
          const left = all.filter(({ instance }) => !doomed.has(instance.id));
          const started = Array.from({ length: start }, () => member(numbers++, 'starting'));
          // Whoever worked and was not too many is still there, unless another one works in its place.
          expect(left.length + started.length).toBeGreaterThanOrEqual(wanted);
          if (start > 0) expect(left.length + start).toBeLessThanOrEqual(wanted + replacementRoom(wanted, over));
          if (kill.length + start === 0 && !all.some(({ isAwaited }) => isAwaited)) break;
          const became = [...left, ...started].map((known, i) =>
            known.isAwaited && i % 2 === round % 2 ? { ...member(0, 'well'), instance: wellOf(known.instance) } : known,
          );
          all = became;
        }
        const counted = all.filter(isCounted);
        expect(counted).toHaveLength(wanted);
        expect(counted.filter(({ instance }) => instance.condemned !== undefined)).toEqual([]);
      }),
    );
  });
});

const wellOf = (instance: Instance): Instance => ({
  ...anInstance('x', 'Running', { healthy: true }),
  id: instance.id,
});
