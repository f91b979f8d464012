/** Whether a leader may act (design §5.11). */
import { describe, expect, it } from 'vitest';
import { Lease } from '../../src/actors/lease.ts';
import { createSilentLogger, createSilentMetrics } from '../support/null-observers.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const sessionTimeoutMs = 6_000;

/** A lease whose process can be kept from running, and an ensemble that answers each proof or does not. */
function leased(answers: () => boolean) {
  const virtual = createVirtualClock();
  let stalledMs = 0;
  const clock = { ...virtual, monotonic: () => virtual.monotonic() + stalledMs };
  let provenAtMs = 0;
  let isPaused = false;
  const lost: string[] = [];
  const lease = new Lease({
    election: {
      sessionTimeoutMs,
      provenAtMs: () => provenAtMs,
      prove: async () => {
        if (answers()) provenAtMs = clock.monotonic();
        return answers();
      },
    },
    runtime: {
      runUntil: () => {
        isPaused = false;
      },
      pause: () => {
        isPaused = true;
      },
    },
    clock,
    logger: createSilentLogger(),
    metrics: createSilentMetrics(),
    onLost: (reason) => lost.push(reason),
  });
  lease.begin();
  return {
    lease,
    lost,
    isPaused: () => isPaused,
    stall: (ms: number) => {
      stalledMs += ms;
    },
    advance: virtual.advance,
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a lease', () => {
  it('is lost when its proof is two thirds of the session old and this process was running all the time', async () => {
    const { lease, lost, advance } = leased(() => false);
    advance(3_999);
    expect(lease.isGood()).toBe(true);
    advance(1);
    expect(lease.isGood()).toBe(false);
    await turn();
    expect(lost).toEqual(['no proof of the session for two thirds of its time-out']);
  });

  it('rests after a pause of this process until it is proved, and is kept then: the proof may have waited in the socket', async () => {
    const { lease, lost, advance, stall, isPaused } = leased(() => true);
    stall(5_000);
    expect(lease.isGood()).toBe(false);
    advance(1_000);
    expect([lease.isGood(), isPaused(), lost]).toEqual([false, true, []]);
    await turn();
    expect([lease.isGood(), isPaused(), lost]).toEqual([true, false, []]);
  });

  it('is lost after a pause if it cannot be proved', async () => {
    const { lease, lost, advance, stall, isPaused } = leased(() => false);
    stall(5_000);
    advance(1_000);
    await turn();
    expect([lease.isGood(), isPaused(), lost]).toEqual([
      false,
      true,
      ['the session could not be proved after a pause of this process'],
    ]);
  });
});
