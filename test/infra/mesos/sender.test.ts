import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/infra/mesos/http-answers.ts';
import {
  createPipelinedSender,
  defaultSenderLimits,
  type PipelinedSender,
  type SenderLimits,
} from '../../../src/infra/mesos/sender.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createInbox, type Inbox } from './fake-master.ts';

/** One request as it came over a bare socket. */
interface Request {
  readonly body: string;
  readonly connection: number;
  readonly socket: Socket;
}

type Outcome = readonly ['answered', number, Answer] | readonly ['lost', number, string];

const head = 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: ';
const accepted = 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';

describe('the pipelined sender', () => {
  let server: Server;
  let requests: Inbox<Request>;
  let outcomes: Inbox<Outcome>;
  let clock: FakeClock;
  let senders: PipelinedSender<number>[];
  let sockets: Set<Socket>;
  let connections: number;
  let port: number;

  beforeEach(async () => {
    requests = createInbox();
    outcomes = createInbox();
    clock = createFakeClock();
    senders = [];
    sockets = new Set();
    connections = 0;
    server = createServer((socket) => {
      connections += 1;
      const connection = connections;
      sockets.add(socket);
      let bytes = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        for (;;) {
          const end = bytes.indexOf('\r\n\r\n');
          const length = Number(/Content-Length: (\d+)/.exec(bytes.subarray(0, Math.max(end, 0)).toString())?.[1]);
          if (end < 0 || bytes.length < end + 4 + length) return;
          requests.put({ body: bytes.subarray(end + 4, end + 4 + length).toString(), connection, socket });
          bytes = bytes.subarray(end + 4 + length);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });

  afterEach(async () => {
    for (const sender of senders) sender.close('end of test');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  function sender(limits: Partial<SenderLimits> = {}): PipelinedSender<number> {
    const made = createPipelinedSender<number>({
      host: '127.0.0.1',
      port,
      tls: undefined,
      head,
      limits: { ...defaultSenderLimits, ...limits },
      clock,
      ids: { uuid: () => '', timeUuid: () => '', random: () => 0.5 },
      answered: (call, answer) => outcomes.put(['answered', call, answer]),
      lost: (call, reason) => outcomes.put(['lost', call, reason]),
      trouble: () => {},
    });
    senders.push(made);
    return made;
  }

  async function take(count: number): Promise<Request[]> {
    const taken: Request[] = [];
    while (taken.length < count) taken.push(await requests.next());
    return taken;
  }

  it('sends without waiting for answers and matches them by order', async () => {
    const pipe = sender();
    for (let n = 0; n < 500; n += 1) pipe.send(`body ${n}`, n);
    const taken = await take(500);
    expect(taken.map((request) => request.body)).toEqual(Array.from({ length: 500 }, (_, n) => `body ${n}`));
    expect(pipe.unanswered()).toBe(500);
    const statuses = Array.from({ length: 500 }, (_, n) => 200 + (n % 300));
    const answers = statuses.map((status) => `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`).join('');
    taken[0]?.socket.write(answers.replaceAll(/ (204|304) /g, ' 205 '));
    for (let n = 0; n < 500; n += 1) expect((await outcomes.next()).slice(0, 2)).toEqual(['answered', n]);
  });

  it('counts bytes and not characters', async () => {
    const pipe = sender();
    const bodies = ['plain', 'größe €𝄞', 'plain again'];
    for (const [n, body] of bodies.entries()) pipe.send(body, n);
    expect((await take(3)).map((request) => request.body)).toEqual(bodies);
  });

  it('carries bodies of many megabytes', async () => {
    const body = '€'.repeat(4 * 1024 * 1024);
    sender().send(body, 1);
    expect((await requests.next()).body === body).toBe(true);
  });

  it('holds back what exceeds the window until answers come', async () => {
    const pipe = sender({ maxUnanswered: 2 });
    for (let n = 0; n < 5; n += 1) pipe.send(`b${n}`, n);
    const first = await take(2);
    expect([pipe.unanswered(), pipe.queued()]).toEqual([2, 3]);
    first[0]?.socket.write(accepted);
    await outcomes.next();
    expect((await requests.next()).body).toBe('b2');
    expect(pipe.queued()).toBe(2);
    first[0]?.socket.write(accepted + accepted);
    expect((await take(2)).map((request) => request.body)).toEqual(['b3', 'b4']);
  });

  it('bounds the window in bytes too, but lets one large call pass alone', async () => {
    const pipe = sender({ maxUnansweredBytes: 1_000 });
    pipe.send('x'.repeat(5_000), 1);
    pipe.send('small', 2);
    const large = await requests.next();
    expect([pipe.unanswered(), pipe.queued()]).toEqual([1, 1]);
    large.socket.write(accepted);
    expect((await requests.next()).body).toBe('small');
  });

  it('turns calls away when the queue is full', () => {
    const pipe = sender({ maxQueued: 2 });
    expect([pipe.send('1', 1), pipe.send('2', 2), pipe.send('3', 3)]).toEqual([true, true, false]);
    const bytes = sender({ maxQueuedBytes: 100 });
    expect([bytes.send('x', 1), bytes.send('x'.repeat(100), 2)]).toEqual([true, false]);
  });

  it('loses what was unanswered when the server closes after an answer, and sends the rest anew', async () => {
    const pipe = sender({ maxUnanswered: 3 });
    for (let n = 0; n < 5; n += 1) pipe.send(`b${n}`, n);
    const [first] = await take(3);
    first?.socket.write(`${accepted}HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    expect((await outcomes.next()).slice(0, 2)).toEqual(['answered', 0]);
    expect((await outcomes.next()).slice(0, 2)).toEqual(['answered', 1]);
    expect((await outcomes.next()).slice(0, 2)).toEqual(['lost', 2]);
    await clock.pass(0, 50);
    const next = await requests.next();
    next.socket.write(accepted);
    const last = await requests.next();
    expect([next.body, next.connection, last.body, last.connection]).toEqual(['b3', 2, 'b4', 2]);
    expect(requests.unread()).toEqual([]);
  });

  it('loses nothing more to a server that closes behind every answer', async () => {
    const pipe = sender({ maxUnanswered: 3 });
    for (let n = 0; n < 6; n += 1) pipe.send(`b${n}`, n);
    const [first] = await take(3);
    const closing = 'HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
    first?.socket.write(closing);
    for (const call of [3, 4, 5]) {
      await clock.pass(0, 5_000);
      const { body, socket } = await requests.next();
      expect(body).toBe(`b${call}`);
      socket.write(closing);
    }
    while (pipe.unanswered() > 0) await outcomes.next();
    expect(outcomes.unread().filter(([how]) => how === 'lost')).toEqual([]);
  });

  it('understands chunked answers between others', async () => {
    const pipe = sender();
    for (let n = 0; n < 3; n += 1) pipe.send(`b${n}`, n);
    const [first] = await take(3);
    first?.socket.write(
      `${accepted}HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n4\r\n one\r\n0\r\n\r\n${accepted}`,
    );
    await outcomes.next();
    expect(await outcomes.next()).toMatchObject(['answered', 1, { status: 400, body: 'bad one' }]);
    expect(await outcomes.next()).toMatchObject(['answered', 2, { status: 202 }]);
  });

  it('opens a new connection for the next call after an idle one was closed', async () => {
    const pipe = sender();
    pipe.send('1', 1);
    const { socket } = await requests.next();
    socket.write(accepted);
    await outcomes.next();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.end();
    await closed;
    pipe.send('2', 2);
    const next = await requests.next();
    expect([next.body, next.connection]).toEqual(['2', 2]);
  });

  it('gives up the connection after bytes that are no answer, or that nobody asked for', async () => {
    const pipe = sender();
    pipe.send('1', 1);
    (await requests.next()).socket.write('SSH-2.0-OpenSSH\r\n\r\n');
    expect(await outcomes.next()).toEqual(['lost', 1, 'not an HTTP answer']);
    pipe.send('2', 2);
    (await requests.next()).socket.write(accepted + accepted);
    expect((await outcomes.next()).slice(0, 2)).toEqual(['answered', 2]);
    pipe.send('3', 3);
    const third = await requests.next();
    expect([third.body, third.connection]).toEqual(['3', 3]);
  });

  it('keeps calls while it cannot connect, and loses them when that lasts', async () => {
    await new Promise((resolve) => server.close(resolve));
    const pipe = sender({ answerTimeoutMs: 1_000 });
    pipe.send('1', 1);
    let waitedMs = 0;
    while (waitedMs < 1_000) waitedMs += await clock.pass(0, 5_000);
    expect((await outcomes.next()).slice(0, 2)).toEqual(['lost', 1]);
  });

  it('reports everything as lost when it is closed, and nothing afterwards', async () => {
    const pipe = sender({ maxUnanswered: 1 });
    pipe.send('1', 1);
    pipe.send('2', 2);
    const { socket } = await requests.next();
    pipe.close('done');
    expect(outcomes.unread()).toEqual([
      ['lost', 1, 'done'],
      ['lost', 2, 'done'],
    ]);
    expect(pipe.send('3', 3)).toBe(false);
    await new Promise((resolve) => socket.on('close', resolve));
    expect(outcomes.unread().length).toBe(2);
  });
});
