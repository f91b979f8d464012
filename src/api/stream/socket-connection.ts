/** The way to a reader at the other end of a WebSocket: whole frames go straight to the socket, so that readers share their bytes. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { EndReason, StreamConnection } from './reader.ts';

/** Heartbeats between two pings: 30 s. */
const beatsPerPing = 3;

/** Close codes (RFC 6455 §7.4.1) and what goes with them. */
const closings: Readonly<Record<EndReason, readonly [code: number, reason: string]>> = {
  stopping: [1001, 'the server stops'],
  missedEvents: [1013, 'events were missed: read the state anew, or resume with since='],
  logUnreadable: [1011, 'the event log cannot be read'],
};

/** Numbers the turns of the loop, as far as anybody asks. */
class Turns {
  #turn = 0;
  #isAsked = false;

  now(): number {
    if (!this.#isAsked) {
      this.#isAsked = true;
      setImmediate(() => {
        this.#isAsked = false;
        this.#turn += 1;
      });
    }
    return this.#turn;
  }
}

const turns = new Turns();

/**
 * Wraps an open WebSocket. The first write of a turn leaves at once, so that whoever has a time for a turn sees what it takes; further ones
 * leave together at its end.
 */
export function socketConnection(client: WebSocket, socket: Socket): StreamConnection {
  socket.setNoDelay(true);
  let beats = 0;
  let isAnswered = true;
  let isCorked = false;
  let writtenIn = -1;
  let isEnding = false;
  let waiting: (() => void)[] = [];
  const backlogBytes = (): number => socket.writableLength;
  client.on('pong', () => {
    isAnswered = true;
  });
  client.on('error', () => client.terminate());
  socket.on('drain', () => {
    const proceed = waiting;
    waiting = [];
    for (const each of proceed) each();
  });
  const cork = (): void => {
    if (isCorked) return;
    isCorked = true;
    socket.cork();
    process.nextTick(() => {
      isCorked = false;
      socket.uncork();
    });
  };
  return {
    remoteAddress: socket.remoteAddress ?? '',
    write: (frames) => {
      if (client.readyState !== client.OPEN) return;
      const turn = turns.now();
      if (writtenIn === turn) cork();
      writtenIn = turn;
      socket.write(frames);
    },
    backlogBytes,
    sentBytes: () => socket.bytesWritten - socket.writableLength,
    whenDrained: (proceed) => {
      waiting.push(proceed);
    },
    beat: () => {
      beats += 1;
      if (beats % beatsPerPing !== 0) return;
      // The answer to a ping behind a backlog may take its time; whether that moves at all is judged elsewhere.
      if (!isAnswered && backlogBytes() > 0) return;
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
