import { describe, expect, it } from 'vitest';
import type { ActorRef } from '../../../src/actors/runtime/types.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { createTestRuntime, recorder, scripted } from './test-runtime.ts';

describe('delivery', () => {
  it('keeps the order of each sender, also over many turns', async () => {
    const { runtime } = createTestRuntime();
    const seen: [string, number][] = [];
    const target = runtime.spawn(recorder(seen), 'target');
    const sender = (name: string) =>
      runtime.spawn<number, null>(
        {
          initial: () => 0,
          receive: (next, _message, context) => {
            target.tell([name, next]);
            if (next < 299) context.self.tell(null);
            return next + 1;
          },
        },
        name,
      );
    for (const name of ['a', 'b', 'c']) sender(name).tell(null);
    await runtime.idle();
    for (const name of ['a', 'b', 'c']) {
      expect(seen.filter(([from]) => from === name).map(([, at]) => at)).toEqual(
        Array.from({ length: 300 }, (_, at) => at),
      );
    }
  });

  it('handles no message within the call that tells it', async () => {
    const { runtime } = createTestRuntime();
    const seen: number[] = [];
    const target = runtime.spawn(recorder(seen), 'target');
    expect(target.tell(1)).toBe(true);
    expect(seen).toEqual([]);
    await runtime.idle();
    expect(seen).toEqual([1]);
  });

  it('lets the others run after the drain limit', async () => {
    const { runtime } = createTestRuntime({ drainLimit: 10 });
    const seen: string[] = [];
    const [a, b] = ['a', 'b'].map((name) =>
      runtime.spawn<null, null>(
        {
          initial: () => null,
          receive: () => {
            seen.push(name);
            return null;
          },
        },
        name,
      ),
    );
    for (let at = 0; at < 25; at += 1) a!.tell(null);
    for (let at = 0; at < 25; at += 1) b!.tell(null);
    await runtime.idle();
    const runs = seen
      .join('')
      .match(/a+|b+/g)
      ?.map((text) => text.length);
    expect(runs).toEqual([10, 10, 10, 10, 5, 5]);
  });

  it('lets an actor that many tell catch up: what its inbox holds beyond eight drain limits is handled in one turn', async () => {
    const { runtime, metrics } = createTestRuntime({ drainLimit: 10 });
    const funnel = runtime.spawn(recorder<number>([]), 'funnel');
    for (let at = 0; at < 200; at += 1) funnel.tell(at);
    await runtime.idle();
    // 120 beyond the 80, then 40 beyond nothing: ten at a time.
    expect(metrics.timed('actors.turn')).toHaveLength(1 + 8);
    expect(runtime.stats().handled).toBe(200);
  });

  it('does not let a long inbox wait behind the slices of many others', async () => {
    const { runtime } = createTestRuntime({ drainLimit: 10 });
    const depths: number[] = [];
    const funnel = runtime.spawn<null, null>({ initial: () => null, receive: () => null }, 'funnel');
    const senders = Array.from({ length: 100 }, (_, number) =>
      runtime.spawn<null, number>(
        {
          initial: () => null,
          receive: (_state, left, { self }) => {
            funnel.tell(null);
            if (number === 0) depths.push(runtime.stats().queued);
            if (left > 0) self.tell(left - 1);
            return null;
          },
        },
        `sender${number}`,
      ),
    );
    for (const sender of senders) sender.tell(50);
    await runtime.idle();
    // Each turn brings a hundred messages; without a larger share ninety of them would stay, turn after turn.
    expect(Math.max(...depths)).toBeLessThan(500);
  });

  it('handles in a later turn what an actor tells itself', async () => {
    const { runtime } = createTestRuntime();
    const seen: string[] = [];
    const eager = runtime.spawn<null, number>(
      {
        initial: () => null,
        receive: (_state, left, context) => {
          seen.push(`eager ${left}`);
          if (left > 0) context.self.tell(left - 1);
          return null;
        },
      },
      'eager',
    );
    const other = runtime.spawn(recorder(seen), 'other');
    eager.tell(2);
    other.tell('other');
    await runtime.idle();
    expect(seen).toEqual(['eager 2', 'other', 'eager 1', 'eager 0']);
  });

  it('lets I/O callbacks run between the turns of actors that never rest', async () => {
    const { runtime } = createTestRuntime({ clock: systemClock });
    let isOver = false;
    let handled = 0;
    const restless = {
      initial: () => null,
      receive: (_state: null, _message: null, context: { self: ActorRef<null> }) => {
        handled += 1;
        if (!isOver) context.self.tell(null);
        return null;
      },
    };
    for (let at = 0; at < 20; at += 1) {
      const ref = runtime.spawn<null, null>(restless, `restless${at}`);
      for (let more = 0; more < 200; more += 1) ref.tell(null);
    }
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    expect(handled).toBeGreaterThan(0);
    isOver = true;
    await runtime.idle();
    expect(runtime.stats().queued).toBe(0);
  });

  it('ends a turn early when the budget of time is used up', async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, monotonic: () => nowMs, after: () => ({ cancel: () => {} }) };
    const { runtime } = createTestRuntime({ clock, turnBudgetMs: 5 });
    const seen: string[] = [];
    const slow = {
      initial: () => null,
      receive: (_state: null, name: string) => {
        nowMs += 2;
        seen.push(name);
        return null;
      },
    };
    const a = runtime.spawn<null, string>(slow, 'a');
    const b = runtime.spawn<null, string>(slow, 'b');
    for (let at = 0; at < 6; at += 1) {
      a.tell('a');
      b.tell('b');
    }
    await runtime.idle();
    // First two of 2 ms each, which fit into 5 ms; then half the budget each, as there are two: one.
    expect(seen.join('')).toMatch(/^aabb(ab)+$/);
    expect(seen).toHaveLength(12);
  });

  it('gives an actor the whole budget again once the others rest', async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, monotonic: () => nowMs, after: () => ({ cancel: () => {} }) };
    const { runtime, metrics } = createTestRuntime({ clock, turnBudgetMs: 8 });
    const slow = {
      initial: () => null,
      receive: () => {
        nowMs += 1;
        return null;
      },
    };
    const actors = ['a', 'b', 'c', 'd'].map((name) => runtime.spawn<null, null>(slow, name));
    for (const actor of actors) for (let at = 0; at < 10; at += 1) actor.tell(null);
    await runtime.idle();
    for (let at = 0; at < 24; at += 1) actors[0]!.tell(null);
    const before = metrics.timed('actors.turn').length;
    await runtime.idle();
    expect(metrics.timed('actors.turn').slice(before + 1)).toEqual([8, 8, expect.any(Number)]);
  });

  it('refuses what a full inbox cannot take, counts it, and logs it once a second', async () => {
    const { runtime, clock, logger, metrics } = createTestRuntime();
    const seen: number[] = [];
    const target = runtime.spawn(recorder(seen), 'target', { inboxLimit: 3 });
    const overflow = () => [1, 2, 3, 4, 5].map((at) => target.tell(at));
    expect(overflow()).toEqual([true, true, true, false, false]);
    await runtime.idle();
    expect(overflow()).toEqual([true, true, true, false, false]);
    expect(logger.of('actor-inbox-full').map((line) => line.fields['path'])).toEqual(['/system/target']);
    clock.advance(1000);
    expect(target.tell(6)).toBe(false);
    expect(logger.of('actor-inbox-full')).toHaveLength(2);
    await runtime.idle();
    expect(seen).toEqual([1, 2, 3, 1, 2, 3]);
    expect(runtime.stats().deadLetters).toBe(5);
    expect(metrics.counted('actors.dead-letters')).toBe(5);
  });

  it('counts what is told to a stopped actor, and what still waited in it, as dead letters', async () => {
    const { runtime, metrics } = createTestRuntime();
    const seen: number[] = [];
    const target = runtime.spawn(recorder(seen), 'target');
    target.tell(1);
    target.tell(2);
    runtime.stop(target);
    expect(target.tell(3)).toBe(false);
    await runtime.idle();
    expect(seen).toEqual([]);
    expect(metrics.counted('actors.dead-letters')).toBe(3);
    expect(runtime.stats()).toMatchObject({ actors: 0, deadLetters: 3, queued: 0, handled: 0 });
  });

  it('never takes a reference to a stopped actor for its namesake', async () => {
    const { runtime } = createTestRuntime();
    const [first, second]: [string[], string[]] = [[], []];
    const old = runtime.spawn(recorder(first), 'web');
    old.tell('before');
    await runtime.idle();
    runtime.stop(old);
    const young = runtime.spawn(recorder(second), 'web');
    expect(young.path).toBe(old.path);
    expect(old.tell('late')).toBe(false);
    runtime.stop(old);
    expect(young.tell('hello')).toBe(true);
    await runtime.idle();
    expect([first, second]).toEqual([['before'], ['hello']]);
  });

  it('refuses a second live child of one name, and takes names that nact would not', () => {
    const { runtime } = createTestRuntime();
    const ref = runtime.spawn(recorder([]), '/prod/web: ä');
    expect(ref.path).toBe('/system//prod/web: ä');
    expect(() => runtime.spawn(recorder([]), '/prod/web: ä')).toThrow(expect.objectContaining({ code: 'name-taken' }));
  });

  it('shows how much waits, how many live, and how long turns took', async () => {
    const { runtime, metrics } = createTestRuntime();
    const target = runtime.spawn(recorder<number>([]), 'target');
    for (let at = 0; at < 100; at += 1) target.tell(at);
    expect(metrics.gauged('actors.inbox.depth')).toBe(100);
    expect(metrics.gauged('actors.live')).toBe(1);
    await runtime.idle();
    expect(metrics.gauged('actors.inbox.depth')).toBe(0);
    expect(metrics.timed('actors.turn')).toHaveLength(2);
    expect(runtime.stats().handled).toBe(100);
  });

  it.each<[string, (then: () => void) => void]>([
    ['promise', (then) => void Promise.resolve().then(then)],
    ['next tick', (then) => process.nextTick(then)],
    ['immediate', (then) => void setImmediate(then)],
  ])('is idle only when what a port answers at once (%s) has been handled too', async (how, later) => {
    const { runtime } = createTestRuntime();
    const seen: string[] = [];
    const target = runtime.spawn(scripted(), 'target');
    target.tell(({ self }) => later(() => self.tell(() => void seen.push(how))));
    await runtime.idle();
    expect(seen).toEqual([how]);
  });

  it('is the same in every run', async () => {
    const trace = async () => {
      const { runtime } = createTestRuntime({ drainLimit: 3 });
      const seen: string[] = [];
      const refs: ActorRef<number>[] = [];
      for (let at = 0; at < 10; at += 1) {
        refs.push(
          runtime.spawn<null, number>(
            {
              initial: () => null,
              receive: (_state, left) => {
                seen.push(`${at}:${left}`);
                if (left > 0) for (const step of [1, 3]) refs[(at * step + left) % refs.length]!.tell(left - 1);
                return null;
              },
            },
            `a${at}`,
          ),
        );
      }
      refs[1]!.tell(8);
      await runtime.idle();
      return seen.join(' ');
    };
    expect(await trace()).toBe(await trace());
  });
});
