/** The trial of the readers is able to fail: each mistake that a server may make is planted into what a reader gets, and is found. */
import { describe, expect, it } from 'vitest';
import { listeningApi } from '../api/support/api-server.ts';
import { EventParser, FrameBook, type ReaderKind } from '../support/event-parser.ts';
import { EventReader } from '../support/event-reader.ts';
import { Ledger, Sequence } from '../support/event-sequence.ts';
import { eventually } from '../support/eventually.ts';
import { randomFrom } from '../support/random.ts';

interface Sent {
  readonly id: string;
  readonly type: string;
  readonly json: string;
}

const total = 40;
const sent: readonly Sent[] = Array.from({ length: total }, (_, i) => ({
  id: `g.${i + 5}`,
  type: 'app_terminated_event',
  // Of all lengths that a WebSocket writes differently, with characters of several bytes.
  json: JSON.stringify({ eventType: 'app_terminated_event', n: i, pad: 'ü→'.repeat(i % 7 === 0 ? 15_000 : i * 3) }),
}));

/** Frames by the book, not by our own code. */
const frame: Record<ReaderKind, (event: Sent) => Buffer> = {
  sse: ({ id, type, json }) => Buffer.from(`id: ${id}\r\nevent: ${type}\r\ndata: ${json}\r\n\r\n`),
  socket: ({ id, json }) => text(`{"id":"${id}","event":${json}}`),
  live: ({ id, json }) => text(`{"op":"event","sub":"s","id":"${id}","event":${json}}`),
};

function text(payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  head[1] = Math.min(bytes.length, head.length === 10 ? 127 : head.length === 4 ? 126 : 125);
  if (head.length === 4) head.writeUInt16BE(bytes.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(bytes.length), 2);
  return Buffer.concat([head, bytes]);
}

const gapOf = (from: string, to: string, reason = 'expired'): Sent => ({
  id: to,
  type: 'event_stream_gap',
  json: JSON.stringify({ eventType: 'event_stream_gap', timestamp: '', from, to, reason, resync: '' }),
});
const gapFrame = (kind: ReaderKind, gap: Sent): Buffer =>
  kind === 'live' ? text(`{"op":"gap","sub":"s",${gap.json.slice(1)}`) : frame[kind](gap);

const kinds = ['sse', 'socket', 'live'] as const;

/** One that got everything right, and one that gets these pieces. */
function readers(kind: ReaderKind, pieces: readonly Buffer[]): { readonly right: Sequence; readonly other: Sequence } {
  const ledger = new Ledger('g.4');
  const book = new FrameBook();
  const [right, other] = [new Sequence(ledger), new Sequence(ledger)];
  new EventParser({ kind, sequence: right, book }).feed(Buffer.concat(sent.map(frame[kind])));
  const parser = new EventParser({ kind, sequence: other, book });
  for (const piece of pieces) parser.feed(piece);
  return { right, other };
}

