/**
 * A long list of JSON texts, kept as pieces of bounded size between state versions: a change costs the piece that it falls into, whatever
 * comes and goes elsewhere. Pieces are ranges of keys, like the leaves of a B-tree: they split when they grow too large and join a neighbour
 * when little is left of them.
 */
import { Piece } from './piece.ts';

/** What a piece should have, in bytes. Smaller ones compress worse (14 % larger than the whole at once, for small apps), larger ones cost more to rebuild. */
export const targetBytes = 96 * 1024;
/** A piece of several entries with more than this is split. */
export const maxBytes = 2 * targetBytes;
/** One with less joins a neighbour that has room for it. */
export const minBytes = targetBytes / 4;
/** Entries of a piece, those without text included. */
export const maxEntries = 1024;

interface Entry {
  readonly id: string;
  /** Order: first by `major`, then by `minor`. */
  readonly major: number;
  readonly minor: number;
  leaf: Leaf;
}

/** Entries whose keys are at least the leaf's own, and below that of the next leaf. */
class Leaf {
  entries: Entry[] = [];
  isChanged = true;
  /** Begins with a comma, so that a leaf need not know whether another one stands before it; undefined = no text. */
  piece: Piece | undefined;
  /** The same without the comma, made where it is needed. */
  #asFirst: Piece | undefined;
  readonly major: number;
  readonly minor: number;

  constructor(major: number, minor: number) {
    this.major = major;
    this.minor = minor;
  }

  get textBytes(): number {
    return this.piece?.plain.length ?? 0;
  }

  get heldBytes(): number {
    return (this.piece?.bytes ?? 0) + (this.#asFirst?.packed?.length ?? 0);
  }

  get firstPiece(): Piece | undefined {
    if (this.piece && !this.#asFirst) this.#asFirst = new Piece(this.piece.plain.subarray(1));
    return this.#asFirst;
  }

  show(texts: readonly string[]): void {
    this.isChanged = false;
    const plain = texts.length === 0 ? undefined : Buffer.from(`,${texts.join(',')}`);
    // What is not shown may change as well.
    if (plain && this.piece?.plain.equals(plain)) return;
    this.#asFirst = undefined;
    this.piece = plain && new Piece(plain);
  }

  /** Takes over what the next leaf has. */
  append(next: Leaf): void {
    for (const entry of next.entries) {
      entry.leaf = this;
      this.entries.push(entry);
    }
    if (!next.piece) return;
    this.#asFirst = undefined;
    this.piece = this.piece ? new Piece(Buffer.concat([this.piece.plain, next.piece.plain])) : next.piece;
  }
}

const isBefore = (a: { major: number; minor: number }, major: number, minor: number): boolean =>
  a.major < major || (a.major === major && a.minor < minor);

/** Index of the first of these that does not stand before the key. */
function placeOf(sorted: readonly { readonly major: number; readonly minor: number }[], major: number, minor: number) {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const at = sorted[middle];
    if (at && isBefore(at, major, minor)) from = middle + 1;
    else to = middle;
  }
  return from;
}

export class PieceList {
  /** Texts may be empty: such an entry is not shown. */
  readonly #render: (id: string) => string;
  readonly #entries = new Map<string, Entry>();
  #leaves: Leaf[] = [new Leaf(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY)];
  #pieces: readonly Piece[] | undefined;
  /** Pieces rendered so far. */
  rebuilt = 0;

