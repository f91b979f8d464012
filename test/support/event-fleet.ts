/**
 * Many readers of the event stream, over SSE, WebSocket and `/v2/live`, a third of them rough, in processes of their own: what they
 * cost must not slow the one that makes the changes, and there is more than one core.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FleetCommand, FleetOrder, FleetResult, FleetState } from './event-fleet-worker.ts';
import { eventually } from './eventually.ts';

/** Readers of one process. */
const readersPerProcess = 500;
const kinds = ['sse', 'socket', 'live'] as const;

export interface Fleet {
  /** Waits until everybody has a stream. */
  readonly connected: (timeoutMs: number) => Promise<void>;
  /** From now on everybody only reads; waits until all have this event. */
  readonly settle: (lastNumber: number, timeoutMs: number) => Promise<void>;
  /** What each process says at the end. */
  readonly end: () => Promise<readonly FleetResult[]>;
  /** Ends the processes. */
  readonly close: () => Promise<void>;
}

/** Starts `count` readers of mixed kinds behind an event. */
export function startFleet(
  count: number,
  options: Pick<FleetOrder, 'urls' | 'since' | 'types'> & { readonly isSteady?: boolean },
): Fleet {
  const readers = Array.from({ length: count }, (_, i) => ({
    kind: kinds[i % kinds.length] ?? 'sse',
    temper:
      options.isSteady !== true && Math.floor(i / kinds.length) % 3 === 0 ? ('rough' as const) : ('steady' as const),
  }));
  const workers: ChildProcess[] = [];
  for (let from = 0; from < count; from += readersPerProcess) {
    const { urls, since, types } = options;
    const some = readers.slice(from, from + readersPerProcess);
    workers.push(startWorker({ urls, since, types, readers: some, seed: 7 + from }));
  }
  const states = (): Promise<readonly FleetState[]> =>
    Promise.all(workers.map((worker) => ask<FleetState>(worker, { type: 'ask' })));
  return {
    connected: async (timeoutMs) => {
      const areThere = async (): Promise<boolean> => (await states()).every(({ waiting }) => waiting === 0);
      await eventually('all readers connected', areThere, timeoutMs);
    },
    settle: async (lastNumber, timeoutMs) => {
      for (const worker of workers) worker.send({ type: 'calm' } satisfies FleetCommand);
      const isThere = async (): Promise<boolean> =>
        (await states()).every(({ slowestNext }) => slowestNext > lastNumber);
      await eventually(`all readers at ${lastNumber}`, isThere, timeoutMs);
    },
    end: () => Promise.all(workers.map((worker) => ask<FleetResult>(worker, { type: 'end' }))),
    close: async () => {
      for (const worker of workers) {
        if (worker.exitCode !== null || worker.signalCode !== null) continue;
        const exited = once(worker, 'exit');
        worker.kill('SIGKILL');
        await exited;
      }
    },
  };
}

function startWorker(order: FleetOrder): ChildProcess {
  const worker = fork(fileURLToPath(new URL('./event-fleet-worker.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  worker.setMaxListeners(100);
  worker.send({ type: 'read', ...order } satisfies FleetCommand);
  return worker;
}

/** Sends a command and gives the next answer. One at a time. */
function ask<Answer>(worker: ChildProcess, command: FleetCommand): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the readers' process ended with ${code}`));
    worker.once('exit', onExit);
    worker.once('message', (answer) => {
      worker.off('exit', onExit);
      resolve(answer as Answer);
    });
    worker.send(command, (error) => {
      if (error) reject(error);
    });
  });
}
