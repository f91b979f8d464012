/** How big the trial of the readers is. */
import { isLong } from './stack.ts';

export interface Size {
  readonly readers: number;
  readonly changes: number;
  readonly writers: number;
  readonly perRequest: number;
  readonly changesPerSecond: number;
  readonly timeoutMs: number;
}

/** The full size takes about 150 s for the changes alone. */
const full: Size = {
  readers: 1_000,
  changes: 20_000,
  writers: 16,
  perRequest: 5,
  changesPerSecond: 150,
  timeoutMs: 1_800_000,
};

/**
 * The full size for `npm run test:long`, else the small one. `ULTRAMARATHON_EVENT_TRIAL=300x5000` (readers × changes) asks for one in
 * between, to see the shape on a machine that has other things to do.
 */
export function trialSize(small: Pick<Size, 'readers' | 'changes' | 'writers' | 'perRequest'>): Size {
  const asked = process.env['ULTRAMARATHON_EVENT_TRIAL'];
  if (asked !== undefined) {
    const [readers = 1, changes = 1] = asked.split('x').map(Number);
    return { ...full, readers, changes };
  }
  return isLong ? full : { ...small, changesPerSecond: Number.POSITIVE_INFINITY, timeoutMs: 240_000 };
}
