/** The operator API of an agent beyond what recording 12 shows of it: refusals, and figures of real processes. */
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { err } from '../../src/core/result.ts';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { json, send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed, workDir } from './cluster-fixture.ts';

const call = (on: LocalMesos, body: unknown, headers: Record<string, string> = json) =>
  send(`${on.url}/slave(1)/api/v1`, { headers, body });

describe('the operator API of an agent', () => {
  it('refuses what is no call, no JSON or not for it', async () => {
    const mesos = await cluster();
    expect(await call(mesos, {})).toMatchObject({
      status: 400,
      body: "Failed to validate agent::Call: Expecting 'type' to be present",
    });
    for (const body of ['null', '[]', '"GET_STATE"', '{"type":"toString"}', '{"type":7}']) {
      expect((await call(mesos, body)).status).toBe(400);
    }
    expect((await call(mesos, '{')).body).toBe('Failed to parse body into JSON: syntax error');
    expect((await call(mesos, {}, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await call(mesos, {}, {})).body).toBe("Expecting 'Content-Type' to be present");
    expect((await call(mesos, { type: 'PRUNE_IMAGES' })).status).toBe(501);
    expect((await send(`${mesos.url}/slave(1)/api/v1`)).status).toBe(405);
    expect((await send(`${mesos.url}/slave(9)/api/v1`, { headers: json, body: { type: 'GET_STATE' } })).status).toBe(
      404,
    );
    // Simulated tasks have no files.
    expect((await call(mesos, { type: 'READ_FILE', read_file: { path: '/etc/passwd', offset: 0 } })).status).toBe(404);
  });

  it('shows what a task uses, and its files but no others', async () => {
    const dir = await realpath(await workDir());
    const mesos = await cluster({ simulate: false, workDir: dir, engine: async () => err('no engine in this test') });
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const command = { shell: true, value: 'printf hello > greeting; mkdir folder; sleep 1000 & wait' };
    await scheduler.launch([offer!], [taskFor(offer!, 'busy', { command })]);
    const starting = await scheduler.nextStatus('busy');
    await scheduler.acknowledge(starting);
    await scheduler.nextStatus('busy');
    const containers = async () =>
      JSON.parse((await call(mesos, { type: 'GET_CONTAINERS' })).body).get_containers.containers;
    await eventually('it uses memory', async () => (await containers())[0]?.resource_statistics.mem_rss_bytes > 0);
    const [container] = await containers();
    expect(container).toMatchObject({
      executor_id: { value: 'busy' },
      container_id: starting.container_status!['container_id'],
      // Of the task and of its executor.
      resource_statistics: { cpus_soft_limit: 0.2, mem_limit_bytes: 64 * 1024 ** 2 },
    });
    const statistics = JSON.parse((await send(`${mesos.url}/slave(1)/monitor/statistics`)).body);
    expect(statistics).toMatchObject([{ source: 'busy', statistics: { mem_limit_bytes: 64 * 1024 ** 2 } }]);
    const sandbox = mesos.master.state.agents.get(offer!.agent_id.value)!.runner.sandbox('busy')!;
    const file = (path: string, more: object = {}) =>
      call(mesos, { type: 'READ_FILE', read_file: { path: join(sandbox, path), offset: 0, ...more } });
    await eventually('it is written', async () => (await file('greeting')).status === 200);
    const { read_file: part } = JSON.parse((await file('greeting', { offset: 1, length: 3 })).body);
    expect([part.size, Buffer.from(part.data, 'base64').toString()]).toEqual([5, 'ell']);
    expect(await file('folder')).toMatchObject({ status: 400, body: 'Cannot read a directory.\n' });
    expect((await file('nothing')).status).toBe(404);
    expect((await file('greeting', { offset: -1 })).status).toBe(400);
    const outside = await call(mesos, { type: 'LIST_FILES', list_files: { path: dir } });
    expect(outside).toMatchObject({ status: 400, body: `'${dir}' is inaccessible.\n` });
    const { list_files: list } = JSON.parse(
      (await call(mesos, { type: 'LIST_FILES', list_files: { path: sandbox } })).body,
    );
    expect(list.file_infos.map(({ path }: { path: string }) => path.slice(sandbox.length + 1))).toEqual([
      'folder',
      'greeting',
      'stderr',
      'stdout',
    ]);
  });
});
