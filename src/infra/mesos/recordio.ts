/**
 * RecordIO: each record is its length in ASCII digits, a line feed, and that many bytes (mesos-v1 §1.5). HTTP chunks carry no
 * meaning, so a chunk may end at any byte of a length, of a record or of a character.
 */

/** A longer record is treated as a broken stream. Below V8's limit for one string. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;

/** An unsigned 64-bit number has no more. */
const MAX_LENGTH_DIGITS = 20;

const FIRST_BODY_BYTES = 64 * 1024;
const LINE_FEED = 10;
const DIGIT_ZERO = 48;

/** Why a stream cannot be read any further; the only way on is a new subscription. */
export interface RecordFault {
  readonly code: 'RECORD_BAD_LENGTH' | 'RECORD_TOO_LARGE';
  readonly message: string;
}

export interface RecordDecoder {
  /** Hands every record that the bytes complete to `take`, in order. After a fault every push answers that fault. */
  readonly push: (chunk: Buffer) => RecordFault | undefined;
  /** Takes nothing more, not even records of a chunk that is being pushed right now. */
  readonly stop: () => void;
}

/**
 * Creates an incremental decoder. A record that lies whole in a chunk is decoded in place; one that is split is gathered in a
 * buffer that doubles, so the cost is linear in the bytes however they are cut. Records are decoded from UTF-8 as a whole, so no
 * character is ever cut. An unfinished record at the end of the stream is simply dropped with the decoder.
 */
export function createRecordDecoder(
  take: (record: string) => void,
  maxRecordBytes: number = MAX_RECORD_BYTES,
): RecordDecoder {
  let length = 0;
  let digits = 0;
  let inBody = false;
  let gathered = 0;
  let body = Buffer.alloc(0);
  let fault: RecordFault | undefined;
  let stopped = false;

  /** Reads one byte of the length line; true when the line is complete. */
  function readLength(byte: number): boolean {
    if (byte === LINE_FEED && digits > 0 && length > 0) return true;
    const digit = byte - DIGIT_ZERO;
    digits += 1;
    if (digit < 0 || digit > 9 || digits > MAX_LENGTH_DIGITS) {
      fault = { code: 'RECORD_BAD_LENGTH', message: `byte ${byte} in the length of a record` };
      return false;
    }
    length = length * 10 + digit;
    if (length > maxRecordBytes) {
      fault = { code: 'RECORD_TOO_LARGE', message: `a record of more than ${maxRecordBytes} bytes` };
    }
    return false;
  }

  function gather(chunk: Buffer, from: number, to: number): void {
    const needed = gathered + to - from;
    if (body.length < needed) {
      const grown = Buffer.allocUnsafe(Math.min(length, Math.max(needed, body.length * 2, FIRST_BODY_BYTES)));
      body.copy(grown, 0, 0, gathered);
      body = grown;
    }
    chunk.copy(body, gathered, from, to);
    gathered = needed;
  }

  function nextRecord(): void {
    inBody = false;
    length = 0;
    digits = 0;
    gathered = 0;
    // A very large buffer is not kept for the small records that follow.
    if (body.length > FIRST_BODY_BYTES) body = Buffer.alloc(0);
  }

  function push(chunk: Buffer): RecordFault | undefined {
    const end = chunk.length;
    let at = 0;
    while (at < end && fault === undefined && !stopped) {
      if (!inBody) {
        inBody = readLength(chunk[at] as number);
        at += 1;
        continue;
      }
      const stop = at + length - gathered;
      if (stop > end) {
        gather(chunk, at, end);
        break;
      }
      let record: string;
      if (gathered === 0) {
        record = chunk.toString('utf8', at, stop);
      } else {
        gather(chunk, at, stop);
        record = body.toString('utf8', 0, gathered);
      }
      at = stop;
      nextRecord();
      take(record);
    }
    return fault;
  }

  return {
    push,
    stop: () => {
      stopped = true;
    },
  };
}
