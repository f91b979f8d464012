/** What a real Mesos told of health checks and checks (recording 09), told to this server: what it makes of it. */
import { describe, expect, it } from 'vitest';
import type { AppUpdate } from '../../src/core/app/update.ts';
import type { MesosHealthCheck, MesosTaskState, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import { createWorld, putOf, type World } from '../support/world.ts';
import { readRecording } from './transcripts/recording.ts';

const { entries } = readRecording('09-health-checks');

/** Tasks as they were sent. */
const sent = new Map(
  entries
    .flatMap((entry) => ('body' in entry ? [(entry.body as { accept?: unknown } | null)?.accept] : []))
    .flatMap(
      (accept) => (accept as { operations?: { launch?: { task_infos: TaskInfo[] } }[] } | undefined)?.operations ?? [],
    )
    .flatMap(({ launch }) => launch?.task_infos ?? [])
    .map((task) => [task.task_id.value, task]),
);

/** Updates of a task behind the first TASK_RUNNING, in order. */
function told(taskId: string): readonly TaskStatus[] {
  const all = entries
    .flatMap((entry) => ('event' in entry && entry.event.type === 'UPDATE' ? [entry.event['update']] : []))
    .map((update) => (update as { status: TaskStatus }).status)
    .filter((status) => status.task_id.value === taskId);
  return all.slice(all.findIndex(({ state }) => state === 'TASK_RUNNING') + 1);
}

/** The app that would make the recorded check. */
function appOf({ health_check: check, check: other }: TaskInfo): AppUpdate {
  if (check === undefined) {
    const { command } = (other as { command: { command: { value: string } } }).command;
    return {
      check: { exec: { command: { shell: command.value } }, delaySeconds: 0, intervalSeconds: 1, timeoutSeconds: 2 },
    } as AppUpdate;
  }
  const timing = {
    delaySeconds: check.delay_seconds,
    intervalSeconds: check.interval_seconds,
    timeoutSeconds: check.timeout_seconds,
    gracePeriodSeconds: check.grace_period_seconds,
    maxConsecutiveFailures: check.consecutive_failures,
  };
  const { command, http, tcp } = check;
  const kind = command
    ? { protocol: 'COMMAND', command: { value: command.value } }
    : http
      ? { protocol: 'MESOS_HTTP', path: http.path, port: http.port }
      : { protocol: 'MESOS_TCP', port: tcp?.port };
  return { healthChecks: [{ ...timing, ...kind }] } as unknown as AppUpdate;
}

/** An app whose one task runs, and how to tell of it what was told of the recorded task. */
async function running(taskId: string, change: AppUpdate = {}) {
  const world = await createWorld();
  const launched: TaskInfo[] = [];
  world.mesos.launchTo = (info) => {
    launched.push(info);
    return 'running';
  };
  const app = { cmd: 'sleep 1', cpus: 0.1, mem: 32, backoffSeconds: 0, ...appOf(sent.get(taskId)!), ...change };
  await world.change([putOf('/a', app as AppUpdate)]);
  await world.advance(1_000);
  const [id = ''] = world.tasksOf('/a');
  const tell = async (status: TaskStatus): Promise<void> => {
    const { task_id: _id, agent_id: _agent, executor_id: _executor, uuid: _uuid, state, ...rest } = status;
    world.mesos.move(id, state as MesosTaskState, rest);
    await world.advance(1_000);
  };
  return { world, id, launched, tell };
}

const failuresOf = (world: World): number => {
  const [instance] = world.instances('/a');
  return world.read.healthOf(instance!.id)[0]?.consecutiveFailures ?? -1;
};
const flips = (world: World) => world.eventsOf('health_status_changed_event').map(({ alive }) => alive);

const withHealth = [...sent].filter(([, { health_check: check }]) => check !== undefined).map(([id]) => id);

describe('the health checks of recording 09', () => {
  it.each(withHealth)('%s: is asked of Mesos as it was there', async (taskId) => {
    const { launched } = await running(taskId);
    const { type, command, http, tcp, ...timing } = sent.get(taskId)!.health_check as MesosHealthCheck;
    const shown = {
      type,
      ...timing,
      ...(command ? { command: { shell: true, ...command } } : {}),
      // The driver misspelt the default.
      ...(http ? { http: { ...http, protocol: 'IPv4' } } : {}),
      ...(tcp ? { tcp: { ...tcp, protocol: 'IPv4' } } : {}),
    };
    expect(launched[0]?.health_check).toEqual(shown);
  });

  it.each(withHealth)('%s: each result is accounted for, with its events', async (taskId) => {
    const { world, tell, id } = await running(taskId);
    const states: boolean[] = [];
    let failures = 0;
    let inARow = 0;
    for (const status of told(taskId)) {
      const isResult = status.reason === 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED';
      if (status.state !== 'TASK_RUNNING' && !isResult) break;
      await tell(status);
      if (!isResult) continue;
      inARow = status.healthy ? 0 : inARow + 1;
      if (!status.healthy) failures += 1;
      if (states.at(-1) !== status.healthy) states.push(status.healthy === true);
      expect([world.instances('/a')[0]?.healthy, failuresOf(world)]).toEqual([status.healthy, inARow]);
    }
    expect(states.length).toBeGreaterThan(0);
    expect(flips(world)).toEqual(states);
    expect(world.eventsOf('instance_health_changed_event').map(({ healthy }) => healthy)).toEqual(states);
    expect(world.eventsOf('failed_health_check_event')).toHaveLength(failures);
    // The agent kills; this server does not.
    expect(world.mesos.callsOf('kill')).toEqual([]);
    expect(world.tasksOf('/a')).toEqual([id]);
  });

  it.each(['cmd-bad', 'cmd-grace', 'http-404', 'tcp-bad'])('%s: killed by Mesos, it is replaced', async (taskId) => {
    const { world, tell, id } = await running(taskId);
    for (const status of told(taskId)) await tell(status);
    expect(told(taskId).at(-1)).toMatchObject({ state: 'TASK_KILLED', healthy: false });
    await world.advance(10_000);
    const [fresh] = world.tasksOf('/a').filter((one) => one !== id);
    expect(fresh).toMatch(/\.2$/);
    expect(world.instances('/a')[0]?.healthy).toBeUndefined();
    expect(world.eventsOf('unhealthy_instance_kill_event')).toEqual([]);
    world.expectSane();
  });

  it('a reconciliation and news of a check repeat the last result, which counts no second time', async () => {
    const { world, tell } = await running('cmd-flap');
    const [failure] = told('cmd-flap');
    await tell(failure!);
    for (const reason of ['REASON_RECONCILIATION', 'REASON_TASK_CHECK_STATUS_UPDATED'])
      await tell({ ...failure!, reason });
    expect(failuresOf(world)).toBe(1);
    // What was missed meanwhile is news all the same.
    await tell({ ...failure!, healthy: true, reason: 'REASON_RECONCILIATION' });
    expect(flips(world)).toEqual([false, true]);
  });

  it('a failure that the agent tells of is none within a grace period, whatever this server remembers', async () => {
    const { world, tell } = await running('cmd-bad', {
      healthChecks: [{ protocol: 'COMMAND', command: { value: 'false' }, gracePeriodSeconds: 300 }],
    } as unknown as AppUpdate);
    await tell(told('cmd-bad')[0]!);
    expect(flips(world)).toEqual([false]);
  });
});

describe('the check of recording 09', () => {
  it('has its result shown, and changes nothing else', async () => {
    const { world, tell } = await running('chk');
    for (const status of told('chk')) await tell(status);
    expect(world.instances('/a')[0]?.tasks[0]?.checkStatus).toEqual({ type: 'COMMAND', command: { exit_code: 3 } });
    expect(world.instances('/a')[0]?.healthy).toBeUndefined();
    expect(flips(world)).toEqual([]);
  });
});
