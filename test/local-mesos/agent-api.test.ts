/** M-79: the files of tasks by the operator API of an agent (mesos-v1 §6.5, recording 12). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRecording } from '../contract/transcripts/recording.ts';
import { send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';
import { shapeOf } from './shape.ts';

const json = { 'Content-Type': 'application/json', Accept: 'application/json' };

/** A running task with a file of 5 bytes; gives its sandbox, and how to call its agent. */
async function running() {
  const mesos = await cluster({ simulate: false });
  const scheduler = await subscribed(mesos);
  const [offer] = await scheduler.nextOffers();
  const command = { shell: true, value: 'mkdir d; echo data > file.txt; sleep 100' };
  await scheduler.launch([offer!], [taskFor(offer!, 'run.1', { command })]);
  for (const _ of ['STARTING', 'RUNNING']) await scheduler.acknowledge(await scheduler.nextStatus('run.1'));
  const sandbox = mesos.master.state.agents.get(offer!.agent_id.value)!.runner.sandbox('run.1')!;
  const call = async (body: unknown, headers: Record<string, string> = json) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return send(`${mesos.url}/slave(1)/api/v1`, { method: 'POST', headers, body: text });
  };
  const read = async (path: string, more: object = { offset: 0 }) => {
    const answer = await call({ type: 'READ_FILE', read_file: { path, ...more } });
    return answer.status === 200 ? JSON.parse(answer.body).read_file : answer;
  };
  while ((await read(join(sandbox, 'file.txt'))).size !== 5) await new Promise((resolve) => setTimeout(resolve, 10));
  const virtual = `/frameworks/${scheduler.frameworkId}/executors/run.1/runs/latest`;
  return { mesos, sandbox, virtual, call, read };
}

describe('M-79: an agent by its API', () => {
  it('M-79: reads any bytes, by the real and by the virtual path', async () => {
    const { sandbox, virtual, read } = await running();
    for (const root of [sandbox, virtual]) {
      expect(await read(`${root}/file.txt`)).toEqual({ size: 5, data: 'ZGF0YQo=' });
      expect(await read(`${root}/file.txt`, { offset: 2, length: 2 })).toEqual({ size: 5, data: 'dGE=' });
      expect(await read(`${root}/file.txt`, { offset: 9, length: 2 })).toEqual({ size: 5, data: '' });
      expect(await read(`${root}/file.txt`, { offset: 0, length: 0 })).toEqual({ size: 5, data: '' });
    }
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
    await writeFile(join(sandbox, 'bytes'), bytes);
    const part = await read(join(sandbox, 'bytes'), { offset: 1, length: 70_000 });
    expect(Buffer.from(part.data, 'base64').equals(bytes.subarray(1, 65_537))).toBe(true);
  });

  it('M-79: answers in the shape that was recorded', async () => {
    const { sandbox, call } = await running();
    const { entries } = readRecording('12-endpoints');
    const recorded = (type: string): unknown => {
      const asked = entries.find(
        (entry) => 'request' in entry && entry.target === 'agent' && (entry.body as { type?: string })?.type === type,
      ) as { request: number };
      const answer = entries.find((entry) => 'response' in entry && entry.response === asked.request) as {
        body: unknown;
      };
      return answer.body;
    };
    const listed = await call({ type: 'LIST_FILES', list_files: { path: sandbox } });
    expect(shapeOf(JSON.parse(listed.body).list_files.file_infos[0])).toEqual(
      shapeOf((recorded('LIST_FILES') as { list_files: { file_infos: unknown[] } }).list_files.file_infos[0]),
    );
    const file = await call({ type: 'READ_FILE', read_file: { path: join(sandbox, 'file.txt'), offset: 0 } });
    expect(JSON.parse(file.body)).toEqual(recorded('READ_FILE'));
  });

  it('M-79: refuses what is missing, a directory, outside, and what is no call', async () => {
    const { sandbox, call, read, mesos } = await running();
    expect((await read(join(sandbox, 'none'))).status).toBe(404);
    expect(await read(sandbox)).toMatchObject({ status: 400, body: 'Cannot read a directory.\n' });
    expect((await read('/etc/passwd')).status).toBe(400);
    expect((await read(join(sandbox, 'file.txt'), { offset: -1 })).status).toBe(400);
    expect((await call({ type: 'READ_FILE' })).status).toBe(400);
    expect((await call({ type: 'PRUNE_IMAGES' })).status).toBe(501);
    expect((await call('{')).status).toBe(400);
    expect((await call('null')).status).toBe(400);
    expect((await call('{}', { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await send(`${mesos.url}/slave(1)/api/v1`)).status).toBe(405);
    expect((await send(`${mesos.url}/slave(9)/api/v1`)).status).toBe(404);
  });
});
