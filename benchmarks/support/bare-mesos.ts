/** A trivial scheduler: pipelined calls, no decisions. What a cluster can serve shows when nothing else is in the way. */
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface WireOffer {
  readonly id: { readonly value: string };
  readonly agent_id: { readonly value: string };
  readonly resources: readonly {
    readonly name: string;
    readonly scalar?: { readonly value: number };
    readonly ranges?: { readonly range: readonly { readonly begin: number; readonly end: number }[] };
  }[];
}

export interface WireStatus {
  readonly state: string;
  readonly uuid?: string;
  readonly agent_id: { readonly value: string };
  readonly task_id: { readonly value: string };
}

export interface BareMesos {
  offers: (offers: readonly WireOffer[]) => void;
  update: (status: WireStatus) => void;
  /** Sends one call over the ordered connection. `members` are what follows the type, as JSON text. */
  readonly call: (type: string, members: string) => void;
  /** Sends it over the connection of acknowledgements. */
  readonly acknowledge: (status: WireStatus) => void;
  /** Acknowledgements that were answered, and answers to anything that were no 202. */
  readonly answers: () => { readonly acknowledgements: number; readonly refused: number };
  readonly end: () => void;
}

const framework = {
  user: 'nobody',
  name: 'bench',
  failover_timeout: 0,
  roles: ['*'],
  capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }, { type: 'RESERVATION_REFINEMENT' }],
};

/** Subscribes to the cluster on this port of loopback. */
export function subscribeBare(port: number): Promise<BareMesos> {
  const calls = new Pipeline(port);
  const acknowledgements = new Pipeline(port);
  let streamId = '';
  let head = '';
  const client: BareMesos = {
    offers: () => {},
    update: () => {},
    call: (type, members) => calls.post(streamId, `${head}"type":"${type}"${members}}`),
    acknowledge: ({ agent_id, task_id, uuid }) => {
      const ids = `"agent_id":{"value":"${agent_id.value}"},"task_id":{"value":"${task_id.value}"}`;
      acknowledgements.post(streamId, `${head}"type":"ACKNOWLEDGE","acknowledge":{${ids},"uuid":"${uuid}"}}`);
    },
    answers: () => {
      const all = [...calls.statuses, ...acknowledgements.statuses];
      const sum = (some: typeof all): number => some.reduce((total, [, count]) => total + count, 0);
      return {
        acknowledgements: sum([...acknowledgements.statuses]),
        refused: sum(all.filter(([status]) => status !== '202')),
      };
    },
    end: () => {
      stream.destroy();
      calls.end();
      acknowledgements.end();
    },
  };
  const headers = { 'Content-Type': 'application/json' };
  const stream = request({ port, host: '127.0.0.1', path: '/api/v1/scheduler', method: 'POST', headers });
  stream.on('error', () => {});
  stream.end(JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: framework } }));
  return new Promise((resolve) => {
    stream.on('response', (response) => {
      streamId = String(response.headers['mesos-stream-id']);
      response.on('error', () => {});
      readRecords(response, (text) => {
        const event = JSON.parse(text);
        if (event.type === 'OFFERS') client.offers(event.offers.offers);
        else if (event.type === 'UPDATE') client.update(event.update.status);
        else if (event.type === 'SUBSCRIBED') {
          head = `{"framework_id":{"value":"${event.subscribed.framework_id.value}"},`;
          resolve(client);
        }
      });
    });
  });
}

function readRecords(stream: NodeJS.ReadableStream, take: (text: string) => void): void {
  let tail: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    let at = 0;
    for (;;) {
      const newline = bytes.indexOf(10, at);
      const end = newline < 0 ? Number.POSITIVE_INFINITY : newline + 1 + Number(bytes.toString('latin1', at, newline));
      if (end > bytes.length) break;
      take(bytes.toString('utf8', newline + 1, end));
      at = end;
    }
    tail = bytes.subarray(at);
  });
}

/** Writes requests without waiting for answers and counts the answers by their status lines. */
class Pipeline {
  readonly #socket: Socket;
  #tail = '';
  #out: string[] = [];
  readonly statuses = new Map<string, number>();

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => {});
    this.#socket.on('data', (chunk: Buffer) => {
      const lines = (this.#tail + chunk.toString('latin1')).split('\r\n');
      this.#tail = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('HTTP/1.1 ')) continue;
        const status = line.slice(9, 12);
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      }
    });
  }

  /** All of a turn of the loop leave in one write. */
  post(streamId: string, body: string): void {
    const head = `POST /api/v1/scheduler HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nMesos-Stream-Id: ${streamId}\r\n`;
    this.#out.push(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    if (this.#out.length > 1) return;
    setImmediate(() => {
      this.#socket.write(this.#out.join(''));
      this.#out = [];
    });
  }

  end(): void {
    this.#socket.destroy();
  }
}
