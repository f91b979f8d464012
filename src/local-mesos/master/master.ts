/** The master: one object that takes calls and answers through event streams. It knows nothing of HTTP requests. */
import type { ServerResponse } from 'node:http';
import type { FrameworkInfo } from '../../core/mesos/types.ts';
import { acceptOffers } from './accept.ts';
import { AgentLifecycle } from './agent-lifecycle.ts';
import { type AgentDescription, createAgent } from './agents.ts';
import { Allocator } from './allocator.ts';
import type { Call, SubscribeCall } from './calls.ts';
import { Executors } from './executors.ts';
import { Frameworks, remember } from './frameworks.ts';
import { killTask } from './kill-task.ts';
import { Maintenance } from './maintenance.ts';
import {
  type Agent,
  type Framework,
  isRegistered,
  isTerminal,
  type MasterState,
  nowSeconds,
  type Task,
} from './model.ts';
import { OperationFeedback } from './operation-feedback.ts';
import { reconcileAll, reconcileOne } from './reconcile.ts';
import { Updates } from './updates.ts';

export class Master {
  readonly state: MasterState;
  readonly #allocator: Allocator;
  readonly #updates: Updates;
  readonly #frameworks: Frameworks;
  #nextAgent = 0;
  /** Agents going, coming back and being removed. */
  readonly lifecycle: AgentLifecycle;
  readonly maintenance: Maintenance;
  /** Those of task groups. */
  readonly executors: Executors;
  readonly feedback: OperationFeedback;

  constructor(state: MasterState) {
    this.state = state;
    this.#allocator = new Allocator(state);
    this.#updates = new Updates(state, this.#allocator);
    this.executors = new Executors(state, this.#allocator, this.#updates);
    this.lifecycle = new AgentLifecycle(state, this.#allocator, this.#updates, this.executors);
    this.feedback = new OperationFeedback(state);
    this.maintenance = new Maintenance(state, this.#allocator, this.lifecycle);
    this.#allocator.onTick = () => this.maintenance.ask();
    this.#frameworks = new Frameworks(state, this.#allocator, this.#updates, this.executors);
  }

  /** Frameworks that an earlier run has removed. */
  rememberRemoved(ids: readonly string[]): void {
    for (const id of ids) remember(this.state.removed, { id, record: undefined });
  }

  /** A framework of an earlier run; it may subscribe again and has its tasks then. */
  restoreFramework(info: FrameworkInfo): Framework {
    return this.#frameworks.restore(info);
  }

  /** A task of an earlier run, with all that was known of it. */
  restoreTask(task: Task): void {
    task.framework.tasks.set(task.id, task);
    task.agent.tasks.add(task);
    if (!task.freed) this.#allocator.hold(task.framework, task.role, task.agent, task.bag);
    this.#updates.restore(task);
  }

  /** The next id for an agent that has none; those of agents that are gone are not given again. */
  newAgentId(): string {
    for (;;) {
      const id = `${this.state.identity.id}-S${this.#nextAgent++}`;
      if (!this.state.agents.has(id) && !this.state.gone.has(id)) return id;
    }
  }

  /** Registers an agent under its id. */
  addAgent(description: AgentDescription): Agent {
    const agent = createAgent(description);
    this.state.agents.set(agent.id, agent);
    this.maintenance.announce(agent);
    this.state.keeper?.clusterChanged();
    this.state.watchers.tell({ type: 'agentAdded', agent });
    this.state.counters.add('master/slave_registrations');
    this.#allocator.addAgent(agent);
    return agent;
  }

  subscribe(call: SubscribeCall, res: ServerResponse): void {
    this.state.counters.add('master/calls/subscribe');
    this.#frameworks.subscribe(call, res);
  }

  /** The refusal of an UPDATE_FRAMEWORK, or undefined. */
  updateFramework(framework: Framework, call: SubscribeCall): string | undefined {
    return this.#frameworks.update(framework, call);
  }

  /** Every other call of a subscribed framework. Whatever is wrong with it shows on the stream, or not at all. */
  handle(framework: Framework, call: Call): void {
    this.state.counters.add(`master/calls/${(call.type ?? 'UNKNOWN').toLowerCase()}`);
    switch (call.type) {
      case 'ACKNOWLEDGE':
        if (call.acknowledge !== undefined) this.#acknowledge(framework, call.acknowledge);
        break;
      case 'ACCEPT':
        if (call.accept !== undefined) {
          const { state, executors } = this;
          acceptOffers(
            { state, allocator: this.#allocator, feedback: this.feedback, executors },
            framework,
            call.accept,
          );
        }
        break;
      case 'DECLINE':
        this.#decline(framework, call);
        break;
      case 'REVIVE':
        this.#revive(framework, call.revive?.roles ?? []);
        break;
      case 'SUPPRESS':
        this.#suppress(framework, call.suppress?.roles ?? []);
        break;
      case 'KILL':
        if (call.kill !== undefined) this.#kill(framework, call.kill);
        break;
      case 'RECONCILE':
        this.#reconcile(framework, call);
        break;
      case 'RECONCILE_OPERATIONS':
        for (const { operation_id, agent_id } of call.reconcile_operations?.operations ?? []) {
          this.feedback.reconcile(framework, operation_id.value, agent_id?.value);
        }
        break;
      case 'ACKNOWLEDGE_OPERATION_STATUS':
        this.feedback.acknowledge(framework, call.acknowledge_operation_status?.uuid ?? '');
        break;
      case 'TEARDOWN':
        this.tearDown(framework);
        break;
      case 'ACCEPT_INVERSE_OFFERS':
        this.#answerInverse(framework, 'ACCEPT', call.accept_inverse_offers);
        break;
      case 'DECLINE_INVERSE_OFFERS':
        this.#answerInverse(framework, 'DECLINE', call.decline_inverse_offers);
        break;
      case 'MESSAGE':
        if (call.message !== undefined) {
          const { agent_id, executor_id, data } = call.message;
          this.executors.message(framework, agent_id.value, executor_id.value, data);
        }
        break;
      case 'SHUTDOWN':
        if (call.shutdown !== undefined) {
          const { agent_id, executor_id } = call.shutdown;
          this.executors.shutdown(framework, agent_id.value, executor_id.value);
        }
        break;
      default:
        // Requests are accepted and have no effect, as with Mesos.
        break;
    }
  }

  /**
   * As if another master had taken over: streams break, frameworks are unknown until they subscribe again with their ids,
   * offers begin anew under another prefix. Agents keep their ids and tasks; `agentsBack` is to be called when they are back.
   */
  failOver(masterId: string): void {
    this.state.identity = { ...this.state.identity, id: masterId, startTime: nowSeconds() };
    this.state.recovering = true;
    this.state.removed.clear();
    for (const framework of this.state.frameworks.values()) {
      const { stream } = framework;
      framework.stream = undefined;
      framework.recovered = true;
      framework.filters.clear();
      framework.completed.length = 0;
      clearTimeout(framework.failoverTimer);
      this.#allocator.dropOffers(framework);
      stream?.destroy();
    }
    this.#allocator.restart();
  }

  /** All agents have found the new master: offers flow, and updates that wait for their acknowledgement are repeated. */
  agentsBack(): void {
    this.state.recovering = false;
    for (const agent of this.state.agents.values()) {
      if (!isRegistered(agent)) continue;
      agent.reregisteredTime = nowSeconds();
      this.#updates.resume(agent);
    }
    this.#allocator.allocateSoon();
  }

  /** The framework ends, and its tasks with it. */
  tearDown(framework: Framework): void {
    this.#frameworks.remove(framework);
  }

  /** One periodic allocation, for masters that do not tick by themselves. */
  tick(): void {
    this.#allocator.tick();
  }

  /** Ends all timers and breaks all streams; tasks are the runner's business. */
  stop(): void {
    this.#allocator.stop();
    this.lifecycle.stop();
    this.feedback.stop();
    this.#updates.stop();
    for (const framework of this.state.frameworks.values()) {
      const { stream } = framework;
      framework.stream = undefined;
      clearTimeout(framework.failoverTimer);
      stream?.destroy();
    }
  }

  #answerInverse(framework: Framework, status: 'ACCEPT' | 'DECLINE', answer: Call['accept_inverse_offers']): void {
    const ids = (answer?.inverse_offer_ids ?? []).map(({ value }) => value);
    this.maintenance.answer(framework, ids, status, answer?.filters?.refuse_seconds);
  }

  #decline(framework: Framework, call: Call): void {
    for (const { value } of call.decline?.offer_ids ?? []) {
      const offer = this.state.offers.get(value);
      if (offer?.framework !== framework) continue;
      this.#allocator.take(offer);
      this.#allocator.putBack(offer, offer.bag, call.decline?.filters?.refuse_seconds);
    }
  }

  #revive(framework: Framework, named: readonly string[]): void {
    const roles = rolesMeant(framework, named);
    for (const role of roles) {
      framework.suppressed.delete(role);
      framework.filters.delete(role);
    }
    if (roles.length > 0) this.#allocator.allocateSoon();
  }

  #suppress(framework: Framework, named: readonly string[]): void {
    for (const role of rolesMeant(framework, named)) framework.suppressed.add(role);
  }

