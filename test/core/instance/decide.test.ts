import { describe, expect, it } from 'vitest';
import { decide, isLaunchLost, scheduledInstance } from '../../../src/core/instance/decide.ts';
import { isActive, isScheduled } from '../../../src/core/instance/instance.ts';
import { unreachableDeadlines } from '../../../src/core/instance/unreachable.ts';
import { victims } from '../../../src/core/scale/victims.ts';
import { anAgent, anApp } from '../offer/fixtures.ts';
import { anInstance, appId, aStatus, eventTypes, instanceId, taskId, told, updated, v1, v2 } from './given.ts';

const slow = { inactiveAfterSeconds: 300, expungeAfterSeconds: 600 };
const unreachableAt = (seconds: number) =>
  aStatus('TASK_UNREACHABLE', { unreachable_time: { nanoseconds: seconds * 1e9 }, timestamp: seconds + 7 });
const provision = (incarnation: number) =>
  ({
    type: 'provision',
    taskId: taskId('a', incarnation),
    incarnation,
    version: v2,
    agent: anAgent('h2'),
    hostPorts: [31_001],
  }) as const;

describe('the life of an instance (behaviour §1.6, §1.7)', () => {
  it('begins with waiting for an offer', () => {
    const fresh = scheduledInstance(instanceId('a'), { id: appId, version: v1, role: 'r' }, 5);
    const effect = decide(undefined, { type: 'schedule', instance: fresh }, 5);
    expect(updated(effect)).toEqual(anInstance('a', 'Scheduled', { role: 'r', sinceMs: 5 }));
    expect(eventTypes(effect)).toEqual(['instance_changed_event']);
    expect(decide(fresh, { type: 'schedule', instance: fresh }, 5)).toEqual({
      type: 'reject',
      reason: 'alreadyExists',
    });
  });

  it('goes on with an offer: task, agent and version are those of the launch', () => {
    const next = updated(decide(anInstance('a', 'Scheduled'), provision(1), 9));
    expect(next).toMatchObject({ condition: 'Provisioned', version: v2, incarnation: 1, sinceMs: 9 });
    expect(next.agent?.host).toBe('h2');
    expect(next.tasks).toEqual([
      { id: taskId('a', 1), condition: 'Provisioned', stagedAtMs: 9, hostPorts: [31_001], ipAddresses: [] },
    ]);
  });

  it('accepts no offer unless it waits for one', () => {
    for (const condition of ['Provisioned', 'Running', 'Unreachable', 'UnreachableInactive', 'Killing'] as const) {
      const effect = decide(anInstance('a', condition), provision(2), 0);
      expect(effect).toEqual({ type: 'reject', reason: 'notScheduled' });
    }
    const stopped = anInstance('a', 'Failed', { goal: 'Stopped' });
    expect(decide(stopped, provision(2), 0)).toEqual({ type: 'reject', reason: 'notScheduled' });
  });

  it('notes when its task first ran, and keeps that', () => {
    const starting = anInstance('a', 'Starting');
    const running = updated(told(starting, aStatus('TASK_RUNNING', { timestamp: 12.5 }), 20_000));
    expect(running).toMatchObject({ condition: 'Running', sinceMs: 20_000, activeSinceMs: 12_500 });
    const lost = updated(told(running, unreachableAt(30), 30_000, slow));
    const back = updated(told(lost, aStatus('TASK_RUNNING', { timestamp: 40 }), 40_000, slow));
    expect(back).toMatchObject({ condition: 'Running', sinceMs: 40_000, activeSinceMs: 12_500 });
    expect(back.tasks[0]).not.toHaveProperty('unreachableAtMs');
  });

  it('V14: a task that is Finished stays so when TASK_FAILED arrives', () => {
    expect(told(anInstance('a', 'Finished'), aStatus('TASK_FAILED'))).toEqual({ type: 'noop' });
  });

  it('V15: with strategy 0/0 the first TASK_UNREACHABLE expunges it', () => {
    const effect = told(anInstance('a'), unreachableAt(50), 50_000);
    expect(effect).toMatchObject({ type: 'expunge', last: { condition: 'Unreachable' } });
    expect(eventTypes(effect)).toEqual(['status_update_event', 'instance_changed_event']);
  });

  it('V16: with strategy 300/600 it is inactive after 300 s, by repeated status or by timer, and expunged at 600', () => {
    const lost = updated(told(anInstance('a'), unreachableAt(0), 1_000, slow));
    expect([lost.condition, isActive(lost.condition)]).toEqual(['Unreachable', true]);
    expect(unreachableDeadlines(lost, slow)).toEqual({ inactiveAtMs: 300_000, expungeAtMs: 600_000 });
    expect(told(lost, unreachableAt(0), 299_999, slow)).toEqual({ type: 'noop' });
    const due = { type: 'unreachableDue', strategy: slow } as const;
    expect(decide(lost, due, 299_999)).toEqual({ type: 'noop' });
    for (const effect of [told(lost, unreachableAt(0), 400_000, slow), decide(lost, due, 300_000)]) {
      const inactive = updated(effect);
      expect([inactive.condition, isActive(inactive.condition)]).toEqual(['UnreachableInactive', false]);
      expect(eventTypes(effect)).toEqual(['instance_changed_event']);
      expect(told(inactive, unreachableAt(0), 500_000, slow)).toEqual({ type: 'noop' });
      expect(decide(inactive, due, 599_999)).toEqual({ type: 'noop' });
      expect(decide(inactive, due, 600_000)).toMatchObject({ type: 'expunge' });
      expect(told(inactive, unreachableAt(0), 600_000, slow)).toMatchObject({ type: 'expunge' });
    }
  });

  it('with equal ages is expunged without an inactive phase (behaviour §12, 46)', () => {
    const both = { inactiveAfterSeconds: 60, expungeAfterSeconds: 60 };
    const lost = updated(told(anInstance('a'), unreachableAt(0), 0, both));
    expect(decide(lost, { type: 'unreachableDue', strategy: both }, 60_000)).toMatchObject({ type: 'expunge' });
  });

  it('V17: of a returned one and its replacement the younger is too many', () => {
    const inactive = anInstance('a', 'UnreachableInactive', { activeSinceMs: 1 });
    const back = updated(told(inactive, aStatus('TASK_RUNNING'), 500_000, slow));
    expect(back).toMatchObject({ condition: 'Running', activeSinceMs: 1 });
    const replacement = anInstance('b', 'Running', { activeSinceMs: 400_000 });
    expect(victims(anApp(), [back, replacement], new Set(), 1)).toEqual([replacement.id]);
    // Ours: what is known to be healthy outlives what has just come back and was not checked yet.
    expect(victims(anApp(), [back, { ...replacement, healthy: true }], new Set(), 1)).toEqual([back.id]);
  });

  it('V18: with the strategy disabled stays Unreachable for ever, and active', () => {
    const lost = updated(told(anInstance('a'), unreachableAt(0), 0, 'disabled'));
    const day = 86_400_000;
    expect(told(lost, unreachableAt(0), day, 'disabled')).toEqual({ type: 'noop' });
    expect(decide(lost, { type: 'unreachableDue', strategy: 'disabled' }, day)).toEqual({ type: 'noop' });
    expect(lost.condition).toBe('Unreachable');
  });

  it('V19: after TASK_FAILED the same instance waits again, and its next task is number 2', () => {
    const effect = told(anInstance('a'), aStatus('TASK_FAILED', { message: 'exit 1' }));
    const failed = updated(effect);
    expect([failed.condition, failed.goal, isScheduled(failed)]).toEqual(['Failed', 'Running', true]);
    expect(eventTypes(effect)).toEqual(['status_update_event', 'instance_changed_event']);
    const again = updated(decide(failed, provision(2), 1_000));
    expect([again.id, again.condition, again.tasks.map((t) => t.id)]).toEqual([
      failed.id,
      'Provisioned',
      [taskId('a', 2)],
    ]);
    expect(again).not.toHaveProperty('activeSinceMs');
    expect(again).not.toHaveProperty('healthy');
  });

  it('V21: a waiting one that is decommissioned is expunged at once', () => {
    const effect = decide(anInstance('a', 'Scheduled'), { type: 'changeGoal', goal: 'Decommissioned' }, 0);
    expect(effect).toMatchObject({ type: 'expunge' });
    const failed = decide(anInstance('a', 'Failed'), { type: 'changeGoal', goal: 'Decommissioned' }, 0);
    expect(failed).toMatchObject({ type: 'expunge' });
  });

  it('after TASK_GONE_BY_OPERATOR waits again, for an offer of any agent', () => {
    const gone = updated(told(anInstance('a'), aStatus('TASK_GONE_BY_OPERATOR')));
    expect([gone.condition, gone.goal, isScheduled(gone)]).toEqual(['Gone', 'Running', true]);
    const again = updated(decide(gone, provision(2), 1_000));
    expect([again.condition, again.agent?.host, anInstance('a').agent?.host]).toEqual(['Provisioned', 'h2', 'h1']);
  });

  it('is expunged by the end of its task once it is decommissioned', () => {
    const doomed = updated(decide(anInstance('a'), { type: 'changeGoal', goal: 'Decommissioned' }, 0));
    expect(doomed).toMatchObject({ goal: 'Decommissioned', condition: 'Running' });
    expect(updated(told(doomed, aStatus('TASK_KILLING')))).toMatchObject({ condition: 'Killing' });
    expect(told(doomed, aStatus('TASK_KILLED'))).toMatchObject({ type: 'expunge', last: { condition: 'Killed' } });
  });

  it('never gets another goal after Decommissioned, and may go between Running and Stopped', () => {
    const doomed = anInstance('a', 'Running', { goal: 'Decommissioned' });
    for (const goal of ['Running', 'Stopped'] as const) {
      expect(decide(doomed, { type: 'changeGoal', goal }, 0)).toEqual({ type: 'reject', reason: 'goalIsFinal' });
    }
    const stopped = updated(decide(anInstance('a'), { type: 'changeGoal', goal: 'Stopped' }, 0));
    expect(updated(decide(stopped, { type: 'changeGoal', goal: 'Running' }, 0)).goal).toBe('Running');
    expect(decide(stopped, { type: 'changeGoal', goal: 'Stopped' }, 0)).toEqual({ type: 'noop' });
  });

  it('waits again, without agent and task, when its launch never went out', () => {
    const provisioned = anInstance('a', 'Provisioned');
    const effect = decide(provisioned, { type: 'launchFailed', taskId: taskId('a') }, 3);
    expect(updated(effect)).toEqual(anInstance('a', 'Scheduled', { sinceMs: 3, incarnation: 1 }));
    expect(decide(anInstance('a'), { type: 'launchFailed', taskId: taskId('a') }, 3)).toEqual({ type: 'noop' });
    expect(decide(provisioned, { type: 'launchFailed', taskId: taskId('a', 2) }, 3)).toEqual({ type: 'noop' });
    const doomed = anInstance('a', 'Provisioned', { goal: 'Decommissioned' });
    expect(decide(doomed, { type: 'launchFailed', taskId: taskId('a') }, 3)).toMatchObject({ type: 'expunge' });
  });

  it('ends at once when it is to be forgotten, and nobody minds if it is not there (behaviour §12, 21)', () => {
    expect(decide(anInstance('a'), { type: 'forceExpunge' }, 0)).toMatchObject({ type: 'expunge' });
    expect(decide(undefined, { type: 'forceExpunge' }, 0)).toEqual({ type: 'noop' });
    expect(decide(undefined, { type: 'changeGoal', goal: 'Running' }, 0)).toEqual({
      type: 'reject',
      reason: 'unknownInstance',
    });
  });

  it('keeps the health of a running task and drops it with the task', () => {
    const healthy = updated(decide(anInstance('a'), { type: 'healthChanged', healthy: true }, 4));
    expect(healthy).toMatchObject({ healthy: true, sinceMs: 4 });
    expect(decide(healthy, { type: 'healthChanged', healthy: true }, 5)).toEqual({ type: 'noop' });
    expect(updated(told(healthy, aStatus('TASK_KILLING'), 6)).healthy).toBe(true);
    expect(updated(told(healthy, aStatus('TASK_FAILED'), 6))).not.toHaveProperty('healthy');
    expect(updated(decide(healthy, { type: 'healthChanged', healthy: undefined }, 7))).not.toHaveProperty('healthy');
  });
});