  constructor(render: (id: string) => string) {
    this.#render = render;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Bytes that the pieces hold, compressed ones included. */
  get heldBytes(): number {
    return this.#leaves.reduce((sum, leaf) => sum + leaf.heldBytes, 0);
  }

  /** Adds an entry at its place, unless it is there. No two entries have the same key. */
  add(id: string, major: number, minor = 0): void {
    if (this.#entries.has(id)) return;
    const index = this.#leafIndex(major, minor);
    const leaf = this.#leaves[index];
    if (!leaf) return;
    const entry: Entry = { id, major, minor, leaf };
    this.#entries.set(id, entry);
    leaf.entries.splice(placeOf(leaf.entries, major, minor), 0, entry);
    this.#change(leaf);
    if (leaf.entries.length > maxEntries) this.#leaves.splice(index + 1, 0, this.#cut(leaf, maxEntries / 2));
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    const { leaf, major, minor } = entry;
    leaf.entries.splice(placeOf(leaf.entries, major, minor), 1);
    this.#change(leaf);
  }

  /** The text of an entry may be another now. */
  touch(id: string): void {
    const leaf = this.#entries.get(id)?.leaf;
    if (leaf) this.#change(leaf);
  }

  /** The texts of all entries with this `major` may be others now. */
  touchAll(major: number): void {
    for (let i = this.#leafIndex(major, Number.NEGATIVE_INFINITY); i < this.#leaves.length; i += 1) {
      const leaf = this.#leaves[i];
      if (!leaf || leaf.major > major) return;
      this.#change(leaf);
    }
  }

  /** The texts joined by commas. Renders what has changed. */
  pieces(): readonly Piece[] {
    this.#pieces ??= this.#settle();
    return this.#pieces;
  }

  #change(leaf: Leaf): void {
    leaf.isChanged = true;
    this.#pieces = undefined;
  }

  /** The leaf that a key falls into. */
  #leafIndex(major: number, minor: number): number {
    const place = placeOf(this.#leaves, major, minor);
    const at = this.#leaves[place];
    return at && at.major === major && at.minor === minor ? place : Math.max(0, place - 1);
  }

  /** Moves the entries from an index on to a leaf of their own. */
  #cut(leaf: Leaf, from: number): Leaf {
    const moved = leaf.entries.splice(from);
    const [first] = moved;
    const next = new Leaf(first?.major ?? leaf.major, first?.minor ?? leaf.minor);
    next.entries = moved;
    for (const entry of moved) entry.leaf = next;
    return next;
  }

  #settle(): readonly Piece[] {
    const settled: Leaf[] = [];
    let isLastNew = false;
    for (const leaf of this.#leaves) {
      const isNew = leaf.isChanged;
      if (isNew && leaf.entries.length === 0 && settled.length > 0) continue;
      const made = isNew ? this.#rendered(leaf) : [leaf];
      const [first = leaf] = made;
      const last = settled.at(-1);
      if (last && (isNew || isLastNew) && made.length === 1 && this.#join(last, first)) {
        isLastNew = true;
        continue;
      }
      settled.push(...made);
      isLastNew = isNew;
    }
    this.#leaves = settled;
    const pieces: Piece[] = [];
    for (const leaf of settled) {
      const piece = pieces.length === 0 ? leaf.firstPiece : leaf.piece;
      if (piece) pieces.push(piece);
    }
    return pieces;
  }

  /** Renders a leaf, and cuts it where it is too large. */
  #rendered(leaf: Leaf): readonly Leaf[] {
    const made = [leaf];
    let current = leaf;
    let texts: string[] = [];
    let bytes = 0;
    const all = leaf.entries.map(({ id }) => this.#render(id));
    const total = all.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const enough = total > maxBytes ? total / Math.ceil(total / targetBytes) : Number.POSITIVE_INFINITY;
    let start = 0;
    for (const [index, text] of all.entries()) {
      if (bytes >= enough) {
        this.#show(current, texts);
        current = this.#cut(current, index - start);
        made.push(current);
        texts = [];
        bytes = 0;
        start = index;
      }
      if (text !== '') texts.push(text);
      bytes += Buffer.byteLength(text);
    }
    this.#show(current, texts);
    return made;
  }

  #show(leaf: Leaf, texts: readonly string[]): void {
    leaf.show(texts);
    this.rebuilt += 1;
  }

  /** Takes the entries of the next leaf into a leaf, if one of them is small and there is room. */
  #join(leaf: Leaf, next: Leaf): boolean {
    const isSmall = Math.min(leaf.textBytes, next.textBytes) < minBytes;
    const hasRoom =
      leaf.textBytes + next.textBytes <= targetBytes && leaf.entries.length + next.entries.length <= maxEntries;
    if (!isSmall || !hasRoom) return false;
    leaf.append(next);
    this.rebuilt += 1;
    return true;
  }
}
