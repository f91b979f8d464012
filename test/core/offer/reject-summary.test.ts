import { describe, expect, it } from 'vitest';
import { refusalReasons } from '../../../src/core/offer/demand.ts';
import { rejectSummary } from '../../../src/core/offer/reject-summary.ts';

describe('the reject summary', () => {
  it('V111 is a funnel of ten steps', () => {
    const summary = rejectSummary(10, { UnfulfilledRole: 2, UnfulfilledConstraint: 3, InsufficientCpus: 1 });
    expect(summary.map(({ reason, processed, declined }) => `${reason} ${processed}/${declined}`)).toEqual([
      'UnfulfilledRole 10/2',
      'UnfulfilledConstraint 8/3',
      'NoCorrespondingReservationFound 5/0',
      'AgentMaintenance 5/0',
      'InsufficientCpus 5/1',
      'InsufficientMemory 4/0',
      'InsufficientDisk 4/0',
      'InsufficientGpus 4/0',
      'InsufficientPorts 4/0',
      'DeclinedScarceResources 4/0',
    ]);
  });

  it('has its ten steps before anything happened', () => {
    expect(rejectSummary(0, {}).map(({ reason }) => reason)).toEqual([...refusalReasons]);
  });
});