describe('news from Mesos that are out of order (transcripts, "Updates")', () => {
  it('08d: RUNNING stays when STARTING is seen after it, and when it is seen twice', () => {
    const starting = aStatus('TASK_STARTING', { uuid: 'u1' });
    const running = updated(told(anInstance('a', 'Provisioned'), aStatus('TASK_RUNNING')));
    expect(told(running, starting)).toEqual({ type: 'noop' });
    expect(told(running, aStatus('TASK_STAGING'))).toEqual({ type: 'noop' });
    expect(told(running, aStatus('TASK_RUNNING'))).toEqual({ type: 'noop' });
  });

  it('what is being killed is not running again because of an old status, nor does that tell its health', () => {
    const killing = anInstance('a', 'Killing');
    for (const state of ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING'] as const) {
      expect(told(killing, aStatus(state, { healthy: false }))).toEqual({ type: 'noop' });
    }
  });

  it('08d: a lost task comes back with RUNNING, also from TASK_LOST', () => {
    const lost = told(anInstance('a'), aStatus('TASK_LOST', { reason: 'REASON_AGENT_REMOVED', timestamp: 1 }), 1, slow);
    expect(updated(lost).condition).toBe('Unreachable');
    expect(updated(told(updated(lost), aStatus('TASK_RUNNING'), 2, slow)).condition).toBe('Running');
  });

  it('a refused second launch of the same id says nothing of the first', () => {
    const error = aStatus('TASK_ERROR', { reason: 'REASON_TASK_INVALID' });
    const heard = { ...anInstance('a').tasks[0]!, mesosState: 'TASK_RUNNING' } as const;
    expect(told(anInstance('a', 'Running', { tasks: [heard] }), error)).toEqual({ type: 'noop' });
    expect(updated(told(anInstance('a', 'Provisioned'), error)).condition).toBe('Error');
  });

  it('a status of another incarnation is none of its business, and tells whether that one lives', () => {
    const foreign = (state: Parameters<typeof aStatus>[0]) =>
      told(anInstance('a'), { ...aStatus(state), task_id: { value: taskId('a', 7) } });
    for (const state of ['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING'] as const) {
      expect(foreign(state)).toEqual({ type: 'foreignTask', isAlive: true });
    }
    for (const state of ['TASK_KILLING', 'TASK_KILLED', 'TASK_FAILED', 'TASK_UNREACHABLE', 'TASK_GONE'] as const) {
      expect(foreign(state)).toEqual({ type: 'foreignTask', isAlive: false });
    }
  });

  it('a launch is lost if nothing was ever heard and a reconciliation does not know it (design §5.10)', () => {
    const [task] = anInstance('a', 'Provisioned').tasks;
    const gone = aStatus('TASK_GONE', { reason: 'REASON_RECONCILIATION' });
    expect(isLaunchLost(task!, gone)).toBe(true);
    expect(isLaunchLost({ ...task!, mesosState: 'TASK_STAGING' }, gone)).toBe(false);
    expect(isLaunchLost(task!, aStatus('TASK_GONE'))).toBe(false);
  });
});

