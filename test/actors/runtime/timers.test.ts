import { describe, expect, it } from 'vitest';
import { blowUp, createTestRuntime, run, type Script, scripted } from './test-runtime.ts';

describe('timers', () => {
  it('tell their message once, not before their time', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: number[] = [];
    const actor = runtime.spawn(scripted(), 'actor');
    const note: Script = (context) => void seen.push(context.clock.monotonic());
    await run(runtime, actor, (context) => context.timers.set('tick', 100, note));
    clock.advance(99);
    await runtime.idle();
    expect(seen).toEqual([]);
    clock.advance(1);
    await runtime.idle();
    clock.advance(1000);
    await runtime.idle();
    expect(seen).toEqual([100]);
  });

  it('are replaced by name and cancelled by name', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: string[] = [];
    const say =
      (text: string): Script =>
      () =>
        void seen.push(text);
    const actor = runtime.spawn(scripted(), 'actor');
    await run(runtime, actor, ({ timers }) => {
      timers.set('a', 10, say('old a'));
      timers.set('b', 10, say('b'));
      timers.set('a', 20, say('new a'));
      timers.cancel('b');
      timers.cancel('never set');
      seen.push(`${timers.has('a')} ${timers.has('b')}`);
    });
    clock.advance(50);
    await runtime.idle();
    await run(runtime, actor, ({ timers }) => void seen.push(`${timers.has('a')}`));
    expect(seen).toEqual(['true false', 'new a', 'false']);
  });

  it('do not deliver after cancel or set, even if they had rung already', async () => {
    const { runtime, clock, metrics } = createTestRuntime();
    const seen: string[] = [];
    const say =
      (text: string): Script =>
      () =>
        void seen.push(text);
    const actor = runtime.spawn(scripted(), 'actor');
    await run(runtime, actor, ({ timers }) => {
      timers.set('a', 10, say('a'));
      timers.set('b', 10, say('old b'));
    });
    actor.tell(({ timers }) => {
      seen.push(`${timers.has('a')}`);
      timers.cancel('a');
      timers.set('b', 10, say('new b'));
    });
    clock.advance(10);
    expect(runtime.stats().queued).toBe(3);
    await runtime.idle();
    expect(seen).toEqual(['true']);
    expect(metrics.gauged('actors.timers')).toBe(1);
    clock.advance(10);
    await runtime.idle();
    expect(seen).toEqual(['true', 'new b']);
    expect(runtime.stats().deadLetters).toBe(0);
  });

  it('die with their actor', async () => {
    const { runtime, clock } = createTestRuntime();
    const actor = runtime.spawn(scripted(), 'actor');
    await run(runtime, actor, ({ timers }) => timers.set('tick', 10, blowUp));
    runtime.stop(actor);
    clock.advance(100);
    await runtime.idle();
    expect(runtime.stats()).toMatchObject({ handled: 1, deadLetters: 0 });
    expect(clock.pending()).toBe(0);
  });

  it.each([0, 10])('do not survive a restart, whether they have rung or not (%i ms)', async (beforeMs) => {
    const { runtime, clock } = createTestRuntime();
    const seen: string[] = [];
    const actor = runtime.spawn(scripted(), 'actor');
    await run(runtime, actor, ({ timers }) => timers.set('tick', 10, () => void seen.push('old')));
    actor.tell(blowUp);
    clock.advance(beforeMs);
    await runtime.idle();
    clock.advance(100);
    await runtime.idle();
    expect(seen).toEqual([]);
    await run(runtime, actor, ({ timers }) => timers.set('tick', 10, () => void seen.push('new')));
    clock.advance(10);
    await runtime.idle();
    expect(seen).toEqual(['new']);
  });

  it('ring in order of time, then of setting, across actors', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: string[] = [];
    const delays = [30, 10, 20, 10, 30, 0];
    for (const [at, delayMs] of delays.entries()) {
      const actor = runtime.spawn(scripted(), `a${at}`);
      actor.tell(({ timers }) => timers.set('tick', delayMs, () => void seen.push(`${delayMs}#${at}`)));
    }
    await runtime.idle();
    clock.advance(30);
    await runtime.idle();
    expect(seen).toEqual(['0#5', '10#1', '10#3', '20#2', '30#0', '30#4']);
  });

  it('ring at their own time although one that is set earlier is due later', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: number[] = [];
    const actor = runtime.spawn(scripted(), 'actor');
    await run(runtime, actor, ({ timers }) => {
      timers.set('late', 100, () => void seen.push(100));
      timers.set('early', 10, () => void seen.push(10));
    });
    clock.advance(10);
    await runtime.idle();
    expect(seen).toEqual([10]);
    clock.advance(90);
    await runtime.idle();
    expect(seen).toEqual([10, 100]);
  });

  it('share one timer of the clock, however many they are', async () => {
    const { runtime, clock } = createTestRuntime();
    let rung = 0;
    for (let at = 0; at < 10_000; at += 1) {
      const actor = runtime.spawn(scripted(), `a${at}`);
      actor.tell(({ timers }) => {
        timers.set('overdue', 60_000 - at, () => {
          rung += 1;
        });
        if (at % 4 !== 0) timers.cancel('overdue');
      });
    }
    await runtime.idle();
    expect(clock.pending()).toBe(1);
    clock.advance(60_000);
    await runtime.idle();
    expect(rung).toBe(2500);
    expect(clock.pending()).toBe(0);
  });

  it('reach an actor whose inbox is full', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: string[] = [];
    const actor = runtime.spawn(scripted(), 'actor', { inboxLimit: 1 });
    await run(runtime, actor, ({ timers }) => timers.set('tick', 10, () => void seen.push('tick')));
    actor.tell(() => void seen.push('told'));
    clock.advance(10);
    await runtime.idle();
    expect(seen).toEqual(['told', 'tick']);
  });

  it('are not set by an actor that has ended', async () => {
    const { runtime, clock } = createTestRuntime();
    const actor = runtime.spawn(scripted(), 'actor');
    let late = (): void => {};
    await run(runtime, actor, (context) => {
      late = () => context.timers.set('late', 1, blowUp);
    });
    runtime.stop(actor);
    late();
    expect(clock.pending()).toBe(0);
  });
});
