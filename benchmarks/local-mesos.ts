/**
 * How many launches a second the simulated cluster serves to a bare client that does nothing but accept and acknowledge, over
 * pipelined connections, the cluster in its own process. Prints one JSON line. Usage:
 *
 *     node --import tsx benchmarks/local-mesos.ts [--tasks 100000] [--agents 2000] [--per_accept 10]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    agents: { type: 'string', default: '2000' },
    per_accept: { type: 'string', default: '10' },
  },
});
const wanted = Number(values.tasks);
const perAccept = Number(values.per_accept);

interface WireOffer {
  readonly id: { readonly value: string };
  readonly agent_id: { readonly value: string };
  readonly resources: readonly {
    readonly name: string;
    readonly scalar?: { readonly value: number };
    readonly ranges?: { readonly range: readonly { readonly begin: number; readonly end: number }[] };
  }[];
}

/** Writes requests without waiting for answers and counts the answers by their status lines. */
class Pipeline {
  readonly #socket: Socket;
  #tail = '';
  readonly statuses = new Map<string, number>();

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => {
      const text = this.#tail + chunk.toString('latin1');
      const lines = text.split('\r\n');
      this.#tail = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('HTTP/1.1 ')) continue;
        const status = line.slice(9, 12);
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      }
    });
  }

  post(streamId: string, body: string): void {
    const head = `POST /api/v1/scheduler HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nMesos-Stream-Id: ${streamId}\r\n`;
    this.#socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  end(): void {
    this.#socket.destroy();
  }
}

const environment = Array.from({ length: 12 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value-${i}` }));

function taskJson(id: string, agentId: string, port: number): string {
  return JSON.stringify({
    name: 'bench',
    task_id: { value: id },
    agent_id: { value: agentId },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] } },
    ],
    command: { shell: true, value: 'sleep 1000', environment: { variables: environment } },
    labels: { labels: [{ key: 'team', value: 'bench' }] },
  });
}

class BareClient {
  readonly #calls: Pipeline;
  readonly #acks: Pipeline;
  #streamId = '';
  #frameworkId = '';
  #launched = 0;
  running = 0;
  #tail: Buffer = Buffer.alloc(0);
  readonly done: Promise<void>;
  #finish: () => void = () => {};
  startedAt = 0;

  constructor(port: number) {
    this.#calls = new Pipeline(port);
    this.#acks = new Pipeline(port);
    this.done = new Promise((finish) => {
      this.#finish = finish;
    });
    const info = {
      user: 'root',
      name: 'bench',
      failover_timeout: 0,
      roles: ['*'],
      capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }, { type: 'RESERVATION_REFINEMENT' }],
    };
    const headers = { 'Content-Type': 'application/json' };
    const req = request({ port, host: '127.0.0.1', path: '/api/v1/scheduler', method: 'POST', headers }, (res) => {
      this.#streamId = String(res.headers['mesos-stream-id']);
      res.on('data', (chunk: Buffer) => this.#feed(chunk));
    });
    req.end(JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: info } }));
  }

  #feed(chunk: Buffer): void {
    this.#tail = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    for (;;) {
      const newline = this.#tail.indexOf(10);
      if (newline < 0) return;
      const end = newline + 1 + Number(this.#tail.toString('latin1', 0, newline));
      if (end > this.#tail.length) return;
      this.#take(JSON.parse(this.#tail.toString('utf8', newline + 1, end)));
      this.#tail = this.#tail.subarray(end);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: a bare client trusts what it reads.
  #take(event: any): void {
    if (event.type === 'SUBSCRIBED') this.#frameworkId = event.subscribed.framework_id.value;
    else if (event.type === 'OFFERS') for (const offer of event.offers.offers) this.#accept(offer);
    else if (event.type === 'UPDATE') this.#acknowledge(event.update.status);
  }

  #accept(offer: WireOffer): void {
    if (this.startedAt === 0) this.startedAt = performance.now();
    const cpus = offer.resources.find(({ name }) => name === 'cpus')?.scalar?.value ?? 0;
    const ports = offer.resources
      .flatMap(({ ranges }) => ranges?.range ?? [])
      .flatMap(({ begin, end }) => range(begin, end));
    const fit = Math.min(perAccept, Math.floor(cpus / 0.1 + 1e-6), ports.length, wanted - this.#launched);
    const tasks: string[] = [];
    for (let i = 0; i < fit; i++)
      tasks.push(taskJson(`bench.${this.#launched++}`, offer.agent_id.value, ports[i] ?? 0));
    const launch = `{"type":"LAUNCH","launch":{"task_infos":[${tasks.join(',')}]}}`;
    const accept = `{"offer_ids":[{"value":"${offer.id.value}"}],"operations":[${launch}],"filters":{"refuse_seconds":0}}`;
    this.#calls.post(
      this.#streamId,
      `{"framework_id":{"value":"${this.#frameworkId}"},"type":"ACCEPT","accept":${accept}}`,
    );
  }

  // biome-ignore lint/suspicious/noExplicitAny: a bare client trusts what it reads.
  #acknowledge(status: any): void {
    if (status.state !== 'TASK_RUNNING') throw new Error(`unexpected ${JSON.stringify(status)}`);
    const ids = `"agent_id":{"value":"${status.agent_id.value}"},"task_id":{"value":"${status.task_id.value}"}`;
    const body = `{"framework_id":{"value":"${this.#frameworkId}"},"type":"ACKNOWLEDGE","acknowledge":{${ids},"uuid":"${status.uuid}"}}`;
    this.#acks.post(this.#streamId, body);
    if (++this.running === wanted) this.#finish();
  }

  end(): void {
    this.#calls.end();
    this.#acks.end();
  }

  refusals(): number {
    const all = [...this.#calls.statuses, ...this.#acks.statuses];
    return all.filter(([status]) => status !== '202').reduce((sum, [, count]) => sum + count, 0);
  }
}

const range = (begin: number, end: number): number[] =>
  Array.from({ length: Math.min(end - begin + 1, perAccept) }, (_, i) => begin + i);

async function main(): Promise<void> {
  const workDir = mkdtempSync(join(tmpdir(), 'bench-mesos-'));
  const entry = resolve(import.meta.dirname, '../src/local-mesos/main.ts');
  const code = `import(${JSON.stringify(entry)}).then((m) => m.runLocalMesos(process.argv.slice(1)))`;
  const flags = ['--simulate', '--port', '0', '--agents', values.agents, '--work_dir', workDir];
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', code, '--', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((found) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const match = /:(\d+)\s*$/.exec(chunk.toString());
      if (match !== null) found(Number(match[1]));
    });
  });
  const client = new BareClient(port);
  await client.done;
  const seconds = (performance.now() - client.startedAt) / 1000;
  const metrics = (await (await fetch(`http://127.0.0.1:${port}/metrics/snapshot`)).json()) as Record<string, number>;
  const figure = {
    benchmark: 'local-mesos',
    agents: Number(values.agents),
    tasks: client.running,
    tasks_per_accept: perAccept,
    seconds: Number(seconds.toFixed(3)),
    launches_per_second: Math.round(client.running / seconds),
    refused_calls: client.refusals(),
    running_by_metrics: metrics['master/tasks_running'],
    cluster_rss_mib: Math.round((metrics['system/mem_rss_bytes'] ?? 0) / 1024 ** 2),
  };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
  client.end();
  child.kill('SIGTERM');
  await new Promise((ended) => child.on('exit', ended));
  rmSync(workDir, { recursive: true, force: true });
}

await main();