describe('what a status brings along', () => {
  it('addresses are taken from the container status and kept when the task ends', () => {
    const infos = [
      { ip_addresses: [{ ip_address: '10.0.0.1' }, { ip_address: 'fe80::1', protocol: 'IPv6' as const }] },
    ];
    const status = aStatus('TASK_RUNNING', { container_status: { network_infos: infos } });
    const running = updated(told(anInstance('a', 'Starting'), status));
    const expected = [
      { ipAddress: '10.0.0.1', protocol: 'IPv4' },
      { ipAddress: 'fe80::1', protocol: 'IPv6' },
    ];
    expect(running.tasks[0]?.ipAddresses).toEqual(expected);
    expect(updated(told(running, aStatus('TASK_FAILED'))).tasks[0]?.ipAddresses).toEqual(expected);
  });

  it('addresses that come later than the state are an update, and no addresses are no news', () => {
    const infos = (...ips: string[]) => ({
      container_status: { network_infos: ips.map((ip) => ({ ip_addresses: [{ ip_address: ip }] })) },
    });
    // The master tells of a task that came back; what the executor says of the same state comes behind (transcript 08d).
    const running = updated(told(anInstance('a', 'Starting'), aStatus('TASK_RUNNING')));
    const addressed = told(running, aStatus('TASK_RUNNING', infos('10.0.0.1', '10.1.0.1')));
    expect(eventTypes(addressed)).toEqual(['status_update_event']);
    const both = [
      { ipAddress: '10.0.0.1', protocol: 'IPv4' },
      { ipAddress: '10.1.0.1', protocol: 'IPv4' },
    ];
    expect(updated(addressed).tasks[0]?.ipAddresses).toEqual(both);
    for (const again of [infos('10.0.0.1', '10.1.0.1'), infos(), {}, { container_status: { network_infos: [{}] } }]) {
      expect(told(updated(addressed), aStatus('TASK_RUNNING', again))).toEqual({ type: 'noop' });
    }
    const unhealthy = told(updated(addressed), aStatus('TASK_RUNNING', { healthy: false, ...infos() }));
    expect(updated(unhealthy).tasks[0]?.ipAddresses).toEqual(both);
  });

  it('a verdict or a check result of the agent alone is an update without a change of the instance', () => {
    const verdict = told(anInstance('a'), aStatus('TASK_RUNNING', { healthy: true }));
    expect(updated(verdict).tasks[0]?.healthy).toBe(true);
    expect(eventTypes(verdict)).toEqual(['status_update_event']);
    const check = { check_status: { type: 'HTTP', http: { status_code: 200 } } } as const;
    const checked = told(anInstance('a'), aStatus('TASK_RUNNING', check as object));
    expect(eventTypes(checked)).toEqual(['status_update_event']);
    expect(told(updated(checked), aStatus('TASK_RUNNING', structuredClone(check) as object))).toEqual({ type: 'noop' });
  });

  it('messages are cut at 10,000 characters', () => {
    const effect = told(anInstance('a'), aStatus('TASK_FAILED', { message: 'x'.repeat(20_000) }));
    const [event] = effect.type === 'update' ? effect.events : [];
    expect(event).toMatchObject({ message: 'x'.repeat(10_000) });
  });
});

