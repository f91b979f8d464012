/** An event stream of the local cluster as it comes in; offers are taken apart, since how they are grouped is chance. */
import type { IncomingMessage } from 'node:http';
import { RecordReader } from '../../support/mesos-client.ts';

export interface LiveEvent {
  readonly type: string;
  readonly body: unknown;
  taken: boolean;
}

export class LiveStream {
  readonly events: LiveEvent[] = [];
  end: 'eof' | 'broken' | undefined;
  readonly #response: IncomingMessage;
  #wake: (() => void)[] = [];

  constructor(response: IncomingMessage) {
    this.#response = response;
    const reader = new RecordReader();
    response.on('data', (chunk: Buffer) => {
      for (const record of reader.feed(chunk)) this.events.push(...apart(JSON.parse(record)));
      this.#changed();
    });
    for (const [name, how] of [
      ['end', 'eof'],
      ['error', 'broken'],
      ['close', 'broken'],
    ] as const) {
      response.on(name, () => {
        this.end ??= how;
        this.#changed();
      });
    }
  }

  close(): void {
    this.#response.destroy();
  }

  /** Calls `look` now and whenever something has come, until it returns something; undefined after `timeoutMs`. */
  async until<T>(look: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = look();
      const leftMs = deadline - performance.now();
      if (found !== undefined || leftMs <= 0) return found;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

interface WireEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The single things an event says. */
export function apart(event: WireEvent): LiveEvent[] {
  const body = event[event.type.toLowerCase()] as Record<string, unknown> | undefined;
  const list =
    event.type === 'OFFERS' ? body?.['offers'] : event.type === 'INVERSE_OFFERS' ? body?.['inverse_offers'] : undefined;
  if (Array.isArray(list)) return list.map((one) => ({ type: event.type.slice(0, -1), body: one, taken: false }));
  return [{ type: event.type, body: body ?? {}, taken: false }];
}
