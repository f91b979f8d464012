/** What the storms use to hurt records on their way, and the slow network, against a server that is nothing but bytes. */
import { createServer as createHttpServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRecordDecoder } from '../../src/infra/mesos/recordio.ts';
import { eventually } from '../support/eventually.ts';
import { type Chances, type Meddler, meddleWith } from '../support/mesos-faults/meddler.ts';
import { randomFrom } from '../support/random.ts';
import { type Relay, startRelay } from '../support/relay.ts';

const update = (n: number): string => JSON.stringify({ type: 'UPDATE', update: { n, text: 'ü'.repeat(200) } });
const other = (n: number): string => JSON.stringify({ type: 'RESCIND', n });
const idOf = (record: string): string => record.slice(0, 40);

interface Scene {
  readonly relay: Relay;
  readonly meddler: Meddler;
  /** The answers that streams are written to. */
  readonly streams: ServerResponse[];
  readonly close: () => Promise<void>;
}

let scene: Scene;
beforeEach(async () => {
  const streams: ServerResponse[] = [];
  const server = createHttpServer((req, res) => {
    req.resume();
    req.on('end', () => {
      if (req.headers['mesos-stream-id'] !== undefined) {
        res.writeHead(202).end();
        return;
      }
      res.writeHead(200, { 'Mesos-Stream-Id': 's' });
      res.flushHeaders();
      streams.push(res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relay = await startRelay(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  scene = {
    relay,
    meddler: meddleWith(relay, randomFrom(1)),
    streams,
    close: async () => {
      await relay.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
});
afterEach(() => scene.close());

interface Reader {
  readonly records: string[];
  readonly faults: string[];
  isOver: boolean;
}

/** Subscribes through the relay. */
async function subscribe(): Promise<Reader> {
  const reader: Reader = { records: [], faults: [], isOver: false };
  const decoder = createRecordDecoder((record) => reader.records.push(record));
  const before = scene.streams.length;
  const call = request(`http://${scene.relay.address}/`, { method: 'POST', agent: false }, (res) => {
    res.on('data', (chunk: Buffer) => {
      const fault = decoder.push(chunk);
      if (fault !== undefined) reader.faults.push(fault.message);
    });
    res.on('error', () => {});
    res.on('close', () => {
      reader.isOver = true;
    });
  });
  call.on('error', () => {});
  call.end('{"type":"SUBSCRIBE"}');
  await eventually('a stream', () => scene.streams.length > before);
  return reader;
}

function send(...records: readonly string[]): void {
  for (const record of records) scene.streams.at(-1)?.write(`${Buffer.byteLength(record)}\n${record}`);
}

/** Sends ten updates between other records and gives what arrives, up to the last record. */
async function hurt(chances: Chances): Promise<readonly string[]> {
  scene.meddler.meddle(chances);
  const reader = await subscribe();
  for (let n = 0; n < 10; n++) send(update(n), other(n));
  scene.meddler.meddle(chances);
  send(other(99));
  await eventually('the last record', () => reader.records.includes(other(99)));
  await eventually('all that comes at all', () => {
    const { passed, lost, doubled, delayed, swapped } = scene.meddler.tally();
    return (
      reader.records.length === 11 + passed + 2 * doubled + delayed + swapped &&
      passed + lost + doubled + delayed + swapped === 10
    );
  });
  expect(reader.faults).toEqual([]);
  return reader.records;
}

const updatesIn = (records: readonly string[]): readonly string[] =>
  records.filter((record) => record.includes('"UPDATE"'));
const updates = Array.from({ length: 10 }, (_, n) => update(n));

describe('records on their way', () => {
  it('pass as they are when nobody meddles', async () => {
    expect(updatesIn(await hurt({}))).toEqual(updates);
  });

  it('are lost, and only updates are', async () => {
    const records = await hurt({ lose: 1 });
    expect(records.map(idOf)).toEqual([...Array.from({ length: 10 }, (_, n) => other(n)), other(99)].map(idOf));
    expect(scene.meddler.tally().lost).toBe(10);
  });

  it('are doubled', async () => {
    expect(updatesIn(await hurt({ double: 1 }))).toEqual(updates.flatMap((one) => [one, one]));
  });

  it('are late, but come', async () => {
    const found = updatesIn(await hurt({ delay: 1 }));
    expect([...found].sort()).toEqual([...updates].sort());
    expect(scene.meddler.tally().delayed).toBe(10);
  });

  it('are overtaken by the next record', async () => {
    const records = await hurt({ swap: 1 });
    expect(records.slice(0, 4).map(idOf)).toEqual([other(0), update(0), other(1), update(1)].map(idOf));
  });

  it('meet all of it at once, and none is torn', async () => {
    const { length } = updatesIn(await hurt({ lose: 0.2, double: 0.3, delay: 0.3, swap: 0.4 }));
    expect(length).toBeGreaterThan(0);
  });

  it('are cut in the middle with their connection, once', async () => {
    const reader = await subscribe();
    send(update(1));
    await eventually('the first', () => reader.records.length === 1);
    scene.meddler.cutNextRecord();
    send(update(2));
    await eventually('the end', () => reader.isOver);
    expect(reader.records).toEqual([update(1)]);
    const again = await subscribe();
    send(update(3));
    await eventually('the third', () => again.records.length === 1);
    expect(scene.meddler.tally().cut).toBe(1);
  });

  it('may have to wait for a slow network, but arrive whole', async () => {
    scene.relay.trickle(3);
    const reader = await subscribe();
    send(update(1), other(2), update(3));
    expect(reader.records).toEqual([]);
    await eventually('all', () => reader.records.length === 3, 30_000);
    expect(reader.records).toEqual([update(1), other(2), update(3)]);
    expect(reader.faults).toEqual([]);
  });
});

describe('calls on their way', () => {
  const call = (): Promise<number | string> =>
    new Promise((resolve) => {
      const headers = { 'mesos-stream-id': 's' };
      const sent = request(`http://${scene.relay.address}/`, { method: 'POST', agent: false, headers }, (res) => {
        res.resume();
        res.on('end', () => resolve(res.statusCode ?? 0));
      });
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      sent.end('{"framework_id":{"value":"f"},"type":"REVIVE"}');
    });

  it('are cut in the middle with their connection, once', async () => {
    expect(await call()).toBe(202);
    scene.meddler.cutNextCall();
    expect(await call()).toBe('ECONNRESET');
    expect(await call()).toBe(202);
    expect(scene.meddler.tally().cut).toBe(1);
  });
});
