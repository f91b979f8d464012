/**
 * A master that is nothing but a counter and a hose, in a process of its own (fork it): answers every call at once and counts them
 * by type, remembers the tasks that ACCEPTs launch, and on command sends offers or updates as fast as the stream takes them.
 *
 *     {type: 'offers', count, cpus}      one event of so many offers, each of an agent of its own
 *     {type: 'updates', states, rounds}  for each task these states in turn, all of it so often -> {sent} when written
 *     {type: 'hose', records}            RUNNING updates of made-up tasks -> {sent}
 *     {type: 'counts'}                   -> {counts, tasks}, and begins to count anew
 */
import { createServer, type Socket } from 'node:net';
import { taskId } from './mesos-samples.ts';

export type SinkOrder =
  | { readonly type: 'offers'; readonly count: number; readonly cpus: number }
  | { readonly type: 'updates'; readonly states: readonly string[]; readonly rounds: number }
  | { readonly type: 'hose'; readonly records: number }
  | { readonly type: 'counts' };

export interface SinkCounts {
  readonly counts: Readonly<Record<string, number>>;
  readonly tasks: number;
}

export const frameworkId = '3f3978e3-95a7-4391-9c35-1056b19a04a3-0000';
const accepted = 'HTTP/1.1 202 Accepted\r\nDate: Sun, 22 Nov 2026 11:33:35 GMT\r\nContent-Length: 0\r\n\r\n';
/** Bytes of each answer to a call. */
export const answerBytes = accepted.length;

interface Launched {
  readonly id: string;
  readonly agent: string;
}

const counts: Record<string, number> = {};
const tasks: Launched[] = [];
let stream: Socket | undefined;
let uuids = 0;
let offers = 0;

/** One HTTP chunk per record, as a real master sends them. */
function streamChunk(record: string): string {
  const framed = `${record.length}\n${record}`;
  return `${framed.length.toString(16)}\r\n${framed}\r\n`;
}

export function updateRecord({ id, agent }: Launched, state: string, uuid: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(uuid >>> 0, 12);
  return JSON.stringify({
    type: 'UPDATE',
    update: {
      status: {
        task_id: { value: id },
        state,
        source: 'SOURCE_EXECUTOR',
        agent_id: { value: agent },
        executor_id: { value: id },
        timestamp: 1795347222.591963,
        uuid: bytes.toString('base64'),
        container_status: {
          container_id: { value: 'f64e1957-e85c-41e1-a7bc-db3acc4bf0ac' },
          network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
          executor_pid: 1648,
        },
      },
    },
  });
}

function offer(cpus: number): object {
  const n = offers++;
  const allocation_info = { role: '*' };
  const scalar = (name: string, value: number) => ({ name, type: 'SCALAR', scalar: { value }, allocation_info });
  return {
    id: { value: `O${n}` },
    framework_id: { value: frameworkId },
    agent_id: { value: `S${n}` },
    hostname: `host-${n}.example.org`,
    allocation_info,
    resources: [
      scalar('cpus', cpus),
      scalar('mem', 1_000_000),
      scalar('disk', 1_000_000),
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 10_000, end: 60_000 }] }, allocation_info },
    ],
  };
}

function subscribe(socket: Socket): void {
  stream = socket;
  socket.setNoDelay(true);
  socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: s\r\n\r\n');
  const subscribed = { framework_id: { value: frameworkId }, heartbeat_interval_seconds: 3600 };
  socket.write(streamChunk(JSON.stringify({ type: 'SUBSCRIBED', subscribed })));
}

interface AcceptBody {
  readonly accept: {
    readonly operations: readonly {
      readonly launch?: {
        readonly task_infos: readonly { readonly task_id: { value: string }; readonly agent_id: { value: string } }[];
      };
    }[];
  };
}

let learnsTasks = false;

function take(type: string, body: string): void {
  counts[type] = (counts[type] ?? 0) + 1;
  if (type !== 'ACCEPT' || !learnsTasks) return;
  for (const { launch } of (JSON.parse(body) as AcceptBody).accept.operations) {
    for (const info of launch?.task_infos ?? []) tasks.push({ id: info.task_id.value, agent: info.agent_id.value });
  }
}

/** Takes the whole requests off the front of `text`; gives the rest. */
function readRequests(socket: Socket, text: string): string {
  let at = 0;
  let answers = '';
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at);
    const length = text.indexOf('ontent-Length: ', at);
    if (end < 0 || length < 0 || length > end) break;
    const next = end + 4 + Number.parseInt(text.slice(length + 15, end), 10);
    if (next > text.length) break;
    const from = text.indexOf('"type":"', end + 4) + 8;
    const type = text.slice(from, text.indexOf('"', from));
    if (type === 'SUBSCRIBE') subscribe(socket);
    else {
      answers += accepted;
      take(type, text.slice(end + 4, next));
    }
    at = next;
  }
  if (answers !== '') socket.write(answers, 'latin1');
  return text.slice(at);
}

async function write(text: string): Promise<void> {
  if (stream?.write(text) === false) await new Promise((resolve) => stream?.once('drain', resolve));
}

/** Writes records in pieces of a few hundred. */
async function hose(records: Iterable<string>): Promise<number> {
  let sent = 0;
  let out = '';
  for (const record of records) {
    out += streamChunk(record);
    if (++sent % 250 > 0) continue;
    await write(out);
    out = '';
  }
  await write(out);
  return sent;
}

function* updates(states: readonly string[], rounds: number): Iterable<string> {
  for (let round = 0; round < rounds; round++) {
    for (const state of states) for (const task of tasks) yield updateRecord(task, state, ++uuids);
  }
}

function* inventedUpdates(records: number): Iterable<string> {
  for (let n = 0; n < records; n++) {
    yield updateRecord({ id: taskId(n % 1_000), agent: 'S0' }, 'TASK_RUNNING', n);
  }
}

async function obey(order: SinkOrder): Promise<void> {
  switch (order.type) {
    case 'offers': {
      learnsTasks = true;
      const all = Array.from({ length: order.count }, () => offer(order.cpus));
      await write(streamChunk(JSON.stringify({ type: 'OFFERS', offers: { offers: all } })));
      return;
    }
    case 'updates':
      process.send?.({ sent: await hose(updates(order.states, order.rounds)) });
      return;
    case 'hose':
      process.send?.({ sent: await hose(inventedUpdates(order.records)) });
      return;
    case 'counts':
      process.send?.({ counts: { ...counts }, tasks: tasks.length });
      for (const type of Object.keys(counts)) delete counts[type];
  }
}

if (process.send !== undefined) {
  const server = createServer((socket) => {
    let rest = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      // Clients differ in how they write it.
      rest = readRequests(socket, (rest + chunk.toString('latin1')).replaceAll('content-length', 'Content-Length'));
    });
  });
  process.on('message', (order: SinkOrder) => void obey(order));
  process.on('disconnect', () => process.exit(0));
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
}
