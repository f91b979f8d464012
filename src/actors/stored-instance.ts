/**
 * Stored instances between the load and their actors. Where each has its task is known at once, so that Mesos can be asked for a session;
 * the actors come by and by.
 */
import type { AppId } from '../core/ids.ts';
import type { Instance } from '../core/instance/instance.ts';
import { isLost, isTerminal } from '../core/instance/instance.ts';
import type { InstanceMessage, Placed } from './protocol.ts';
import type { ActorRef } from './runtime/types.ts';

/** A stored instance, and where to reach it before its actor is there. */
export interface StoredInstance {
  readonly instance: Instance;
  readonly address: LateRef;
}

/**
 * Messages that wait for one actor. Mesos sends one update at a time until it is acknowledged, and an answer to each question; what is
 * beyond this it will say again.
 */
export const maxWaiting = 100;

/** The reference of an instance whose actor may be yet to come: what it is told before then waits, in order. */
export class LateRef implements ActorRef<InstanceMessage> {
  /** Asks for the actor: told once, by the first message that comes before it. */
  readonly #want: () => void;
  #actor: ActorRef<InstanceMessage> | undefined;
  #waiting: InstanceMessage[] | undefined;

  constructor(want: () => void) {
    this.#want = want;
  }

  get path(): string {
    return this.#actor?.path ?? 'an instance that is yet to be taken up';
  }

  tell(message: InstanceMessage): boolean {
    if (this.#actor) return this.#actor.tell(message);
    if (this.#waiting === undefined) {
      this.#waiting = [message];
      this.#want();
      return true;
    }
    if (this.#waiting.length >= maxWaiting) return false;
    this.#waiting.push(message);
    return true;
  }

  /** The actor is there: it gets what waited, and whatever comes from now on. */
  resolve(actor: ActorRef<InstanceMessage>): void {
    this.#actor = actor;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const message of waiting) actor.tell(message);
  }
}

/** Where an instance is, for updates and for constraints; undefined if it has no live task. */
export function placedOf(instance: Instance, ref: ActorRef<InstanceMessage>): Placed | undefined {
  const { id, appId, version, agent, condition } = instance;
  const task = instance.tasks[0];
  if (!task || !agent || isTerminal(condition)) return undefined;
  const isCounted = !isLost(condition);
  return { appId, instanceId: id, taskId: task.id, version, agent, hostPorts: task.hostPorts, ref, isCounted };
}

/** Loaded instances with their addresses. `want` asks for the actors of an app. */
export function withAddresses(
  loaded: Iterable<readonly [AppId, readonly Instance[]]>,
  want: (appId: AppId) => void,
): Map<AppId, readonly StoredInstance[]> {
  const stored = new Map<AppId, readonly StoredInstance[]>();
  for (const [appId, instances] of loaded) {
    const wantApp = (): void => want(appId);
    stored.set(
      appId,
      instances.map((instance) => ({ instance, address: new LateRef(wantApp) })),
    );
  }
  return stored;
}

/** Where all of them are. */
export function* placedInstances(stored: Iterable<readonly StoredInstance[]>): Iterable<Placed> {
  for (const instances of stored) {
    for (const { instance, address } of instances) {
      const placed = placedOf(instance, address);
      if (placed) yield placed;
    }
  }
}
