import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActorRef, Behaviour, Context, Directive } from '../../../src/actors/runtime/types.ts';
import { createTestRuntime } from './test-runtime.ts';

type Deed =
  | {
      readonly type: 'spawn' /** Which call of `initial` throws, from 1, and every second one after it; 0 for none. */;
      readonly initialThrows: number;
      readonly stopThrows: boolean;
      readonly isLight: boolean;
    }
  | { readonly type: 'tell'; readonly whom: number; readonly deed: Deed }
  | { readonly type: 'stop'; readonly whom: number }
  | { readonly type: 'stopSelf' }
  | { readonly type: 'throw'; readonly directive: Directive }
  | { readonly type: 'timer'; readonly delayMs: number; readonly deed: Deed };

const directives = fc.constantFrom<Directive>('resume', 'restart', 'stop');
const { deed: deeds } = fc.letrec<{ deed: Deed }>((tie) => ({
  deed: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      type: fc.constant('spawn' as const),
      initialThrows: fc.nat(3),
      stopThrows: fc.boolean(),
      isLight: fc.boolean(),
    }),
    fc.record({ type: fc.constant('stop' as const), whom: fc.nat(30) }),
    fc.constant<Deed>({ type: 'stopSelf' }),
    fc.record({ type: fc.constant('throw' as const), directive: directives }),
    fc.record({ type: fc.constant('tell' as const), whom: fc.nat(30), deed: tie('deed') }),
    fc.record({ type: fc.constant('timer' as const), delayMs: fc.nat(20), deed: tie('deed') }),
  ),
}));
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('tell' as const), whom: fc.nat(30), deed: deeds }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('stop' as const), whom: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('settle' as const), ms: fc.nat(20) }) },
  ),
  { maxLength: 60 },
);

/** A tree of actors that do as they are told, and a record of what must never happen. */
function createGrove() {
  const world = createTestRuntime({ drainLimit: 4 });
  const { runtime } = world;
  const refs: ActorRef<Deed>[] = [];
  /** States that were made and not stopped yet, with the actor and its parent. */
  const open = new Map<symbol, { readonly actor: number; readonly parent: number }>();
  const faults: string[] = [];
  const light = new Set<number>();
  let actors = 0;

  const pick = (whom: number): ActorRef<Deed> | undefined => refs[whom % Math.max(1, refs.length)];

  function behaviour(parent: number, initialThrows: number, stopThrows: boolean): Behaviour<symbol, Deed> {
    const actor = actors++;
    let directive: Directive = 'restart';
    let calls = 0;
    return {
      initial: () => {
        calls += 1;
        if (initialThrows > 0 && calls >= initialThrows && (calls - initialThrows) % 2 === 0)
          throw new Error('initial');
        const state = Symbol(`${actor}`);
        if ([...open.values()].some((other) => other.actor === actor)) faults.push(`${actor} has two states`);
        open.set(state, { actor, parent });
        return state;
      },
      receive: (state, deed, context) => {
        if (!open.has(state)) faults.push(`${actor} was told ${deed.type} without a state`);
        if (deed.type === 'throw') directive = deed.directive;
        act(actor, deed, context);
        return state;
      },
      onFailure: () => directive,
      onStop: (state) => {
        if (!open.delete(state)) faults.push(`${actor} stopped a state twice`);
        if ([...open.values()].some((other) => other.parent === actor))
          faults.push(`${actor} stopped before its children`);
        if (stopThrows) throw new Error('onStop');
      },
    };
  }

  function act(actor: number, deed: Deed, context: Context<Deed>): void {
    switch (deed.type) {
      case 'spawn':
        // Light ones have no children.
        if (light.has(actor)) return;
        if (deed.isLight) light.add(actors);
        refs.push(
          context.spawn(behaviour(actor, deed.initialThrows, deed.stopThrows), `${actors}`, {
            maxRestarts: 2,
            isLight: deed.isLight,
          }),
        );
        return;
      case 'tell':
        pick(deed.whom)?.tell(deed.deed);
        return;
      case 'stop': {
        const ref = pick(deed.whom);
        if (ref !== undefined) runtime.stop(ref);
        return;
      }
      case 'stopSelf':
        context.stop(context.self);
        return;
      case 'timer':
        context.timers.set('timer', deed.delayMs, deed.deed);
        return;
      case 'throw':
        throw new Error('told to');
    }
  }

  for (let at = 0; at < 3; at += 1) refs.push(runtime.spawn(behaviour(-1, 0, at === 1), `top${at}`));
  return { ...world, open, faults, pick };
}

describe('any tree of actors', () => {
  it('never hears a message without its state, and stops each state once, children first', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const { runtime, clock, metrics, open, faults, pick } = createGrove();
        for (const step of plan) {
          if (step.type === 'settle') {
            await runtime.idle();
            clock.advance(step.ms);
          } else {
            const ref = pick(step.whom);
            if (step.type === 'tell') ref?.tell(step.deed);
            else if (ref !== undefined) runtime.stop(ref);
          }
        }
        await runtime.idle();
        expect(runtime.stats().actors).toBe(open.size);
        expect(runtime.stats().queued).toBe(0);
        await runtime.shutdown();
        expect(faults).toEqual([]);
        expect(open.size).toBe(0);
        expect(clock.pending()).toBe(0);
        expect(runtime.stats()).toMatchObject({
          actors: 0,
          queued: 0,
          deadLetters: metrics.counted('actors.dead-letters'),
        });
      }),
      { numRuns: 300 },
    );
  });
});
