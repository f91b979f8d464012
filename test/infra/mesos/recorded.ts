/** Frames, calls and answers of a real Mesos 1.12 master. */
import { readFileSync } from 'node:fs';
import type { WireEvent } from '../../../src/infra/mesos/events.ts';

interface RecordedAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly raw_body: string;
}

interface Recorded {
  /** Head and chunked body of an answer to SUBSCRIBE, byte for byte. */
  readonly wireHead: string;
  readonly wireBody: string;
  readonly records: readonly WireEvent[];
  readonly calls: Readonly<Record<string, readonly Readonly<Record<string, never>>[]>>;
  readonly answers: Readonly<
    Record<
      'noLeader' | 'notSubscribed' | 'staleStream' | 'unknownFramework' | 'unauthorized' | 'redirect' | 'badAccept',
      RecordedAnswer
    >
  >;
}

export const recorded: Recorded = JSON.parse(readFileSync(new URL('./recorded.fixture.json', import.meta.url), 'utf8'));

/** The first record of a type. */
export function recordOf(type: string): WireEvent {
  const record = recorded.records.find((event) => event.type === type);
  if (record === undefined) throw new Error(`nothing of type ${type} was recorded`);
  return record;
}

/** A record as RecordIO. */
export function frame(record: WireEvent | string): Buffer {
  const bytes = Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
  return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
}
