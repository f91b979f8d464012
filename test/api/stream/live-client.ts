/** A client of `/v2/live`, as a page would write it. */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

export interface Frame {
  readonly op: string;
  readonly sub?: string;
  readonly id?: string;
  readonly code?: string;
  readonly message?: string;
  readonly event?: { readonly eventType: string; readonly n: number };
  readonly part?: number;
  readonly last?: boolean;
  readonly objects?: readonly Obj[];
  readonly upsert?: readonly Obj[];
  readonly remove?: readonly { readonly topic: string; readonly id: string }[];
  readonly from?: string;
  readonly to?: string;
  readonly reason?: string;
}

export interface Obj {
  readonly topic: string;
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** One connection and everything that it was told. */
export class Client {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  closed: number | undefined;

  constructor(port: number, options = {}, path = '/v2/live') {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
    this.socket.on('message', (data) => this.frames.push(JSON.parse(String(data)) as Frame));
    this.socket.on('close', (code) => {
      this.closed = code;
    });
    onTestFinished(() => this.socket.terminate());
  }

  say(frame: object | string | Buffer): void {
    this.socket.send(typeof frame === 'object' && !Buffer.isBuffer(frame) ? JSON.stringify(frame) : frame);
  }

  async until<T>(holds: () => T | false | undefined): Promise<T> {
    for (;;) {
      const value = holds();
      if (value !== false && value !== undefined) return value;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  frame(op: string, sub?: string): Promise<Frame> {
    return this.until(() => this.frames.find((frame) => frame.op === op && frame.sub === sub));
  }

  /** Subscribes and waits until that is confirmed. */
  async subscribe(frame: { readonly sub: string } & Readonly<Record<string, unknown>>): Promise<void> {
    this.say({ op: 'subscribe', ...frame });
    await this.frame('subscribed', frame.sub);
  }

  events(sub: string): readonly number[] {
    return this.frames.flatMap((frame) => (frame.op === 'event' && frame.sub === sub ? [frame.event?.n ?? -1] : []));
  }

  /** What a client that applies every frame shows. */
  state(sub: string): ReadonlyMap<string, unknown> {
    const state = new Map<string, unknown>();
    for (const frame of this.frames) {
      if (frame.sub !== sub) continue;
      if (frame.op === 'snapshot' && frame.part === 0) state.clear();
      for (const { topic, id, value } of [...(frame.objects ?? []), ...(frame.upsert ?? [])])
        state.set(`${topic} ${id}`, value);
      for (const { topic, id } of frame.remove ?? []) state.delete(`${topic} ${id}`);
    }
    return state;
  }
}

/** Opens a connection. */
export async function open(port: number, options = {}): Promise<Client> {
  const client = new Client(port, options);
  await client.until(() => client.socket.readyState === WebSocket.OPEN);
  return client;
}
