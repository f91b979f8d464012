/** Turns that wait: a process that was stopped must find out before any actor acts (design §5.11). */
import { describe, expect, it } from 'vitest';
import { createTestRuntime, recorder } from './test-runtime.ts';

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('a runtime with a time limit', () => {
  it('runs until then, calls back once, and handles nothing that came later', async () => {
    const { runtime, clock, metrics } = createTestRuntime();
    const seen: number[] = [];
    const [a, b] = [runtime.spawn(recorder(seen), 'a'), runtime.spawn(recorder(seen), 'b')];
    let late = 0;
    runtime.runUntil(1_000, () => late++);
    clock.advance(1_000);
    a.tell(1);
    await runtime.idle();
    expect({ seen, late }).toEqual({ seen: [1], late: 0 });
    clock.advance(1);
    a.tell(2);
    b.tell(3);
    a.tell(4);
    await turns();
    expect({ seen, late }).toEqual({ seen: [1], late: 1 });
    expect(metrics.counted('actors.pauses')).toBe(1);
  });

  it('goes on in order when it may', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: number[] = [];
    const actor = runtime.spawn(recorder(seen), 'a');
    runtime.runUntil(10, () => {});
    clock.advance(11);
    for (let i = 0; i < 200; i++) actor.tell(i);
    await turns();
    expect(seen).toEqual([]);
    runtime.runUntil(Number.POSITIVE_INFINITY, () => {});
    await runtime.idle();
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('can be paused by hand, with no one called', async () => {
    const { runtime } = createTestRuntime();
    const seen: number[] = [];
    const actor = runtime.spawn(recorder(seen), 'a');
    let late = 0;
    runtime.runUntil(1_000, () => late++);
    runtime.pause();
    actor.tell(1);
    await turns();
    expect({ seen, late }).toEqual({ seen: [], late: 0 });
    runtime.runUntil(1_000, () => late++);
    await runtime.idle();
    expect({ seen, late }).toEqual({ seen: [1], late: 0 });
  });

  it('stops actors that wait, and never wakes them', async () => {
    const { runtime } = createTestRuntime();
    const seen: number[] = [];
    const [gone, stays] = [runtime.spawn(recorder(seen), 'gone'), runtime.spawn(recorder(seen), 'stays')];
    runtime.pause();
    gone.tell(1);
    stays.tell(2);
    await turns();
    runtime.stop(gone);
    runtime.runUntil(Number.POSITIVE_INFINITY, () => {});
    await runtime.idle();
    expect(seen).toEqual([2]);
    expect(runtime.stats()).toMatchObject({ actors: 1, deadLetters: 1, queued: 0 });
  });

  it('answers no question meanwhile, and says of a stopped target that it never saw it', async () => {
    const { runtime } = createTestRuntime();
    const actor = runtime.spawn(recorder<unknown>([]), 'a');
    runtime.pause();
    const asked = runtime.ask(actor, (replyTo) => replyTo, 1_000).catch((error: unknown) => error);
    await turns();
    runtime.stop(actor);
    expect(await asked).toMatchObject({ code: 'ask-target-stopped', wasDelivered: false });
  });

  it('says of a target that had seen the question, and died, that it had', async () => {
    const { runtime } = createTestRuntime();
    const actor = runtime.spawn(recorder<unknown>([]), 'a');
    const asked = runtime.ask(actor, (replyTo) => replyTo, 1_000).catch((error: unknown) => error);
    await runtime.idle();
    runtime.stop(actor);
    expect(await asked).toMatchObject({ code: 'ask-target-stopped', wasDelivered: true });
  });
});
