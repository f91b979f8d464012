/** What frameworks hear of operations that carry an id: repeated until acknowledged when they succeeded (mesos-v1 §4.4). */
import { operationStatusEvent } from './events.ts';
import type { Agent, Framework, MasterState } from './model.ts';
import { randomUuidBase64 } from './uuids.ts';

/** An operation whose success has not been acknowledged. */
export interface UnacknowledgedOperation {
  readonly frameworkId: string;
  readonly operationId: string;
  readonly uuid: string;
  readonly agentId: string;
}

interface Pending extends UnacknowledgedOperation {
  waitMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** Operations that wait for their acknowledgement; the oldest is given up beyond that. */
const maxPending = 10_000;

export class OperationFeedback {
  readonly #state: MasterState;
  readonly #pending = new Map<string, Pending>();

  constructor(state: MasterState) {
    this.#state = state;
  }

  stop(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  /** Refused: told once, and nothing to acknowledge. */
  refused(framework: Framework, operationId: string, message: string): void {
    framework.stream?.send(operationStatusEvent({ operationId, state: 'OPERATION_ERROR', message }));
  }

  finished(framework: Framework, operationId: string, agent: Agent): void {
    const uuid = randomUuidBase64();
    this.restore({ frameworkId: framework.id, operationId, uuid, agentId: agent.id });
    this.#state.keeper?.clusterChanged();
  }

  /** What has to outlive the program. */
  unacknowledged(): readonly UnacknowledgedOperation[] {
    return [...this.#pending.values()].map(({ frameworkId, operationId, uuid, agentId }) => ({
      frameworkId,
      operationId,
      uuid,
      agentId,
    }));
  }

  /** Tells of it, now and until it is acknowledged. */
  restore(operation: UnacknowledgedOperation): void {
    const pending: Pending = { ...operation, waitMs: this.#state.settings.retryMs, timer: undefined };
    this.#pending.set(operation.uuid, pending);
    for (const [oldest, { timer }] of this.#pending) {
      if (this.#pending.size <= maxPending) break;
      clearTimeout(timer);
      this.#pending.delete(oldest);
    }
    this.#send(pending);
  }

  acknowledge(framework: Framework, uuid: string): void {
    const pending = this.#pending.get(uuid);
    if (pending?.frameworkId !== framework.id) return;
    clearTimeout(pending.timer);
    this.#pending.delete(uuid);
    this.#state.keeper?.clusterChanged();
  }

  /** RECONCILE_OPERATIONS: what is known of one operation; the answer is never repeated. */
  reconcile(framework: Framework, operationId: string, agentId: string | undefined): void {
    for (const pending of this.#pending.values()) {
      if (pending.frameworkId !== framework.id || pending.operationId !== operationId) continue;
      const { agentId: where } = pending;
      framework.stream?.send(operationStatusEvent({ operationId, state: 'OPERATION_FINISHED', agentId: where }));
      return;
    }
    const end = agentId === undefined ? " and no 'agent_id' was provided" : '';
    const message = `Reconciliation: Operation is unknown${end}`;
    framework.stream?.send(operationStatusEvent({ operationId, state: 'OPERATION_UNKNOWN', message, agentId }));
  }

  #send(pending: Pending): void {
    const { frameworkId, operationId, uuid, agentId, waitMs } = pending;
    if (this.#state.removed.has(frameworkId)) {
      this.#pending.delete(uuid);
      return;
    }
    // After a restart it may have yet to subscribe.
    this.#state.frameworks
      .get(frameworkId)
      ?.stream?.send(operationStatusEvent({ operationId, state: 'OPERATION_FINISHED', uuid, agentId }));
    pending.waitMs = Math.min(waitMs * 2, this.#state.settings.retryMaxMs);
    pending.timer = setTimeout(() => this.#send(pending), waitMs);
    pending.timer.unref();
  }
}