describe('an instance that is condemned', () => {
  const sick = anInstance('a', 'Running', { healthy: false });
  const condemn = { type: 'condemn', cause: 'refused' } as const;
  const condemned = updated(decide(sick, condemn, 5));

  it('remembers the cause, once, and publishes nothing', () => {
    expect(condemned).toEqual({ ...sick, condemned: 'refused' });
    expect(eventTypes(decide(sick, condemn, 5))).toEqual([]);
    expect(decide(condemned, condemn, 6).type).toBe('noop');
  });

  it('is so only while it runs and should', () => {
    expect(decide(anInstance('a', 'Staging'), condemn, 5).type).toBe('noop');
    expect(decide({ ...sick, goal: 'Decommissioned' }, condemn, 5).type).toBe('noop');
  });

  it('is pardoned when it recovers, when its task ends, and not by more failures', () => {
    const heard = (healthy: boolean | undefined) => updated(decide(condemned, { type: 'healthChanged', healthy }, 7));
    expect(heard(true).condemned).toBeUndefined();
    expect(heard(undefined).condemned).toBe('refused');
    expect(updated(told(condemned, aStatus('TASK_FAILED'))).condemned).toBeUndefined();
  });

  it('is named as killed for its health when it goes', () => {
    const gone = decide(condemned, { type: 'changeGoal', goal: 'Decommissioned' }, 9);
    expect(eventTypes(gone)).toEqual(['unhealthy_instance_kill_event', 'instance_changed_event']);
  });
});
