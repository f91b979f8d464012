import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { ActorRef, AnyRef } from '../../../src/actors/runtime/types.ts';
import { createTestRuntime, recorder, run, scripted } from './test-runtime.ts';

interface NactActor {
  readonly children: ReadonlyMap<string, NactActor>;
  readonly mailbox: { readonly length: number };
  readonly busy: boolean;
  readonly stopped: boolean;
}

interface NactAddress {
  readonly system: { readonly name: string };
}

const systems = createRequire(import.meta.url)('nact/lib/system-map.js') as {
  readonly find: (name: string, address: NactAddress) => NactActor | undefined;
};

/** nact's own object behind a reference of ours. */
function nactActorOf(ref: AnyRef): NactActor | undefined {
  const { address } = ref as unknown as { readonly address: NactAddress };
  return systems.find(address.system.name, address);
}

describe('children', () => {
  it('hang below a quiet nact actor, so that nact never copies a large map for a message', async () => {
    const { runtime } = createTestRuntime();
    const parent = runtime.spawn(scripted(), 'parent');
    expect(nactActorOf(parent)?.children.size).toBe(0);
    const children: ActorRef<number>[] = [];
    await run(runtime, parent, (context) => {
      for (let at = 0; at < 10_000; at += 1) children.push(context.spawn(recorder<number>([]), `c${at}`));
    });
    const own = nactActorOf(parent);
    expect(own?.children.size).toBe(1);
    const quiet = [...(own?.children.values() ?? [])][0];
    expect(quiet?.children.size).toBe(10_000);
    for (const child of children) child.tell(1);
    await run(runtime, parent, () => {
      expect([quiet?.busy, quiet?.mailbox.length]).toEqual([false, 0]);
    });
    expect(runtime.stats().handled).toBe(10_002);
    const [first] = children;
    runtime.stop(first!);
    expect(nactActorOf(first!)).toBeUndefined();
    expect(quiet?.children.size).toBe(9_999);
    runtime.stop(parent);
    expect(nactActorOf(parent)).toBeUndefined();
    expect([quiet?.stopped, quiet?.children.size]).toEqual([true, 0]);
  });

  it('leave nothing in nact, not even the system, after a shutdown', async () => {
    const { runtime } = createTestRuntime();
    const parent = runtime.spawn(scripted(), 'parent');
    await run(runtime, parent, (context) => void context.spawn(scripted(), 'child'));
    const { name } = (parent as unknown as { readonly address: NactAddress }).address.system;
    const system = { type: 'system', system: { name } };
    expect(systems.find(name, system)?.children.size).toBe(1);
    await runtime.shutdown();
    expect(systems.find(name, system)).toBeUndefined();
  });

  it('of two runtimes of one name do not meet', async () => {
    const seen: [string[], string[]] = [[], []];
    const refs = seen.map((into) => createTestRuntime().runtime.spawn(recorder(into), 'same'));
    const worlds = [createTestRuntime(), createTestRuntime()];
    const own = worlds.map(({ runtime }, at) => runtime.spawn(recorder(seen[at]!), 'same'));
    own[0]!.tell('first');
    own[1]!.tell('second');
    for (const { runtime } of worlds) await runtime.idle();
    expect(seen).toEqual([['first'], ['second']]);
    expect(
      new Set([...refs, ...own].map((ref) => (ref as unknown as { address: NactAddress }).address.system.name)).size,
    ).toBe(4);
  });
});
