/** All event types with Marathon's members (rest-api §10.3), published when and only when the documented thing happened. */
import { describe, expect, it } from 'vitest';
import { isEventType, isMarathonType } from '../../src/core/events.ts';
import type { AppId, InstanceId } from '../../src/core/ids.ts';
import { createWorld, type SeenEvent, type World } from '../support/world.ts';

/** Members beyond `eventType` and `timestamp`, as Marathon 1.11 writes them; those with a question mark may be absent. */
const members: Readonly<Record<string, string>> = {
  api_post_event: 'clientIp uri appDefinition',
  pod_created_event: 'clientIp uri',
  pod_updated_event: 'clientIp uri',
  pod_deleted_event: 'clientIp uri',
  status_update_event: 'slaveId taskId taskStatus message appId host ipAddresses ports version',
  instance_changed_event: 'instanceId condition runSpecId agentId host runSpecVersion',
  instance_health_changed_event: 'instanceId runSpecId healthy runSpecVersion',
  unknown_instance_terminated_event: 'instanceId runSpecId condition',
  framework_message_event: 'executorId slaveId message',
  add_health_check_event: 'appId version healthCheck',
  remove_health_check_event: 'appId',
  failed_health_check_event: 'appId taskId healthCheck',
  health_status_changed_event: 'appId instanceId version alive',
  unhealthy_instance_kill_event: 'appId taskId instanceId version reason host slaveId?',
  group_change_success: 'groupId version',
  group_change_failed: 'groupId version reason',
  deployment_info: 'plan currentStep',
  deployment_step_success: 'plan currentStep',
  deployment_step_failure: 'plan currentStep',
  deployment_success: 'id plan',
  deployment_failed: 'id plan reason?',
  app_terminated_event: 'appId',
  scheduler_registered_event: 'frameworkId master',
  scheduler_reregistered_event: 'master',
  scheduler_disconnected_event: '',
  event_stream_attached: 'remoteAddress',
  event_stream_detached: 'remoteAddress',
  subscribe_event: 'clientIp callbackUrl',
  unsubscribe_event: 'clientIp callbackUrl',
};

type Holds = (value: unknown) => boolean;
const isText: Holds = (value) => typeof value === 'string' && value !== '';
const isStamp: Holds = (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value));
const isTextOrNull: Holds = (value) => value === null || isText(value);
const isListOf =
  (holds: Holds): Holds =>
  (value) =>
    Array.isArray(value) && value.every(holds);
const isObject =
  (shape: Readonly<Record<string, Holds>>): Holds =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).sort().join() === Object.keys(shape).sort().join() &&
    Object.entries(shape).every(([name, holds]) => holds((value as Readonly<Record<string, unknown>>)[name]));
const isAction = isObject({ action: isText, app: isText });
const isStep = isObject({ actions: isListOf(isAction) });
const isSome: Holds = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is no text: of all events, or of those of one type. */
const values: Readonly<Record<string, Holds>> = {
  timestamp: isStamp,
  version: isStamp,
  runSpecVersion: isStamp,
  appDefinition: isSome,
  healthCheck: isSome,
  plan: isObject({ id: isText, version: isStamp, steps: isListOf(isStep) }),
  currentStep: isStep,
  ports: isListOf((value) => Number.isInteger(value)),
  ipAddresses: isListOf(isObject({ ipAddress: isText, protocol: (value) => value === 'IPv4' || value === 'IPv6' })),
  alive: (value) => typeof value === 'boolean',
  healthy: (value) => value === null || typeof value === 'boolean',
  agentId: isTextOrNull,
  'instance_changed_event.host': isTextOrNull,
  'status_update_event.taskStatus': (value) => /^TASK_[A-Z_]+$/.test(String(value)),
  'status_update_event.message': (value) => typeof value === 'string',
  'framework_message_event.message': isListOf((value) => Number.isInteger(value)),
};

/** Made by the API, tested there; and of pods, which are not there yet. */
const elsewhere = /^(event_stream_|pod_|subscribe_|unsubscribe_)/;

const check = {
  protocol: 'HTTP',
  path: '/',
  gracePeriodSeconds: 1,
  intervalSeconds: 2,
  timeoutSeconds: 1,
  maxConsecutiveFailures: 2,
} as const;

const origin = { clientIp: '10.0.0.9', uri: '/v2/apps' };

/** Types in order since the last call, repeated ones once. */
function typesSince(world: World, from: number): readonly string[] {
  const types = world.events.slice(from).map((event) => event.eventType);
  return types.filter((type, i) => type !== types[i - 1]);
}

