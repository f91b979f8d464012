/**
 * A Mesos in which everything takes time and anything may get lost: agents that are cut off, die and return, a master that forgets
 * all it knew, updates that come late, twice or not at all, offers that are taken back. Rules from mesos-v1 and the transcripts; it
 * notes every misuse.
 */
import type { Clock, MesosEvent } from '../../src/actors/ports.ts';
import type { MesosTaskState, Offer, TaskInfo, TaskStatus } from '../../src/core/mesos/types.ts';
import { masterStatus, terminal } from '../support/fake-mesos-resources.ts';
import type { Chronicle } from './chronicle.ts';
import type { Dice } from './dice.ts';
import { newAgent, type SimAgent, SimTask, unknownTaskOf } from './mesos-agents.ts';
import { Executors } from './mesos-executors.ts';
import { type LinkOwner, type Master, type Session, SimLink } from './mesos-link.ts';
import { checkAccept, checkLaunch, freeBeside, halves, OfferBook } from './mesos-offers.ts';
import type { Profile } from './profile.ts';

/** How long a new master waits for the agents of the old one. */
const awaitedMs = 120_000;

export class SimMesos {
  readonly agents: SimAgent[] = [];
  /** Every task that is not forgotten by everybody. */
  readonly tasks = new Map<string, SimTask>();
  isUp = true;
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #profile: { value: Profile };
  readonly #chronicle: Chronicle;
  /** What the master of the moment knows. */
  readonly #known = new Map<string, SimTask>();
  readonly #executors: Executors;
  readonly #offers = new OfferBook();
  #session: Session | undefined;
  #isSuppressed = false;
  #isAllocating = false;
  #agentNumbers = 0;

  constructor(clock: Clock, dice: Dice, profile: { value: Profile }, chronicle: Chronicle) {
    this.#clock = clock;
    this.#dice = dice;
    this.#profile = profile;
    this.#chronicle = chronicle;
    const forward = (task: SimTask, update: TaskStatus): void => this.#forward(task, update);
    this.#executors = new Executors({ clock, dice, profile, chronicle, forward });
  }

  addAgent(host = this.#agentNumbers): SimAgent {
    const agent = newAgent(this.#agentNumbers++, host, this.#profile.value.portsOfAgent);
    this.agents.push(agent);
    this.#allocateSoon();
    return agent;
  }

  /** The agent is there and its machine lives. */
  reachableAgents = (): readonly SimAgent[] => this.agents.filter((a) => a.isReachable && !a.isDead);

  alive = (): readonly SimTask[] => [...this.tasks.values()].filter((t) => t.isAlive);

  /** Every update that must be acknowledged, by uuid. */
  get updates(): ReadonlyMap<string, TaskStatus> {
    return this.#executors.updates;
  }

  get outstandingOffers(): number {
    return this.#offers.held.size;
  }

  /** Offers that nobody has answered for so long. */
  offersOlderThan = (ageMs: number): readonly string[] => this.#offers.madeBefore(this.#clock.monotonic() - ageMs);

  get session(): Session | undefined {
    return this.#session;
  }

  createLink = (owner: LinkOwner): SimLink =>
    new SimLink(owner, this.#master(), this.#clock, this.#dice.fork(), this.#profile);

  #master(): Master {
    return {
      isUp: () => this.isUp,
      subscribe: (link) => this.#subscribe(link),
      accept: (offerIds, tasks) => this.#accept(offerIds, tasks),
      decline: (offerIds, seconds) => this.#decline(offerIds, seconds),
      kill: (taskId, agentId) => this.#kill(taskId, agentId),
      acknowledge: (taskId, uuid) => {
        const task = this.tasks.get(taskId);
        if (task) this.#executors.acknowledge(task, uuid, () => this.#forget(task));
      },
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
  breakCalls = (): void => this.#session?.link.breakCalls();

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
    for (const id of [...this.#offers.held.keys()]) if (this.#dice.chance(0.7)) this.#rescind(id);
    this.#clock.after(this.#dice.below(1_000), () => this.#allocateSoon());
  }

  /** A task changes by itself. */
  move(task: SimTask, state: MesosTaskState, more: Partial<TaskStatus> = {}): void {
    if (task.isAlive) this.#executors.move(task, state, more);
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
    const master = { id: 'M', hostname: 'localhost', port: 5050 };
    this.#send({ type: 'subscribed', frameworkId: 'F', master, masterAddress: 'localhost:5050', isNew: false });
    this.#allocateSoon();
    return session;
  }

  #endSession(): void {
    if (this.#session) this.#session.isOver = true;
    this.#session = undefined;
    this.#offers.held.clear();
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
      if (task.updates.length > 0) this.#executors.deliver(task, 0);
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
    for (const [id, offer] of [...this.#offers.held]) if (offer.agent === agent) this.#rescind(id);
  }

  #rescind(offerId: string): void {
    this.#offers.held.delete(offerId);
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
      const used = [...this.#known.values()].filter((t) => t.agent === agent && !terminal.has(t.masterState));
      const free = freeBeside(agent, used, this.#offers.held.values());
      if (free.cpus < 0.01 || free.mem < 1) continue;
      for (const part of this.#dice.chance(0.15) ? halves(free) : [free]) {
        offers.push(this.#offers.make(this.#session, agent, part, nowMs));
      }
    }
    if (offers.length > 0) this.#send({ type: 'offers', offers });
  }

  #accept(offerIds: readonly string[], tasks: readonly TaskInfo[]): void {
    const [offerId = ''] = offerIds;
    for (const what of this.#offers.faultsOf(offerId, this.#session)) {
      this.#chronicle.violation('offers', `${offerId} ${what}`);
    }
    const offer = this.#offers.take(offerId);
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
    this.tasks.set(task.id, task);
    this.#known.set(task.id, task);
    this.#chronicle.count('launch');
    for (const what of checkLaunch(task, this.alive())) this.#chronicle.violation('double use', what);
    if (!agent.isReachable || agent.isDead) {
      task.isUndelivered = true;
      return;
    }
    this.#executors.begin(task);
  }

  #forget(task: SimTask): void {
    this.tasks.delete(task.id);
    this.#known.delete(task.id);
  }

  #forward(task: SimTask, update: TaskStatus): void {
    const { agent } = task;
    if (!agent.isReachable || agent.isDead || !this.isUp || agent.standing !== 'registered') return;
    if (this.#known.has(task.id)) {
      task.masterState = task.state;
      if (terminal.has(task.state)) this.#allocateSoon();
    }
    this.#send({ type: 'statusUpdate', status: update });
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
    this.#executors.kill(task);
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
      const state = task?.masterState ?? unknownTaskOf(this.agents.find((a) => a.id === agentId));
      if (task) this.#tell(task, task.masterState, 'REASON_RECONCILIATION');
      else if (state) this.#say(taskId, agentId, state, 'REASON_RECONCILIATION');
    }
  }

  #decline(offerIds: readonly string[], seconds: number): void {
    for (const id of offerIds) {
      const offer = this.#offers.take(id);
      // As Mesos does: what is spent, or of another session, is ignored.
      if (!offer) continue;
      offer.agent.filteredUntilMs = this.#clock.monotonic() + seconds * 1000;
    }
    this.#clock.after(seconds * 1000 + 1, () => this.#allocateSoon());
  }
}
