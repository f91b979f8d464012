import { describe, expect, it } from 'vitest';
import type { ActorRef, Behaviour } from '../../../src/actors/runtime/types.ts';
import { blowUp, createTestRuntime, recorder, type Script, scripted } from './test-runtime.ts';

interface Question {
  readonly value: number;
  readonly replyTo: ActorRef<number>;
}

const doubler: Behaviour<null, Question> = {
  initial: () => null,
  receive: (_state, { value, replyTo }) => {
    replyTo.tell(value * 2);
    return null;
  },
};

const code = (value: string) => expect.objectContaining({ code: value });

describe('ask', () => {
  it('resolves with the reply, each to its own question, and leaves no timer', async () => {
    const { runtime, metrics } = createTestRuntime();
    const target = runtime.spawn(doubler, 'target');
    const values = Array.from({ length: 1000 }, (_, at) => at);
    const answers = await Promise.all(
      values.map((value) => runtime.ask<Question, number>(target, (replyTo) => ({ value, replyTo }), 1000)),
    );
    expect(answers).toEqual(values.map((value) => value * 2));
    expect(metrics.gauged('actors.timers')).toBe(0);
    expect(runtime.stats().deadLetters).toBe(0);
  });

  it('takes the first reply; more are dead letters', async () => {
    const { runtime } = createTestRuntime();
    const told: boolean[] = [];
    const target = runtime.spawn<null, Question>(
      {
        initial: () => null,
        receive: (_state, { replyTo }) => {
          told.push(replyTo.tell(1), replyTo.tell(2));
          return null;
        },
      },
      'target',
    );
    await expect(runtime.ask<Question, number>(target, (replyTo) => ({ value: 0, replyTo }), 10)).resolves.toBe(1);
    expect(told).toEqual([true, false]);
    expect(runtime.stats().deadLetters).toBe(1);
  });

  it('times out on the clock of the runtime, and a late reply is a dead letter', async () => {
    const { runtime, clock } = createTestRuntime();
    const seen: Question[] = [];
    const target = runtime.spawn(recorder(seen), 'target');
    const answer = runtime.ask<Question, number>(target, (replyTo) => ({ value: 1, replyTo }), 500);
    let isSettled = false;
    answer.catch(() => {
      isSettled = true;
    });
    await runtime.idle();
    clock.advance(499);
    await runtime.idle();
    expect(isSettled).toBe(false);
    clock.advance(1);
    await expect(answer).rejects.toEqual(code('ask-timeout'));
    expect(seen[0]!.replyTo.tell(2)).toBe(false);
    expect(runtime.stats().deadLetters).toBe(1);
  });

  it('fails at once if the target has stopped', async () => {
    const { runtime } = createTestRuntime();
    const target = runtime.spawn(doubler, 'target');
    runtime.stop(target);
    const answer = runtime.ask<Question, number>(target, (replyTo) => ({ value: 1, replyTo }), 500);
    await expect(answer).rejects.toEqual(code('ask-target-stopped'));
  });

  it.each([
    ['before it is handled', false],
    ['after it was handled', true],
  ])('fails as soon as the target stops %s', async (_when, isHandled) => {
    const { runtime, metrics } = createTestRuntime();
    const target = runtime.spawn(recorder<Question>([]), 'target');
    const answer = runtime.ask<Question, number>(target, (replyTo) => ({ value: 1, replyTo }), 500);
    if (isHandled) await runtime.idle();
    runtime.stop(target);
    await expect(answer).rejects.toEqual(code('ask-target-stopped'));
    expect(metrics.gauged('actors.timers')).toBe(0);
  });

  it.each(['resume', 'restart', 'stop'] as const)(
    'fails at once, with the cause, if the question throws (%s)',
    async (directive) => {
      const { runtime } = createTestRuntime();
      const target = runtime.spawn(scripted(directive), 'target');
      const answer = runtime.ask<Script, number>(target, () => blowUp, 500);
      await expect(answer).rejects.toMatchObject({ code: 'ask-target-stopped', cause: new Error('blown up') });
    },
  );

  it('fails what a restart forgot, and spares what still waits in the inbox', async () => {
    const { runtime } = createTestRuntime();
    const target = runtime.spawn(scripted(), 'target');
    const forgotten = runtime.ask<Script, number>(target, () => () => {}, 500);
    target.tell(blowUp);
    const waiting = runtime.ask<Script, number>(
      target,
      (replyTo) => (_context, state) => void replyTo.tell(state.life),
      500,
    );
    await expect(forgotten).rejects.toEqual(code('ask-target-stopped'));
    await expect(waiting).resolves.toBe(2);
  });

  it('fails at once if the inbox is full', async () => {
    const { runtime } = createTestRuntime();
    const target = runtime.spawn(doubler, 'target', { inboxLimit: 1 });
    const ask = () => runtime.ask<Question, number>(target, (replyTo) => ({ value: 3, replyTo }), 500);
    const [first, second] = [ask(), ask()];
    await expect(second).rejects.toEqual(code('ask-inbox-full'));
    await expect(first).resolves.toBe(6);
    expect(runtime.stats().deadLetters).toBe(1);
  });

  it('rejects if making the question throws, and lets nothing linger', async () => {
    const { runtime, clock } = createTestRuntime();
    const target = runtime.spawn(doubler, 'target');
    const answer = runtime.ask<Question, number>(
      target,
      () => {
        throw new Error('no question');
      },
      500,
    );
    await expect(answer).rejects.toThrow('no question');
    expect(clock.pending()).toBe(0);
    expect(runtime.stats().queued).toBe(0);
  });

  it('gives every question an address of its own', async () => {
    const { runtime } = createTestRuntime();
    const seen: Question[] = [];
    const target = runtime.spawn(recorder(seen), 'target');
    const open = [1, 2, 3].map((value) =>
      runtime.ask<Question, number>(target, (replyTo) => ({ value, replyTo }), 500),
    );
    await runtime.idle();
    expect(new Set(seen.map(({ replyTo }) => replyTo.path)).size).toBe(3);
    for (const { value, replyTo } of [...seen].reverse()) replyTo.tell(value);
    await expect(Promise.all(open)).resolves.toEqual([1, 2, 3]);
  });

  it('asks an address that is no actor of ours', async () => {
    const { runtime, clock } = createTestRuntime();
    const echo: ActorRef<Question> = { path: '/elsewhere', tell: ({ value, replyTo }) => replyTo.tell(value) };
    const deaf: ActorRef<Question> = { path: '/elsewhere', tell: () => false };
    await expect(runtime.ask<Question, number>(echo, (replyTo) => ({ value: 7, replyTo }), 500)).resolves.toBe(7);
    await expect(runtime.ask<Question, number>(deaf, (replyTo) => ({ value: 7, replyTo }), 500)).rejects.toEqual(
      code('ask-target-stopped'),
    );
    clock.advance(500);
    expect(clock.pending()).toBe(0);
  });

  it('fails every open question at shutdown', async () => {
    const { runtime } = createTestRuntime();
    const mute: ActorRef<Question> = { path: '/elsewhere', tell: () => true };
    const target = runtime.spawn(recorder<Question>([]), 'target');
    const open = [mute, target].map((to) =>
      runtime.ask<Question, number>(to, (replyTo) => ({ value: 7, replyTo }), 500),
    );
    const outcomes = Promise.allSettled(open);
    await runtime.shutdown();
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
  });
});
