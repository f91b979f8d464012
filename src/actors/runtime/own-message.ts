import type { Cell } from './cell.ts';

/** A message in an inbox that is looked at once more when its turn has come: the world may have changed while it waited. */
export abstract class OwnMessage {
  readonly message: unknown;

  constructor(message: unknown) {
    this.message = message;
  }

  /** Whether the message is still meant for the actor as it is now. Called once, just before it would be handled. */
  abstract claim(cell: Cell): boolean;
}

/** News that a child has ended. A parent that restarted since then does not get it: its new state never knew that child. */
export class ChildEnded extends OwnMessage {
  readonly #incarnation: number;

  constructor(message: unknown, parent: Cell) {
    super(message);
    this.#incarnation = parent.incarnation;
  }

  override claim(cell: Cell): boolean {
    return cell.incarnation === this.#incarnation;
  }
}
