/** The production scheduler with a real link on a scripted master: memory journal, a clock that stands still, real sockets. */
import { createOrchestrator, type Orchestrator } from '../../../src/actors/orchestrator.ts';
import { defaultSchedulerSettings, type SchedulerSettings } from '../../../src/actors/settings.ts';
import type { AppUpdate } from '../../../src/core/app/update.ts';
import type { AppId } from '../../../src/core/ids.ts';
import type { Offer, Resource, TaskInfo, TaskStatus } from '../../../src/core/mesos/types.ts';
import { createMemoryJournal, type MemoryJournal } from '../../../src/infra/memory-journal.ts';
import type { MesosLinkOptions } from '../../../src/infra/mesos/link.ts';
import { createFakeProber } from '../../support/fake-prober.ts';
import { createSilentLogger, createSilentMetrics } from '../../support/null-observers.ts';
import type { SeenRequest, SeenSubscribe } from './fake-master.ts';
import type { LinkHarness } from './link-harness.ts';

type Body = SeenRequest['body'];

export interface Scheduler {
  readonly orchestrator: Orchestrator;
  readonly store: MemoryJournal;
  stream: SeenSubscribe;
  /** PUT of a small app. */
  readonly put: (id: string, update?: AppUpdate) => Promise<void>;
  readonly scale: (id: string, instances: number) => Promise<void>;
  /** The next call of a type; those before it are passed over. */
  readonly call: (type: string, matches?: (body: Body) => boolean) => Promise<SeenRequest>;
  /** Lets everything happen that needs no time; then the calls that came and were not taken. */
  readonly settle: () => Promise<readonly Body[]>;
  /** Time passes while the master sends heartbeats. */
  readonly pass: (ms: number) => Promise<void>;
  /** Accepts the next subscription after a pause. */
  readonly resubscribe: () => Promise<void>;
  readonly offer: (offer: Offer) => void;
  /** Answers the next ACCEPT's launch: the tasks and who carries them. */
  readonly launched: () => Promise<readonly TaskInfo[]>;
  readonly update: (status: Omit<TaskStatus, 'source'> & { readonly source?: string }) => void;
  /** Conditions of an app's instances. */
  readonly conditions: (id: string) => readonly string[];
}

export const uuidOf = (number: number): string => Buffer.alloc(16, number).toString('base64');

export function offerOf(id: string, change: Partial<Offer> = {}, resources?: readonly Resource[]): Offer {
  const allocation_info = { role: '*' };
  return {
    id: { value: id },
    framework_id: { value: 'framework-0000' },
    agent_id: { value: 'S0' },
    hostname: 'h1',
    allocation_info,
    resources: resources ?? [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 4 }, allocation_info },
      { name: 'mem', type: 'SCALAR', scalar: { value: 4096 }, allocation_info },
      { name: 'disk', type: 'SCALAR', scalar: { value: 10_000 }, allocation_info },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_000, end: 31_009 }] }, allocation_info },
    ],
    ...change,
  };
}

const heartbeatMs = 15_000;

const undo: (() => Promise<void>)[] = [];

/** Ends all schedulers of a test; to be called after each. */
export async function endSchedulers(): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

/** Starts a scheduler and brings it to its first subscription. */
export async function lead(
  on: LinkHarness,
  settings: Partial<SchedulerSettings> = {},
  options: Partial<MesosLinkOptions> = {},
): Promise<Scheduler> {
  const store = createMemoryJournal();
  let number = 0;
  const id = (kind: string) => `${String(++number).padStart(8, '0')}-0000-${kind}000-8000-000000000000`;
  const ids = { uuid: () => id('4'), timeUuid: () => id('1'), random: () => 0.5 };
  const orchestrator = createOrchestrator({
    store,
    createLink: () => on.link({ ids, ...options }),
    prober: createFakeProber(),
    clock: on.clock,
    ids,
    logger: createSilentLogger(),
    metrics: createSilentMetrics(),
    settings: { ...defaultSchedulerSettings, ...settings },
    advertisedAddress: () => 'localhost:8080',
  });
  undo.push(() => orchestrator.runtime.shutdown());
  await orchestrator.start();
  const stream = await on.master.subscribes.next();
  stream.accept();
  const settle = async (): Promise<readonly Body[]> => {
    for (let quiet = 0; quiet < 6; quiet++) {
      const before = on.master.calls.unread().length;
      await orchestrator.runtime.idle();
      // Sockets have no idle: a few turns of the loop bring what is under way.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      if (on.master.calls.unread().length !== before) quiet = 0;
    }
    return on.master.calls.unread().map(({ body }) => body);
  };
  const call: Scheduler['call'] = async (type, matches = () => true) => {
    for (;;) {
      const next = await on.master.calls.next();
      if (next.body.type === type && matches(next.body)) return next;
      // Answers come in order: one that is owed would hold up all behind it.
      if (!on.master.answersCalls) next.answer(202);
    }
  };
  const change = async (changes: Parameters<Orchestrator['control']['changeApps']>[0]): Promise<void> => {
    const result = await orchestrator.control.changeApps(changes, { force: true });
    if (!result.ok) throw new Error(JSON.stringify(result.error));
  };
  const scheduler: Scheduler = {
    orchestrator,
    store,
    stream,
    settle,
    call,
    put: (appId, update = {}) =>
      change([
        {
          type: 'put',
          id: appId as AppId,
          partial: false,
          update: { cmd: 'sleep 1000', cpus: 0.1, mem: 32, instances: 1, ...update },
        },
      ]),
    scale: (appId, instances) => change([{ type: 'scale', id: appId as AppId, instances, sentenced: [] }]),
    pass: async (ms) => {
      for (let leftMs = ms; leftMs > 0; leftMs -= heartbeatMs) {
        scheduler.stream.send({ type: 'HEARTBEAT' });
        await settle();
        on.clock.advance(Math.min(leftMs, heartbeatMs));
      }
      await settle();
    },
    resubscribe: async () => {
      await on.clock.pass(0, 10_000);
      scheduler.stream = await on.master.subscribes.next();
      scheduler.stream.accept();
      await settle();
    },
    offer: (offer) => scheduler.stream.send({ type: 'OFFERS', offers: { offers: [offer] } }),
    launched: async () => {
      const { body } = await call('ACCEPT');
      const accept = body['accept'] as { operations: { launch: { task_infos: TaskInfo[] } }[] };
      return accept.operations[0]!.launch.task_infos;
    },
    update: (status) => {
      const full = { source: 'SOURCE_EXECUTOR', agent_id: { value: 'S0' }, ...status } as TaskStatus;
      scheduler.stream.send({ type: 'UPDATE', update: { status: full } });
    },
    conditions: (appId) => [...orchestrator.read.instancesOf(appId)].map(({ condition }) => condition),
  };
  await settle();
  return scheduler;
}

/** An app of one instance that runs; gives its task. */
export async function runOne(scheduler: Scheduler, appId = '/app', app: AppUpdate = {}): Promise<TaskInfo> {
  await scheduler.put(appId, app);
  await scheduler.call('REVIVE');
  scheduler.offer(offerOf('O1'));
  const [task] = await scheduler.launched();
  scheduler.update({ task_id: task!.task_id, state: 'TASK_RUNNING', uuid: uuidOf(1) });
  await scheduler.call('ACKNOWLEDGE');
  await scheduler.settle();
  return task!;
}
