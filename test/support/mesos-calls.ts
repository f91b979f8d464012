/** Every call that a scheduler sends to Mesos, read from its relay as text. */
import type { Relay } from './relay.ts';

export interface SentCall {
  /** The body, as it was sent. */
  readonly text: string;
  readonly body: { readonly type: string; readonly [member: string]: unknown };
}

/** Writes down the bodies of all POSTs; it replaces the relay's inspector. */
export function recordCalls(relay: Relay): readonly SentCall[] {
  const calls: SentCall[] = [];
  const pending = new Map<number, Buffer>();
  relay.inspect(({ connection, direction, data }) => {
    if (direction !== 'toTarget') return 'pass';
    let rest = Buffer.concat([pending.get(connection) ?? Buffer.alloc(0), data]);
    for (;;) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) break;
      const head = rest.toString('latin1', 0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (rest.length < end + 4 + length) break;
      const text = rest.toString('utf8', end + 4, end + 4 + length);
      if (/^POST \S*\/api\/v1\/scheduler /.test(head)) calls.push({ text, body: JSON.parse(text) });
      rest = rest.subarray(end + 4 + length);
    }
    pending.set(connection, rest);
    return 'pass';
  });
  return calls;
}
