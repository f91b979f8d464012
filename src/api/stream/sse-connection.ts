/** The way to a reader of server-sent events: a response whose head was written, without chunks. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { heartbeat } from './frames.ts';
import type { StreamConnection } from './reader.ts';

/** Wraps an open response and the socket that it will be, or is, written to. */
export function sseConnection(raw: ServerResponse, socket: Socket, remoteAddress: string): StreamConnection {
  // Node would hold back what is written until the turn ends, and the time for a turn would be over long before all has left.
  const write = (bytes: Buffer): void => {
    socket.cork();
    raw.write(bytes);
    socket.uncork();
  };
  return {
    remoteAddress,
    write,
    backlogBytes: () => raw.writableLength,
    sentBytes: () => socket.bytesWritten - socket.writableLength,
    whenDrained: (proceed) => {
      raw.once('drain', proceed);
    },
    beat: () => write(heartbeat),
    end: () => {
      raw.end();
    },
    cut: () => {
      raw.destroy();
    },
  };
}
