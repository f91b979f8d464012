import { once } from 'node:events';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { inPlayground } from '../support/processes.ts';
import { startCluster, startServer } from '../support/stack.ts';

interface Seen {
  readonly eventType: string;
  readonly taskStatus?: string;
  readonly appId?: string;
  readonly taskId?: string;
  readonly id?: string;
  readonly plan?: { readonly id: string };
}

interface Reader {
  readonly seen: Seen[];
  readonly close: () => Promise<void>;
}

/** Reads server-sent events until it is closed, or until the server ends. */
async function follow(
  url: string,
  query: string,
  onEvent: (event: EventSourceMessage) => void,
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const headers = { accept: 'text/event-stream' };
  const response = await fetch(`${url}/v2/events${query}`, { headers, signal: stop.signal });
  expect(response.status).toBe(200);
  const parser = createParser({ onEvent });
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  })();
  return async () => {
    stop.abort();
    await reading.catch(() => {});
  };
}

async function readSse(url: string, query = ''): Promise<Reader> {
  const seen: Seen[] = [];
  const close = await follow(url, query, ({ event, data }) => {
    const parsed = JSON.parse(data) as Seen;
    expect(event).toBe(parsed.eventType);
    seen.push(parsed);
  });
  return { seen, close };
}

async function readSocket(url: string, query = ''): Promise<Reader> {
  const seen: Seen[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v2/events${query}`);
  socket.on('message', (data) => seen.push(JSON.parse(String(data)) as Seen));
  await once(socket, 'open');
  return {
    seen,
    close: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

const isBetween = (list: readonly string[], first: string, then: string): boolean =>
  list.includes(first) && list.includes(then) && list.indexOf(first) < list.lastIndexOf(then);

describe('events', () => {
  it('SSE and WebSocket readers see a deployment from its start to its end, in order and alike', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { url, rest } = await startServer(playground, cluster.address);
      const readers = await Promise.all([readSse(url), readSocket(url)]);
      const filtered = await readSse(url, '?event_type=deployment_success');
      const app = { id: '/seen', cmd: 'exec sleep 1000', instances: 2, cpus: 0.01, mem: 8 };
      const created = (await rest.must('POST', '/v2/apps', app)).json() as { deployments: readonly { id: string }[] };
      await rest.running('/seen', 2);
      await rest.must('DELETE', '/v2/apps/seen');
      await eventually('no task', async () => (await rest.tasks()).length === 0);
      const isEnd = ({ eventType }: Seen): boolean => eventType === 'app_terminated_event';
      for (const { seen } of readers) {
        await eventually('two deployments over', () => seen.filter(isSuccess).length === 2 && seen.some(isEnd));
        expectStory(seen, created.deployments[0]!.id);
      }
      // What belongs to the readers themselves differs; the story does not.
      const [sse, socket] = readers.map(({ seen }) =>
        seen.filter((event) => !event.eventType.startsWith('event_stream_')),
      );
      expect(socket).toEqual(sse);
      await eventually('the filtered reader has them too', () => filtered.seen.length === 2);
      expect(filtered.seen.every(isSuccess)).toBe(true);
      for (const reader of [...readers, filtered]) await reader.close();
      rest.close();
    });
  });

  it('durable events are numbered without a gap, and a killed server does not use a number twice', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const first = await startServer(playground, cluster.address);
      const app = { id: '/told', cmd: 'exec sleep 1000', instances: 1, cpus: 0.01, mem: 8 };
      const before = await readIds(first.url);
      await first.rest.must('POST', '/v2/apps', app);
      await eventually('a deployment', () => before.types.includes('deployment_success'));
      await first.program.end('SIGKILL');
      await before.close();
      first.rest.close();
      const { url, rest } = await startServer(playground, cluster.address);
      const after = await readIds(url);
      await rest.must('PUT', '/v2/apps/told', { instances: 2 });
      await eventually('another deployment', () => after.types.includes('deployment_success'));
      await after.close();
      const [old, young] = [before.ids, after.ids].map((ids) => ids.map((id) => Number(id.split('.')[1])));
      for (const numbers of [old!, young!]) expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
      expect(young![0]).toBeGreaterThan(old!.at(-1)!);
      expect(new Set([...before.ids, ...after.ids].map((id) => id.split('.')[0])).size).toBe(1);
      rest.close();
    });
  });
});

const isSuccess = ({ eventType }: Seen): boolean => eventType === 'deployment_success';

/** The documented order for creating two instances and removing them again. */
function expectStory(seen: readonly Seen[], deploymentId: string): void {
  const words = seen.map(({ eventType, taskStatus }) => (taskStatus === undefined ? eventType : taskStatus));
  const firstEnd = seen.findIndex((event) => isSuccess(event) && event.id === deploymentId);
  expect(firstEnd, words.join(' ')).toBeGreaterThan(0);
  const creating = words.slice(0, firstEnd + 1);
  const removing = words.slice(firstEnd + 1);
  for (const [first, then] of [
    ['api_post_event', 'deployment_info'],
    ['group_change_success', 'deployment_info'],
    ['deployment_info', 'TASK_RUNNING'],
    ['TASK_RUNNING', 'deployment_step_success'],
    ['deployment_step_success', 'deployment_success'],
  ] as const) {
    expect(isBetween(creating, first, then), `${first} … ${then} in ${creating.join(' ')}`).toBe(true);
  }
  expect(creating.filter((word) => word === 'TASK_RUNNING')).toHaveLength(2);
  expect(isBetween(removing, 'deployment_info', 'TASK_KILLED'), removing.join(' ')).toBe(true);
  expect(isBetween(removing, 'TASK_KILLED', 'deployment_success'), removing.join(' ')).toBe(true);
  expect(removing.filter((word) => word === 'TASK_KILLED')).toHaveLength(2);
}

interface IdReader {
  readonly ids: string[];
  readonly types: string[];
  readonly close: () => Promise<void>;
}

async function readIds(url: string): Promise<IdReader> {
  const ids: string[] = [];
  const types: string[] = [];
  const close = await follow(url, '?ids=true', ({ id, event }) => {
    types.push(event ?? '');
    // Only what is stored has an id of its own.
    if (id !== undefined && !(event ?? '').startsWith('event_stream_')) ids.push(id);
  });
  return { ids, types, close };
}
