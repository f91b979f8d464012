/** What must hold of the entries that a journal ever had, whoever wrote them (design §5.2, §5.4). */

/** One entry of the journal as somebody found it. */
export interface SeenEntry {
  readonly entry: number;
  readonly epoch: number;
  /** The batch whose last or only part this is; undefined for other parts and for discards. */
  readonly batch: { readonly number: number; readonly id: string } | undefined;
}

/** One text for each violation; empty if all is right. `entries` in any order. */
export function checkJournal(entries: readonly SeenEntry[]): readonly string[] {
  const sorted = entries.toSorted((a, b) => a.entry - b.entry);
  const found: string[] = [];
  const batches = new Map<number, SeenEntry>();
  for (const [i, one] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before !== undefined) {
      if (one.entry === before.entry) found.push(`entry ${one.entry} was seen with two contents`);
      else if (one.entry !== before.entry + 1)
        found.push(`entries ${before.entry + 1} to ${one.entry - 1} are missing`);
      if (one.epoch < before.epoch) {
        found.push(`entry ${one.entry} of epoch ${one.epoch} comes after epoch ${before.epoch}: two epochs commit`);
      }
    }
    if (one.batch === undefined) continue;
    const twin = batches.get(one.batch.number);
    if (twin !== undefined) found.push(`batch ${one.batch.number} is in the entries ${twin.entry} and ${one.entry}`);
    batches.set(one.batch.number, one);
  }
  return found;
}
