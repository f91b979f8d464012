/** The way to a reader at the other end of a WebSocket: whole frames go straight to the socket, so that readers share their bytes. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { peerOf } from '../peer.ts';
import type { EndReason, StreamConnection } from './reader.ts';
import { socketWriter } from './socket-writer.ts';

/** Heartbeats between two pings: 30 s. */
const beatsPerPing = 3;

/** Close codes (RFC 6455 §7.4.1) and what goes with them. */
const closings: Readonly<Record<EndReason, readonly [code: number, reason: string]>> = {
  stopping: [1001, 'the server stops'],
  missedEvents: [1013, 'events were missed: read the state anew, or resume with since='],
  logUnreadable: [1011, 'the event log cannot be read'],
};

/** Wraps an open WebSocket. */
export function socketConnection(client: WebSocket, socket: Socket): StreamConnection {
  socket.setNoDelay(true);
  let beats = 0;
  let isAnswered = true;
  let isEnding = false;
  const writer = socketWriter(socket);
  client.on('pong', () => {
    isAnswered = true;
  });
  client.on('error', () => client.terminate());
  return {
    remoteAddress: peerOf(socket.remoteAddress),
    ...writer,
    write: (frames) => {
      if (client.readyState === client.OPEN) writer.write(frames);
    },
    beat: () => {
      beats += 1;
      if (beats % beatsPerPing !== 0) return;
      // The answer to a ping behind a backlog may take its time; whether that moves at all is judged elsewhere.
      if (!isAnswered && writer.backlogBytes() > 0) return;
      if (!isAnswered) {
        client.terminate();
        return;
      }
      isAnswered = false;
      client.ping();
    },
    end: (reason) => {
      if (isEnding) return;
      isEnding = true;
      client.close(...closings[reason]);
      // A client that never answers must not hold up the end of the server.
      if (reason === 'stopping') socket.destroySoon();
    },
    cut: () => client.terminate(),
  };
}
