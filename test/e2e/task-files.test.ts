/** Files and logs of real tasks, alive and over, as the server gives them. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { createParser } from 'eventsource-parser';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { inPlayground } from '../support/processes.ts';
import type { RestClient } from '../support/rest-client.ts';
import { startCluster, startServer } from '../support/stack.ts';

const small = { cpus: 0.1, mem: 32, backoffSeconds: 0 };

interface Told {
  readonly type: string;
  readonly offset: number;
  readonly data?: string;
  readonly reason?: string;
}

/** Follows a file until it ends or is closed. */
async function follow(
  url: string,
): Promise<{ readonly told: Told[]; readonly ended: Promise<void>; readonly stop: () => void }> {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream;charset=utf-8']);
  const told: Told[] = [];
  const parser = createParser({ onEvent: ({ event = '', data }) => told.push({ type: event, ...JSON.parse(data) }) });
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  })().catch(() => {});
  return { told, ended, stop: () => abort.abort() };
}

const textOf = (told: readonly Told[]): string => told.map(({ data = '' }) => data).join('');

async function read(rest: RestClient, task: string, query: string): Promise<string> {
  const answer = await rest.get(`/v2/tasks/${task}/files/read?${query}`);
  return answer.status === 200 ? (answer.json() as { data: string }).data : `${answer.status} ${answer.text}`;
}

describe('files of tasks', () => {
  it('of a running task are listed, read, downloaded and followed, also when they are rotated, until the task is over', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { rest, url } = await startServer(playground, cluster.address);
      const big = randomBytes(3_000_000);
      writeFileSync(playground.path('big.bin'), big);
      const go = (n: number): string => `while ! test -e '${playground.path(`go${n}`)}'; do sleep 0.05; done`;
      const cmd = [
        `cp '${playground.path('big.bin')}' . ; mkdir d; echo "größe" > d/note.txt; echo first`,
        `${go(1)}; echo second`,
        // As logrotate does: the old file gets another name, and a new one its own.
        `${go(2)}; echo third >> log; ${go(3)}; echo fourth >> log; mv log log.1; echo fifth > log; ${go(4)}; echo last`,
      ].join('; ');
      await rest.must('POST', '/v2/apps', { id: '/files', cmd, ...small, backoffSeconds: 600 });
      const [task] = await rest.running('/files', 1);
      const id = task!.id;
      const base = `${url}/v2/tasks/${id}/files`;
      await eventually('it has written', async () => (await read(rest, id, 'path=stdout')) === 'first\n');

      const listed = (await rest.must('GET', `/v2/tasks/${id}/files`)).json() as {
        files: { path: string; isDirectory: boolean }[];
      };
      expect(listed.files.map(({ path, isDirectory }) => [path, isDirectory])).toEqual([
        ['big.bin', false],
        ['d', true],
        ['stderr', false],
        ['stdout', false],
      ]);
      expect(await read(rest, id, 'path=d/note.txt')).toBe('größe\n');
      expect(await read(rest, id, 'path=d/none')).toMatch(/^404 /);
      expect(await read(rest, id, 'path=d')).toMatch(/^400 .*Cannot read a directory/);
      expect(await read(rest, id, 'path=../../../../../../../etc/passwd')).toMatch(/^400 /);
      const downloaded = Buffer.from(await (await fetch(`${base}/download?path=big.bin`)).arrayBuffer());
      expect(downloaded.equals(big)).toBe(true);

      const stdout = await follow(`${base}/follow?path=stdout`);
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v2/live`);
      const frames: { op: string; data?: string; reason?: string }[] = [];
      socket.on('message', (data) => frames.push(JSON.parse(String(data))));
      await once(socket, 'open');
      socket.send(JSON.stringify({ op: 'subscribe', sub: 's', stream: 'log', task: id }));
      await eventually('the first line', () => textOf(stdout.told) === 'first\n');
      writeFileSync(playground.path('go1'), '');
      await eventually('the second line', () => textOf(stdout.told) === 'first\nsecond\n');
      writeFileSync(playground.path('go2'), '');
      await eventually('the log is there', async () => (await read(rest, id, 'path=log')) === 'third\n');
      const log = await follow(`${base}/follow?path=log`);
      await eventually('it is followed', () => textOf(log.told) === 'third\n');
      writeFileSync(playground.path('go3'), '');
      await eventually('it is followed across its rotation', () => textOf(log.told) === 'third\nfourth\nfifth\n');
      expect(log.told.map(({ type }) => type)).toContain('restart');
      expect(log.told.find(({ type }) => type === 'restart')).toMatchObject({ reason: 'rotated', offset: 13 });
      writeFileSync(playground.path('go4'), '');
      await Promise.all([stdout.ended, log.ended]);
      expect(textOf(stdout.told)).toBe('first\nsecond\nlast\n');
      expect(stdout.told.at(-1)).toMatchObject({ type: 'end', reason: 'taskOver' });
      expect(log.told.at(-1)).toMatchObject({ type: 'end', reason: 'taskOver' });
      await eventually('so does the socket', () => frames.find(({ op }) => op === 'unsubscribed'));
      expect(frames.map(({ data = '' }) => data).join('')).toBe('first\nsecond\nlast\n');
      socket.close();

      // It is over; its files are there, and the follower of its log ends at once.
      expect(await read(rest, id, 'path=stdout&tail=5')).toBe('last\n');
      const late = await follow(`${base}/follow?path=stdout&tail=5`);
      await late.ended;
      expect(late.told.map(({ type }) => type)).toEqual(['data', 'end']);
      rest.close();
    });
  });

  it('of a task that failed are found by a server that was restarted; without its cluster it says what is wrong', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const first = await startServer(playground, cluster.address);
      await first.rest.must('POST', '/v2/apps', {
        id: '/bad',
        cmd: 'echo why >&2; exit 3',
        ...small,
        backoffSeconds: 600,
      });
      const failed = async (rest: RestClient): Promise<string | undefined> =>
        ((await rest.app('/bad')) as unknown as { lastTaskFailure?: { taskId: string } }).lastTaskFailure?.taskId;
      const id = await eventually('it has failed', () => failed(first.rest));
      expect(await read(first.rest, id, 'path=stderr')).toContain('why\n');
      first.rest.close();
      await first.program.end('SIGKILL');

      const { rest } = await startServer(playground, cluster.address);
      await eventually('the state is there', async () => (await rest.get('/v2/apps')).status === 200);
      expect(await eventually('it is remembered', () => failed(rest))).toBe(id);
      await eventually('and so are its files', async () => (await read(rest, id, 'path=stderr')).includes('why\n'));

      renameSync(playground.path('work/slaves'), playground.path('work/gone'));
      expect(await read(rest, id, 'path=stderr')).toMatch(/^404 /);
      await cluster.program.end('SIGTERM');
      const answer = await eventually('the agent is away', async () => {
        const got = await rest.get(`/v2/tasks/${id}/files/read?path=stderr`);
        return got.status === 503 && got;
      });
      expect(answer.json()).toMatchObject({ message: expect.stringMatching(/cannot be asked|no connection to Mesos/) });
      rest.close();
    });
  });
});
