/** What is wrong with an ACCEPT shows in updates; the texts are those of the recordings. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Offer, Resource, TaskInfo } from '../../src/core/mesos/types.ts';
import { frameworkInfo, type MesosClient, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import recorded from './events.fixture.json' with { type: 'json' };
import { shapeOf } from './shape.ts';

const cpus = (value: number): Resource => ({ name: 'cpus', type: 'SCALAR', scalar: { value } });
const mem: Resource = { name: 'mem', type: 'SCALAR', scalar: { value: 32 } };
const offered =
  'ports(allocated: *):[31000-32000]; cpus(allocated: *):4; mem(allocated: *):4096; disk(allocated: *):10000';
const tooMuch = (needed: string): string =>
  `Total resources ${needed} required by task and its executor is more than available ${offered}`;
const port80: Resource = { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 80, end: 80 }] } };
const reserved: Resource = { ...cpus(0.1), reservations: [{ role: 'dev', type: 'DYNAMIC' }] };
const forDev = [cpus(0.1), mem].map((resource) => ({ ...resource, allocation_info: { role: 'dev' } }));

const withVariable = (variable: object): Partial<TaskInfo> => ({
  command: { value: 'x', environment: { variables: [{ name: 'X', ...variable }] } },
});

const faults: readonly [string, Partial<TaskInfo>, string][] = [
  [
    'M-50: more cpus than offered',
    { resources: [cpus(400), mem] },
    tooMuch('cpus(allocated: *):400; mem(allocated: *):32'),
  ],
  [
    'a port outside of the offer',
    { resources: [cpus(0.1), mem, port80] },
    tooMuch('cpus(allocated: *):0.1; mem(allocated: *):32; ports(allocated: *):[80-80]'),
  ],
  [
    'reserved resources that were not offered',
    { resources: [reserved, mem] },
    tooMuch('cpus(allocated: *)(reservations: [(DYNAMIC,dev)]):0.1; mem(allocated: *):32'),
  ],
  ['resources of another role', { resources: forDev }, tooMuch('cpus(allocated: dev):0.1; mem(allocated: dev):32')],
  ['M-54: a slash in its id', { task_id: { value: 'a/b' } }, "'a/b' contains invalid characters"],
  ['M-54: an empty id', { task_id: { value: '' } }, 'ID must not be empty'],
  ['M-54: two dots as id', { task_id: { value: '..' } }, "'..' is disallowed"],
  ['M-54: an id of 256 bytes', { task_id: { value: 'x'.repeat(256) } }, 'ID must not be greater than 255 characters'],
  ['M-49: no resources', { resources: [] }, 'Task uses no resources'],
  [
    'negative cpus',
    { resources: [cpus(-1), mem] },
    "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
  ],
  [
    'cpus below 0.001',
    { resources: [cpus(0.0001), mem] },
    "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0",
  ],
  [
    'a health check without its body',
    { health_check: { type: 'HTTP' } },
    "Task uses invalid health check: Expecting 'http' to be set for HTTP health check",
  ],
  [
    'a negative health check interval',
    { health_check: { type: 'TCP', tcp: { port: 80 }, interval_seconds: -1 } },
    "Task uses invalid health check: Expecting 'interval_seconds' to be non-negative",
  ],
  ['a check without a type', { check: {} }, "Task uses invalid check: CheckInfo must specify 'type'"],
  [
    'a check without its body',
    { check: { type: 'TCP' } },
    "Task uses invalid check: Expecting 'tcp' to be set for TCP check",
  ],
  [
    'a negative grace period',
    { kill_policy: { grace_period: { nanoseconds: -1 } } },
    "Task's 'kill_policy.grace_period' must be non-negative",
  ],
  [
    'a variable without a value',
    { command: { value: 'x', environment: { variables: [{ name: 'X' }] } } },
    "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'VALUE' must have a value set",
  ],
  [
    'M-53: a command and an executor',
    { executor: { executor_id: { value: 'e' } } },
    'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
  ],
  [
    'M-53: neither a command nor an executor',
    { command: undefined } as never,
    'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
  ],
  [
    'M-55: half a gpu',
    { resources: [cpus(0.1), mem, { name: 'gpus', type: 'SCALAR', scalar: { value: 0.5 } }] },
    "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer",
  ],
  [
    'a disk that is none',
    { resources: [{ ...cpus(0.1), disk: { source: { type: 'PATH' } } }, mem] },
    "Resource 'cpus:0.1' is invalid: DiskInfo should not be set for cpus resource",
  ],
  [
    'resources of two roles',
    { resources: [...forDev, { ...mem, allocation_info: { role: '*' } }] },
    "Invalid task resources: The resources have multiple allocation roles ('*' and 'dev') but only one allocation role is allowed",
  ],
  [
    'a check without a program',
    { check: { type: 'COMMAND', command: { command: { shell: false } } } },
    "Task uses invalid check: Command check must contain 'executable path'",
  ],
  [
    'a health check without a command',
    { health_check: { type: 'COMMAND' } },
    "Task uses invalid health check: Expecting 'command' to be set for COMMAND health check",
  ],
  [
    'a variable that is a secret, and a value',
    withVariable({ type: 'SECRET', value: 'v', secret: { type: 'REFERENCE', reference: { name: 'r' } } }),
    "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'SECRET' must not have a value set",
  ],
  [
    'a secret without a name',
    withVariable({ type: 'SECRET', secret: { type: 'REFERENCE' } }),
    "Task's `CommandInfo` is invalid: Environment variable 'X' specifies an invalid secret: Secret of type REFERENCE must have the 'reference' field set",
  ],
  [
    'a volume of nothing',
    { container: { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'x' }] } },
    "Task's `ContainerInfo` is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'",
  ],
  [
    'a volume whose source is another one',
    { container: { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'x', source: { type: 'SECRET' } }] } },
    "Task's `ContainerInfo` is invalid: Invalid volume: 'source.secret' is not set for SECRET volume",
  ],
  [
    'a limit of something else',
    { limits: { disk: { value: 1 } } },
    "Only cpus and mem may be included in a task's resource limits",
  ],
  [
    'a limit without a request',
    { resources: [cpus(0.1)], limits: { mem: { value: 1 } } },
    'When a memory limit is specified, a memory request must also be specified',
  ],
  [
    'a limit below the request',
    { limits: { cpus: { value: 0.01 } } },
    'The cpu limit must be greater than or equal to the cpu request',
  ],
  [
    'cgroups of its own',
    { container: { type: 'MESOS', linux_info: { share_cgroups: false } } },
    "Only tasks in a task group may have 'share_cgroups' set to 'false'",
  ],
];

let scheduler: MesosClient;
let offer: Offer;
beforeEach(async () => {
  scheduler = await subscribed(await cluster());
  offer = (await scheduler.nextOffers())[0]!;
});

describe('a task with', () => {
  for (const [name, change, message] of faults) {
    it(`${name} is a TASK_ERROR, and its offer is used up`, async () => {
      const task = taskFor(offer, 'bad.1', change);
      expect((await scheduler.launch([offer], [task], 0)).status).toBe(202);
      const status = await scheduler.nextStatus();
      expect(status).toMatchObject({
        state: 'TASK_ERROR',
        reason: 'REASON_TASK_INVALID',
        source: 'SOURCE_MASTER',
        message,
        task_id: task.task_id,
      });
      expect(shapeOf(status)).toEqual(shapeOf(recorded.error.update.status));
      expect((await scheduler.nextOffers())[0]!.id).not.toEqual(offer.id);
    });
  }

  it('invalid resources takes all others of its operation with it', async () => {
    const tasks = [taskFor(offer, 'good.1'), taskFor(offer, 'bad.1', { resources: [cpus(-1), mem] })];
    await scheduler.launch([offer], tasks, 0);
    for (const id of ['good.1', 'bad.1']) {
      expect(await scheduler.nextStatus(id)).toMatchObject({
        state: 'TASK_ERROR',
        message: "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
      });
    }
  });

  it('nothing of a resource is as if it had not named it', async () => {
    const nothing = (name: string): Resource => ({ name, type: 'SCALAR', scalar: { value: 0 } });
    const resources = [cpus(0.1), mem, nothing('disk'), nothing('gpus')];
    await scheduler.launch([offer], [taskFor(offer, 'good.1', { resources })], 0);
    expect((await scheduler.nextStatus('good.1')).state).toBe('TASK_RUNNING');
  });

  it('M-51: another agent than that of the offer is a TASK_ERROR', async () => {
    await scheduler.launch([offer], [taskFor(offer, 'bad.1', { agent_id: { value: 'not-that-agent' } })]);
    expect((await scheduler.nextStatus()).message).toBe(
      `Task uses invalid agent not-that-agent while agent ${offer.agent_id.value} is expected`,
    );
  });

  it('memory only is fine', async () => {
    await scheduler.launch([offer], [taskFor(offer, 'only-mem', { resources: [mem] })]);
    expect((await scheduler.nextStatus()).state).toBe('TASK_RUNNING');
  });

  it('M-52: an id that runs already is a TASK_ERROR, and the first one runs on', async () => {
    await scheduler.launch([offer], [taskFor(offer, 'twin.1'), taskFor(offer, 'twin.1')]);
    expect(await scheduler.nextStatus()).toMatchObject({
      state: 'TASK_ERROR',
      message: 'Task has duplicate ID: twin.1',
    });
    expect(await scheduler.nextStatus()).toMatchObject({ state: 'TASK_RUNNING', task_id: { value: 'twin.1' } });
  });
});

describe('one LAUNCH', () => {
  it('M-50: starts the tasks that fit and refuses the later ones that exceed the rest', async () => {
    const big = { resources: [cpus(2.5), mem] };
    await scheduler.launch(
      [offer],
      [taskFor(offer, 'half.1', big), taskFor(offer, 'half.2', big), taskFor(offer, 'small')],
    );
    const refused = await scheduler.nextStatus('half.2');
    expect(refused.message).toContain('more than available ports(allocated: *):[31000-32000]; cpus(allocated: *):1.5;');
    expect((await scheduler.nextStatus('half.1')).state).toBe('TASK_RUNNING');
    expect((await scheduler.nextStatus('small')).state).toBe('TASK_RUNNING');
  });
});

describe('an ACCEPT of', () => {
  it('M-12: an unknown offer drops its tasks', async () => {
    const answer = await scheduler.launch([{ ...offer, id: { value: 'no-such-offer' } }], [taskFor(offer, 't.1')]);
    expect(answer.status).toBe(202);
    const status = await scheduler.nextStatus();
    expect(shapeOf(status)).toEqual(shapeOf(recorded.dropped.update.status));
    expect(status).toMatchObject({
      state: 'TASK_DROPPED',
      reason: 'REASON_INVALID_OFFERS',
      message: 'Task launched with invalid offers: Offer no-such-offer is no longer valid',
    });
  });

  it('M-12: an unknown offer is a TASK_LOST without PARTITION_AWARE', async () => {
    const other = await subscribed(await cluster(), frameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }] }));
    await other.launch([{ ...offer, id: { value: 'no-such-offer' } }], [taskFor(offer, 't.1')]);
    expect((await other.nextStatus()).state).toBe('TASK_LOST');
  });

  it('M-45: no offer at all, of one twice and of one that was used drops the tasks', async () => {
    const invalid = 'Task launched with invalid offers: ';
    await scheduler.launch([], [taskFor(offer, 't.1')]);
    expect((await scheduler.nextStatus()).message).toBe(`${invalid}No offers specified`);
    await scheduler.launch([offer, offer], [taskFor(offer, 't.2')]);
    expect((await scheduler.nextStatus()).message).toBe(`${invalid}Duplicate offer ${offer.id.value} in offer list`);
    // The offer of the call that failed has gone back without a filter.
    const [next] = await scheduler.nextOffers();
    await scheduler.launch([next!], [taskFor(offer, 't.3')]);
    expect((await scheduler.nextStatus()).state).toBe('TASK_RUNNING');
    await scheduler.launch([next!], [taskFor(offer, 't.4')]);
    expect((await scheduler.nextStatus()).message).toBe(`${invalid}Offer ${next!.id.value} is no longer valid`);
  });

  it('M-46: offers of two agents drops the tasks', async () => {
    const two = await subscribed(await cluster({ agents: 2 }));
    const [a, b] = await two.nextOffers();
    await two.launch([a!, b!], [taskFor(a!, 't.1')]);
    expect((await two.nextStatus()).message).toBe(
      `Task launched with invalid offers: Aggregated offers must belong to one single agent. Offer ${b!.id.value} uses agent ${b!.agent_id.value} and agent ${a!.agent_id.value}`,
    );
  });

  it('an operation that cannot be done is answered only if it has an id, and does not stop a LAUNCH after it', async () => {
    const reserve = { type: 'RESERVE', reserve: { resources: [] } };
    await scheduler.call('ACCEPT', {
      accept: {
        offer_ids: [offer.id],
        operations: [
          reserve,
          { ...reserve, id: { value: 'op.1' } },
          { type: 'FROBNICATE' },
          { type: 'LAUNCH' },
          { type: 'LAUNCH', launch: { task_infos: [taskFor(offer, 't.1')] } },
        ],
      },
    });
    const operation = await scheduler.next('UPDATE_OPERATION_STATUS');
    expect(operation['update_operation_status']).toMatchObject({
      status: { operation_id: { value: 'op.1' }, state: 'OPERATION_ERROR' },
    });
    expect((await scheduler.nextStatus()).state).toBe('TASK_RUNNING');
  });

  it('a task without a required member is a 400 that leaves the offer valid', async () => {
    const { name: _, ...nameless } = taskFor(offer, 't.1');
    expect(await scheduler.launch([offer], [nameless as TaskInfo])).toMatchObject({
      status: 400,
      body: 'Failed to convert JSON into Call protobuf: Missing required fields: accept.operations[0].launch.task_infos[0].name',
    });
    await scheduler.launch([offer], [taskFor(offer, 't.1')]);
    expect((await scheduler.nextStatus()).state).toBe('TASK_RUNNING');
  });
});
