/** The journal: one writer at a time, events without a gap, nothing told before it is durable. */
import type { LoggedEvent } from '../../../src/core/events.ts';
import { parseTaskId } from '../../../src/core/ids.ts';
import { conditionOf } from '../../../src/core/instance/condition.ts';
import { isTerminal } from '../../../src/core/instance/instance.ts';
import type { Batch, CommitOutcome } from '../../../src/core/journal/batch.ts';
import { parseEventId } from '../../../src/core/journal/event-id.ts';
import type { Changes } from '../mirror.ts';
import type { SimServer } from '../server.ts';
import type { CheckContext } from './context.ts';

export class JournalChecker {
  readonly #context: CheckContext;
  /** The epoch that was taken last. */
  #epoch = 0;
  #lastBatch = 0;
  /** The simulation lets the next commit fail. */
  #isFailureDue = false;
  /** Epochs in which a commit failed: what was on its way behind it is refused too. */
  readonly #excused = new Set<number>();

  constructor(context: CheckContext) {
    this.#context = context;
  }

  opened(epoch: number): void {
    this.#epoch = Math.max(this.#epoch, epoch);
  }

  /** The epoch was taken from outside. */
  fenced(): void {
    this.#epoch++;
  }

  /** The next commit will fail. */
  expectFailure(): void {
    this.#isFailureDue = true;
  }

  /** Whether a write of this epoch can be expected to succeed; its writer may not know yet that it cannot. */
  isSound(epoch: number): boolean {
    return epoch === this.#epoch && !this.#isFailureDue;
  }

  /** Called before the mirror takes the batch over. */
  committing(server: SimServer, batch: Batch): void {
    const { chronicle, mirror } = this.#context;
    if (batch.epoch !== this.#epoch) {
      chronicle.violation('epochs', `${server.name} wrote in epoch ${batch.epoch} after ${this.#epoch} had begun`);
    }
    if (batch.number !== this.#lastBatch + 1 && this.#lastBatch > 0) {
      chronicle.violation('journal', `batch ${batch.number} follows ${this.#lastBatch}`);
    }
    this.#lastBatch = batch.number;
    if (batch.firstEvent !== mirror.events.length + 1) {
      chronicle.violation('events', `batch ${batch.number} begins with event ${batch.firstEvent}`);
    }
  }

  /** A deployment that ends says so in the same batch. */
  committed({ batch, deployments }: Changes): void {
    for (const { key, before, after } of deployments) {
      if (!before || after) continue;
      const isTold = batch.events.some(
        ({ type, json }) => (type === 'deployment_success' || type === 'deployment_failed') && json.includes(key),
      );
      if (!isTold) this.#context.chronicle.violation('events', `deployment ${key} ended without an event`);
    }
  }

  refused(server: SimServer, batch: Batch, outcome: CommitOutcome): void {
    if (outcome.type === 'failed') {
      this.#excused.add(batch.epoch);
      if (!this.#isFailureDue) this.#context.chronicle.violation('journal', `a commit failed: ${outcome.reason}`);
      this.#isFailureDue = false;
    } else if (outcome.type === 'fenced' && batch.epoch === this.#epoch && !this.#excused.has(batch.epoch)) {
      this.#context.chronicle.violation('epochs', `${server.name} was fenced without a reason: ${outcome.reason}`);
    }
  }

  delivered(server: SimServer, events: readonly LoggedEvent[]): void {
    const { chronicle, mirror } = this.#context;
    for (const { id, json, type } of events) {
      const number = id === undefined ? undefined : parseEventId(id)?.number;
      if (number === undefined) continue;
      if (number !== server.nextEvent) {
        chronicle.violation(
          'events',
          `${server.name} gave event ${number} (${type}) where ${server.nextEvent} was due`,
        );
      }
      server.nextEvent = number + 1;
      const stored = mirror.events[number - 1];
      if (!stored) chronicle.violation('events', `event ${number} (${type}) was given before it was stored`);
      else if (stored.json !== json) chronicle.violation('events', `event ${number} is not what was stored`);
    }
  }

  /** Mesos may forget an update only once the store has what follows from it. */
  acknowledging(taskId: string, uuid: string): void {
    const { chronicle, mesos, mirror } = this.#context;
    const status = mesos.updates.get(uuid);
    if (!status) {
      chronicle.violation('acknowledgements', `${taskId} ${uuid} was never sent`);
      return;
    }
    const instance = mirror.instances.get(parseTaskId(taskId)?.instanceId ?? '');
    const task = instance?.tasks.find((t) => t.id === taskId);
    if (!task) return;
    const told = conditionOf(status);
    const isBehind = isTerminal(told)
      ? !isTerminal(task.condition)
      : told === 'Running' && ['Provisioned', 'Staging', 'Starting'].includes(task.condition);
    if (isBehind) {
      chronicle.violation(
        'acknowledgements',
        `${taskId}: ${status.state} was acknowledged, but ${task.condition} is stored`,
      );
    }
  }
}
