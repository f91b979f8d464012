/** A subscriber of HTTP callbacks gets every event in order, through a crash of its own and one of the server. */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { inPlayground } from '../support/processes.ts';
import { startCluster, startServer } from '../support/stack.ts';

const secret = 'not a very secret secret';

interface Posted {
  readonly id: string;
  readonly type: string;
  readonly isSigned: boolean;
}

/** Collects what is posted; answers 500 while it is ill. */
class Hook {
  readonly posted: Posted[] = [];
  isIll = false;
  readonly #server: Server;
  url = '';

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const [, seconds, hex] = /^t=(\d+),sha256=(\w+)$/.exec(String(request.headers['marathon-signature'])) ?? [];
        const wanted = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex');
        if (!this.isIll) {
          const { eventType } = JSON.parse(body.toString()) as { eventType: string };
          const id = String(request.headers['marathon-event-id'] ?? '');
          this.posted.push({ id, type: eventType, isSigned: hex === wanted });
        }
        response.writeHead(this.isIll ? 500 : 200).end();
      });
    });
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/hook`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Numbers of durable events, each once, in the order in which they came first. */
  numbers(): readonly number[] {
    const ids = this.posted.flatMap(({ id }) => (id === '' ? [] : [Number(id.split('.')[1])]));
    return [...new Set(ids)];
  }
}

describe('HTTP callbacks', () => {
  it('bring every event once or more, in order, through a crash on either side', async () => {
    const hook = new Hook();
    await hook.open();
    try {
      await inPlayground(async (playground) => {
        const cluster = await startCluster(playground, ['--simulate']);
        const flags = ['--event_subscriber', 'http_callback'];
        const first = await startServer(playground, cluster.address, flags);
        await first.rest.must('POST', `/v2/eventSubscriptions?callbackUrl=${encodeURIComponent(hook.url)}`, { secret });
        const app = { cmd: 'sleep 1000', cpus: 0.01, mem: 1, instances: 2 };
        await first.rest.must('PUT', '/v2/apps/one', app);
        await first.rest.running('/one', 2);
        await eventually('the events of the first app', () => hook.posted.some(isSuccess));
        hook.isIll = true;
        await first.rest.must('PUT', '/v2/apps/two', app);
        await first.rest.running('/two', 2);
        await first.program.end('SIGKILL');
        first.rest.close();
        hook.isIll = false;
        const { rest } = await startServer(playground, cluster.address, flags);
        expect((await rest.get('/v2/eventSubscriptions')).json()).toEqual({ callbackUrls: [hook.url] });
        await rest.must('PUT', '/v2/apps/three', app);
        await rest.running('/three', 2);
        await eventually('the events of all three', () => hook.posted.filter(isSuccess).length >= 3, 30_000);
        const numbers = hook.numbers();
        expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
        expect(hook.posted.every(({ isSigned }) => isSigned)).toBe(true);
        expect(hook.posted.filter(({ type }) => type === 'subscribe_event')).not.toEqual([]);
        rest.close();
      });
    } finally {
      hook.close();
    }
  });
});

const isSuccess = ({ type }: Posted): boolean => type === 'deployment_success';
