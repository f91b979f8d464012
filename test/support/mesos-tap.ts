/** What one scheduler says to Mesos and what it is answered, read from its relay. */
import type { Direction, Relay } from './relay.ts';

const callTypes = ['SUBSCRIBE', 'ACCEPT', 'DECLINE', 'KILL', 'ACKNOWLEDGE', 'RECONCILE', 'REVIVE', 'SUPPRESS'] as const;
export type CallType = (typeof callTypes)[number];

export interface MesosTap {
  /** Calls that came by since the last `forget`. */
  readonly calls: () => readonly CallType[];
  /** Statuses of answers that came by since then. */
  readonly statuses: () => readonly number[];
  /** The newest stream that calls named, and the framework they named. */
  readonly streamId: () => string | undefined;
  readonly frameworkId: () => string | undefined;
  readonly forget: () => void;
}

/** What is longer than this may be overlooked where two pieces of a stream meet. */
const overlapChars = 200;

/** Puts a tap on a relay to a Mesos master; it replaces the relay's inspector. */
export function tapMesos(relay: Relay): MesosTap {
  const seen = { calls: [] as CallType[], statuses: [] as number[], stream: undefined as string | undefined };
  let framework: string | undefined;
  const tails = new Map<string, string>();
  const fresh = (connection: number, direction: Direction, data: Buffer): ((pattern: RegExp) => string[]) => {
    const key = `${connection} ${direction}`;
    const tail = tails.get(key) ?? '';
    const text = tail + data.toString('latin1');
    tails.set(key, text.slice(-overlapChars));
    return (pattern) =>
      [...text.matchAll(pattern)].flatMap((match) =>
        match.index + match[0].length > tail.length ? [match[1] ?? ''] : [],
      );
  };
  const callPattern = new RegExp(`"type":"(${callTypes.join('|')})"`, 'g');
  relay.inspect(({ connection, direction, data }) => {
    const find = fresh(connection, direction, data);
    if (direction === 'toTarget') {
      for (const type of find(callPattern)) seen.calls.push(type as CallType);
      seen.stream = find(/mesos-stream-id: ([\w-]+)\r\n/gi).at(-1) ?? seen.stream;
      framework = find(/"framework_id":\{"value":"([^"]+)"/g).at(-1) ?? framework;
    } else for (const status of find(/HTTP\/1\.1 (\d{3}) /g)) seen.statuses.push(Number(status));
    return 'pass';
  });
  return {
    calls: () => [...seen.calls],
    statuses: () => [...seen.statuses],
    streamId: () => seen.stream,
    frameworkId: () => framework,
    forget: () => {
      seen.calls.length = 0;
      seen.statuses.length = 0;
    },
  };
}

/** Sends one call on a stream, as whoever holds that stream would; gives status and body. */
export async function callMesos(
  master: string,
  streamId: string,
  call: object,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`http://${master}/api/v1/scheduler`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', 'mesos-stream-id': streamId },
    body: JSON.stringify(call),
  });
  return { status: response.status, text: await response.text() };
}