describe.each(kinds)('a reader over %s', (kind) => {
  const frames = sent.map(frame[kind]);
  const got = (change: (frames: Buffer[]) => void) => {
    const changed = [...frames];
    change(changed);
    const { right, other } = readers(kind, [Buffer.concat(changed)]);
    expect([right.faults, right.count, right.next]).toEqual([[], total, total + 5]);
    return { right, other };
  };

  it('that gets the same in any pieces has the same hash and no fault', () => {
    const bytes = Buffer.concat(frames);
    const below = randomFrom(3);
    for (let round = 0; round < 30; round += 1) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + below(round % 3 === 0 ? 40_000 : 3_000));
        pieces.push(bytes.subarray(at, end));
        at = end;
      }
      const { right, other } = readers(kind, pieces);
      expect([other.faults, other.count, other.digest()]).toEqual([[], total, right.digest()]);
      expect(other.digest()).toBe(other.expected());
    }
  });

  it.each<readonly [string, (frames: Buffer[]) => void, string]>([
    ['an event less', (all) => all.splice(20, 1), '25 to 25 are missing before 26'],
    [
      'two in the other order',
      (all) => all.splice(20, 2, all[21] as Buffer, all[20] as Buffer),
      '25 to 25 are missing',
    ],
    ['one twice', (all) => all.splice(20, 0, all[20] as Buffer), '25 came again, or too late, before 26'],
    ['one twice, much later', (all) => all.splice(30, 0, all[3] as Buffer), '8 came again, or too late, before 35'],
    ['one that was changed', (all) => all.splice(8, 1, frame[kind](altered(8))), '13 is not what the others got'],
    [
      'one with the id of another',
      (all) => all.splice(9, 1, frame[kind]({ ...(sent[9] as Sent), id: 'g.15' })),
      '14 to 14',
    ],
    [
      'one of another generation',
      (all) => all.splice(9, 1, frame[kind]({ ...(sent[9] as Sent), id: 'h.14' })),
      'h.14 is of',
    ],
    ['many less and no word', (all) => all.splice(10, 15), '15 to 29 are missing before 30'],
    [
      'a gap that names too little',
      (all) => all.splice(10, 5, gapFrame(kind, gapOf('g.15', 'g.18'))),
      '19 to 19 are missing',
    ],
    [
      'a gap that names what it had',
      (all) => all.splice(10, 5, gapFrame(kind, gapOf('g.14', 'g.19'))),
      'a gap g.14 to g.19',
    ],
    [
      'a gap for no reason that holds',
      (all) => all.splice(10, 5, gapFrame(kind, gapOf('g.15', 'g.19', 'replaced'))),
      'a gap',
    ],
  ])('that gets %s has a fault and another hash', (_what, change, fault) => {
    const { right, other } = got(change);
    expect(other.faults[0]).toContain(fault);
    expect(`${other.count} ${other.digest()}`).not.toBe(`${right.count} ${right.digest()}`);
    if (!fault.startsWith('a gap')) expect(other.digest()).not.toBe(other.expected());
  });

  it('that is told of what is missing has no fault, but another hash than those who have all', () => {
    const { right, other } = got((all) => all.splice(10, 5, gapFrame(kind, gapOf('g.15', 'g.19'))));
    expect([other.faults, other.gaps.length, other.count]).toEqual([[], 1, total - 5]);
    expect(other.digest()).toBe(other.expected());
    expect(other.digest()).not.toBe(right.digest());
  });

  it('that lacks the end is known by the number for which it waits', () => {
    const { other } = got((all) => all.splice(35));
    expect([other.faults, other.next]).toEqual([[], 40]);
  });

  it('that gets an event without an id, or no frame at all, has a fault', () => {
    const bare = {
      sse: Buffer.from('event: x\r\ndata: {}\r\n\r\n'),
      socket: text('{"event":{}}'),
      live: text('{"x":1}'),
    };
    expect(got((all) => all.splice(3, 0, bare[kind])).other.faults).toHaveLength(1);
    const nonsense = {
      sse: Buffer.from(': hello\r\n\r\n'),
      socket: Buffer.from([0x82, 0]),
      live: Buffer.from([0x01, 0]),
    };
    expect(got((all) => all.splice(3, 0, nonsense[kind])).other.faults).toHaveLength(1);
  });
});

const altered = (i: number): Sent => {
  const event = sent[i] as Sent;
  return { ...event, json: event.json.replace(`"n":${i}`, `"n":${i + 1}`) };
};

describe('a server', () => {
  /** Readers of all kinds, of which a third is rough, on a server whose log of 700 events is served as `spoil` leaves it. */
  async function faultsOf(
    spoil: (log: Map<number, { type: string; json: string }>) => void,
  ): Promise<readonly string[]> {
    const api = await listeningApi();
    const last = 700;
    const log = new Map<number, { type: string; json: string }>();
    for (let n = 1; n <= last; n += 1) log.set(n, { type: 'app_terminated_event', json: JSON.stringify({ n }) });
    const ledger = new Ledger('1.0');
    for (const [n, { json }] of log) ledger.learn(n, Buffer.from(json));
    spoil(log);
    for (const [n, event] of log) api.front.log.set(n, event);
    api.front.begin({ generation: '1', next: last + 1 });
    const book = new FrameBook();
    const all = kinds.map(
      (kind) =>
        new EventReader({
          kind,
          temper: 'steady',
          urls: [`http://127.0.0.1:${api.port}`],
          types: ['app_terminated_event'],
          random: Math.random,
          ledger,
          book,
        }),
    );
    await eventually('all at the end', () => all.every(({ sequence }) => sequence.next > last));
    for (const reader of all) reader.stop();
    for (const { sequence } of all) {
      expect(sequence.digest() === sequence.expected()).toBe(
        sequence.faults.length === 0 && sequence.gaps.length === 0,
      );
    }
    return all.map(({ sequence }) => sequence.faults.join('; '));
  }

  it('that serves its log as it is passes', async () => {
    expect(await faultsOf(() => {})).toEqual(['', '', '']);
  });

  it('that has two events of its log in the other order is found out by readers of every kind', async () => {
    const faults = await faultsOf((log) => {
      const [one, two] = [log.get(300), log.get(301)];
      if (one && two) log.set(300, two).set(301, one);
    });
    for (const fault of faults) expect(fault).toContain('300 is not what the others got');
  });
});
