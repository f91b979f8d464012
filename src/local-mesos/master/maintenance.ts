/** Planned maintenance: machines that will be away, and what frameworks say to that (mesos-v1 §4.8, recording 14). */
import type { Unavailability } from '../../core/mesos/types.ts';
import type { AgentLifecycle } from './agent-lifecycle.ts';
import type { Allocator } from './allocator.ts';
import { inverseOffersEvent } from './events.ts';
import type { Agent, Framework, MasterState } from './model.ts';

export interface MachineId {
  readonly hostname?: string;
  readonly ip?: string;
}

export interface Window {
  readonly machine_ids?: readonly MachineId[];
  readonly unavailability?: Unavailability;
}

export interface MaintenancePlan {
  readonly windows: readonly Window[];
  readonly down: readonly MachineId[];
}

export interface InverseOffer {
  readonly id: string;
  readonly framework: Framework;
  readonly agent: Agent;
}

interface Opinion {
  readonly status: 'ACCEPT' | 'DECLINE';
  readonly atMs: number;
}

/** Without filters an answered inverse offer comes again after so long. */
const defaultRefuseSeconds = 5;

export class Maintenance {
  readonly #state: MasterState;
  readonly #allocator: Allocator;
  readonly #lifecycle: AgentLifecycle;
  readonly #outstanding = new Map<string, InverseOffer>();
  readonly #opinions = new Map<Agent, Map<Framework, Opinion>>();
  readonly #quietUntilMs = new Map<Agent, Map<Framework, number>>();
  #windows: readonly Window[] = [];
  #down: readonly MachineId[] = [];

  constructor(state: MasterState, allocator: Allocator, lifecycle: AgentLifecycle) {
    this.#state = state;
    this.#allocator = allocator;
    this.#lifecycle = lifecycle;
  }

