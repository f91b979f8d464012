/** The way to a reader of server-sent events: a response whose head was written, without chunks. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { heartbeat } from './frames.ts';
import type { StreamConnection } from './reader.ts';
import { type SocketWriter, socketWriter } from './socket-writer.ts';

/** Wraps an open response and the socket that it will be, or is, written to. */
export function sseConnection(raw: ServerResponse, socket: Socket, remoteAddress: string): StreamConnection {
  // Behind its head the body is nothing but bytes on the socket, once no answer is left before it.
  const isItsTurn = raw.socket === socket && raw.writableLength === socket.writableLength;
  const writer = isItsTurn ? socketWriter(socket) : laterWriter(raw, socket);
  return {
    remoteAddress,
    ...writer,
    write: (frames) => {
      if (!raw.writableEnded && !raw.destroyed) writer.write(frames);
    },
    beat: () => {
      if (!raw.writableEnded && !raw.destroyed) writer.write(heartbeat);
    },
    end: () => {
      raw.end();
    },
    cut: () => {
      raw.destroy();
    },
  };
}

/** Answers to earlier requests on the connection go first: Node keeps what is written until then. */
const laterWriter = (raw: ServerResponse, socket: Socket): SocketWriter => ({
  write: (frames) => {
    // Node would hold it back until the turn ends, and the time for a turn would be over long before all has left.
    socket.cork();
    raw.write(frames);
    socket.uncork();
  },
  backlogBytes: () => raw.writableLength,
  sentBytes: () => socket.bytesWritten - socket.writableLength,
  whenDrained: (proceed) => {
    raw.once('drain', proceed);
  },
});
