/** Whole frames straight to a socket, so that readers share their bytes and the stream above it costs nothing. */
import type { Socket } from 'node:net';
import type { StreamConnection } from './reader.ts';

export type SocketWriter = Pick<StreamConnection, 'write' | 'backlogBytes' | 'sentBytes' | 'whenDrained'>;

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
 * The first write of a turn leaves at once, so that whoever has a time for a turn sees what it takes; further ones leave together at its end.
 */
export function socketWriter(socket: Socket): SocketWriter {
  let isCorked = false;
  let writtenIn = -1;
  let waiting: (() => void)[] = [];
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
    write: (frames) => {
      const turn = turns.now();
      if (writtenIn === turn) cork();
      writtenIn = turn;
      socket.write(frames);
    },
    backlogBytes: () => socket.writableLength,
    sentBytes: () => socket.bytesWritten - socket.writableLength,
    whenDrained: (proceed) => {
      waiting.push(proceed);
    },
  };
}
