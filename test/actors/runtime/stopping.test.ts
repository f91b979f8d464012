import { describe, expect, it } from 'vitest';
import type { ActorRef, AnyRef, StopReason } from '../../../src/actors/runtime/types.ts';
import { blowUp, createTestRuntime, run, type Script, scripted } from './test-runtime.ts';

describe('stopping', () => {
  it('goes from the leaves up, in reverse order of start, and calls onStop once each', async () => {
    const { runtime } = createTestRuntime();
    const lives: string[] = [];
    const grow =
      (depth: number): Script =>
      (context) => {
        if (depth === 0) return;
        for (const name of ['a', 'b']) {
          context
            .spawn(scripted('stop', lives, `${context.name}${name}`), `${context.name}${name}`)
            .tell(grow(depth - 1));
        }
      };
    const top = runtime.spawn(scripted('stop', lives, 'x'), 'x');
    await run(runtime, top, grow(2));
    lives.length = 0;
    runtime.stop(top);
    runtime.stop(top);
    expect(lives).toEqual(['-xbb1', '-xba1', '-xb1', '-xab1', '-xaa1', '-xa1', '-x1']);
    expect(runtime.stats().actors).toBe(0);
  });

  it('goes on when onStop throws, and does not call it again', async () => {
    const { runtime, logger } = createTestRuntime();
    let calls = 0;
    const lives: string[] = [];
    const parent = runtime.spawn(scripted('restart', lives), 'parent');
    const onStop = () => {
      calls += 1;
      throw new Error('will not go');
    };
    await run(runtime, parent, (context) => void context.spawn({ ...scripted(), onStop }, 'child'));
    runtime.stop(parent);
    expect(calls).toBe(1);
    expect(lives).toEqual(['+1', '-1']);
    expect(logger.of('actor-on-stop-threw')).toHaveLength(1);
    expect(runtime.stats().actors).toBe(0);
  });

  it('restarts although onStop of the old state throws', async () => {
    const { runtime } = createTestRuntime();
    const stopped: number[] = [];
    const behaviour = scripted();
    const actor = runtime.spawn(
      {
        ...behaviour,
        onStop: (state) => {
          stopped.push(state.life);
          throw new Error('will not go');
        },
      },
      'actor',
    );
    await run(runtime, actor, blowUp);
    runtime.stop(actor);
    expect(stopped).toEqual([1, 2]);
  });

  it('lets an actor that stops itself finish its message, and nothing after it', async () => {
    const { runtime } = createTestRuntime();
    const seen: string[] = [];
    const reasons: StopReason[] = [];
    const behaviour = scripted();
    const actor = runtime.spawn(behaviour, 'actor', { onStopped: (reason) => void reasons.push(reason) });
    actor.tell((context) => {
      context.stop(context.self);
      seen.push(`told: ${context.self.tell(() => void seen.push('late'))}`);
      context.spawn(scripted(undefined, behaviour.lives, 'child'), 'child');
      seen.push('finished');
    });
    actor.tell(() => void seen.push('queued'));
    await runtime.idle();
    expect(seen).toEqual(['told: false', 'finished']);
    expect(behaviour.lives).toEqual(['+1', '+child1', '-child1', '-1']);
    expect(reasons).toEqual([{ type: 'stopped' }]);
    expect(runtime.stats()).toMatchObject({ actors: 0, deadLetters: 2 });
  });

  it('stops an actor that stops itself and then throws without restarting it', async () => {
    const { runtime, logger } = createTestRuntime();
    const behaviour = scripted();
    const actor = runtime.spawn(behaviour, 'actor');
    await run(runtime, actor, (context) => {
      context.stop(context.self);
      throw new Error('on the way out');
    });
    expect(behaviour.lives).toEqual(['+1', '-1']);
    expect(logger.of('actor-failed')).toHaveLength(1);
    expect(runtime.stats()).toMatchObject({ actors: 0, restarts: 0 });
  });

  it.each<['parent' | 'grandparent']>([['parent'], ['grandparent']])(
    'lets a child finish its message when it stops its %s',
    async (whom) => {
      const { runtime } = createTestRuntime();
      const lives: string[] = [];
      const seen: string[] = [];
      const refs: Record<string, ActorRef<Script>> = {};
      refs['grandparent'] = runtime.spawn(scripted('restart', lives, 'grandparent'), 'grandparent');
      await run(runtime, refs['grandparent'], (outer) => {
        refs['parent'] = outer.spawn(scripted('restart', lives, 'parent'), 'parent');
      });
      await run(runtime, refs['parent']!, (middle) => {
        refs['child'] = middle.spawn(scripted('restart', lives, 'child'), 'child');
        refs['sibling'] = middle.spawn(scripted('restart', lives, 'sibling'), 'sibling');
      });
      refs['child']!.tell(() => {
        runtime.stop(refs[whom]!);
        seen.push('child finished');
      });
      refs['child']!.tell(() => void seen.push('never'));
      refs['sibling']!.tell(() => void seen.push('never'));
      await runtime.idle();
      expect(seen).toEqual(['child finished']);
      expect(lives.slice(4)).toEqual([
        '-sibling1',
        '-child1',
        '-parent1',
        ...(whom === 'grandparent' ? ['-grandparent1'] : []),
      ]);
    },
  );

  it('lets initial stop the actor that it makes, and the parent that makes it', async () => {
    const { runtime } = createTestRuntime();
    const lives: string[] = [];
    const parent = runtime.spawn(scripted('restart', lives, 'parent'), 'parent');
    await run(runtime, parent, (context) => {
      context.spawn(
        {
          ...scripted(undefined, lives, 'child'),
          initial: (own) => {
            lives.push('+child');
            own.stop(own.self);
            runtime.stop(parent);
            return { life: 1 };
          },
        },
        'child',
      );
      lives.push('parent finished');
    });
    expect(lives).toEqual(['+parent1', '+child', '-child1', 'parent finished', '-parent1']);
  });

  it('has stopped a child, and freed its name, when stop returns', async () => {
    const { runtime } = createTestRuntime();
    const lives: string[] = [];
    const parent = runtime.spawn(scripted(), 'parent');
    await run(runtime, parent, (context) => {
      for (let at = 0; at < 3; at += 1) context.stop(context.spawn(scripted(undefined, lives, `${at}`), 'same'));
    });
    expect(lives).toEqual(['+01', '-01', '+11', '-11', '+21', '-21']);
  });

  it('survives an onStop that stops its sibling, its parent, and tells the dead', async () => {
    const { runtime } = createTestRuntime();
    const lives: string[] = [];
    const refs: AnyRef[] = [];
    const parent = runtime.spawn(scripted('restart', lives, 'parent'), 'parent');
    await run(runtime, parent, (context) => {
      const sibling = context.spawn(scripted('restart', lives, 'sibling'), 'sibling');
      const meddler = scripted('restart', lives, 'meddler');
      refs.push(
        context.spawn(
          {
            ...meddler,
            onStop: (state) => {
              meddler.onStop?.(state);
              runtime.stop(sibling);
              runtime.stop(parent);
              sibling.tell(blowUp);
            },
          },
          'meddler',
        ),
      );
    });
    runtime.stop(refs[0]!);
    expect(lives.slice(3)).toEqual(['-meddler1', '-sibling1', '-parent1']);
    expect(runtime.stats()).toMatchObject({ actors: 0, deadLetters: 1 });
  });

  it('sends no news of children to a parent that is being stopped with them', async () => {
    const { runtime } = createTestRuntime();
    const parent = runtime.spawn(scripted(), 'parent');
    await run(runtime, parent, (context) => void context.spawn(scripted(), 'child', { onStopped: () => blowUp }));
    runtime.stop(parent);
    expect(runtime.stats()).toMatchObject({ actors: 0, queued: 0, deadLetters: 0 });
  });

  it('starts nothing below an actor that has ended', async () => {
    const { runtime } = createTestRuntime();
    const parent = runtime.spawn(scripted(), 'parent');
    let spawn = (): void => {};
    await run(runtime, parent, (context) => {
      spawn = () => void context.spawn(scripted(), 'orphan');
    });
    runtime.stop(parent);
    expect(spawn).toThrow(expect.objectContaining({ code: 'parent-ended' }));
  });

  it('shuts down everything in reverse order of start and takes no more', async () => {
    const { runtime, clock } = createTestRuntime();
    const lives: string[] = [];
    const refs = ['a', 'b', 'c'].map((name) => runtime.spawn(scripted(undefined, lives, name), name));
    await run(runtime, refs[0]!, (context) => {
      context.timers.set('tick', 10, blowUp);
      context.spawn(scripted(undefined, lives, 'd'), 'd');
    });
    lives.length = 0;
    await runtime.shutdown();
    await runtime.shutdown();
    expect(lives).toEqual(['-c1', '-b1', '-d1', '-a1']);
    expect(clock.pending()).toBe(0);
    expect(refs.map((ref) => ref.tell(blowUp))).toEqual([false, false, false]);
    expect(() => runtime.spawn(scripted(), 'late')).toThrow(expect.objectContaining({ code: 'parent-ended' }));
    await runtime.idle();
  });

  it('shuts down from within a handler once that has returned', async () => {
    const { runtime } = createTestRuntime();
    const lives: string[] = [];
    const actor = runtime.spawn(scripted(undefined, lives), 'actor');
    let done: Promise<void> | undefined;
    await run(runtime, actor, () => {
      done = runtime.shutdown();
      lives.push('finished');
    });
    await done;
    expect(lives).toEqual(['+1', 'finished', '-1']);
  });
});
