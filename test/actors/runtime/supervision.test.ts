import { describe, expect, it } from 'vitest';
import type { ActorRef, StopReason } from '../../../src/actors/runtime/types.ts';
import { blowUp, createTestRuntime, recorder, run, type Script, scripted } from './test-runtime.ts';

describe('supervision', () => {
  it('resumes with the state from before the message', async () => {
    const { runtime, logger, metrics } = createTestRuntime();
    const seen: number[] = [];
    const actor = runtime.spawn<number, 'add' | 'throw' | 'show'>(
      {
        initial: () => 0,
        receive: (state, message) => {
          if (message === 'throw') throw new Error('no');
          if (message === 'show') seen.push(state);
          return message === 'add' ? state + 1 : state;
        },
        onFailure: () => 'resume',
      },
      'actor',
    );
    for (const message of ['add', 'throw', 'add', 'show'] as const) actor.tell(message);
    await runtime.idle();
    expect(seen).toEqual([2]);
    expect(logger.of('actor-failed')).toHaveLength(1);
    expect(metrics.counted('actors.failures')).toBe(1);
  });

  it('restarts by default: a fresh state, the old one stopped, and the inbox kept', async () => {
    const { runtime } = createTestRuntime();
    const behaviour = scripted();
    const actor = runtime.spawn(behaviour, 'actor');
    const lives: number[] = [];
    actor.tell(blowUp);
    actor.tell((_context, state) => void lives.push(state.life));
    await runtime.idle();
    expect(lives).toEqual([2]);
    expect(behaviour.lives).toEqual(['+1', '-1', '+2']);
    expect(runtime.stats().restarts).toBe(1);
  });

  it('stops the children of the old state before it, and does not report them to the new one', async () => {
    const { runtime } = createTestRuntime();
    const lives: string[] = [];
    const heard: string[] = [];
    const actor = runtime.spawn(scripted('restart', lives, 'parent'), 'actor');
    const onStopped = () => () => void heard.push('ended');
    await run(runtime, actor, (context) => {
      context.spawn(scripted('restart', lives, 'a'), 'a', { onStopped });
      context.spawn(scripted('restart', lives, 'b'), 'b', { onStopped });
    });
    // The news of `a` waits in the inbox when the restart comes: it is of the old state, too.
    await run(runtime, actor, (context) => {
      context.stop(context.spawn(scripted('restart', lives, 'c'), 'c', { onStopped }));
      throw new Error('no');
    });
    expect(lives).toEqual(['+parent1', '+a1', '+b1', '+c1', '-c1', '-b1', '-a1', '-parent1', '+parent2']);
    expect(heard).toEqual([]);
  });

  it('stops as failed an actor that needs more restarts than its period allows', async () => {
    const { runtime, clock, logger } = createTestRuntime();
    const reasons: StopReason[] = [];
    const behaviour = scripted();
    const options = {
      maxRestarts: 2,
      restartPeriodMs: 1000,
      onStopped: (reason: StopReason) => void reasons.push(reason),
    };
    const actor = runtime.spawn(behaviour, 'actor', options);
    await run(runtime, actor, blowUp);
    await run(runtime, actor, blowUp);
    clock.advance(1000);
    await run(runtime, actor, blowUp);
    await run(runtime, actor, blowUp);
    expect(reasons).toEqual([]);
    await run(runtime, actor, blowUp);
    expect(reasons).toEqual([{ type: 'failed', error: new Error('blown up') }]);
    expect(logger.of('actor-restarted-too-often')).toHaveLength(1);
    expect(behaviour.lives).toEqual(['+1', '-1', '+2', '-2', '+3', '-3', '+4', '-4', '+5', '-5']);
    expect(actor.tell(blowUp)).toBe(false);
  });

  it('tells the parent, after all that the child had told it, why the child ended', async () => {
    const { runtime } = createTestRuntime();
    const seen: string[] = [];
    const parent = runtime.spawn<null, string>(
      {
        initial: (context) => {
          const child = context.spawn<null, null>(
            {
              initial: () => null,
              receive: () => {
                context.self.tell('last words');
                throw new Error('broken');
              },
              onFailure: () => 'stop',
            },
            'child',
            { onStopped: (reason) => (reason.type === 'failed' ? String(reason.error) : 'stopped') },
          );
          child.tell(null);
          return null;
        },
        receive: (_state, message) => {
          seen.push(message);
          return null;
        },
      },
      'parent',
      { inboxLimit: 1 },
    );
    await runtime.idle();
    expect(seen).toEqual(['last words', 'Error: broken']);
    expect(parent.tell('fine')).toBe(true);
  });

  it('stops an actor whose onFailure throws, and logs both errors', async () => {
    const { runtime, logger } = createTestRuntime();
    const reasons: StopReason[] = [];
    const behaviour = scripted();
    const actor = runtime.spawn(
      {
        ...behaviour,
        onFailure: () => {
          throw new Error('worse');
        },
      },
      'actor',
      {
        onStopped: (reason) => void reasons.push(reason),
      },
    );
    await run(runtime, actor, blowUp);
    expect(reasons).toEqual([{ type: 'failed', error: new Error('blown up') }]);
    expect(logger.of('actor-on-failure-threw').map((line) => line.cause)).toEqual([new Error('worse')]);
    expect(behaviour.lives).toEqual(['+1', '-1']);
  });

  it('tries a failing initial again within the limit, then reports the actor as failed', async () => {
    const { runtime } = createTestRuntime();
    let tries = 0;
    let stops = 0;
    const messages: unknown[] = [];
    const heard: string[] = [];
    const parent = runtime.spawn(scripted(), 'parent');
    await run(runtime, parent, (context) => {
      const ref = context.spawn<null, null>(
        {
          initial: (own) => {
            tries += 1;
            own.spawn(recorder([]), 'helper');
            own.timers.set('tick', 10, null);
            throw new Error(`try ${tries}`);
          },
          receive: () => null,
          onFailure: (_error, message) => {
            messages.push(message);
            return 'restart';
          },
          onStop: () => {
            stops += 1;
          },
        },
        'child',
        {
          maxRestarts: 3,
          onStopped: (reason) => () => void heard.push(reason.type === 'failed' ? String(reason.error) : ''),
        },
      );
      expect(ref.tell(null)).toBe(false);
    });
    expect([tries, stops, messages]).toEqual([4, 0, [undefined, undefined, undefined, undefined]]);
    expect(heard).toEqual(['Error: try 4']);
    expect(runtime.stats().actors).toBe(1);
  });

  it('starts an actor whose initial succeeds at the second try', async () => {
    const { runtime } = createTestRuntime();
    const seen: number[] = [];
    let tries = 0;
    const actor = runtime.spawn<number, null>(
      {
        initial: () => {
          tries += 1;
          if (tries === 1) throw new Error('not yet');
          return tries;
        },
        receive: (state) => {
          seen.push(state);
          return state;
        },
      },
      'actor',
    );
    actor.tell(null);
    await runtime.idle();
    expect(seen).toEqual([2]);
  });

  it('stops the old state once, and no other, if initial fails at a restart', async () => {
    const { runtime } = createTestRuntime();
    const reasons: StopReason[] = [];
    const stopped: unknown[] = [];
    let tries = 0;
    const actor = runtime.spawn<string, null>(
      {
        initial: () => {
          tries += 1;
          if (tries > 1) throw new Error(`try ${tries}`);
          return 'the only state';
        },
        receive: () => {
          throw new Error('broken');
        },
        onStop: (state) => void stopped.push(state),
      },
      'actor',
      { maxRestarts: 2, onStopped: (reason) => void reasons.push(reason) },
    );
    actor.tell(null);
    await runtime.idle();
    expect(stopped).toEqual(['the only state']);
    expect(reasons).toEqual([{ type: 'failed', error: new Error('try 3') }]);
  });

  it('makes no new state for an actor whose onStop asks for its end', async () => {
    const { runtime } = createTestRuntime();
    const behaviour = scripted();
    const actor: ActorRef<Script> = runtime.spawn(
      {
        ...behaviour,
        onStop: (state) => {
          behaviour.onStop?.(state);
          runtime.stop(actor);
        },
      },
      'actor',
    );
    await run(runtime, actor, blowUp);
    expect(behaviour.lives).toEqual(['+1', '-1']);
    expect(runtime.stats()).toMatchObject({ actors: 0, queued: 0 });
  });

  it('takes resume for stop when there is no state to go on with', () => {
    const { runtime } = createTestRuntime();
    const reasons: StopReason[] = [];
    const behaviour = {
      ...scripted('resume'),
      initial: () => {
        throw new Error('no state');
      },
    };
    runtime.spawn(behaviour, 'actor', { onStopped: (reason) => void reasons.push(reason) });
    expect(reasons).toEqual([{ type: 'failed', error: new Error('no state') }]);
  });

  it('goes on although a backlog throws at every message', async () => {
    const { runtime } = createTestRuntime();
    const actor = runtime.spawn(scripted('resume'), 'actor');
    const seen: number[] = [];
    for (let at = 0; at < 1000; at += 1) actor.tell(blowUp);
    const last: Script = () => void seen.push(1);
    await run(runtime, actor, last);
    expect(seen).toEqual([1]);
    expect(runtime.stats().handled).toBe(1001);
  });

  it('survives an onStopped that throws', async () => {
    const { runtime, logger } = createTestRuntime();
    const parent = runtime.spawn(scripted(), 'parent');
    await run(runtime, parent, (context) => {
      const child = context.spawn(scripted(), 'child', {
        onStopped: () => {
          throw new Error('no news');
        },
      });
      context.stop(child);
    });
    expect(logger.of('actor-on-stopped-threw')).toHaveLength(1);
    expect(runtime.stats()).toMatchObject({ actors: 1, restarts: 0 });
  });
});
