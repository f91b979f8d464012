/** The bytes of an event, built once and shared by all of its readers. */
import type { LoggedEvent } from '../../core/events.ts';
import { eventJson } from '../render/event.ts';

/** A form in which events go out. Readers of one key may share bytes. */
export interface EventFormat {
  readonly key: string;
  readonly frame: (event: LoggedEvent) => Buffer;
  /** Bytes of the frames that are remembered. */
  readonly keptBytes: () => number;
}

/** A bare line end keeps an SSE connection alive; a comment would upset old clients (clients §3). */
export const heartbeat = Buffer.from('\r\n');

/** Frames of each format that are remembered: those of what is just being told, for readers with different filters. */
const maxFrames = 1_024;
/** Their bytes; the newest one is remembered however large it is. */
export const maxFrameBytes = 4 * 1024 * 1024;

function built(key: string, build: (event: LoggedEvent) => Buffer): EventFormat {
  const frames = new Map<LoggedEvent, Buffer>();
  let bytes = 0;
  return {
    key,
    frame: (event) => {
      const known = frames.get(event);
      if (known) return known;
      const frame = build(event);
      if (frames.size >= maxFrames || bytes + frame.length > maxFrameBytes) {
        frames.clear();
        bytes = 0;
      }
      frames.set(event, frame);
      bytes += frame.length;
      return frame;
    },
    keptBytes: () => bytes,
  };
}

/** The forms of the event stream, with and without ids. */
export interface EventFormats {
  readonly sse: EventFormat;
  /** With an `id:` line first. */
  readonly sseWithId: EventFormat;
  /** One text frame with the event. */
  readonly socket: EventFormat;
  /** The same in an envelope `{"id":…,"event":…}`, since events have an `id` of their own. */
  readonly socketWithId: EventFormat;
}

/** Formats of one way to write events; `name` tells them from those of another way. */
export const eventFormats = (name: string, json: (event: LoggedEvent) => string): EventFormats => ({
  sse: built(`${name} sse`, (event) => sseFrame(event, json(event), false)),
  sseWithId: built(`${name} sseWithId`, (event) => sseFrame(event, json(event), true)),
  socket: built(`${name} socket`, (event) => textFrame(json(event))),
  socketWithId: built(`${name} socketWithId`, (event) => textFrame(`{${idMember(event)}"event":${json(event)}}`)),
});

/** What follows the name of the subscription, which is the same for all of them. */
const liveTail = built('live tail', (event) => Buffer.from(`${idMember(event)}"event":${eventJson(event)}}`));

/** Frames of one subscription on `/v2/live`; not remembered as a whole, since names of subscriptions are up to the clients. */
export const liveFormat = (sub: string): EventFormat => {
  const start = Buffer.from(`{"op":"event","sub":${JSON.stringify(sub)},`);
  return { key: `live ${sub}`, frame: (event) => liveFrame(start, liveTail.frame(event)), keptBytes: () => 0 };
};

/** Bytes that formats remember, those of `/v2/live` included. */
export const keptFrameBytes = (all: readonly EventFormats[]): number =>
  all
    .flatMap(({ sse, sseWithId, socket, socketWithId }) => [sse, sseWithId, socket, socketWithId])
    .reduce((sum, format) => sum + format.keptBytes(), liveTail.keptBytes());

const liveFrame = (start: Buffer, tail: Buffer): Buffer =>
  Buffer.concat([frameHead(start.length + tail.length, 0x81), start, tail]);

const idMember = ({ id }: LoggedEvent): string => (id === undefined ? '' : `"id":${JSON.stringify(id)},`);

/** CRLF line ends and one blank after the colon: marathon-lb splits on exactly that (rest-api §10.1). */
function sseFrame(event: LoggedEvent, json: string, withId: boolean): Buffer {
  const id = withId && event.id !== undefined ? `id: ${event.id}\r\n` : '';
  return Buffer.from(`${id}event: ${event.type}\r\ndata: ${json}\r\n\r\n`);
}

/** One final, unmasked text frame (RFC 6455 §5.2). `isDeflated` sets the bit of permessage-deflate (RFC 7692 §6). */
export function textFrame(text: string | Buffer, isDeflated = false): Buffer {
  const payload = typeof text === 'string' ? Buffer.from(text) : text;
  return Buffer.concat([frameHead(payload.length, isDeflated ? 0xc1 : 0x81), payload]);
}

function frameHead(length: number, first: number): Buffer {
  if (length < 126) return Buffer.from([first, length]);
  if (length < 65_536) {
    const head = Buffer.from([first, 126, 0, 0]);
    head.writeUInt16BE(length, 2);
    return head;
  }
  const head = Buffer.alloc(10);
  head.writeUInt16BE((first << 8) | 127, 0);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