  /** An agent that is away does not get acknowledgements; for one that stands still they wait. */
  #acknowledge(framework: Framework, { agent_id, task_id, uuid }: NonNullable<Call['acknowledge']>): void {
    const acknowledge = (): void => this.#updates.acknowledge(framework, agent_id.value, task_id.value, uuid);
    const agent = this.state.agents.get(agent_id.value);
    if (agent === undefined || agent.link.state === 'up') acknowledge();
    else agent.link.send({ deliver: acknowledge });
  }

  #kill(framework: Framework, call: NonNullable<Call['kill']>): void {
    const taskId = call.task_id.value;
    const agentId = call.agent_id?.value;
    const task = framework.tasks.get(taskId);
    if (task === undefined || this.state.recovering) {
      reconcileOne(this.state, framework, taskId, agentId);
      return;
    }
    const { agent } = task;
    if ((agentId !== undefined && agentId !== agent.id) || isTerminal(task.state)) return;
    // The policy of a KILL means nothing to command executors, unless they are of the newer kind.
    const heeded = task.executor !== undefined || this.state.settings.httpCommandExecutor;
    const graceNs = heeded ? call.kill_policy?.grace_period?.nanoseconds : undefined;
    const run = (): void =>
      killTask(task, framework.capabilities.taskKilling, graceNs === undefined ? undefined : graceNs / 1e6);
    agent.link.send({ deliver: run, lost: () => agent.pendingKills.push({ taskId, run }) });
  }

  #reconcile(framework: Framework, call: Call): void {
    const tasks = call.reconcile?.tasks ?? [];
    if (tasks.length === 0) reconcileAll(this.state, framework);
    for (const { task_id, agent_id } of tasks) reconcileOne(this.state, framework, task_id.value, agent_id?.value);
  }
}

/** No names mean all roles; a name the framework has not makes the whole call void. */
function rolesMeant(framework: Framework, named: readonly string[]): readonly string[] {
  if (named.length === 0) return framework.roles;
  return named.every((role) => framework.roles.includes(role)) ? named : [];
}
