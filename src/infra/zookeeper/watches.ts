/** The watches of one session: each fires once, when the node changes or when the session ends. */

export class Watches {
  readonly #tell: (listener: () => void) => void;
  readonly #set = new Set<() => void>();

  /** `tell` calls a listener and contains what it throws. */
  constructor(tell: (listener: () => void) => void) {
    this.#tell = tell;
  }

  /** A request that leaves a watch if it succeeds, and none if it fails. */
  async around<R>(
    onChange: (() => void) | undefined,
    ask: (watch: (() => void) | undefined) => Promise<R>,
  ): Promise<R> {
    if (onChange === undefined) return ask(undefined);
    const fire = (): void => {
      if (!this.#set.delete(fire)) return;
      // Not from within the library's socket handler: what throws there breaks its state (fault 11).
      queueMicrotask(() => this.#tell(onChange));
    };
    this.#set.add(fire);
    try {
      return await ask(fire);
    } catch (error) {
      this.#set.delete(fire);
      throw error;
    }
  }

  fireAll(): void {
    for (const fire of [...this.#set]) fire();
  }
}
