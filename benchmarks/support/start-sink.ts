/** Starts the sink of `mesos-sink.ts` in a process of its own and talks to it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SinkOrder } from './mesos-sink.ts';

export interface Sink {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly order: (order: SinkOrder) => void;
  readonly asked: <T>(order: SinkOrder) => Promise<T>;
}

export async function startSink(): Promise<Sink> {
  const file = fileURLToPath(new URL('./mesos-sink.ts', import.meta.url));
  const child = fork(file, { execArgv: ['--import', 'tsx'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const order = (one: SinkOrder): void => void child.send(one);
  const asked = async <T>(one: SinkOrder): Promise<T> => {
    const answer = once(child, 'message');
    order(one);
    return (await answer)[0] as T;
  };
  return { child, pid: child.pid ?? 0, port, order, asked };
}
