/**
 * Who is offered resources first: dominant resource fairness over the tree of roles, then over the frameworks of a role
 * (mesos-v1 §4.3). What a role holds is what it and all roles below it hold, whether they want offers now or not. Of equals,
 * whoever has had fewer offers comes first, so that one that declines everything does not starve the others.
 */
import type { Framework, Holding } from './model.ts';

export interface Client {
  readonly framework: Framework;
  readonly role: string;
}

/** A place in the tree: a role, those who have just this role, or one framework among them. */
interface Node {
  readonly name: string;
  /** What is held here and below. */
  readonly held: Holding;
}

/** The order of one run of the allocation, in which every offer that is made counts. */
export class Sharing {
  readonly #nodes = new Map<string, Node>();
  readonly #clients: readonly { readonly client: Client; readonly path: readonly Node[] }[];
  readonly #totals: Holding;

  /** `frameworks` are all there are, also those that want nothing now; shares are parts of `totals`. */
  constructor(clients: readonly Client[], frameworks: Iterable<Framework>, totals: Holding) {
    this.#totals = totals;
    for (const framework of frameworks) {
      for (const [role, holding] of framework.holdings) {
        for (const { held } of this.#pathOf({ framework, role })) add(held, holding);
      }
    }
    this.#clients = clients.map((client) => ({ client, path: this.#pathOf(client) }));
  }

  /** Clients with those first that hold least. */
  inOrder(): readonly Client[] {
    return [...this.#clients].sort((a, b) => this.#compare(a.path, b.path)).map(({ client }) => client);
  }

  /** A client has been offered this much. */
  offered(client: Client, holding: Holding): void {
    const found = this.#clients.find((one) => one.client === client);
    for (const { held } of found?.path ?? []) add(held, holding);
  }

  /** Siblings are compared at the first place where two paths part. */
  #compare(a: readonly Node[], b: readonly Node[]): number {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const one = a[i];
      const other = b[i];
      if (one === undefined || other === undefined || one === other) continue;
      return (
        this.#shareOf(one) - this.#shareOf(other) ||
        one.held.offers - other.held.offers ||
        (one.name < other.name ? -1 : 1)
      );
    }
    return a.length - b.length;
  }

  #shareOf({ held }: Node): number {
    const { cpus, mem, disk } = this.#totals;
    return Math.max(held.cpus / Math.max(cpus, 1), held.mem / Math.max(mem, 1), held.disk / Math.max(disk, 1));
  }

  /** `a/b` of framework F: the nodes `a`, `a/b`, the place of those who have just this role, and F in it. */
  #pathOf({ framework, role }: Client): readonly Node[] {
    const parts = role.split('/');
    const names = parts.map((_, i) => parts.slice(0, i + 1).join('/'));
    return [...names, `${role}/.`, `${role}/.\n${framework.id}`].map((name) => this.#node(name));
  }

  #node(name: string): Node {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { name, held: { cpus: 0, mem: 0, disk: 0, offers: 0 } };
      this.#nodes.set(name, node);
    }
    return node;
  }
}

function add(sum: Holding, { cpus, mem, disk, offers }: Holding): void {
  sum.cpus += cpus;
  sum.mem += mem;
  sum.disk += disk;
  sum.offers += offers;
}
