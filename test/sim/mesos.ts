/**
 * A Mesos in which everything takes time and anything may get lost: agents that are cut off, die and return, a master that forgets
 * all it knew, updates that come late, twice or not at all, offers that are taken back. Rules from mesos-v1 and the transcripts; it
 * notes every misuse.
 */
import type { Clock, MesosEvent } from '../../src/actors/ports.ts';
import type { MesosTaskState, Offer, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import { type Free, freeOf, masterStatus, offerOf, terminal } from '../support/fake-mesos-resources.ts';
import type { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import { newAgent, type SimAgent, SimTask } from './mesos-agents.ts';
import { type LinkOwner, type Master, type Session, SimLink } from './mesos-link.ts';
import { checkAccept, type HeldOffer } from './mesos-offers.ts';
import type { Profile } from './profile.ts';

const resendMs = 10_000;
/** How long a new master waits for the agents of the old one. */
const awaitedMs = 120_000;

export class SimMesos {
  readonly agents: SimAgent[] = [];
  /** Every task that is not forgotten by everybody. */
  readonly tasks = new Map<string, SimTask>();
  /** Told of each launch that reaches an agent's record at the master. */
  onLaunch: (task: SimTask) => void = () => {};
  /** Told when somebody subscribes. */
  onSubscribe: (owner: LinkOwner) => void = () => {};
  isUp = true;
  /** Every update that must be acknowledged, by uuid. */
  readonly updates = new Map<string, TaskStatus>();
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #profile: { value: Profile };
  readonly #chronicle: Chronicle;
  /** What the master of the moment knows. */
  readonly #known = new Map<string, SimTask>();
  readonly #offers = new Map<string, HeldOffer>();
  readonly #answeredOffers = new Set<string>();
  #session: Session | undefined;
  #isSuppressed = false;
  #isAllocating = false;
  #numbers = 0;
  #agentNumbers = 0;

  constructor(clock: Clock, dice: Dice, profile: { value: Profile }, chronicle: Chronicle) {
    this.#clock = clock;
    this.#dice = dice;
    this.#profile = profile;
    this.#chronicle = chronicle;
  }

  addAgent(host = this.#agentNumbers): SimAgent {
    const agent = newAgent(this.#agentNumbers++, host, this.#profile.value.portsOfAgent);
    this.agents.push(agent);
    this.#allocateSoon();
    return agent;
  }

  /** The agent is there and its machine lives. */
  reachableAgents(): readonly SimAgent[] {
    return this.agents.filter((a) => a.isReachable && !a.isDead);
  }

  alive(): readonly SimTask[] {
    return [...this.tasks.values()].filter((t) => t.isAlive);
  }

  get outstandingOffers(): number {
    return this.#offers.size;
  }

  /** Offers that nobody has answered for so long. */
  offersOlderThan(ageMs: number): readonly string[] {
    const nowMs = this.#clock.monotonic();
    return [...this.#offers].flatMap(([id, { sinceMs }]) => (nowMs - sinceMs > ageMs ? [id] : []));
  }

  get session(): Session | undefined {
    return this.#session;
  }

  createLink(owner: LinkOwner): SimLink {
    return new SimLink(owner, this.#master(), this.#clock, this.#dice.fork(), this.#lazyProfile());
  }

  /** The profile's losses may be switched off while links live. */
  #lazyProfile(): Profile {
    const { value } = this.#profile;
    const holder = this.#profile;
    return new Proxy(value, { get: (_, name) => holder.value[name as keyof Profile] });
  }

  #master(): Master {
    return {
      isUp: () => this.isUp,
      subscribe: (link) => this.#subscribe(link),
      accept: (offerIds, tasks) => this.#accept(offerIds, tasks),
      decline: (offerIds, seconds) => this.#decline(offerIds, seconds),
      kill: (taskId, agentId) => this.#kill(taskId, agentId),
      acknowledge: (taskId, uuid) => this.#acknowledge(taskId, uuid),
      reconcile: (tasks) => this.#reconcile(tasks),
      revive: () => {
        this.#isSuppressed = false;
        for (const agent of this.agents) agent.filteredUntilMs = Number.NEGATIVE_INFINITY;
        this.#allocateSoon();
      },
      suppress: () => {
        this.#isSuppressed = true;
      },
    };
  }

  /** The stream breaks; the framework notices `afterMs` later. */
  breakStream(afterMs: number, reason = 'the connection broke'): void {
    const session = this.#session;
    if (!session) return;
    this.#endSession();
    this.#clock.after(afterMs, () => session.link.closed(session, reason));
  }

  /** Calls on their way get lost. */
  breakCalls(): void {
    this.#session?.link.breakCalls();
  }

  /** A new master that knows nothing until the agents have come to it. */
  failover(downMs: number): void {
    this.breakStream(this.#dice.below(2_000), 'the master is gone');
    this.isUp = false;
    this.#known.clear();
    this.#isSuppressed = false;
    for (const agent of this.agents) {
      agent.filteredUntilMs = Number.NEGATIVE_INFINITY;
      if (agent.standing !== 'gone') agent.standing = 'awaited';
    }
    this.#clock.after(downMs, () => {
      this.isUp = true;
      for (const agent of this.agents) {
        this.#clock.after(this.#dice.below(8_000), () => {
          if (agent.isReachable && !agent.isDead) this.#register(agent);
        });
      }
      // Who does not come is given up; of its tasks this master has never heard.
      this.#clock.after(awaitedMs, () => {
        for (const agent of this.agents) if (agent.standing === 'awaited') this.#markUnreachable(agent);
      });
    });
  }

  /** Nothing passes between agent and master. The master gives it up after a while. */
  partition(agent: SimAgent, patienceMs: number): void {
    agent.isReachable = false;
    if (this.#dice.chance(0.5)) this.#rescindOf(agent);
    this.#clock.after(patienceMs, () => {
      if (!agent.isReachable && this.isUp && agent.standing !== 'gone') this.#markUnreachable(agent);
    });
  }

  rejoin(agent: SimAgent): void {
    if (agent.isReachable || agent.isDead) return;
    agent.isReachable = true;
    this.#clock.after(this.#dice.below(500), () => {
      if (agent.isReachable && this.isUp && agent.standing !== 'gone') this.#register(agent);
    });
  }

  /** The machine is gone for good, with its tasks. */
  destroy(agent: SimAgent, patienceMs: number): void {
    this.partition(agent, patienceMs);
    agent.isDead = true;
  }

  /** An operator says that a dead agent never comes back. */
  markGone(agent: SimAgent): void {
    if (!agent.isDead || agent.standing !== 'unreachable') return;
    agent.standing = 'gone';
    for (const task of [...this.#known.values()]) {
      if (task.agent !== agent) continue;
      this.#known.delete(task.id);
      this.tasks.delete(task.id);
      this.#tell(task, 'TASK_GONE_BY_OPERATOR', 'REASON_AGENT_REMOVED_BY_OPERATOR');
    }
  }

  /** Takes back some offers. */
  rescindSome(): void {
    for (const [id] of [...this.#offers]) if (this.#dice.chance(0.7)) this.#rescind(id);
    this.#clock.after(this.#dice.below(1_000), () => this.#allocateSoon());
  }

  /** A task changes by itself. */
  move(task: SimTask, state: MesosTaskState, more: Partial<TaskStatus> = {}): void {
    if (!task.isAlive) return;
    this.#move(task, state, more);
  }

  /** A task that this framework's earlier life, or a stranger, has left. */
  addStray(taskId: string, agent: SimAgent): void {
    const info = { name: taskId, task_id: { value: taskId }, agent_id: { value: agent.id }, resources: [] };
    const task = new SimTask(info, agent, this.#clock.monotonic());
    task.state = 'TASK_RUNNING';
    task.masterState = 'TASK_RUNNING';
    this.tasks.set(taskId, task);
    this.#known.set(taskId, task);
    this.#tell(task, 'TASK_RUNNING', 'REASON_AGENT_REREGISTERED');
  }

  #delay(): number {
    return this.#dice.below(this.#profile.value.latencyMs + 1);
  }

  #send(event: MesosEvent): void {
    const session = this.#session;
    if (!session) return;
    const nowMs = this.#clock.monotonic();
    session.dueMs = Math.max(session.dueMs, nowMs + this.#delay());
    this.#clock.after(session.dueMs - nowMs, () => session.link.receive(session, event));
  }

  #subscribe(link: SimLink): Session {
    this.breakStream(this.#delay(), 'Framework failed over');
    const session: Session = { link, isOver: false, dueMs: this.#clock.monotonic() };
    this.#session = session;
    this.#isSuppressed = false;
    for (const agent of this.agents) agent.filteredUntilMs = Number.NEGATIVE_INFINITY;
    this.onSubscribe(link.owner);
    const master = { id: 'M', hostname: 'localhost', port: 5050 };
    this.#send({ type: 'subscribed', frameworkId: 'F', master, masterAddress: 'localhost:5050', isNew: false });
    this.#allocateSoon();
    return session;
  }

  #endSession(): void {
    if (this.#session) this.#session.isOver = true;
    this.#session = undefined;
    this.#offers.clear();
  }

  /** An agent comes to the master, for the first time or again. */
  #register(agent: SimAgent): void {
    const before = agent.standing;
    agent.standing = 'registered';
    for (const task of [...this.tasks.values()]) {
      if (task.agent !== agent) continue;
      const wasKnown = this.#known.has(task.id);
      if (task.isUndelivered) {
        this.tasks.delete(task.id);
        this.#known.delete(task.id);
        // An agent that was only out of touch is asked for the task; one that was given up is not.
        if (wasKnown && before === 'registered') this.#tell(task, 'TASK_DROPPED', 'REASON_RECONCILIATION');
        continue;
      }
      this.#known.set(task.id, task);
      task.masterState = task.state;
      // After a failover nobody tells: the framework finds them when it reconciles.
      if (before === 'unreachable' && !terminal.has(task.state)) {
        task.returnedAtMs = this.#clock.monotonic();
        this.#tell(task, task.state, 'REASON_AGENT_REREGISTERED');
      }
      if (task.updates.length > 0) this.#deliver(task, 0);
    }
    this.#allocateSoon();
  }

  #markUnreachable(agent: SimAgent): void {
    agent.standing = 'unreachable';
    this.#rescindOf(agent);
    for (const task of this.tasks.values()) if (task.agent === agent) task.wasUnreachable = true;
    for (const task of this.#known.values()) {
      if (task.agent !== agent || terminal.has(task.masterState)) continue;
      task.masterState = 'TASK_UNREACHABLE';
      this.#tell(task, 'TASK_UNREACHABLE', 'REASON_AGENT_REMOVED');
    }
  }

  #rescindOf(agent: SimAgent): void {
    for (const [id, offer] of [...this.#offers]) if (offer.agent === agent) this.#rescind(id);
  }

  #rescind(offerId: string): void {
    this.#offers.delete(offerId);
    this.#send({ type: 'rescinded', offerId });
  }

  #allocateSoon(): void {
    if (this.#isAllocating) return;
    this.#isAllocating = true;
    this.#clock.after(this.#dice.below(100), () => {
      this.#isAllocating = false;
      this.#allocate();
    });
  }

  #allocate(): void {
    if (!this.#session || this.#isSuppressed || !this.isUp) return;
    const nowMs = this.#clock.monotonic();
    const offers: Offer[] = [];
    for (const agent of this.agents) {
      if (!agent.isReachable || agent.standing !== 'registered' || agent.filteredUntilMs > nowMs) continue;
      const free = this.#free(agent);
      if (free.cpus < 0.01 || free.mem < 1) continue;
      for (const part of this.#dice.chance(0.15) ? halves(free) : [free]) {
        const id = `O${++this.#numbers}`;
        this.#offers.set(id, { agent, free: part, sinceMs: nowMs });
        const attributes = [{ name: 'rack', type: 'TEXT' as const, text: { value: agent.rack } }];
        const region = { name: 'region' };
        const domain = { fault_domain: { region, zone: { name: agent.zone } } };
        offers.push({ ...offerOf(id, agent, part), attributes, domain });
      }
    }
    if (offers.length > 0) this.#send({ type: 'offers', offers });
  }

  /** What neither runs nor is offered, as the master sees it. */
  #free(agent: SimAgent): Free {
    const used = [...this.#known.values()].filter((t) => t.agent === agent && !terminal.has(t.masterState));
    const free = freeOf(agent, used);
    let { cpus, mem, ports } = free;
    for (const offer of this.#offers.values()) {
      if (offer.agent !== agent) continue;
      cpus -= offer.free.cpus;
      mem -= offer.free.mem;
      ports = singles(ports).filter(([port]) => !offer.free.ports.some(([b, e]) => port >= b && port <= e));
    }
    return { cpus: Math.round(cpus * 1000) / 1000, mem, ports };
  }

  #accept(offerIds: readonly string[], tasks: readonly TaskInfo[]): void {
    const [offerId = ''] = offerIds;
    if (this.#answeredOffers.has(offerId)) this.#chronicle.violation('offers', `${offerId} was answered twice`);
    this.#answeredOffers.add(offerId);
    const offer = this.#offers.get(offerId);
    this.#offers.delete(offerId);
    for (const info of tasks) {
      this.#chronicle.log(
        `mesos     accept ${offerId} ${info.task_id.value} on ${info.agent_id.value}${offer ? '' : ' (no such offer)'}`,
      );
    }
    if (offer) for (const what of checkAccept(offer, tasks)) this.#chronicle.violation('offers', `${offerId}: ${what}`);
    for (const info of tasks) {
      if (this.#known.has(info.task_id.value) || this.tasks.has(info.task_id.value)) {
        this.#chronicle.violation('launches', `task ${info.task_id.value} was launched twice`);
      }
      if (offer?.agent.standing === 'registered') this.#launch(info, offer.agent);
      else this.#say(info.task_id.value, info.agent_id.value, 'TASK_DROPPED', 'REASON_INVALID_OFFERS');
    }
    this.#allocateSoon();
  }

  #launch(info: TaskInfo, agent: SimAgent): void {
    const task = new SimTask(info, agent, this.#clock.monotonic());
    for (const other of this.tasks.values()) {
      if (other.agent !== agent || !other.isAlive) continue;
      const clash = other.ports.find((p) => task.ports.includes(p));
      if (clash !== undefined)
        this.#chronicle.violation('ports', `port ${clash} of ${agent.host}: ${other.id}, ${task.id}`);
    }
    this.tasks.set(task.id, task);
    this.#known.set(task.id, task);
    this.#chronicle.count('launch');
    const used = freeOf(
      agent,
      [...this.tasks.values()].filter((t) => t.agent === agent && t.isAlive),
    );
    if (used.cpus < -1e-6 || used.mem < 0)
      this.#chronicle.violation('capacity', `${agent.host} is over-used by ${task.id}`);
    this.onLaunch(task);
    if (!agent.isReachable || agent.isDead) {
      task.isUndelivered = true;
      return;
    }
    const { taskFails, taskHangs } = this.#profile.value;
    if (this.#dice.chance(taskHangs)) return;
    this.#clock.after(this.#dice.below(300), () => {
      if (!task.isAlive) return;
      if (this.#dice.chance(0.8)) this.#move(task, 'TASK_STARTING', {});
      this.#clock.after(this.#dice.below(2_000), () => {
        if (!task.isAlive || task.isBeingKilled) return;
        if (this.#dice.chance(taskFails))
          this.#move(task, this.#dice.pick(['TASK_FAILED', 'TASK_FINISHED']), { message: 'boom' });
        else this.#move(task, 'TASK_RUNNING', {});
      });
    });
  }

  #move(task: SimTask, state: MesosTaskState, more: Partial<TaskStatus>): void {
    if (terminal.has(task.state)) return;
    task.state = state;
    this.#chronicle.log(`agent     ${task.id} ${state} on ${task.agent.id}`);
    const uuid = `u${++this.#numbers}`;
    const [task_id, agent_id] = [{ value: task.id }, { value: task.agent.id }];
    const timestamp = this.#clock.now() / 1000;
    const update: TaskStatus = { task_id, agent_id, state, source: 'SOURCE_EXECUTOR', timestamp, uuid, ...more };
    this.updates.set(uuid, update);
    task.updates.push(update);
    if (task.updates.length === 1) this.#deliver(task, 0);
  }

  /** The oldest update, now and again until it is acknowledged. */
  #deliver(task: SimTask, attempt: number): void {
    const update = task.updates[0];
    if (!update || task.agent.isDead) return;
    const { loss } = this.#profile.value;
    const copies = this.#dice.chance(loss.update) ? 0 : this.#dice.chance(loss.double) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const late = this.#dice.chance(0.05) ? this.#dice.below(5_000) : 0;
      this.#clock.after(this.#delay() + late, () => this.#forward(task, update));
    }
    this.#clock.after(Math.min(60_000, resendMs * 1.5 ** attempt), () => {
      if (task.updates[0] === update) this.#deliver(task, attempt + 1);
    });
  }

  /** The master gets an update. */
  #forward(task: SimTask, update: TaskStatus): void {
    const { agent } = task;
    if (!agent.isReachable || agent.isDead || !this.isUp || agent.standing !== 'registered') return;
    if (this.#known.has(task.id)) {
      task.masterState = task.state;
      if (terminal.has(task.state)) this.#allocateSoon();
    }
    this.#send({ type: 'statusUpdate', status: update });
  }

  #acknowledge(taskId: string, uuid: string): void {
    const task = this.tasks.get(taskId);
    if (!task || !task.agent.isReachable) return;
    this.#clock.after(this.#delay(), () => {
      if (!task.agent.isReachable || task.agent.isDead || task.updates[0]?.uuid !== uuid) return;
      task.updates.shift();
      if (task.updates.length > 0) this.#deliver(task, 0);
      else if (terminal.has(task.state)) {
        this.tasks.delete(taskId);
        this.#known.delete(taskId);
      }
    });
  }

  #tell(task: SimTask, state: MesosTaskState, reason: string): void {
    const nanoseconds = this.#clock.now() * 1e6;
    this.#say(
      task.id,
      task.agent.id,
      state,
      reason,
      state === 'TASK_UNREACHABLE' ? { unreachable_time: { nanoseconds } } : {},
    );
  }

  #say(
    taskId: string,
    agentId: string | undefined,
    state: MesosTaskState,
    reason: string,
    more: Partial<TaskStatus> = {},
  ): void {
    this.#send({ type: 'statusUpdate', status: masterStatus(taskId, agentId, state, reason, this.#clock.now(), more) });
  }

  #kill(taskId: string, agentId: string | undefined): void {
    const task = this.#known.get(taskId);
    if (!task || task.masterState === 'TASK_UNREACHABLE') {
      this.#reconcile([{ taskId, agentId }]);
      return;
    }
    if (!task.agent.isReachable) return;
    this.#clock.after(this.#delay(), () => {
      if (!task.agent.isReachable || !task.isAlive || task.isBeingKilled) return;
      task.isBeingKilled = true;
      if (this.#dice.chance(0.5)) this.#move(task, 'TASK_KILLING', {});
      this.#clock.after(this.#dice.below(3_000), () => {
        if (task.isAlive) this.#move(task, 'TASK_KILLED', {});
      });
    });
  }

  #reconcile(asked: readonly { readonly taskId: string; readonly agentId: string | undefined }[]): void {
    if (asked.length === 0) {
      for (const task of this.#known.values()) {
        if (task.agent.standing === 'registered' && !terminal.has(task.masterState)) {
          this.#tell(task, task.masterState, 'REASON_RECONCILIATION');
        }
      }
      return;
    }
    for (const { taskId, agentId } of asked) {
      const task = this.#known.get(taskId);
      const agent = this.agents.find((a) => a.id === agentId);
      const standing = agent?.standing;
      if (task) this.#tell(task, task.masterState, 'REASON_RECONCILIATION');
      else if (standing === 'registered') this.#say(taskId, agentId, 'TASK_GONE', 'REASON_RECONCILIATION');
      else if (standing === 'unreachable') this.#say(taskId, agentId, 'TASK_UNREACHABLE', 'REASON_RECONCILIATION');
      else if (standing === 'gone') this.#say(taskId, agentId, 'TASK_GONE_BY_OPERATOR', 'REASON_RECONCILIATION');
      else if (standing !== 'awaited') this.#say(taskId, agentId, 'TASK_UNKNOWN', 'REASON_RECONCILIATION');
    }
  }

  #decline(offerIds: readonly string[], seconds: number): void {
    for (const id of offerIds) {
      this.#answeredOffers.add(id);
      const offer = this.#offers.get(id);
      // As Mesos does: what is spent, or of another session, is ignored.
      if (!offer) continue;
      this.#offers.delete(id);
      offer.agent.filteredUntilMs = this.#clock.monotonic() + seconds * 1000;
    }
    this.#clock.after(seconds * 1000 + 1, () => this.#allocateSoon());
  }
}

/** Two offers of one agent, as resources that came free at different times make them. */
function halves({ cpus, mem, ports }: Free): readonly Free[] {
  if (cpus < 0.2 || mem < 2) return [{ cpus, mem, ports }];
  const half = Math.floor(cpus * 500) / 1000;
  const some = Math.floor(mem / 2);
  const each = singles(ports);
  const cut = Math.floor(each.length / 2);
  return [
    { cpus: half, mem: some, ports: each.slice(0, cut) },
    { cpus: Math.round((cpus - half) * 1000) / 1000, mem: mem - some, ports: each.slice(cut) },
  ];
}

/** Ranges of one port each. */
const singles = (ports: Free['ports']): Free['ports'] =>
  ports.flatMap(([b, e]) => Array.from({ length: e - b + 1 }, (_, i) => [b + i, b + i] as const));
