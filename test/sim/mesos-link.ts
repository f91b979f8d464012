/** The framework's end of a connection to the simulated Mesos, with the guarantees of the real link and the losses of a real network. */
import type { Clock, MesosEvent, MesosLink } from '../../src/actors/ports.ts';
import type { TaskInfo } from '../../src/core/mesos/types.ts';
import type { Dice } from './dice.ts';
import type { Profile } from './profile.ts';

export type CallType = 'accept' | 'decline' | 'kill' | 'acknowledge' | 'reconcile' | 'revive' | 'suppress';

/** The server behind a link. */
export interface LinkOwner {
  readonly name: string;
  /** False: the process dies at this moment, or is dead or frozen, and the call never leaves. */
  readonly mayCall: () => boolean;
  /** Runs now, or when the process thaws; never once it is dead. */
  readonly pass: (what: () => void) => void;
  readonly isDead: () => boolean;
  readonly reachesMesos: () => boolean;
  readonly beforeSubscribe: () => Promise<boolean>;
  readonly onAcknowledge: (taskId: string, uuid: string) => void;
  readonly onAccept: (offerIds: readonly string[], tasks: readonly TaskInfo[]) => void;
  readonly onKill: (taskId: string) => void;
}

/** One stream. */
export interface Session {
  readonly link: SimLink;
  isOver: boolean;
  /** When the last event sent on it arrives: the stream keeps its order. */
  dueMs: number;
}

/** What the master does with calls. */
export interface Master {
  readonly isUp: () => boolean;
  readonly subscribe: (link: SimLink) => Session;
  readonly accept: (offerIds: readonly string[], tasks: readonly TaskInfo[], seconds: number) => void;
  readonly decline: (offerIds: readonly string[], seconds: number) => void;
  readonly kill: (taskId: string, agentId: string | undefined) => void;
  readonly acknowledge: (taskId: string, uuid: string) => void;
  readonly reconcile: (tasks: readonly { readonly taskId: string; readonly agentId: string | undefined }[]) => void;
  readonly revive: () => void;
  readonly suppress: () => void;
}

interface Unanswered {
  readonly offerIds: readonly string[];
  readonly taskIds: readonly string[];
}

const retryMs = 1_000;

export class SimLink implements MesosLink {
  readonly owner: LinkOwner;
  readonly #master: Master;
  readonly #clock: Clock;
  readonly #dice: Dice;
  /** Its losses end while links live. */
  readonly #profile: { readonly value: Profile };
  #listener: ((event: MesosEvent) => void) | undefined;
  #session: Session | undefined;
  #sentUntilMs = 0;
  #calls = 0;
  /** ACCEPTs and DECLINEs that were not answered. */
  readonly #unanswered = new Map<number, Unanswered>();

  constructor(owner: LinkOwner, master: Master, clock: Clock, dice: Dice, profile: { readonly value: Profile }) {
    this.owner = owner;
    this.#master = master;
    this.#clock = clock;
    this.#dice = dice;
    this.#profile = profile;
  }

  start = (_frameworkId: string | undefined, listener: (event: MesosEvent) => void): void => {
    this.#listener = listener;
    this.#connect();
  };

  isConnected = (): boolean => this.#session !== undefined;

  accept = (offerIds: readonly string[], tasks: readonly TaskInfo[], seconds: number): void => {
    if (!this.#mayCall()) return;
    this.owner.onAccept(offerIds, tasks);
    this.#answer(
      offerIds,
      tasks.map((t) => t.task_id.value),
      () => this.#master.accept(offerIds, tasks, seconds),
    );
  };