/** Lets everything happen that makes an event. */
async function everything(): Promise<World> {
  const world = await createWorld();
  const put = (id: string, update = {}) => ({
    type: 'put' as const,
    id: id as AppId,
    partial: false,
    update: { cmd: 'sleep 1', cpus: 0.1, mem: 32, instances: 2, healthChecks: [check], ...update },
  });
  const answer = world.control.changeApps([put('/web')], { force: false, origin });
  await world.settle();
  await world.advance(5_000);
  expect((await answer).ok).toBe(true);
  // Refused: the id is no id.
  await world.change([put('/web', { instances: 3 }), put('/web/below')]);
  // One task fails its checks, and is killed for it.
  const port = world.instances('/web')[0]?.tasks[0]?.hostPorts[0];
  world.prober.answer = (request) =>
    request.port === port ? { type: 'failed', cause: 'refused' } : { type: 'answered', status: 200 };
  await world.advance(20_000);
  // A deployment that cannot end is cancelled.
  const stuck = world.change([put('/web', { cmd: 'sleep 2', cpus: 1_000 })]);
  await world.advance(1_000);
  expect((await stuck).ok).toBe(true);
  for (const id of world.deploymentIds()) {
    const cancelled = world.control.cancelDeployment(id, { force: true });
    await world.settle();
    expect((await cancelled).ok).toBe(true);
  }
  await world.delete('/web');
  await world.advance(60_000);
  world.mesos.say({ type: 'frameworkMessage', agentId: 'S1', executorId: 'E1', data: 'aGVsbG8=' });
  const stray = 'gone.instance-9f0a7f40-2c2e-11ea-8a7e-0242ac110002._app.1';
  world.mesos.inject({ task_id: { value: stray }, state: 'TASK_GONE', agent_id: { value: 'S1' }, uuid: 'dXVpZA==' });
  await world.settle();
  world.mesos.disconnect();
  await world.settle();
  world.mesos.reconnect();
  await world.advance(5_000);
  world.expectSane();
  return world;
}

function offencesIn(events: readonly SeenEvent[]): readonly string[] {
  const offences = new Set<string>();
  for (const { eventType, timestamp, ...rest } of events) {
    const all = (members[eventType] ?? 'unknown type').split(' ').filter((name) => name !== '');
    const required = all.filter((name) => !name.endsWith('?'));
    const known = new Set(all.map((name) => name.replace('?', '')));
    for (const [name, value] of Object.entries({ timestamp, ...rest })) {
      const holds = values[`${eventType}.${name}`] ?? values[name] ?? isText;
      if (!holds(value)) offences.add(`${eventType}.${name}: ${JSON.stringify(value)}`);
    }
    for (const name of required) if (!(name in rest)) offences.add(`${eventType} lacks ${name}`);
    for (const name of Object.keys(rest)) if (!known.has(name)) offences.add(`${eventType} has ${name}`);
  }
  return [...offences];
}

