/** The judge of the storms is judged: facts that are wrong in one way each, and real faults that are never mended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { duplicates, type Facts, violations } from '../support/mesos-faults/checker.ts';
import { duplicatesNow, frameworkIdOf } from '../support/mesos-faults/facts.ts';
import { faultsFor } from '../support/mesos-faults/faults.ts';
import { expectPeace, scheduleOf, seedsPerRound } from '../support/mesos-faults/storm.ts';
import { openBook, settleIn, taskCommand } from '../support/mesos-faults/users.ts';
import { type FaultWorld, startWorld } from '../support/mesos-faults/world.ts';
import { randomFrom } from '../support/random.ts';

const version = '2026-01-01T00:00:00.000Z';
const task = { id: 'a.1', appId: '/a', state: 'TASK_RUNNING', version };
const good: Facts = {
  wants: new Map([
    ['/a', [{ instances: 1, step: 'x' }]],
    ['/gone', [undefined]],
    ['/perhaps', [undefined, { instances: 9, step: 'y' }]],
  ]),
  apps: [{ id: '/a', instances: 1, step: 'x', configuredAt: version, version }],
  tasks: [task],
  deployments: 0,
  queued: 0,
  frameworkId: 'F',
  firstFrameworkId: 'F',
  serverLog: 'all is quiet',
  frameworks: ['F'],
  removedFrameworks: 0,
  clusterTasks: [{ id: 'a.1', state: 'TASK_RUNNING' }],
  unreachable: 0,
  unacknowledged: 0,
  processes: [
    { pid: 7, command: taskCommand, taskId: 'a.1', step: 'x', leads: true },
    { pid: 1, command: 'server', taskId: undefined, step: undefined, leads: false },
  ],
  programs: new Set([1]),
};
const [app] = good.apps;
const [main, server] = good.processes ?? [];

const wrong: Readonly<Record<string, { readonly facts: Partial<Facts>; readonly says: RegExp }>> = {
  'an app with another count': { facts: { apps: [{ ...app!, instances: 2 }] }, says: /^\/a is .*"instances":2/ },
  'an app of another version': { facts: { apps: [{ ...app!, step: 'old' }] }, says: /^\/a is .*"step":"old"/ },
  'an app that is gone': { facts: { apps: [], tasks: [], clusterTasks: [] }, says: /^\/a is undefined/ },
  'an app that nobody asked for': {
    facts: { apps: [app!, { ...app!, id: '/b', instances: 0 }] },
    says: /\/b was never asked for/,
  },
  'a deployment that hangs': { facts: { deployments: 1 }, says: /1 deployments/ },
  'a launch that hangs': { facts: { queued: 1 }, says: /1 apps wait/ },
  'a task too many': { facts: { tasks: [task, { ...task, id: 'a.2' }] }, says: /\/a has 2 tasks of 1/ },
  'a task too few': { facts: { tasks: [] }, says: /\/a has 0 tasks of 1/ },
  'a task that is listed twice': { facts: { tasks: [task, task] }, says: /lists a\.1 more than once/ },
  'a task without an app': { facts: { tasks: [task, { ...task, id: 'b', appId: '/b' }] }, says: /b belongs to no app/ },
  'a task of an old version': { facts: { tasks: [{ ...task, version: '2025' }] }, says: /is of version 2025/ },
  'a task of a version that is not': { facts: { tasks: [{ ...task, version: '2027' }] }, says: /is of version 2027/ },
  'a task that the server thinks lost': {
    facts: { tasks: [{ ...task, state: 'TASK_UNREACHABLE' }] },
    says: /TASK_UNREACHABLE for the server/,
  },
  'a task that the cluster thinks staging': {
    facts: { clusterTasks: [{ id: 'a.1', state: 'TASK_STAGING' }] },
    says: /TASK_STAGING for the cluster/,
  },
  'a task that only the cluster has': {
    facts: { clusterTasks: [...good.clusterTasks, { id: 'a.0', state: 'TASK_RUNNING' }] },
    says: /the cluster has a\.0, which/,
  },
  'a task that the cluster does not have': { facts: { clusterTasks: [] }, says: /lists a\.1, which the cluster/ },
  'a second framework': { facts: { frameworks: ['F', 'G'] }, says: /frameworks F,G/ },
  'another framework': { facts: { frameworkId: 'G', frameworks: ['G'] }, says: /was F and is G/ },
  'a framework that was removed': { facts: { removedFrameworks: 1 }, says: /1 frameworks were removed/ },
  'the last word of a master': {
    facts: { serverLog: 'error: Framework has been removed' },
    says: /told that its framework has been removed/,
  },
  'an unreachable task': { facts: { unreachable: 1 }, says: /1 tasks are unreachable/ },
  'an unacknowledged update': { facts: { unacknowledged: 1 }, says: /1 updates wait/ },
  'a stray process': {
    facts: { processes: [main!, server!, { ...server!, pid: 8 }] },
    says: /process 8 \(server\) is a stray/,
  },
  'a second process of a task': {
    facts: { processes: [main!, { ...main!, pid: 8, leads: false }] },
    says: /a\.1 is 2 processes in 1 sessions/,
  },
  'a task whose shell has lost its command': {
    facts: { processes: [{ ...main!, command: 'sh' }] },
    says: /a\.1 is 0 processes in 1 sessions/,
  },
  'a command that has lost its shell': {
    facts: { processes: [{ ...main!, leads: false }] },
    says: /a\.1 is 1 processes in 0 sessions/,
  },
  'a process of no task': {
    facts: { processes: [main!, { ...main!, pid: 8, taskId: 'a.0' }] },
    says: /process 8 .* is of a\.0, which/,
  },
  'a task without a process': { facts: { processes: [] }, says: /a\.1 is 0 processes/ },
  'a process with an old environment': {
    facts: { processes: [{ ...main!, step: 'old' }] },
    says: /has step old, not x/,
  },
};

describe('the judge', () => {
  it('has nothing against facts that are right, whichever of two possible states an app is in', () => {
    expect(violations(good)).toEqual([]);
    expect(violations({ ...good, processes: undefined })).toEqual([]);
    const below = { ...main!, pid: 8, leads: false };
    expect(violations({ ...good, processes: [{ ...main!, command: 'sh' }, below] })).toEqual([]);
  });

  it.each(Object.keys(wrong))('names %s', (name) => {
    const { facts, says } = wrong[name]!;
    expect(violations({ ...good, ...facts })).toContainEqual(expect.stringMatching(says));
  });

  it('knows a task that two processes are', () => {
    expect(duplicates([{ taskId: 'a' }, { taskId: 'b' }, { taskId: 'a' }])).toEqual(['a']);
  });
});

describe('the seeds', () => {
  it.each(['processes', 'simulated'] as const)(
    '%s: three in a row meet every fault, and the same ones each time',
    (kind) => {
      const schedule = (seed: number): readonly string[][] =>
        scheduleOf({ seed, kind, turns: 6, settleLimitMs: 0 }, randomFrom(seed)).map((turn) =>
          turn.map(({ what }) => what),
        );
      const all = faultsFor(kind).map(({ what }) => what);
      for (const first of [1, 4, 7]) {
        const met = new Set(Array.from({ length: seedsPerRound }, (_, n) => schedule(first + n)).flat(2));
        expect([...met].sort()).toEqual([...all].sort());
      }
      expect(schedule(5)).toEqual(schedule(5));
      expect(schedule(5)).not.toEqual(schedule(6));
    },
  );
});

describe('the judge of a world', () => {
  let world: FaultWorld;
  let first: string;
  const book = openBook();
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    world = await startWorld({ simulate: false, random: randomFrom(1) });
    await settleIn(world, book, 1);
    await world.rest.running('/settled/app-0', 3);
    first = await frameworkIdOf(world);
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await world.close();
  });

  const spawned = async (env: Readonly<Record<string, string>>): Promise<ChildProcess> => {
    const child = spawn('/bin/sleep', ['1000'], {
      argv0: 'sleep',
      env: { PLACE: world.playground.dir, ...env },
      detached: true,
      stdio: 'ignore',
    });
    children.push(child);
    await once(child, 'spawn');
    return child;
  };
  const ended = async (child: ChildProcess): Promise<void> => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const isWell = (): Promise<void> => expectPeace(world, book, first, 60_000);
  const finds = (what: string): Promise<true> =>
    eventually(`the judge says '${what}'`, async () => {
      const said = await expectPeace(world, book, first, 500).then(() => '', String);
      return said.includes(what) || undefined;
    });

  it('finds a stray process, and a twin of a task', async () => {
    await isWell();
    const stray = await spawned({});
    await finds('is a stray');
    await ended(stray);
    const [taskId = ''] = [...world.playground.tasks().keys()];
    expect(duplicatesNow(world)).toEqual([]);
    const twin = await spawned({ MESOS_EXECUTOR_ID: taskId, STEP: 'first' });
    expect(duplicatesNow(world)).toEqual([taskId]);
    await finds(`${taskId} is 2 processes in 2 sessions`);
    await ended(twin);
    await isWell();
  });

  it('finds a second framework', async () => {
    const body = JSON.stringify({
      type: 'SUBSCRIBE',
      subscribe: {
        framework_info: { user: 'nobody', name: 'intruder', roles: ['*'], capabilities: [{ type: 'MULTI_ROLE' }] },
      },
    });
    const headers = { 'content-type': 'application/json' };
    const call = request(`http://${world.cluster.address}/api/v1/scheduler`, { method: 'POST', headers });
    call.on('error', () => {});
    call.end(body);
    const [answer] = await once(call, 'response');
    expect(answer.statusCode).toBe(200);
    await finds('the cluster has the frameworks');
    call.destroy();
    // It had no failover time: the cluster removes it, and that counts too.
    await finds('1 frameworks were removed');
  });

  it('finds updates whose acknowledgements never arrive', async () => {
    world.relay.inspect(({ direction, data }) => {
      const isAcknowledgement = direction === 'toTarget' && data.includes('"type":"ACKNOWLEDGE"');
      return isAcknowledgement ? { pass: Buffer.alloc(0), thenBreak: false } : 'pass';
    });
    await world.rest.must('DELETE', '/v2/apps/settled/app-0/tasks?force=true');
    await finds('updates wait for their acknowledgement');
  });
});
