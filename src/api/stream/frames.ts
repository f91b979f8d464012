/** The bytes of an event, built once and shared by all of its readers. */
import type { LoggedEvent } from '../../core/events.ts';
import { eventJson } from '../render/event.ts';

/** `sse` as Marathon writes it, `sseWithId` with an `id:` line first, `websocket` as one unmasked text frame. */
export type FrameFormat = 'sse' | 'sseWithId' | 'websocket';

const built = new WeakMap<LoggedEvent, Partial<Record<FrameFormat, Buffer>>>();

/** A bare line end keeps an SSE connection alive; a comment would upset old clients (clients §3). */
export const heartbeat = Buffer.from('\r\n');

/** The event in a format. */
export function frameOf(event: LoggedEvent, format: FrameFormat): Buffer {
  let frames = built.get(event);
  if (!frames) {
    frames = {};
    built.set(event, frames);
  }
  const known = frames[format];
  if (known) return known;
  const frame = format === 'websocket' ? textFrame(eventJson(event)) : sseFrame(event, format === 'sseWithId');
  frames[format] = frame;
  return frame;
}

/** CRLF line ends and one blank after the colon: marathon-lb splits on exactly that (rest-api §10.1). */
function sseFrame(event: LoggedEvent, withId: boolean): Buffer {
  const id = withId && event.id !== undefined ? `id: ${event.id}\r\n` : '';
  return Buffer.from(`${id}event: ${event.type}\r\ndata: ${eventJson(event)}\r\n\r\n`);
}

/** One final, unmasked text frame (RFC 6455 §5.2). */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  if (length < 65_536) {
    const head = Buffer.from([0x81, 126, 0, 0]);
    head.writeUInt16BE(length, 2);
    return Buffer.concat([head, payload]);
  }
  const head = Buffer.alloc(10);
  head.writeUInt16BE(0x817f, 0);
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