  decline = (offerIds: readonly string[], seconds: number): void => {
    if (this.#mayCall()) this.#answer(offerIds, [], () => this.#master.decline(offerIds, seconds));
  };

  #answer(offerIds: readonly string[], taskIds: readonly string[], perform: () => void): void {
    const number = ++this.#calls;
    this.#unanswered.set(number, { offerIds, taskIds });
    if (this.#dice.chance(this.#profile.value.loss.accept)) {
      // The connection of the calls breaks: nobody can tell whether the master has seen it.
      if (this.#dice.chance(0.5)) this.#send(perform, true);
      this.#clock.after(this.#dice.between(1, 3_000), () => this.owner.pass(() => this.#failed(number)));
      return;
    }
    const session = this.#session;
    this.#send(() => {
      perform();
      this.#clock.after(this.#delay(), () => {
        if (session && !session.isOver) this.#unanswered.delete(number);
      });
    }, true);
  }

  kill = (taskId: string, agentId: string | undefined): void => {
    if (!this.#mayCall()) return;
    this.owner.onKill(taskId);
    if (!this.#dice.chance(this.#profile.value.loss.kill)) this.#send(() => this.#master.kill(taskId, agentId), true);
  };

  acknowledge = (taskId: string, _agentId: string, uuid: string): void => {
    if (!this.#mayCall()) return;
    this.owner.onAcknowledge(taskId, uuid);
    if (this.#dice.chance(this.#profile.value.loss.acknowledge)) return;
    this.#send(() => this.#master.acknowledge(taskId, uuid), false);
  };

  reconcile = (tasks: readonly { readonly taskId: string; readonly agentId: string | undefined }[]): void => {
    if (!this.#mayCall() || this.#dice.chance(this.#profile.value.loss.reconcile)) return;
    this.#send(() => this.#master.reconcile(tasks), true);
  };

  revive = (): void => {
    if (this.#mayCall() && !this.#dice.chance(this.#profile.value.loss.demand))
      this.#send(() => this.#master.revive(), true);
  };

  updateRoles = (): void => {};

  suppress = (): void => {
    if (this.#mayCall() && !this.#dice.chance(this.#profile.value.loss.demand)) {
      this.#send(() => this.#master.suppress(), true);
    }
  };

  stop = async (): Promise<void> => {
    this.#listener = undefined;
    const session = this.#session;
    this.#session = undefined;
    if (session) session.isOver = true;
    this.#unanswered.clear();
  };

  /** An event arrives. */
  receive(session: Session, event: MesosEvent): void {
    this.owner.pass(() => {
      if (!session.isOver && session === this.#session) this.#listener?.(event);
    });
  }

  /** The stream is gone, and this end notices it. */
  closed(session: Session, reason: string): void {
    this.owner.pass(() => {
      if (session !== this.#session) return;
      this.#session = undefined;
      session.isOver = true;
      for (const number of [...this.#unanswered.keys()]) this.#failed(number);
      this.#listener?.({ type: 'disconnected', reason });
      this.#retry(this.#dice.between(50, retryMs));
    });
  }

  /** Everything on its way to the master gets lost; the stream goes on. */
  breakCalls(): void {
    this.#sentUntilMs = Math.max(this.#sentUntilMs, this.#clock.monotonic());
    this.#generation++;
    for (const number of [...this.#unanswered.keys()]) {
      this.#clock.after(this.#dice.between(1, 500), () => this.owner.pass(() => this.#failed(number)));
    }
  }

  #generation = 0;

  #failed(number: number): void {
    const call = this.#unanswered.get(number);
    if (!call) return;
    this.#unanswered.delete(number);
    const { taskIds, offerIds } = call;
    if (taskIds.length > 0) this.#listener?.({ type: 'acceptFailed', taskIds, reason: 'the connection was lost' });
    this.#listener?.({ type: 'offersInDoubt', offerIds });
  }

  #mayCall(): boolean {
    return this.#session !== undefined && this.owner.mayCall();
  }

  #delay(): number {
    return this.#dice.below(this.#profile.value.latencyMs + 1);
  }

  /** `isOrdered`: over the one connection that keeps the order of calls. */
  #send(perform: () => void, isOrdered: boolean): void {
    const session = this.#session;
    const generation = this.#generation;
    const nowMs = this.#clock.monotonic();
    const dueMs = Math.max(isOrdered ? this.#sentUntilMs : 0, nowMs + this.#delay());
    if (isOrdered) this.#sentUntilMs = dueMs;
    this.#clock.after(dueMs - nowMs, () => {
      // Calls of a stream that is over are answered 400.
      if (session && !session.isOver && generation === this.#generation) perform();
    });
  }

  #retry(delayMs: number): void {
    this.#clock.after(delayMs, () => this.owner.pass(() => this.#connect()));
  }

  #connect(): void {
    if (!this.#listener || this.owner.isDead()) return;
    this.owner.beforeSubscribe().then(
      (may) => {
        const provenAtMs = this.#clock.monotonic();
        this.owner.pass(() => {
          if (!this.#listener || this.#session) return;
          const isFresh = this.#clock.monotonic() - provenAtMs < retryMs;
          if (may && isFresh && this.#master.isUp() && this.owner.reachesMesos()) this.#subscribe();
          else this.#retry(retryMs);
        });
      },
      () => this.#retry(retryMs),
    );
  }

  #subscribe(): void {
    this.#clock.after(this.#delay(), () => {
      if (!this.#listener || this.#session || this.owner.isDead()) return;
      if (this.#master.isUp() && this.owner.reachesMesos()) this.#session = this.#master.subscribe(this);
      else this.#retry(retryMs);
    });
  }
}
