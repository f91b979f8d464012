/** Which apps pass a filter: looked for again only when apps have changed, since polls repeat the same few questions while tasks come and go. */
import type { ReadModel } from '../../actors/front.ts';
import type { AppDefinition } from '../../core/app/definition.ts';

/** Filters remembered; the one that was asked longest ago goes first. */
const maxRememberedFilters = 64;
/** Apps of all remembered filters together. */
const maxRememberedMatches = 100_000;

export class AppFilters {
  readonly #read: Pick<ReadModel, 'apps' | 'watch'>;
  readonly #found = new Map<string, readonly AppDefinition[]>();

  constructor(read: Pick<ReadModel, 'apps' | 'watch'>) {
    this.#read = read;
    read.watch((change) => {
      if (change.type === 'app' || change.type === 'everything') this.#found.clear();
    });
  }

  /** The apps that pass, in the order of the read model. `name` tells filters apart. */
  matching(name: string, isWanted: (app: AppDefinition) => boolean): readonly AppDefinition[] {
    const known = this.#found.get(name);
    const found = known ?? [...this.#read.apps()].filter(isWanted);
    this.#found.delete(name);
    this.#found.set(name, found);
    if (!known) this.#makeRoom();
    return found;
  }

  #makeRoom(): void {
    let matches = 0;
    for (const found of this.#found.values()) matches += found.length;
    for (const [name, found] of this.#found) {
      if (this.#found.size <= maxRememberedFilters && matches <= maxRememberedMatches) return;
      matches -= found.length;
      this.#found.delete(name);
    }
  }
}
