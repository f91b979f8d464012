import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { fakeApp } from '../../support/fake-front.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { ask, listeningApi, type RawAnswer, RawClient } from '../support/api-server.ts';
import { deadUrl, deafUrl, haApi, haApiAt, httpLeader, pair, scriptedLeader } from '../support/followers.ts';

const put = { method: 'PUT', path: '/v2/apps/x', body: '{"cmd":"y"}' };
const get = { path: '/v2/apps' };
const answer200 = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

function expectTurnedAway(answer: RawAnswer, outcome: 'refused' | 'unknown' | undefined): void {
  expect([answer.status, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([
    503,
    '1',
    'application/json',
  ]);
  expect(JSON.parse(answer.body)).toEqual({ message: expect.stringMatching(/\w/) });
  expect(answer.headers['marathon-write-outcome']).toBe(outcome);
  expect(answer.headers).not.toHaveProperty('x-marathon-leader');
}

describe('without a leader (design §8)', () => {
  // deviation(servers): no leader, or the leader cannot be reached
  //   Marathon: 503 or an HTML page after a time-out
  //   here: 503 with JSON, a reason and `Retry-After: 1` after at most 1 s
  //   why: clients can act on it
  it('every request is turned away after the wait, with a reason, and writes are told that nothing was done', async () => {
    const follower = await haApi({ waitForLeaderMs: 60 });
    for (const path of ['/v2/apps', '/v2/info', '/v2/events', '/made/up', '/v2/queue/x/delay']) {
      expectTurnedAway(await ask(follower.port, { path }), undefined);
    }
    expectTurnedAway(await ask(follower.port, put), 'refused');
    expectTurnedAway(await ask(follower.port, { method: 'DELETE', path: '/v2/leader' }), 'refused');
    expect(JSON.parse((await ask(follower.port, get)).body).message).toBe('there is no leader at the moment');
    expect(follower.front.changes).toEqual([]);
  });

  it('design §5.11: a server that is named leader but cannot prove it shows no state, not even what it has rendered', async () => {
    const server = await haApi({ waitForLeaderMs: 60 });
    server.lead();
    server.front.addApp(fakeApp('/web'));
    const before = await ask(server.port, get);
    expect(before.body).toContain('/web');
    const { front } = server;
    front.clusterView = { ...front.clusterView, elected: false, notServing: 'it cannot prove that it leads' };
    const etag = String(before.headers.etag);
    for (const path of ['/v2/apps', '/v2/leader', '/v2/info', '/v2/deployments', '/v2/events']) {
      const answer = await ask(server.port, { path, headers: { 'if-none-match': etag } });
      expectTurnedAway(answer, undefined);
      expect(JSON.parse(answer.body).message).toBe('it cannot prove that it leads');
    }
    expectTurnedAway(await ask(server.port, put), 'refused');
    expect(front.changes).toEqual([]);
  });

  it('`GET /v2/leader` says at once that there is none (rest-api §6A.2)', async () => {
    const follower = await haApi({ waitForLeaderMs: 60_000 });
    const answer = await ask(follower.port, { path: '/v2/leader' });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([404, { message: 'There is no leader', details: [] }]);
  });

  it('a bounded number of requests waits; one whose client leaves waits no longer', async () => {
    const follower = await haApi({ waitForLeaderMs: 60_000 });
    const clients = Array.from(
      { length: 1_000 },
      () => new RawClient(follower.port, 'GET /v2/apps HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    await eventually('all wait', () => follower.metric('gauges', 'http.proxy.waiting') === 1_000);
    const answer = await ask(follower.port, get);
    expectTurnedAway(answer, undefined);
    expect(answer.body).toContain('too many requests wait');
    for (const { socket } of clients) socket.destroy();
    await eventually('nobody waits', () => follower.metric('gauges', 'http.proxy.waiting') === 0);
    expect(follower.metric('gauges', 'http.requests.active')).toBe(0);
  });

  it('a server that loses the lead while a body arrives refuses the write', async () => {
    const server = await haApi();
    server.lead();
    const client = new RawClient(
      server.port,
      'PUT /v2/apps/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{"cmd"',
    );
    await eventually('the request is there', () => server.metric('gauges', 'http.requests.active') === 1);
    server.follow();
    client.socket.write(':"y"}');
    await client.until(({ closed }) => closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 503 /);
    expect(client.text.toLowerCase()).toContain('marathon-write-outcome: refused');
    expect(server.front.changes).toEqual([]);
  });

  it('a single server answers as ever', async () => {
    const { port, front } = await listeningApi();
    front.clusterView = { ...front.clusterView, elected: false, leader: undefined, notServing: 'loading' };
    expect((await ask(port, get)).status).toBe(200);
    expect((await ask(port, put)).status).toBe(201);
  });
});

describe('a leader that cannot be reached', () => {
  it('gets no part of a request, so that a write is refused', async () => {
    const follower = await haApi({ waitForLeaderMs: 150 });
    follower.follow(deadUrl());
    expectTurnedAway(await ask(follower.port, get), undefined);
    expectTurnedAway(await ask(follower.port, put), 'refused');
    expectTurnedAway(await ask(follower.port, { ...put, body: Buffer.alloc(3 << 20, 'x') }), 'refused');
    expect(follower.metric('counters', 'http.proxy.failures')).toBeGreaterThan(0);
  });

  it('is given up after the wait, however long a connection may take', async () => {
    const follower = await haApi({ waitForLeaderMs: 100, connectTimeoutMs: 60_000 });
    follower.follow(await deafUrl());
    expectTurnedAway(await ask(follower.port, put), 'refused');
    expectTurnedAway(await ask(follower.port, get), undefined);
  });

  it('is tried by one request at a time, however many wait for it, and all go through once it is there', async () => {
    const waitForLeaderMs = 1_500;
    const clock = createVirtualClock();
    const follower = await haApiAt(clock, { waitForLeaderMs });
    const waitingNow = (): number => follower.metric('gauges', 'http.proxy.waiting');
    const gone = deadUrl();
    follower.follow(gone);
    const count = 200;
    const turnedAway: RawAnswer[] = [];
    for (let n = 0; n < count; n++) void ask(follower.port, get).then((answer) => turnedAway.push(answer));
    await eventually('all are answered', () => {
      clock.advance(20);
      return turnedAway.length === count;
    });
    for (const answer of turnedAway) expectTurnedAway(answer, undefined);
    // Each may have tried once before anybody knew, and then one of them every 50 ms.
    const failures = follower.metric('counters', 'http.proxy.failures');
    expect(failures).toBeGreaterThan(2);
    expect(failures).toBeLessThanOrEqual(count + (2 * waitForLeaderMs) / 50);
    const waiting = Array.from({ length: count }, () => ask(follower.port, get));
    await eventually('they wait', () => waitingNow() > count / 2);
    const back = await httpLeader((_request, response) => response.end('here'), Number(new URL(gone).port));
    await eventually('nobody waits', () => {
      clock.advance(20);
      return waitingNow() === 0;
    });
    expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(Array(count).fill('here'));
    expect(back.requests).toHaveLength(count);
  });

  it('is tried again while the request may wait, with its body whole', async () => {
    const follower = await haApi({ waitForLeaderMs: 10_000 });
    const { leader } = await pair();
    follower.follow(deadUrl());
    const waiting = ask(follower.port, put);
    await eventually('it was tried twice', () => follower.metric('counters', 'http.proxy.failures') >= 2);
    follower.follow(leader.url);
    expect((await waiting).status).toBe(201);
    expect(leader.front.changes).toHaveLength(1);
  });
});

describe('a leader that breaks', () => {
  const points: readonly [string, string][] = [
    ['before it answers', ''],
    ['within the headers', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ];

  it.each(points)('%s is asked a second time for a safe request', async (_when, part) => {
    const leader = await scriptedLeader((socket, seen, connection) => {
      if (!seen.includes('\r\n\r\n')) return;
      if (connection > 0) socket.write(answer200('again'));
      else if (part === '') socket.resetAndDestroy();
      else socket.write(part, () => socket.end());
    });
    const follower = await haApi();
    follower.follow(leader.url);
    expect((await ask(follower.port, get)).body).toBe('again');
    expect(leader.seen).toHaveLength(2);
  });

  it.each(points)('%s is never asked a second time for a write, which may have been done', async (_when, part) => {
    const leader = await scriptedLeader((socket) => {
      if (part === '') socket.resetAndDestroy();
      else socket.write(part, () => socket.end());
    });
    const follower = await haApi();
    follower.follow(leader.url);
    expectTurnedAway(await ask(follower.port, put), 'unknown');
    expectTurnedAway(await ask(follower.port, { method: 'POST', path: '/v2/apps/x/restart' }), 'unknown');
    expect(leader.seen).toHaveLength(2);
  });

  it('twice gets no third request', async () => {
    const leader = await scriptedLeader((socket) => socket.resetAndDestroy());
    const follower = await haApi();
    follower.follow(leader.url);
    expectTurnedAway(await ask(follower.port, get), undefined);
    expect(leader.seen).toHaveLength(2);
  });

  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('within an answer with %s: the client sees that it is not whole', async (_how, part) => {
    const leader = await scriptedLeader((socket) => socket.write(part, () => socket.end()));
    const follower = await haApi();
    follower.follow(leader.url);
    await expect(ask(follower.port, get)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect(leader.seen).toHaveLength(1);
  });

  it('or talks nonsense: 503', async () => {
    const leader = await scriptedLeader((socket) => socket.end('SSH-2.0-whatever\r\n\r\n'));
    const follower = await haApi();
    follower.follow(leader.url);
    expectTurnedAway(await ask(follower.port, put), 'unknown');
  });

  it('or says nothing is given up after the read time-out', async () => {
    const leader = await scriptedLeader(() => {});
    const follower = await haApi({ readTimeoutMs: 100 });
    follower.follow(leader.url);
    const [read, write] = [await ask(follower.port, get), await ask(follower.port, put)];
    expectTurnedAway(read, undefined);
    expect(read.body).toContain('did not answer in time');
    expectTurnedAway(write, 'unknown');
    await eventually('the connections are gone', () => leader.sockets.every((socket) => socket.readableEnded));
  });

  it('the read time-out waits for a client that sends slowly', async () => {
    const leader = await httpLeader((request, response) => {
      request.resume();
      request.on('end', () => response.end('thanks'));
    });
    const readTimeoutMs = 60;
    const clock = createVirtualClock();
    const follower = await haApiAt(clock, { readTimeoutMs });
    follower.follow(leader.url);
    const head = 'PUT /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\na';
    const client = new RawClient(follower.port, head);
    await eventually('the leader has the request', () => leader.requests.length === 1);
    clock.advance(4 * readTimeoutMs);
    client.socket.write('b');
    await client.until(({ closed }) => closed);
    expect(client.text).toContain('thanks');
  });

  it('or does not read an upload is given up too', async () => {
    const leader = await scriptedLeader((socket) => socket.pause());
    const follower = await haApi({ readTimeoutMs: 100 });
    follower.follow(leader.url);
    expectTurnedAway(await ask(follower.port, { ...put, body: Buffer.alloc(16 << 20, 'x') }), 'unknown');
  });
});

describe('a server that does not lead is told apart from one that fails', () => {
  const notLeading = 'HTTP/1.1 503 x\r\nX-Marathon-Not-Leading: true\r\nContent-Length: 2\r\n\r\n{}';

  it('safe requests ask on while they may wait', async () => {
    let asked = 0;
    const leader = await scriptedLeader((socket) => {
      asked += 1;
      socket.write(asked < 3 ? notLeading : answer200('at last'));
    });
    const follower = await haApi({ waitForLeaderMs: 10_000 });
    follower.follow(leader.url);
    expect((await ask(follower.port, get)).body).toBe('at last');
    expect(asked).toBe(3);
  });

  it('a write is not sent again, and was refused', async () => {
    const leader = await scriptedLeader((socket) => socket.write(notLeading));
    const follower = await haApi({ waitForLeaderMs: 10_000 });
    follower.follow(leader.url);
    expectTurnedAway(await ask(follower.port, put), 'refused');
    expect(leader.seen.join('').match(/PUT/g)).toHaveLength(1);
  });

  it('any other 503 of the leader is its answer', async () => {
    const { leader, follower } = await pair();
    const headers = { 'Retry-After': '7', 'Marathon-Write-Outcome': 'unknown' };
    leader.front.refuses = { code: 'unavailable', status: 503, message: 'the store is away', headers };
    const answer = await ask(follower.port, put);
    expect([answer.status, answer.headers['retry-after'], answer.headers['marathon-write-outcome']]).toEqual([
      503,
      '7',
      'unknown',
    ]);
  });

  it('a real server that is asked by another one does not make it wait', async () => {
    const { leader, follower } = await pair({ waitForLeaderMs: 60_000 });
    leader.follow();
    expectTurnedAway(await ask(follower.port, put), 'refused');
  });
});

describe('servers that take each other for the leader', () => {
  it('notice it at once: 502 (rest-api §1.6)', async () => {
    const [one, two] = [await haApi({ waitForLeaderMs: 60_000 }), await haApi({ waitForLeaderMs: 60_000 })];
    one.follow(two.url);
    two.follow(one.url);
    const read = await ask(one.port, get);
    expect([read.status, JSON.parse(read.body)]).toEqual([502, { message: 'Detected proxying loop.' }]);
    const write = await ask(two.port, put);
    expect([write.status, write.headers['marathon-write-outcome']]).toEqual([502, 'refused']);
    expect(one.metric('counters', 'http.proxy.loops')).toBe(1);
    one.follow(one.url);
    expect((await ask(one.port, get)).status).toBe(502);
  });
});

describe('too many requests to the leader', () => {
  it('wait for a free connection, and are turned away after the wait', async () => {
    const open: (() => void)[] = [];
    const leader = await httpLeader((_request, response) => void open.push(() => response.end('free')));
    const clock = createVirtualClock();
    const waitForLeaderMs = 60_000;
    const follower = await haApiAt(clock, { maxConnections: 2, waitForLeaderMs, readTimeoutMs: 10 * waitForLeaderMs });
    const oneWaits = (): boolean => follower.metric('gauges', 'http.proxy.waiting') === 1;
    follower.follow(leader.url);
    const [first, second] = [ask(follower.port, get), ask(follower.port, put)];
    await eventually('two are under way', () => open.length === 2);
    const late = ask(follower.port, put);
    await eventually('another one waits', oneWaits);
    clock.advance(waitForLeaderMs);
    const turnedAway = await late;
    expectTurnedAway(turnedAway, 'refused');
    expect(turnedAway.body).toContain('too many requests');
    const third = ask(follower.port, get);
    await eventually('it waits', oneWaits);
    open[0]?.();
    expect((await first).body).toBe('free');
    await eventually('the third one is under way', () => {
      clock.advance(20);
      return open.length === 3;
    });
    for (const end of open) end();
    expect([(await second).body, (await third).body]).toEqual(['free', 'free']);
  });
});