  /** What has to outlive the program. */
  plan(): MaintenancePlan {
    return { windows: this.#windows, down: this.#down };
  }

  /** Takes up the plan of an earlier run; to be called before agents are added. */
  restore({ windows, down }: MaintenancePlan): void {
    this.#windows = windows;
    this.#down = down;
  }

  /** An agent is new: what is planned for its machine. */
  announce(agent: Agent): void {
    agent.unavailability = this.#plannedFor(agent);
  }

  /** Whether the machine of an agent is down, so that no agent may register from there. */
  forbids(machine: { readonly hostname: string; readonly ip: string }): boolean {
    return this.#down.some((id) => isOn(machine, id));
  }

  schedule(): object {
    return this.#windows.length === 0 ? {} : { windows: this.#windows };
  }

  status(): object {
    const draining = this.#windows.flatMap(({ machine_ids = [] }) => machine_ids).filter((id) => !this.#isDown(id));
    return {
      ...(draining.length === 0 ? {} : { draining_machines: draining.map((id) => this.#drainingMachine(id)) }),
      ...(this.#down.length === 0 ? {} : { down_machines: this.#down }),
    };
  }

  /** Replaces the schedule. Offers of the machines concerned are made anew, with what is planned. */
  setSchedule(windows: readonly Window[]): void {
    this.#windows = windows;
    this.#state.keeper?.clusterChanged();
    for (const agent of this.#state.agents.values()) {
      const planned = this.#plannedFor(agent);
      if (JSON.stringify(planned) === JSON.stringify(agent.unavailability)) continue;
      agent.unavailability = planned;
      this.#forget(agent);
      for (const offer of [...agent.offers]) this.#allocator.rescind(offer);
      this.#allocator.allocateAgent(agent);
    }
    setImmediate(() => this.ask());
  }

  /** The refusal, or undefined. The machines must be in the schedule. */
  machinesDown(machines: readonly MachineId[]): string | undefined {
    for (const id of machines) {
      const isPlanned = this.#windows.some(({ machine_ids = [] }) => machine_ids.some((other) => isSame(other, id)));
      if (!isPlanned) return `Machine '${nameOf(id)}' is not in DRAINING mode and cannot be brought down`;
    }
    this.#down = [...this.#down, ...machines];
    this.#state.keeper?.clusterChanged();
    for (const agent of [...this.#state.agents.values()]) {
      if (machines.some((id) => isOn(agent, id))) {
        this.#forget(agent);
        this.#lifecycle.remove(agent, "Operator initiated 'Machine DOWN'");
      }
    }
    return undefined;
  }

  machinesUp(machines: readonly MachineId[]): string | undefined {
    const unknown = machines.find((id) => !this.#isDown(id));
    if (unknown !== undefined) {
      return `Machine '${nameOf(unknown)}' is not in DOWN mode and cannot be brought up`;
    }
    const isUp = (id: MachineId): boolean => machines.some((other) => isSame(other, id));
    this.#down = this.#down.filter((id) => !isUp(id));
    this.#windows = this.#windows
      .map((window) => ({ ...window, machine_ids: (window.machine_ids ?? []).filter((id) => !isUp(id)) }))
      .filter(({ machine_ids }) => machine_ids.length > 0);
    this.#state.keeper?.clusterChanged();
    return undefined;
  }

  /** Asks frameworks with tasks or offers on machines of the schedule to let go, unless they have just been asked. */
  ask(): void {
    for (const framework of this.#state.frameworks.values()) {
      if (framework.stream === undefined) continue;
      const asked: InverseOffer[] = [];
      for (const agent of this.#state.agents.values()) {
        if (agent.unavailability === undefined || !this.#mayAsk(framework, agent)) continue;
        const offer: InverseOffer = { id: this.#allocator.nextOfferId(), framework, agent };
        this.#outstanding.set(offer.id, offer);
        asked.push(offer);
      }
      if (asked.length > 0) framework.stream.send(inverseOffersEvent(asked));
    }
  }

  /** An answer to inverse offers; it has no effect but to be remembered. */
  answer(
    framework: Framework,
    ids: readonly string[],
    status: Opinion['status'],
    refuseSeconds: number | undefined,
  ): void {
    const nowMs = Date.now();
    for (const id of ids) {
      const offer = this.#outstanding.get(id);
      if (offer?.framework !== framework) continue;
      this.#outstanding.delete(id);
      at(this.#opinions, offer.agent).set(framework, { status, atMs: nowMs });
      const quietMs = (refuseSeconds ?? defaultRefuseSeconds) * 1000;
      at(this.#quietUntilMs, offer.agent).set(framework, nowMs + Math.max(quietMs, this.#state.settings.allocationMs));
    }
  }

  #mayAsk(framework: Framework, agent: Agent): boolean {
    const holds = [...agent.tasks, ...agent.offers].some((one) => one.framework === framework);
    if (!holds || (this.#quietUntilMs.get(agent)?.get(framework) ?? 0) > Date.now()) return false;
    for (const offer of this.#outstanding.values()) {
      if (offer.agent === agent && offer.framework === framework) return false;
    }
    return true;
  }

  #forget(agent: Agent): void {
    this.#opinions.delete(agent);
    this.#quietUntilMs.delete(agent);
    for (const [id, offer] of this.#outstanding) if (offer.agent === agent) this.#outstanding.delete(id);
  }

  #plannedFor(agent: Agent): Unavailability | undefined {
    return this.#windows.find(({ machine_ids = [] }) => machine_ids.some((id) => isOn(agent, id)))?.unavailability;
  }

  #drainingMachine(id: MachineId): object {
    const statuses = [...this.#opinions]
      .filter(([agent]) => isOn(agent, id))
      .flatMap(([, byFramework]) =>
        [...byFramework].map(([framework, { status, atMs }]) => ({
          framework_id: { value: framework.id },
          status,
          timestamp: { nanoseconds: atMs * 1_000_000 },
        })),
      );
    return { id, ...(statuses.length === 0 ? {} : { statuses }) };
  }

  #isDown(id: MachineId): boolean {
    return this.#down.some((other) => isSame(other, id));
  }
}

function at<V>(map: Map<Agent, Map<Framework, V>>, agent: Agent): Map<Framework, V> {
  let found = map.get(agent);
  if (found === undefined) {
    found = new Map();
    map.set(agent, found);
  }
  return found;
}

const isSame = (a: MachineId, b: MachineId): boolean =>
  a.ip === b.ip && a.hostname?.toLowerCase() === b.hostname?.toLowerCase();

/** Agents here have an address of their own, which is also their host name: either tells which one is meant. */
const isOn = (agent: { readonly hostname: string; readonly ip: string }, { hostname, ip }: MachineId): boolean =>
  ip === undefined ? hostname?.toLowerCase() === agent.hostname.toLowerCase() : ip === agent.ip;

const nameOf = ({ hostname, ip }: MachineId): string => [hostname, ip].filter((part) => part !== undefined).join('/');
