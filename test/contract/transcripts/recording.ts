/**
 * Recordings of a real Mesos, one JSON entry a line in the order observed. What is random in them has names: `{u1}` is a UUID,
 * `{b1}` 16 bytes in base64, `{workdir}` the agent's directory. Dates, sequence numbers, lengths of records, headers nobody
 * compares, figures and flags were left out when they were made from the wire recordings.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Recording {
  readonly name: string;
  readonly description: string;
  readonly entries: readonly Entry[];
}

export type Headers = Readonly<Record<string, string>>;

export interface RequestEntry {
  /** Milliseconds since the recording began. */
  readonly t: number;
  /** Number of the request. */
  readonly request: number;
  /** The master when absent. */
  readonly target?: 'agent' | 'follower';
  readonly port?: number;
  /** POST when absent. */
  readonly method?: string;
  readonly path: string;
  /** 1: Content-Type and Accept are both application/json. */
  readonly json?: 1;
  readonly headers?: Headers;
  readonly body?: unknown;
  readonly raw_body?: string;
}

export interface ResponseEntry {
  readonly t: number;
  /** Number of the request. */
  readonly response: number;
  readonly status: number;
  readonly headers?: Headers;
  /** The answer is this event stream. */
  readonly stream?: number;
  readonly body?: unknown;
  readonly raw_body?: string;
  /** 1: the body was left out. */
  readonly cut?: 1;
}

export interface EventEntry {
  readonly t: number;
  readonly stream: number;
  readonly event: { readonly type: string; readonly [member: string]: unknown };
}

export interface EndEntry {
  readonly t: number;
  readonly stream: number;
  readonly end: 'eof' | 'closed by client' | string;
}

export interface ActionEntry {
  readonly t: number;
  readonly action: string;
}

export interface ZooKeeperEntry {
  readonly t: number;
  readonly zookeeper: Readonly<Record<string, unknown>>;
}

export type Entry = RequestEntry | ResponseEntry | EventEntry | EndEntry | ActionEntry | ZooKeeperEntry;

const directory = new URL('./recordings/', import.meta.url);

/** Names of all recordings, in order. */
export const recordingNames: readonly string[] = readdirSync(directory)
  .filter((file) => file.endsWith('.fixture.json'))
  .map((file) => file.replace('.fixture.json', ''))
  .sort();

export function readRecording(name: string): Recording {
  const [head, ...entries] = JSON.parse(readFileSync(new URL(`${name}.fixture.json`, directory), 'utf8')) as [
    { readonly description: string },
    ...Entry[],
  ];
  return { name, description: head.description, entries };
}
