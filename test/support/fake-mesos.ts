/**
 * A small deterministic Mesos: agents with cpus, memory and ports, offers with decline filters, tasks whose updates are repeated
 * until they are acknowledged, reconciliation, kills, partitions, broken connections. It notes every misuse in `violations`.
 * What it knows of the real one comes from the transcripts (02, 03, 05, 06, 08, 16).
 */
import type { Clock, MesosEvent, MesosLink } from '../../src/actors/ports.ts';
import type { DomainInfo, MesosTaskState, Offer, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import type { AgentSize, FakeAgent, FakeTask, Free, HeldOffer } from './fake-mesos-resources.ts';
import { agentOf, executorStatus, freeOf, masterStatus, offerOf, portsOf, terminal } from './fake-mesos-resources.ts';
import { RoleFilters } from './fake-mesos-roles.ts';

export interface LinkCall {
  readonly type: 'accept' | 'decline' | 'kill' | 'acknowledge' | 'reconcile' | 'revive' | 'suppress';
  readonly ids: readonly string[];
  readonly seconds?: number;
  readonly atMs: number;
}

const resendMs = 10_000;
interface Session {
  readonly listener: (event: MesosEvent) => void;
  isOver: boolean;
}

export class FakeMesos {
  readonly agents: FakeAgent[] = [];
  readonly tasks = new Map<string, FakeTask>();
  /** Every call that reached it, in order. */
  readonly calls: LinkCall[] = [];
  readonly violations: string[] = [];
  /** Task ids that were ever launched. */
  readonly launched = new Set<string>();
  readonly acceptedOffers = new Set<string>();
  /** Kill calls get lost. */
  losesKills = false;
  /** Acknowledgements get lost. */
  losesAcknowledgements = false;
  /** What becomes of a new task: it runs, or stays where it is. */
  launchTo: (info: TaskInfo) => 'running' | 'staging' | 'failed' = () => 'running';
  /** Where the master stands, told with each subscription. */
  masterDomain: DomainInfo | undefined;
  /** The next ACCEPT is refused by the connection. */
  failsNextAccept = false;
  readonly #clock: Clock;
  readonly #queue: (() => void)[] = [];
  readonly #offers = new Map<string, HeldOffer>();
  readonly #roles = new RoleFilters();
  #session: Session | undefined;
  readonly #unheard = new Set<FakeAgent>();
  #isAllocating = false;
  #numbers = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addAgent(more: AgentSize = {}): FakeAgent {
    const agent = agentOf(this.agents.length, more);
    this.agents.push(agent);
    this.#allocateSoon();
    return agent;
  }

  /** Lets everything happen that is due; false if there was nothing. `most` stops it earlier. */
  pump(most = Number.POSITIVE_INFINITY): boolean {
    let done = 0;
    while (done < most && this.#queue.length > 0) {
      this.#queue.shift()?.();
      done++;
    }
    return done > 0;
  }

  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  /** Tasks that are not over. */
  alive(): readonly FakeTask[] {
    return [...this.tasks.values()].filter((t) => !terminal.has(t.state));
  }

  callsOf(type: LinkCall['type']): readonly LinkCall[] {
    return this.calls.filter((c) => c.type === type);
  }

  /** A link to it. `mayCall` is asked before each call goes out: a crash at that moment loses it. */
  createLink(mayCall: () => boolean): MesosLink {
    let session: Session | undefined;
    let listener: ((event: MesosEvent) => void) | undefined;
    const isLive = () => session !== undefined && session === this.#session && !session.isOver;
    const call = (type: LinkCall['type'], ids: readonly string[], perform: () => void, seconds?: number): void => {
      if (!isLive() || !mayCall()) return;
      this.calls.push({ type, ids, atMs: this.#clock.now(), ...(seconds === undefined ? {} : { seconds }) });
      this.#queue.push(perform);
    };
    const connect = (): void => {
      if (!listener) return;
      session = { listener, isOver: false };
      this.#subscribe(session);
    };
    this.#reconnect = connect;
    return {
      start: (_frameworkId, onEvent) => {
        listener = onEvent;
        this.#reconnect = connect;
        this.#queue.push(() => {
          if (this.#reconnect === connect) connect();
        });
      },
      isConnected: isLive,
      accept: (offerIds, tasks, seconds) =>
        call(
          'accept',
          tasks.map((t) => t.task_id.value),
          () => this.#accept(offerIds, tasks),
          seconds,
        ),
      decline: (offerIds, seconds) => call('decline', offerIds, () => this.#decline(offerIds, seconds), seconds),
      kill: (taskId, agentId) => call('kill', [taskId], () => this.#kill(taskId, agentId)),
      acknowledge: (taskId, _agentId, uuid) =>
        call('acknowledge', [taskId, uuid], () => this.#acknowledge(taskId, uuid)),
      reconcile: (tasks) =>
        call(
          'reconcile',
          tasks.map((t) => t.taskId),
          () => this.#reconcile(tasks),
        ),
      updateRoles: () => {},
      revive: (roles) => call('revive', roles, () => this.#revive(roles)),
      suppress: (roles) => call('suppress', roles, () => this.#roles.suppress(roles)),
      stop: async (teardown) => {
        if (teardown) for (const task of this.alive()) this.tasks.delete(task.id);
        if (session) session.isOver = true;
        if (this.#session === session) this.#endSession();
        listener = undefined;
      },
    };
  }

  #reconnect: () => void = () => {};

  /** The connection breaks. */
  disconnect(): void {
    const session = this.#session;
    if (!session) return;
    this.#endSession();
    this.#queue.push(() => session.listener({ type: 'disconnected', reason: 'test' }));
  }

  /** The link finds its way back. */
  reconnect(): void {
    if (!this.#session) this.#queue.push(() => this.#reconnect());
  }

  /** A task ends, or changes otherwise, by itself. */
  move(taskId: string, state: MesosTaskState, more: Partial<TaskStatus> = {}): void {
    const task = this.tasks.get(taskId);
    if (!task || terminal.has(task.state)) return;
    this.#move(task, state, more);
  }

  /** The master loses sight of an agent. */
  partition(agent: FakeAgent): void {
    agent.isReachable = false;
    for (const [id, offer] of this.#offers) {
      if (offer.agent !== agent) continue;
      this.#offers.delete(id);
      this.#send({ type: 'rescinded', offerId: id });
    }
    const nanoseconds = this.#clock.now() * 1e6;
    for (const task of this.alive()) {
      if (task.agent !== agent) continue;
      this.#tell(task, 'TASK_UNREACHABLE', 'REASON_AGENT_REMOVED', { unreachable_time: { nanoseconds } });
    }
  }

  /** It is back, with its tasks. */
  rejoin(agent: FakeAgent): void {
    agent.isReachable = true;
    for (const task of this.tasks.values()) {
      if (task.agent !== agent) continue;
      if (!terminal.has(task.state)) this.#tell(task, task.state, 'REASON_AGENT_REREGISTERED', {});
      if (task.updates.length > 0) this.#deliver(task);
    }
    this.#allocateSoon();
  }

  /** Another master leads: of agents that are away it knows nothing until they register, and then it says nothing of it. */
  failover(): void {
    for (const agent of this.agents) if (!agent.isReachable) this.#unheard.add(agent);
    this.disconnect();
    this.reconnect();
  }

  /** An agent that the present master has not heard of registers with its tasks. */
  register(agent: FakeAgent): void {
    this.#unheard.delete(agent);
    agent.isReachable = true;
    for (const task of this.tasks.values()) if (task.agent === agent && task.updates.length > 0) this.#deliver(task);
    this.#allocateSoon();
  }

  /** Sends an update that Mesos never made, as a stray framework's task would. */
  inject(status: TaskStatus): void {
    this.#send({ type: 'statusUpdate', status });
  }

  /** Any event, out of nowhere. */
  tell = (event: MesosEvent): void => this.#send(event);

  /** A task that nobody launched here. */
  addStray(taskId: string): void {
    const agent = this.agents[0] as FakeAgent;
    const info = { name: taskId, task_id: { value: taskId }, agent_id: { value: agent.id }, resources: [] };
    const task: FakeTask = { id: taskId, info, agent, ports: [], state: 'TASK_RUNNING', updates: [] };
    this.tasks.set(taskId, task);
    this.#tell(task, 'TASK_RUNNING', 'REASON_RECONCILIATION', {});
  }

  /** Tells anything at all. */
  readonly say = (event: MesosEvent): void => this.#send(event);

  #send(event: MesosEvent): void {
    const session = this.#session;
    if (!session) return;
    this.#queue.push(() => {
      if (!session.isOver && session === this.#session) session.listener(event);
    });
  }

  #subscribe(session: Session): void {
    if (this.#session) this.#endSession();
    this.#session = session;
    this.#roles.reset();
    const domain = this.masterDomain === undefined ? {} : { domain: this.masterDomain };
    const master = { id: 'M', hostname: 'localhost', port: 5050, ...domain };
    this.#send({ type: 'subscribed', frameworkId: 'F', master, masterAddress: 'localhost:5050', isNew: false });
    for (const task of this.tasks.values()) if (task.updates.length > 0) this.#deliver(task);
    this.#allocateSoon();
  }

  #endSession(): void {
    if (this.#session) this.#session.isOver = true;
    this.#session = undefined;
    this.#offers.clear();
  }

  #revive(roles: readonly string[]): void {
    this.#roles.revive(roles);
    this.#allocateSoon();
  }

  #allocateSoon(): void {
    if (this.#isAllocating) return;
    this.#isAllocating = true;
    this.#queue.push(() => {
      this.#isAllocating = false;
      this.#allocate();
    });
  }

  #allocate(): void {
    if (!this.#session) return;
    const offers: Offer[] = [];
    for (const agent of this.agents) {
      const role = this.#roles.next(agent.id, this.#clock.now());
      if (!agent.isReachable || role === undefined) continue;
      const free = this.#free(agent);
      if (free.cpus < 0.01 || free.mem < 1) continue;
      const id = `O${++this.#numbers}`;
      this.#offers.set(id, { agent, role, cpus: free.cpus, mem: free.mem });
      offers.push(offerOf(id, agent, free, role));
    }
    if (offers.length > 0) this.#send({ type: 'offers', offers });
  }

  /** What neither runs nor is offered. An agent has one offer at most. */
  #free(agent: FakeAgent): Free {
    for (const offer of this.#offers.values()) if (offer.agent === agent) return { cpus: 0, mem: 0, ports: [] };
    return freeOf(agent, this.alive());
  }

  #accept(offerIds: readonly string[], tasks: readonly TaskInfo[]): void {
    const [offerId = ''] = offerIds;
    if (this.acceptedOffers.has(offerId)) this.violations.push(`offer ${offerId} was accepted twice`);
    this.acceptedOffers.add(offerId);
    const offer = this.#offers.get(offerId);
    this.#offers.delete(offerId);
    if (this.failsNextAccept) {
      this.failsNextAccept = false;
      this.#send({ type: 'acceptFailed', taskIds: tasks.map((t) => t.task_id.value), reason: 'test' });
      return;
    }
    for (const info of tasks) {
      if (offer?.agent.isReachable) this.#launch(info, offer.agent);
      else this.#refuse(info, 'TASK_DROPPED', 'REASON_INVALID_OFFERS');
    }
    this.#allocateSoon();
  }

  #launch(info: TaskInfo, agent: FakeAgent): void {
    const id = info.task_id.value;
    const ports = portsOf(info);
    if (this.launched.has(id)) this.violations.push(`task ${id} was launched twice`);
    this.launched.add(id);
    for (const other of this.alive()) {
      if (other.agent !== agent) continue;
      const clash = other.ports.find((p) => ports.includes(p));
      if (clash !== undefined) this.violations.push(`port ${clash} of ${agent.id} was used twice`);
    }
    if (info.agent_id.value !== agent.id) this.violations.push(`${id} was sent to ${info.agent_id.value}`);
    const task: FakeTask = { id, info, agent, ports, state: 'TASK_STAGING', updates: [] };
    this.tasks.set(id, task);
    const free = this.#free(agent);
    if (free.cpus < -1e-6 || free.mem < 0) this.violations.push(`agent ${agent.id} is over-used`);
    const end = this.launchTo(info);
    if (end === 'staging') return;
    this.#move(task, 'TASK_STARTING', {});
    this.#move(task, end === 'running' ? 'TASK_RUNNING' : 'TASK_FAILED', end === 'failed' ? { message: 'boom' } : {});
  }

  #refuse(info: TaskInfo, state: MesosTaskState, reason: string): void {
    const status = masterStatus(info.task_id.value, info.agent_id.value, state, reason, this.#clock.now());
    this.#send({ type: 'statusUpdate', status });
  }

  #move(task: FakeTask, state: MesosTaskState, more: Partial<TaskStatus>): void {
    task.state = state;
    task.updates.push({ ...executorStatus(task, this.#clock.now()), uuid: `u${++this.#numbers}`, ...more });
    if (task.updates.length === 1) this.#deliver(task);
    if (terminal.has(state)) this.#allocateSoon();
  }

  /** The oldest update, now and every ten seconds until it is acknowledged. */
  #deliver(task: FakeTask): void {
    const update = task.updates[0];
    if (!update || !task.agent.isReachable) return;
    this.#send({ type: 'statusUpdate', status: update });
    const session = this.#session;
    this.#clock.after(resendMs, () => {
      if (task.updates[0] === update && session === this.#session && session) this.#deliver(task);
    });
  }

  #acknowledge(taskId: string, uuid: string): void {
    if (this.losesAcknowledgements) return;
    const task = this.tasks.get(taskId);
    if (task?.updates[0]?.uuid !== uuid) return;
    task.updates.shift();
    if (task.updates.length > 0) this.#deliver(task);
    else if (terminal.has(task.state)) this.tasks.delete(taskId);
  }

  #tell(task: FakeTask, state: MesosTaskState, reason: string, more: Partial<TaskStatus>): void {
    const status = masterStatus(task.id, task.agent.id, state, reason, this.#clock.now(), more);
    this.#send({ type: 'statusUpdate', status });
  }

  #kill(taskId: string, agentId: string | undefined): void {
    if (this.losesKills) return;
    const task = this.tasks.get(taskId);
    if (!task) this.#unknown(taskId, agentId);
    else if (task.agent.isReachable && !terminal.has(task.state)) this.#move(task, 'TASK_KILLED', {});
  }

  #reconcile(asked: readonly { readonly taskId: string; readonly agentId: string | undefined }[]): void {
    const all = asked.length === 0;
    if (all) {
      for (const task of this.tasks.values()) {
        if (task.agent.isReachable && !terminal.has(task.state))
          this.#tell(task, task.state, 'REASON_RECONCILIATION', {});
      }
      return;
    }
    for (const { taskId, agentId } of asked) {
      const task = this.tasks.get(taskId);
      if (!task || this.#unheard.has(task.agent)) this.#unknown(taskId, agentId);
      else this.#tell(task, task.agent.isReachable ? task.state : 'TASK_UNREACHABLE', 'REASON_RECONCILIATION', {});
    }
  }

  #unknown(taskId: string, agentId: string | undefined): void {
    const isRegistered = this.agents.some((a) => a.id === agentId && a.isReachable);
    const state = isRegistered ? 'TASK_GONE' : 'TASK_UNKNOWN';
    const nowMs = this.#clock.now();
    this.#send({ type: 'statusUpdate', status: masterStatus(taskId, agentId, state, 'REASON_RECONCILIATION', nowMs) });
  }

  #decline(offerIds: readonly string[], seconds: number): void {
    for (const id of offerIds) {
      const offer = this.#offers.get(id);
      if (!offer) continue;
      this.#offers.delete(id);
      this.#roles.decline(offer.agent.id, offer.role, this.#clock.now() + seconds * 1000);
    }
    this.#clock.after(seconds * 1000 + 1, () => this.#allocateSoon());
  }
}
