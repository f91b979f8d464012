/** What the tests of mesos-v1's numbered statements share. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { Offer, Resource, TaskStatus } from '../../src/core/mesos/types.ts';
import { type MesosClient, type MesosEvent, RecordReader, send } from '../support/mesos-client.ts';

let fences = 0;

/** Resolves when everything the master had to say to this framework so far has arrived. */
export async function fence(scheduler: MesosClient): Promise<void> {
  const taskId = `fence.${++fences}`;
  await scheduler.reconcile({ taskId });
  await scheduler.nextStatus(taskId);
}

/** The events of a type that have come and that nobody has taken. */
export async function cameOf(scheduler: MesosClient, type: string): Promise<readonly MesosEvent[]> {
  await fence(scheduler);
  return scheduler.untaken().filter((event) => event.type === type);
}

/** Resolves when the master has noticed that so many frameworks are left with a stream. */
export async function untilConnected(url: string, count: number): Promise<void> {
  for (;;) {
    const figures = JSON.parse((await send(`${url}/metrics/snapshot`)).body) as Record<string, number>;
    if (figures['master/frameworks_connected'] === count) return;
  }
}

/** Acknowledges updates of a task until it is in a state; gives that update, not acknowledged. */
export async function until(scheduler: MesosClient, taskId: string, state: string): Promise<TaskStatus> {
  for (;;) {
    const status = await scheduler.nextStatus(taskId);
    if (status.state === state) return status;
    if (status.uuid !== undefined) await scheduler.acknowledge(status);
  }
}

export const scalarOf = (offer: Offer, name: string): number | undefined =>
  offer.resources.find((resource) => resource.name === name)?.scalar?.value;

export const portsOf = (offer: Offer): readonly { begin: number; end: number }[] | undefined =>
  offer.resources.find(({ name }) => name === 'ports')?.ranges?.range;

export const cpus = (value: number): Resource => ({ name: 'cpus', type: 'SCALAR', scalar: { value } });
export const mem = (value: number): Resource => ({ name: 'mem', type: 'SCALAR', scalar: { value } });

export const get = async (url: string): Promise<Record<string, unknown>> =>
  JSON.parse((await send(url)).body) as Record<string, unknown>;

/** A SUBSCRIBE with whatever body and headers: the head of the answer and its first events. */
export function openStream(
  url: string,
  headers: Record<string, string>,
  body: object,
): Promise<{ res: IncomingMessage; events: MesosEvent[]; first: (count: number) => Promise<readonly MesosEvent[]> }> {
  return new Promise((resolve, reject) => {
    const req = request(`${url}/api/v1/scheduler`, { method: 'POST', headers, agent: false }, (res) => {
      const reader = new RecordReader();
      const events: MesosEvent[] = [];
      let wake = (): void => {};
      res.on('data', (chunk: Buffer) => {
        for (const record of reader.feed(chunk)) events.push(JSON.parse(record) as MesosEvent);
        wake();
      });
      res.on('error', () => {});
      const first = async (count: number): Promise<readonly MesosEvent[]> => {
        while (events.length < count) {
          await new Promise<void>((more) => {
            wake = more;
          });
        }
        return events.slice(0, count);
      };
      resolve({ res, events, first });
    });
    req.on('error', reject);
    req.end(JSON.stringify(body));
  });
}
