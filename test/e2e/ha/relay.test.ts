/** The relay that the scenarios of this folder trust. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Relay, startRelay } from '../../support/relay.ts';

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

/** A server that sends back what it gets, in capitals, and remembers it. */
async function startEcho(): Promise<{ readonly address: string; readonly heard: () => string }> {
  let heard = '';
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      heard += data.toString();
      socket.write(data.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const { port } = server.address() as { port: number };
  return { address: `127.0.0.1:${port}`, heard: () => heard };
}

interface Client {
  readonly send: (text: string) => void;
  readonly got: () => string;
  readonly error: () => string | undefined;
  readonly isClosed: () => boolean;
}

async function startClient(relay: Relay): Promise<Client> {
  const port = Number(relay.address.split(':')[1]);
  const socket = connect(port, '127.0.0.1');
  const seen = { got: '', error: undefined as string | undefined, closed: false };
  socket.on('data', (data: Buffer) => {
    seen.got += data.toString();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code;
  });
  socket.on('close', () => {
    seen.closed = true;
  });
  opened.push({ close: () => socket.destroy() });
  await Promise.race([once(socket, 'connect'), new Promise((resolve) => socket.once('close', resolve))]).catch(
    () => {},
  );
  return {
    send: (text) => void socket.write(text),
    got: () => seen.got,
    error: () => seen.error,
    isClosed: () => seen.closed,
  };
}

async function setUp(): Promise<{ relay: Relay; client: Client; heard: () => string }> {
  const echo = await startEcho();
  const relay = await startRelay(echo.address);
  opened.push(relay);
  const client = await startClient(relay);
  client.send('a');
  await eventually('an echo', () => client.got() === 'A');
  return { relay, client, heard: echo.heard };
}

/** Long enough for bytes on loopback to arrive if nothing holds them. */
const settleMs = 100;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, settleMs));

describe('the relay', () => {
  it('passes bytes both ways and counts them', async () => {
    const { relay, client } = await setUp();
    client.send('bc');
    await eventually('all', () => client.got() === 'ABC');
    expect([relay.passed('toTarget'), relay.passed('toClient')]).toEqual([3, 3]);
    expect([relay.connections(), relay.accepted()]).toEqual([1, 1]);
  });

  it('a cut by reset breaks what is there and what comes, until it is healed', async () => {
    const { relay, client, heard } = await setUp();
    relay.cut('reset');
    await eventually('a reset', () => client.error() === 'ECONNRESET');
    const second = await startClient(relay);
    await eventually('another reset', () => second.isClosed());
    relay.heal();
    const third = await startClient(relay);
    third.send('x');
    await eventually('an echo', () => third.got() === 'X');
    expect(heard()).toBe('ax');
  });

  it('a black hole keeps connections open and silent, and gives up what it held when healed', async () => {
    const { relay, client, heard } = await setUp();
    relay.cut('blackHole');
    client.send('b');
    const second = await startClient(relay);
    second.send('c');
    await settle();
    expect([client.got(), second.got(), heard()]).toEqual(['A', '', 'a']);
    expect([client.isClosed(), second.isClosed()]).toEqual([false, false]);
    relay.heal();
    await eventually('both', () => client.got() === 'AB' && second.got() === 'C');
  });

  it('stalled answers: the request arrives, the answer does not, and a reset then loses it for good', async () => {
    const { relay, client, heard } = await setUp();
    relay.stall('toClient');
    client.send('b');
    await eventually('the request', () => heard() === 'ab');
    await settle();
    expect(client.got()).toBe('A');
    relay.reset();
    await eventually('the end', () => client.isClosed());
    relay.flow();
    expect(client.got()).toBe('A');
  });

  it('stalled requests arrive in order once they flow', async () => {
    const { relay, client, heard } = await setUp();
    relay.stall('toTarget');
    client.send('b');
    client.send('c');
    await settle();
    expect(heard()).toBe('a');
    relay.flow();
    await eventually('both', () => heard() === 'abc');
  });

  it('delays without reordering', async () => {
    const { relay, client, heard } = await setUp();
    let arrived = '';
    relay.inspect(({ direction, data }) => {
      if (direction === 'toTarget') arrived += data.toString();
      return 'pass';
    });
    relay.delay(400);
    const startedMs = performance.now();
    client.send('b');
    await eventually('it is at the relay', () => arrived === 'b');
    relay.delay(0);
    client.send('c');
    await eventually('both', () => heard() === 'abc');
    expect(performance.now() - startedMs).toBeGreaterThan(350);
  });

  it('breaks after exactly so many bytes', async () => {
    const { relay, client, heard } = await setUp();
    relay.breakAfter('toTarget', 3);
    client.send('bcdef');
    await eventually('the end', () => client.isClosed());
    await eventually('three bytes', () => heard() === 'abcd');
    const next = await startClient(relay);
    next.send('xyz');
    await eventually('an echo', () => next.got() === 'XYZ');
  });

  it('breaks on both sides when either side ends or cannot be reached', async () => {
    const relay = await startRelay('127.0.0.1:1');
    opened.push(relay);
    const client = await startClient(relay);
    await eventually('the end', () => client.isClosed() && relay.connections() === 0);
  });
});
