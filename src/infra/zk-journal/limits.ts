/** What the journal takes, and when it is compacted and full (design §5.6, §5.7). */

export interface JournalLimits {
  /** A snapshot is due when the journal behind the last one is so large … */
  readonly dueBytes: number;
  /** … or has so many batches. */
  readonly dueBatches: number;
  /** Rest between two snapshots, unless … */
  readonly minPauseMs: number;
  /** … the journal has grown to this. */
  readonly urgentBytes: number;
  /** A batch that is larger when compressed is refused (design §5.6). */
  readonly maxBatchBytes: number;
  /** Beyond this writes are refused: ZooKeeper keeps all of it in memory. */
  readonly maxBytes: number;
}

const mebibyte = 1_048_576;

export const defaultLimits: JournalLimits = {
  dueBytes: 16 * mebibyte,
  dueBatches: 2_000,
  minPauseMs: 20_000,
  urgentBytes: 48 * mebibyte,
  maxBatchBytes: 64 * mebibyte,
  maxBytes: 128 * mebibyte,
};
