/** Frameworks come, go, come again on another stream, and are removed (mesos-v1 §4.2). */

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { FrameworkInfo } from '../../core/mesos/types.ts';
import type { Allocator } from './allocator.ts';
import type { SubscribeCall } from './calls.ts';
import { EventStream } from './event-stream.ts';
import { errorEvent, subscribedEvent } from './events.ts';
import type { Executors } from './executors.ts';
import { refuseSubscription, rolesOf } from './framework-info.ts';
import { killTask } from './kill-task.ts';
import {
  capabilitiesOf,
  type Framework,
  isTerminal,
  type MasterState,
  maxCompletedFrameworks,
  nowSeconds,
  type RemovedFramework,
} from './model.ts';
import type { Updates } from './updates.ts';

/** setTimeout takes no longer waits. A framework that is away for 24 days is removed. */
const maxTimerMs = 2_147_483_647;

export class Frameworks {
  readonly #state: MasterState;
  readonly #allocator: Allocator;
  readonly #updates: Updates;
  readonly #executors: Executors;
  #next = 0;

  constructor(state: MasterState, allocator: Allocator, updates: Updates, executors: Executors) {
    this.#state = state;
    this.#allocator = allocator;
    this.#updates = updates;
    this.#executors = executors;
  }

  /** Answers a SUBSCRIBE whose form is right: an event stream, which may consist of one ERROR. */
  subscribe(call: SubscribeCall, res: ServerResponse): void {
    const id = call.framework_info.id?.value ?? '';
    const known = this.#state.frameworks.get(id);
    const refusal =
      refuseSubscription(call) ??
      (this.#state.removed.has(id) ? 'Framework has been removed' : undefined) ??
      (known !== undefined && known.info.principal !== call.framework_info.principal
        ? "Changing framework's principal is not allowed."
        : undefined);
    let framework: Framework | undefined;
    const stream = new EventStream(res, randomUUID(), () => {
      if (framework?.stream === stream) this.#disconnected(framework);
    });
    if (refusal !== undefined) {
      stream.send(errorEvent(refusal));
      stream.end();
      return;
    }
    framework = known ?? this.#create(id, call, id === '' ? stream : undefined);
    if (known !== undefined) this.#failOver(known, call);
    else if (id !== '') this.#reregister(framework);
    this.#connect(framework, stream);
  }

  /** UPDATE_FRAMEWORK: the refusal, or undefined when the new description is in force. */
  update(framework: Framework, call: SubscribeCall): string | undefined {
    const refusal = refuseSubscription(call);
    if (refusal !== undefined) return `Supplied FrameworkInfo is not valid: ${refusal}`;
    const { info } = framework;
    const fault = immutableFault(framework, call);
    if (fault !== undefined) return `FrameworkInfo update is not valid: ${fault}`;
    const roles = new Set(rolesOf(call.framework_info));
    for (const offer of [...framework.offers]) if (!roles.has(offer.role)) this.#allocator.rescind(offer);
    this.#describe(framework, { ...call, framework_info: { ...call.framework_info, user: info.user } });
    this.#state.watchers.tell({ type: 'frameworkUpdated', framework });
    this.#allocator.allocateSoon();
    return undefined;
  }

  /** TEARDOWN, and the end of the failover time: tasks are killed without a word, the id is refused for ever. */
  remove(framework: Framework): void {
    const { stream } = framework;
    framework.stream = undefined;
    clearTimeout(framework.failoverTimer);
    this.#allocator.dropOffers(framework);
    for (const task of [...framework.tasks.values(), ...framework.unreachable.values()]) {
      if (!isTerminal(task.state)) {
        killTask(task, false);
        task.state = 'TASK_KILLED';
        this.#updates.noteState(task, task.state);
      }
      this.#updates.freeResources(task);
      this.#updates.complete(task);
    }
    this.#executors.endAll(framework.executors);
    framework.unregisteredTime = nowSeconds();
    this.#state.frameworks.delete(framework.id);
    this.#state.keeper?.frameworkGone(framework);
    remember(this.#state.removed, { id: framework.id, record: framework });
    this.#state.keeper?.clusterChanged();
    this.#state.watchers.tell({ type: 'frameworkRemoved', framework });
    stream?.end();
  }

  /** A framework of an earlier run, which only the agents know of until it subscribes. Nobody waits for it. */
  restore(info: FrameworkInfo): Framework {
    return this.#create(info.id?.value ?? '', { framework_info: info }, undefined);
  }

  /** Without a stream: one that others know already, by its id, and that has not subscribed with this master yet. */
  #create(id: string, call: SubscribeCall, stream: EventStream | undefined): Framework {
    const newId = id === '' ? `${this.#state.identity.id}-${String(this.#next++).padStart(4, '0')}` : id;
    const info = { ...call.framework_info, id: { value: newId } };
    const framework: Framework = {
      id: newId,
      info,
      roles: rolesOf(info),
      capabilities: capabilitiesOf(info),
      suppressed: new Set(call.suppressed_roles ?? []),
      constraints: call.offer_constraints,
      stream,
      recovered: stream === undefined,
      tasks: new Map(),
      unreachable: new Map(),
      unacknowledged: new Set(),
      completed: [],
      executors: new Set(),
      offers: new Set(),
      filters: new Map(),
      holdings: new Map(),
      report: (update) => this.#updates.report(framework, update),
      registeredTime: nowSeconds(),
      reregisteredTime: undefined,
      unregisteredTime: 0,
      failoverTimer: undefined,
    };
    this.#state.frameworks.set(newId, framework);
    this.#state.keeper?.frameworkChanged(framework);
    this.#state.watchers.tell({ type: 'frameworkAdded', framework });
    return framework;
  }

  /** The id is subscribed a second time, which always wins; offers of the old stream are void without a RESCIND. */
  #failOver(framework: Framework, call: SubscribeCall): void {
    const old = framework.stream;
    const roles = new Set(rolesOf(call.framework_info));
    // The old stream still hears that its offers of a dropped role are void.
    for (const offer of [...framework.offers]) if (!roles.has(offer.role)) this.#allocator.rescind(offer);
    framework.stream = undefined;
    clearTimeout(framework.failoverTimer);
    old?.send(errorEvent('Framework failed over'));
    old?.end();
    this.#allocator.dropOffers(framework);
    this.#describe(framework, call);
    this.#reregister(framework);
  }

