import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { maxIdleTakers } from '../../../src/actors/runtime/turn-takers.ts';
import type { ActorRef, AnyRef } from '../../../src/actors/runtime/types.ts';
import { createTestRuntime, recorder, run, type Script, scripted } from './test-runtime.ts';

interface NactActor {
  readonly children: ReadonlyMap<string, unknown>;
}

interface NactAddress {
  readonly type: string;
  readonly system: { readonly name: string };
}

const systems = createRequire(import.meta.url)('nact/lib/system-map.js') as {
  readonly find: (name: string, address: NactAddress | { readonly type: string }) => NactActor | undefined;
};

/** How many nact actors the system of this actor has at its top. */
function atTheTop(ref: AnyRef): number | undefined {
  const { address } = ref as unknown as { readonly address: NactAddress };
  return systems.find(address.system.name, { type: 'system' })?.children.size;
}

const isLight = true;

describe('light actors', () => {
  it('have no nact actor at rest, and borrow one while they have messages', async () => {
    const { runtime } = createTestRuntime();
    const heavy = runtime.spawn(scripted(), 'heavy');
    const seen: number[] = [];
    const refs = Array.from({ length: 100 }, (_, at) => runtime.spawn(recorder<number>(seen), `l${at}`, { isLight }));
    expect(atTheTop(heavy)).toBe(1);
    for (const [at, ref] of refs.entries()) ref.tell(at);
    expect(atTheTop(heavy)).toBe(101);
    await runtime.idle();
    expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => at));
    for (const ref of refs) ref.tell(1);
    await runtime.idle();
    // The same ones again.
    expect(atTheTop(heavy)).toBe(101);
    expect(seen).toHaveLength(200);
    await runtime.shutdown();
  });

  it('keep no more idle nact actors than the limit', async () => {
    const { runtime } = createTestRuntime();
    const heavy = runtime.spawn(scripted(), 'heavy');
    const seen: number[] = [];
    const refs = Array.from({ length: maxIdleTakers + 500 }, (_, at) =>
      runtime.spawn(recorder<number>(seen), `l${at}`, { isLight }),
    );
    for (const ref of refs) ref.tell(1);
    await runtime.idle();
    expect(atTheTop(heavy)).toBe(1 + maxIdleTakers);
    await runtime.shutdown();
  });

  it('take their messages in order, and their timers, while others come and go', async () => {
    const { runtime, clock } = createTestRuntime({ drainLimit: 2 });
    const heard: string[] = [];
    const say =
      (text: string): Script =>
      () => {
        heard.push(text);
      };
    const first = runtime.spawn(scripted(), 'first', { isLight });
    const second = runtime.spawn(scripted(), 'second', { isLight });
    first.tell((context) => context.timers.set('a', 5, say('timer')));
    for (const text of ['1', '2', '3', '4', '5']) first.tell(say(text));
    second.tell((context) => context.stop(context.self));
    second.tell(say('too late'));
    await runtime.idle();
    clock.advance(5);
    await runtime.idle();
    expect(heard).toEqual(['1', '2', '3', '4', '5', 'timer']);
    expect(runtime.stats()).toMatchObject({ actors: 1, deadLetters: 1, queued: 0 });
    await runtime.shutdown();
  });

  it('can be stopped while their turn waits; the nact actor goes to the next one', async () => {
    const { runtime } = createTestRuntime();
    const heavy = runtime.spawn(scripted(), 'heavy');
    const seen: number[] = [];
    const doomed = runtime.spawn(recorder<number>(seen), 'doomed', { isLight });
    doomed.tell(1);
    runtime.stop(doomed);
    await runtime.idle();
    const next: ActorRef<number> = runtime.spawn(recorder<number>(seen), 'next', { isLight });
    next.tell(2);
    await runtime.idle();
    expect(seen).toEqual([2]);
    expect(atTheTop(heavy)).toBe(2);
    await runtime.shutdown();
  });

  it('have no children', async () => {
    const { runtime, logger } = createTestRuntime();
    const light = runtime.spawn(scripted(), 'light', { isLight, maxRestarts: 0 });
    await run(runtime, light, (context) => void context.spawn(scripted(), 'child'));
    expect(logger.of('actor-failed')).toHaveLength(1);
    expect(runtime.stats().actors).toBe(0);
    await runtime.shutdown();
  });
});
