import { describe, expect, it } from 'vitest';
import { instanceId, v1, v2 } from '../instance/given.ts';
import { Upgrade } from './upgrade.ts';

/** What a pass orders: how many die, how many start. */
const ordered = (upgrade: Upgrade): readonly [kill: number, start: number] => {
  const { kill, start } = upgrade.pass();
  return [kill.length, start];
};

describe('a rolling upgrade, step by step (behaviour §4.5, §13.5)', () => {
  it('V71: starts two at once, then one dies for each healthy one, and one starts for each death', () => {
    const upgrade = new Upgrade({ instances: 3, minimum: 1, over: 0.7 }).addOld(3);
    expect(ordered(upgrade)).toEqual([0, 2]);
    expect(ordered(upgrade)).toEqual([0, 0]);
    upgrade.oneBecomesHealthy();
    expect(ordered(upgrade)).toEqual([1, 0]);
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 1]);
    upgrade.oneBecomesHealthy();
    expect(ordered(upgrade)).toEqual([1, 0]);
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 0]);
    upgrade.oneBecomesHealthy();
    expect(ordered(upgrade)).toEqual([1, 0]);
    upgrade.oneDies();
    expect(upgrade.pass().isDone).toBe(true);
    expect(upgrade.isUpgraded).toBe(true);
  });

  it('V65: starts one, one dies when that is healthy, and the next starts when it is dead', () => {
    const upgrade = new Upgrade({ instances: 4, minimum: 1, over: 0 }).addOld(4);
    for (let round = 1; round <= 4; round++) {
      expect(ordered(upgrade)).toEqual([0, 1]);
      expect(ordered(upgrade)).toEqual([0, 0]);
      upgrade.oneBecomesHealthy();
      expect(ordered(upgrade)).toEqual([1, 0]);
      expect(ordered(upgrade)).toEqual([0, 0]);
      upgrade.oneDies();
    }
    expect(upgrade.pass().isDone).toBe(true);
  });

  it('V72: kills all at once and starts nothing before the first is dead', () => {
    const upgrade = new Upgrade({ instances: 4, minimum: 0, over: 0 }).addOld(4);
    expect(ordered(upgrade)).toEqual([4, 0]);
    expect(ordered(upgrade)).toEqual([0, 0]);
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 1]);
  });

  it('V64: kills what the minimum allows before anything new is there', () => {
    const upgrade = new Upgrade({ instances: 2, minimum: 0.5, over: 0 }).addOld(2);
    expect(ordered(upgrade)).toEqual([1, 0]);
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 1]);
  });

  it('V73: a resident app goes one below its minimum, since its volume cannot be in two places', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 0.5, over: 0, isResident: true }).addOld(1);
    expect(ordered(upgrade)).toEqual([1, 0]);
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 1]);
  });

  it('is not done before the old ones are dead (behaviour §12, 7)', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 1, over: 1 }).addOld(1);
    upgrade.pass();
    upgrade.oneBecomesHealthy();
    expect(upgrade.pass()).toEqual({ kill: [instanceId(1)], start: 0, isDone: false });
    expect(upgrade.pass().isDone).toBe(false);
    upgrade.oneDies();
    expect(upgrade.pass().isDone).toBe(true);
  });

  it('does not wait for an old one that is out of reach', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 1, over: 1 });
    upgrade.add(v2, 'Running', true);
    upgrade.add(v1, 'Unreachable', true, 'Decommissioned');
    expect(upgrade.pass().isDone).toBe(true);
  });

  it('waits while a new one is not healthy, or has no verdict yet', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 1, over: 1 });
    upgrade.add(v2, 'Running');
    expect(upgrade.pass()).toEqual({ kill: [], start: 0, isDone: false });
    upgrade.set(0, { healthy: false });
    expect(upgrade.pass()).toEqual({ kill: [], start: 0, isDone: false });
    upgrade.set(0, { healthy: true });
    expect(upgrade.pass().isDone).toBe(true);
  });

  it('replaces a sick version: its instances die although they never get healthy', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 1, over: 1 });
    upgrade.add(v1, 'Running', false);
    expect(ordered(upgrade)).toEqual([0, 1]);
    upgrade.oneBecomesHealthy();
    expect(upgrade.pass().kill).toEqual([instanceId(1)]);
  });

  it('takes the place of a sick one where there is no other', () => {
    const upgrade = new Upgrade({ instances: 2, minimum: 1, over: 0 });
    upgrade.add(v1, 'Running', true);
    upgrade.add(v1, 'Running', false);
    expect(upgrade.pass()).toMatchObject({ kill: [instanceId(2)], start: 0 });
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 1]);
  });

  it('spares the ready one and kills the one without a verdict, whichever is younger', () => {
    for (const order of [
      [undefined, true],
      [true, undefined],
    ] as const) {
      const upgrade = new Upgrade({ instances: 2, minimum: 0.5, over: 0 });
      for (const healthy of order) upgrade.add(v1, 'Running', healthy);
      expect(upgrade.pass().kill).toEqual([instanceId(order.indexOf(undefined) + 1)]);
    }
  });

  it('never starts an old instance again that waits for an offer or has failed', () => {
    const upgrade = new Upgrade({ instances: 2, minimum: 1, over: 0 });
    upgrade.add(v1, 'Scheduled');
    upgrade.add(v1, 'Failed');
    expect(upgrade.pass()).toMatchObject({ kill: [instanceId(1), instanceId(2)], start: 2 });
  });

  it('gives up an old instance that is inactive, and lets it take no room', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 1, over: 0 });
    upgrade.add(v1, 'UnreachableInactive');
    expect(upgrade.pass()).toMatchObject({ kill: [instanceId(1)], start: 1 });
  });

  it('clears what a cancelled deployment left behind (behaviour §12, 39)', () => {
    const upgrade = new Upgrade({ instances: 3, minimum: 1, over: 0.3 }).addOld(4);
    expect(upgrade.pass().kill).toHaveLength(1);
  });

  it('takes up an upgrade that another leader began', () => {
    const upgrade = new Upgrade({ instances: 4, minimum: 1, over: 0.5 }).addOld(3);
    for (let i = 0; i < 2; i++) upgrade.add(v2, 'Running', true);
    upgrade.add(v1, 'Running', true, 'Decommissioned');
    expect(ordered(upgrade)).toEqual([1, 0]);
  });

  it('counts new instances that are to die as taking up room', () => {
    const upgrade = new Upgrade({ instances: 2, minimum: 0, over: 0 });
    upgrade.add(v2, 'Running', true);
    upgrade.add(v2, 'Running', true, 'Decommissioned');
    expect(ordered(upgrade)).toEqual([0, 0]);
    upgrade.oneDies();
    expect(ordered(upgrade)).toEqual([0, 1]);
  });

  it('kills new instances beyond the count, the unready first', () => {
    const upgrade = new Upgrade({ instances: 2, minimum: 1, over: 1 });
    for (const healthy of [true, undefined, true, true]) upgrade.add(v2, 'Running', healthy);
    expect(upgrade.pass().kill).toEqual([instanceId(2), instanceId(4)]);
  });

  it('replaces a new instance that is given up, and ends the surplus when it returns', () => {
    const upgrade = new Upgrade({ instances: 1, minimum: 1, over: 1 });
    upgrade.add(v2, 'UnreachableInactive');
    expect(ordered(upgrade)).toEqual([0, 1]);
    upgrade.oneBecomesHealthy();
    expect(upgrade.pass().isDone).toBe(true);
    upgrade.set(0, { condition: 'Running', healthy: true });
    expect(upgrade.pass()).toMatchObject({ start: 0, isDone: false });
    expect(upgrade.members.filter((m) => m.goal === 'Running')).toHaveLength(1);
  });

  it('with no instance wanted ends all', () => {
    const upgrade = new Upgrade({ instances: 0, minimum: 1, over: 1 }).addOld(2);
    upgrade.add(v1, 'Running', false);
    expect(ordered(upgrade)).toEqual([3, 0]);
  });

  it('gives up new ones that wait for an offer when the count was lowered, or somebody takes their room', () => {
    const lowered = new Upgrade({ instances: 2, minimum: 1, over: 0.5 });
    lowered.add(v1, 'Running', true);
    lowered.add(v2, 'Running', true);
    for (let i = 0; i < 3; i++) lowered.add(v2, 'Scheduled');
    lowered.pass();
    expect(lowered.members.filter((m) => m.instance.version === v2)).toHaveLength(2);

    const returned = new Upgrade({ instances: 3, minimum: 1, over: 0.34 }).addOld(2);
    returned.add(v2, 'Running', true);
    returned.add(v2, 'Scheduled');
    returned.add(v2, 'Scheduled');
    returned.pass();
    expect(returned.alive).toBe(4);
  });
});