  /** It has come with an id; for a master that knew of it from others this is the first time. */
  #reregister(framework: Framework): void {
    framework.reregisteredTime = nowSeconds();
    if (framework.recovered) framework.registeredTime = framework.reregisteredTime;
    this.#state.watchers.tell({ type: 'frameworkUpdated', framework });
  }

  /** User and checkpoint stay what they were. */
  #describe(framework: Framework, call: SubscribeCall): void {
    const { user, checkpoint } = framework.info;
    framework.info = {
      ...call.framework_info,
      id: { value: framework.id },
      user,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    };
    framework.roles = rolesOf(framework.info);
    framework.capabilities = capabilitiesOf(framework.info);
    for (const role of framework.filters.keys()) if (!framework.roles.includes(role)) framework.filters.delete(role);
    framework.constraints = call.offer_constraints;
    const suppressed = new Set(call.suppressed_roles ?? []);
    // Whoever wants offers of a role again has forgotten what it refused.
    for (const role of framework.suppressed) if (!suppressed.has(role)) framework.filters.delete(role);
    framework.suppressed.clear();
    for (const role of suppressed) framework.suppressed.add(role);
    this.#state.keeper?.frameworkChanged(framework);
  }

  #connect(framework: Framework, stream: EventStream): void {
    framework.stream = stream;
    framework.recovered = false;
    const { heartbeatMs } = this.#state.settings;
    stream.send(subscribedEvent(framework.id, heartbeatMs, this.#state.identity));
    stream.startHeartbeats(heartbeatMs);
    this.#updates.redeliver(framework);
    this.#allocator.allocateSoon();
  }

  #disconnected(framework: Framework): void {
    framework.stream = undefined;
    framework.filters.clear();
    this.#allocator.dropOffers(framework);
    const waitMs = Math.min((framework.info.failover_timeout ?? 0) * 1000, maxTimerMs);
    if (waitMs <= 0) {
      this.remove(framework);
      return;
    }
    framework.failoverTimer = setTimeout(() => this.remove(framework), waitMs);
    framework.failoverTimer.unref();
  }
}

/** Keeps the last ones, as many as Mesos does. */
export function remember(removed: Map<string, RemovedFramework>, framework: RemovedFramework): void {
  removed.set(framework.id, framework);
  for (const id of removed.keys()) {
    if (removed.size <= maxCompletedFrameworks) return;
    removed.delete(id);
  }
}

function immutableFault(framework: Framework, call: SubscribeCall): string | undefined {
  const { info } = framework;
  const wanted = call.framework_info;
  if (wanted.user !== info.user) {
    return `Updating 'FrameworkInfo.user' is unsupported; attempted to update from '${info.user}' to '${wanted.user}'`;
  }
  if ((wanted.checkpoint ?? false) !== (info.checkpoint ?? false)) {
    return `Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '${info.checkpoint ?? false}' to '${wanted.checkpoint ?? false}'`;
  }
  return wanted.principal === info.principal ? undefined : "Changing framework's principal is not allowed.";
}
