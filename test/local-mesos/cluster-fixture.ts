/** Clusters and clients of a test file, closed when its tests are over. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { TaskStatus } from '../../src/core/mesos/types.ts';
import { type LocalMesos, type LocalMesosOptions, startLocalMesos } from '../../src/local-mesos/cluster.ts';
import { frameworkInfo, json, MesosClient, type MesosEvent, RecordReader } from '../support/mesos-client.ts';

const undo: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** Leaders of groups of processes of which a cluster has let go: they end after the test. */
export const strays = new Set<number>();
afterEach(() => {
  for (const pid of strays) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It is gone, as it should be.
    }
  }
  strays.clear();
});

/** A directory that is removed after the test. */
export async function workDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'local-mesos-'));
  undo.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A simulated cluster of one agent with 4 cpus, 4096 MiB and ticks of 40 ms, unless options say otherwise. */
export async function cluster(options: Partial<LocalMesosOptions> = {}): Promise<LocalMesos> {
  const { settings, ...others } = options;
  const started = await startLocalMesos({
    port: 0,
    agents: 1,
    simulate: true,
    workDir: options.workDir ?? (await workDir()),
    attributes: 'rack:r1;zone:z1',
    resources: 'ports:[31000-32000];cpus:4;mem:4096;disk:10000',
    settings: { allocationMs: 40, ...settings },
    ...others,
  });
  undo.push(() => started.close());
  return started;
}

/** A client that is closed after the test; not yet subscribed. */
export function client(of: LocalMesos): MesosClient {
  const created = new MesosClient(of.url);
  undo.push(() => created.close());
  return created;
}

/** A client that is subscribed and has its first offers. */
export async function subscribed(of: LocalMesos, info?: object): Promise<MesosClient> {
  const created = client(of);
  await created.connect(info);
  return created;
}

/** The framework of a client, on another cluster. */
export async function again(on: LocalMesos, before: MesosClient): Promise<MesosClient> {
  const scheduler = client(on);
  await scheduler.connect(frameworkInfo({ id: { value: before.frameworkId } }));
  return scheduler;
}

/** Acknowledges the statuses of a task up to the next of this state. */
export async function until(scheduler: MesosClient, id: string, state: string): Promise<TaskStatus> {
  for (;;) {
    const status = await scheduler.nextStatus(id);
    if (status.uuid !== undefined) await scheduler.acknowledge(status);
    if (status.state === state) return status;
  }
}

/** The operator's stream, closed after the test: gives the next event of a type. */
export function follow(of: LocalMesos): (type: string) => Promise<MesosEvent> {
  const events: MesosEvent[] = [];
  const waiting: (() => void)[] = [];
  const req = request(`${of.url}/api/v1`, { method: 'POST', headers: json, agent: false }, (res) => {
    const reader = new RecordReader();
    res.on('data', (chunk: Buffer) => {
      for (const record of reader.feed(chunk)) events.push(JSON.parse(record) as MesosEvent);
      for (const wake of waiting.splice(0)) wake();
    });
    res.on('error', () => {});
  });
  req.on('error', () => {});
  req.end('{"type":"SUBSCRIBE"}');
  undo.push(() => void req.destroy());
  return async (type) => {
    for (;;) {
      const at = events.findIndex((event) => event.type === type);
      if (at >= 0) return events.splice(at, 1)[0] as MesosEvent;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
}
