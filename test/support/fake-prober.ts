/** A prober that answers what a test decides, in the turn in which the world goes on. */
import type { ProbeRequest, ProbeResult, Prober } from '../../src/actors/ports.ts';

export interface FakeProber extends Prober {
  /** What every probe is answered; a test replaces it. Undefined lets the probe hang. */
  answer: (request: ProbeRequest) => ProbeResult | undefined;
  readonly asked: ProbeRequest[];
  /** Gives the answers that are due; false if there were none. */
  readonly pump: () => boolean;
  /** Probes that were not answered yet. */
  readonly open: () => number;
}

export function createFakeProber(): FakeProber {
  const due: (() => void)[] = [];
  let open = 0;
  const prober: FakeProber = {
    answer: () => ({ type: 'answered', status: 200 }),
    asked: [],
    probe: (request, done) => {
      prober.asked.push(request);
      open++;
      const result = prober.answer(request);
      if (!result) return;
      due.push(() => {
        open--;
        done(result);
      });
    },
    pump: () => {
      const now = due.splice(0);
      for (const answer of now) answer();
      return now.length > 0;
    },
    open: () => open,
    close: () => {},
  };
  return prober;
}
