/**
 * The way from the master to an agent. `frozen`: the agent does not run, what is sent to it waits in its socket. `down`: there
 * is no agent process; its tasks may go on without it.
 */
export type LinkState = 'up' | 'frozen' | 'down';

export interface AgentMessage {
  readonly deliver: () => void;
  /** Called instead of `deliver` when the agent ends before it has read the message. */
  readonly lost?: () => void;
}

/** Messages that may wait for a frozen agent; later ones are lost, as they would be once its socket is full. */
const maxWaitingMessages = 10_000;

export class AgentLink {
  #state: LinkState = 'up';
  #waiting: AgentMessage[] = [];

  get state(): LinkState {
    return this.#state;
  }

  send(message: AgentMessage): void {
    if (this.#state === 'up') message.deliver();
    else if (this.#state === 'frozen' && this.#waiting.length < maxWaitingMessages) this.#waiting.push(message);
    else message.lost?.();
  }

  freeze(): void {
    if (this.#state === 'up') this.#state = 'frozen';
  }

  /** Delivers what has waited, in order. */
  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'up';
    for (const message of this.#take()) message.deliver();
  }

  /** The agent process ends; what it has not read is lost. */
  break(): void {
    this.#state = 'down';
    for (const message of this.#take()) message.lost?.();
  }

  restore(): void {
    if (this.#state === 'down') this.#state = 'up';
  }

  #take(): AgentMessage[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
