/** What the runtime refuses with. Each class carries a `code` that logs and callers can tell apart. */

/** `spawn` found a live child of that name. */
export class NameTaken extends Error {
  readonly code = 'name-taken';
  constructor(path: string) {
    super(`an actor ${path} is alive already`);
    this.name = 'NameTaken';
  }
}

/** `spawn` was called by an actor that has ended, or on a runtime that was shut down. */
export class ParentEnded extends Error {
  readonly code = 'parent-ended';
  constructor(path: string) {
    super(`${path} has ended and starts no more actors`);
    this.name = 'ParentEnded';
  }
}

/** No reply came in time. The message may still be handled: the outcome is unknown. */
export class AskTimeout extends Error {
  readonly code = 'ask-timeout';
  constructor(path: string, timeoutMs: number) {
    super(`${path} did not answer within ${timeoutMs} ms`);
    this.name = 'AskTimeout';
  }
}

/** The target had ended, ended, or failed before it answered. `cause` is its error if it failed. */
export class AskTargetStopped extends Error {
  readonly code = 'ask-target-stopped';
  /** False if the target never saw the question: then nothing can have come of it. */
  readonly wasDelivered: boolean;
  constructor(path: string, wasDelivered: boolean, cause?: unknown) {
    super(`${path} ended before it answered`, cause === undefined ? undefined : { cause });
    this.name = 'AskTargetStopped';
    this.wasDelivered = wasDelivered;
  }
}

/** The target's inbox took no more; the message was not delivered. */
export class AskInboxFull extends Error {
  readonly code = 'ask-inbox-full';
  constructor(path: string) {
    super(`the inbox of ${path} is full`);
    this.name = 'AskInboxFull';
  }
}
