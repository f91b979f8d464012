import type { LookupAddress } from 'node:dns';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProbeRequest, ProbeResult } from '../../../src/actors/ports.ts';
import { type AskTools, ask } from '../../../src/infra/prober/ask.ts';
import { createLookup, type Lookup } from '../../../src/infra/prober/lookup.ts';
import { createStallMeter } from '../../../src/infra/prober/stall.ts';
import { deadPort, type Target, target } from './targets.ts';

const open: Target[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const lookup = createLookup();
const asked = (request: Partial<ProbeRequest> & { readonly port: number }, tools: Partial<AskTools>) =>
  new Promise<ProbeResult>((resolve) =>
    ask(
      { protocol: 'HTTP', host: '127.0.0.1', path: '/', timeoutMs: 1_000, ...request },
      { lookup, stall: { totalMs: () => 0 }, ...tools },
      resolve,
    ),
  );

/** A thread that stood still for so long between the question and its end. */
const stalledFor = (ms: number): AskTools['stall'] => {
  let asks = 0;
  return { totalMs: () => (asks++ === 0 ? 0 : ms) };
};

const failingLookup =
  (code: string): Lookup =>
  (_host, _options, answer) =>
    answer(Object.assign(new Error(code), { code }), '');

describe('A probe that fails', () => {
  it('is held against the task only if this thread was awake for half of the time-out', async () => {
    const silent = await target(() => {});
    open.push(silent);
    const request = { port: silent.port, timeoutMs: 100 };
    expect(await asked(request, { stall: stalledFor(49) })).toEqual({
      type: 'failed',
      cause: 'no answer within 100 ms',
    });
    expect(await asked(request, { stall: stalledFor(51) })).toEqual({
      type: 'notAsked',
      reason: 'the prober stood still for 51 ms',
    });
    expect(await asked({ port: await deadPort() }, { stall: stalledFor(900) })).toMatchObject({ type: 'notAsked' });
  });

  it('is not held against the task if this machine lacks the means', async () => {
    const host = 'agent.example';
    expect(await asked({ port: 1, host }, { lookup: failingLookup('EAI_AGAIN') })).toEqual({
      type: 'notAsked',
      reason: 'EAI_AGAIN',
    });
    expect(await asked({ port: 1, host }, { lookup: failingLookup('ENOTFOUND') })).toEqual({
      type: 'failed',
      cause: 'ENOTFOUND',
    });
  });

  it('fails with a reason if the address is none', async () => {
    expect(await asked({ port: 70_000 }, {})).toMatchObject({ type: 'failed' });
  });
});

describe('The stall meter', () => {
  it('adds up what this thread did not get to, up to now', async () => {
    let nowMs = 0;
    const meter = createStallMeter(() => nowMs);
    nowMs = 20;
    expect(meter.totalMs()).toBe(0);
    nowMs = 520;
    expect(meter.totalMs()).toBe(500);
    // The tick comes late, and counts once.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(meter.totalMs()).toBe(500);
    nowMs = 640;
    expect(meter.totalMs()).toBe(600);
    meter.stop();
  });
});

describe('The lookup of names', () => {
  const address: LookupAddress = { address: '127.0.0.1', family: 4 };
  const all = { all: true } as const;

  it('asks the system once for those who ask at once, and again after five seconds', () => {
    let nowMs = 0;
    const asks: string[] = [];
    let give: (() => void) | undefined;
    const find = createLookup(
      (host, _options, answer) => {
        asks.push(host);
        give = () => answer(null, [address]);
      },
      () => nowMs,
    );
    const got: unknown[] = [];
    for (let i = 0; i < 3; i++) find('a', all, (_error, found) => got.push(found));
    give?.();
    find('a', {}, (_error, found, family) => got.push([found, family]));
    expect(got).toEqual([[address], [address], [address], ['127.0.0.1', 4]]);
    expect(asks).toEqual(['a']);
    nowMs = 5_001;
    find('a', all, () => {});
    expect(asks).toEqual(['a', 'a']);
  });

  it('does not keep a failure', () => {
    let asks = 0;
    const find = createLookup((_host, _options, answer) => {
      asks++;
      answer(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []);
    });
    const codes: unknown[] = [];
    for (let i = 0; i < 2; i++) find('a', all, (error) => codes.push(error?.code));
    expect(codes).toEqual(['ENOTFOUND', 'ENOTFOUND']);
    expect(asks).toBe(2);
  });
});
