/**
 * The apps of large groups as pieces that outlive a change. A group comes as the list that it is now; runs of apps that are the same objects as
 * before keep their bytes, so a change costs a walk over references and the run that it falls into.
 */
import type { Metrics } from '../../actors/ports.ts';
import type { AppDefinition } from '../../core/app/definition.ts';
import { Piece } from './piece.ts';
import { maxBytes, minBytes, targetBytes } from './piece-list.ts';

/** Apps from which on a group is worth it. */
export const minRunApps = 64;
/** Groups remembered; the one that was shown longest ago goes first. */
export const maxRememberedGroups = 64;
/** Bytes of all their pieces. The group that is shown is kept even if it alone is larger. */
const maxRememberedBytes = 64 * 1024 * 1024;

class Run {
  readonly apps: readonly AppDefinition[];
  /** Begins with a comma. */
  readonly piece: Piece;
  #first: Piece | undefined;

  constructor(apps: readonly AppDefinition[], texts: readonly string[]) {
    this.apps = apps;
    this.piece = new Piece(Buffer.from(`,${texts.join(',')}`));
  }

  /** The same without the comma. */
  get first(): Piece {
    this.#first ??= new Piece(this.piece.plain.subarray(1));
    return this.#first;
  }

  get bytes(): number {
    return this.piece.bytes + (this.#first?.packed?.length ?? 0);
  }
}

export class AppRuns {
  readonly #render: (app: AppDefinition) => string;
  /** By path, the one that was shown last at the end. */
  readonly #groups = new Map<string, readonly Run[]>();
  /** Runs rendered so far. */
  rebuilt = 0;

  /** `render` must give the same text for the same object. */
  constructor(render: (app: AppDefinition) => string, metrics: Metrics) {
    this.#render = render;
    metrics.gauge('http.kept-groups.count', () => this.#groups.size);
    metrics.gauge('http.kept-groups.size', () => this.heldBytes);
  }

  get count(): number {
    return this.#groups.size;
  }

  get heldBytes(): number {
    let sum = 0;
    for (const runs of this.#groups.values()) sum += bytesOf(runs);
    return sum;
  }

  /** The texts of these apps joined by commas; undefined where they are too few. */
  pieces(path: string, apps: readonly AppDefinition[]): readonly Piece[] | undefined {
    if (apps.length < minRunApps) return undefined;
    const before = this.#groups.get(path) ?? [];
    const runs = this.#renewed(before, apps);
    this.#groups.delete(path);
    this.#groups.set(path, runs);
    if (runs.length !== before.length || runs.some((run, i) => run !== before[i])) this.#makeRoom();
    return runs.map((run, i) => (i === 0 ? run.first : run.piece));
  }

  /** Runs of what is there now, as many of them as possible those from before. */
  #renewed(before: readonly Run[], apps: readonly AppDefinition[]): readonly Run[] {
    const runs: Run[] = [];
    let at = 0;
    for (const [k, run] of before.entries()) {
      if (isAt(apps, at, run.apps)) {
        runs.push(run);
        at += run.apps.length;
        continue;
      }
      // It ends where the next one begins that still has its first app.
      const next = before[k + 1];
      const end = next ? placeOf(apps, at, at + 2 * run.apps.length + minRunApps, next.apps[0]?.id) : apps.length;
      if (end === undefined) continue;
      this.#cut(runs, apps.slice(at, end));
      at = end;
    }
    this.#cut(runs, apps.slice(at));
    return runs;
  }

  /** Adds apps as runs of about the target's size; few of them go into the run before. */
  #cut(runs: Run[], apps: readonly AppDefinition[]): void {
    if (apps.length === 0) return;
    let texts = apps.map((app) => this.#render(app));
    let rest = apps;
    let bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const last = runs.at(-1);
    if (last && Math.min(bytes, last.piece.plain.length) < minBytes && bytes + last.piece.plain.length <= targetBytes) {
      runs.pop();
      rest = [...last.apps, ...apps];
      texts = [...last.apps.map((app) => this.#render(app)), ...texts];
      bytes += last.piece.plain.length;
    }
    const share = bytes > maxBytes ? bytes / Math.ceil(bytes / targetBytes) : bytes;
    let start = 0;
    let held = 0;
    for (const [i, text] of texts.entries()) {
      held += Buffer.byteLength(text);
      if (held < share && i + 1 < texts.length) continue;
      runs.push(new Run(rest.slice(start, i + 1), texts.slice(start, i + 1)));
      this.rebuilt += 1;
      start = i + 1;
      held = 0;
    }
  }

  #makeRoom(): void {
    let bytes = this.heldBytes;
    for (const [path, runs] of this.#groups) {
      if (this.#groups.size === 1 || (this.#groups.size <= maxRememberedGroups && bytes <= maxRememberedBytes)) return;
      bytes -= bytesOf(runs);
      this.#groups.delete(path);
    }
  }
}

const bytesOf = (runs: readonly Run[]): number => runs.reduce((sum, run) => sum + run.bytes, 0);

/** True if these apps stand in the list at this place, all of them the same objects. */
function isAt(apps: readonly AppDefinition[], at: number, run: readonly AppDefinition[]): boolean {
  for (let i = 0; i < run.length; i += 1) if (apps[at + i] !== run[i]) return false;
  return true;
}

/** Where the app of this id stands, looking from `from` up to `to`. */
function placeOf(apps: readonly AppDefinition[], from: number, to: number, id: string | undefined): number | undefined {
  for (let i = from; i < Math.min(to, apps.length); i += 1) if (apps[i]?.id === id) return i;
  return undefined;
}