describe('the catalogue of events', () => {
  it('has the 29 types of Marathon', () => {
    const types = Object.keys(members);
    expect(types).toHaveLength(29);
    expect(types.filter((type) => !isEventType(type) || !isMarathonType(type))).toEqual([]);
    expect(isEventType('event_stream_gap') && !isMarathonType('event_stream_gap')).toBe(true);
    expect(isEventType('toString')).toBe(false);
  });

  it('every type is published with exactly its members once its cause happens', async () => {
    const world = await everything();
    expect(offencesIn(world.events)).toEqual([]);
    const seen = new Set(world.events.map((event) => event.eventType));
    const wanted = Object.keys(members).filter((type) => !elsewhere.test(type));
    expect(wanted.filter((type) => !seen.has(type))).toEqual([]);
    expect([...seen].filter((type) => !wanted.includes(type))).toEqual([]);
  });

  it('plans name their steps, and nothing of the apps', async () => {
    const world = await everything();
    const [info] = world.eventsOf('deployment_info');
    const version = expect.stringMatching(/Z$/);
    const step = { actions: [{ action: 'StartApplication', app: '/web' }] };
    const scaling = { actions: [{ action: 'ScaleApplication', app: '/web' }] };
    expect(info).toEqual({
      eventType: 'deployment_info',
      timestamp: version,
      plan: { id: expect.any(String), version, steps: [step, scaling] },
      currentStep: step,
    });
  });

  // deviation(different): `add_health_check_event`, `remove_health_check_event`
  //   Marathon: the second for each old version, when a reconciliation finds no task of it; a new leader announces all checks anew
  //   here: the second once for each check of a configuration, when its replacement is deployed; a new leader announces nothing
  it('every health check is told of with each new version of its app, and when the app goes or nobody runs with it any more', async () => {
    const world = await createWorld();
    const checkEvents = (from: number) =>
      world.events.slice(from).flatMap((event) => {
        const told = /^(add|remove)_health_check_event$|^deployment_(info|success)$/.test(event.eventType);
        return told ? [event.eventType.replace(/^deployment_|_health_check_event$/g, '')] : [];
      });
    const change = async (update: object): Promise<readonly string[]> => {
      const from = world.events.length;
      await world.change([
        { type: 'put', id: '/web' as AppId, partial: true, update: { cpus: 0.1, mem: 32, ...update } },
      ]);
      await world.advance(30_000);
      return checkEvents(from);
    };
    // A new app has a step that starts it and one that scales it; its checks come with the first.
    const two = [check, { ...check, path: '/b' }];
    expect(await change({ cmd: 'sleep 1', healthChecks: two })).toEqual(['info', 'add', 'add', 'info', 'success']);
    const first = world.eventsOf('add_health_check_event');
    expect(await change({ instances: 2 })).toEqual(['info', 'add', 'add', 'success']);
    expect(await change({ labels: { tier: 'front' } })).toEqual(['info', 'add', 'add', 'success']);
    expect(await change({ healthChecks: [check] })).toEqual(['info', 'add', 'remove', 'remove', 'success']);
    expect(await change({ healthChecks: [] })).toEqual(['info', 'remove', 'success']);
    expect(await change({ healthChecks: two })).toEqual(['info', 'add', 'add', 'success']);
    const told = world.eventsOf('add_health_check_event');
    const versions = [...new Set(told.map(({ version }) => version))];
    expect(versions).toHaveLength(5);
    expect(versions.at(-1)).toBe(world.read.app('/web')?.version);
    expect(told.slice(2, 4).map(({ healthCheck }) => healthCheck)).toEqual(first.map(({ healthCheck }) => healthCheck));
    const from = world.events.length;
    await world.restart();
    await world.advance(30_000);
    expect(checkEvents(from)).toEqual([]);
    await world.delete('/web');
    await world.advance(30_000);
    expect(checkEvents(from)).toEqual(['info', 'remove', 'remove', 'success']);
  });

  it('a cancelled deployment says which step failed, then that it failed, and no success', async () => {
    const world = await createWorld();
    await world.put('/web', { cpus: 1_000 });
    const [id = ''] = world.deploymentIds();
    const from = world.events.length;
    const cancelled = world.control.cancelDeployment(id, { force: true });
    await world.settle();
    expect((await cancelled).ok).toBe(true);
    expect(typesSince(world, from)).toEqual(['deployment_step_failure', 'deployment_failed']);
    const [step, failed] = world.events.slice(from);
    expect(step).toMatchObject({ plan: { id }, currentStep: { actions: [{ app: '/web' }] } });
    expect(failed).toMatchObject({ id, reason: 'The upgrade has been cancelled' });
  });

  it('a message of an executor is told as its bytes, signed as those of Java are', async () => {
    const world = await createWorld();
    world.mesos.say({ type: 'frameworkMessage', agentId: 'S1', executorId: 'E1', data: 'aGkA/4A=' });
    await world.settle();
    const [told] = world.eventsOf('framework_message_event');
    expect(told).toMatchObject({ executorId: 'E1', slaveId: 'S1', message: [104, 105, 0, -1, -128] });
  });

  it('the master is named by its host alone (rest-api §10.4)', async () => {
    const world = await createWorld();
    const registered = world.events.find(({ eventType }) => /^scheduler_(re)?registered_event$/.test(eventType));
    expect(registered).toMatchObject({ master: 'localhost' });
  });

  it('nothing is published for what was refused, but the refusal', async () => {
    const world = await createWorld();
    await world.put('/web');
    const from = world.events.length;
    const refused = await world.scale('/nowhere', 3);
    expect(refused.ok).toBe(false);
    expect(typesSince(world, from)).toEqual(['group_change_failed']);
    const none = await world.control.kill({
      instances: ['no.instance-1' as InstanceId],
      scale: false,
      wipe: false,
      force: false,
    });
    await world.settle();
    expect(none.ok).toBe(true);
    expect(typesSince(world, from)).toEqual(['group_change_failed']);
  });

  it('nothing is published before it is durable, and the log has what readers got, in their order', async () => {
    const world = await createWorld();
    const from = world.events.length;
    world.store.hold();
    const answer = world.request([{ type: 'put', id: '/web' as AppId, partial: false, update: { cmd: 'true' } }]);
    await world.settle();
    expect(world.events.slice(from)).toEqual([]);
    world.store.release();
    await world.settle();
    expect((await answer).ok).toBe(true);
    await world.advance(5_000);
    const { events } = await world.store.readEvents(1, 1_000_000);
    const transient = new Set(['framework_message_event', 'failed_health_check_event']);
    const told = world.events.filter((event) => !transient.has(event.eventType));
    expect(events.map(({ json }) => JSON.parse(json))).toEqual(told);
    expect(told.length).toBeGreaterThan(from + 5);
  });
});
