/** M-79 and the agent's own endpoints (mesos-v1 §6.2, §6.4): sandboxes of real tasks over HTTP. */
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { send, taskFor } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

/** A finished task that has written something; gives its sandbox and how to ask for files. */
async function finished() {
  const mesos = await cluster({ simulate: false });
  const scheduler = await subscribed(mesos);
  const [offer] = await scheduler.nextOffers();
  const command = { shell: true, value: 'echo "to größe"; echo to stderr >&2; mkdir d; echo data > file.txt' };
  await scheduler.launch([offer!], [taskFor(offer!, 'run.1', { command })]);
  for (;;) {
    const status = await scheduler.nextStatus('run.1');
    await scheduler.acknowledge(status);
    if (status.state === 'TASK_FINISHED') break;
  }
  const agent = mesos.master.state.agents.get(offer!.agent_id.value)!;
  const sandbox = agent.runner.sandbox('run.1')!;
  const get = (what: string, path: string, more = '') =>
    send(`${mesos.url}/files/${what}?path=${encodeURIComponent(path)}${more}`);
  return { mesos, scheduler, offer: offer!, sandbox, get };
}

describe('M-79: /files', () => {
  it('M-79: browse lists a sandbox by its real and by its virtual path', async () => {
    const { sandbox, get, scheduler } = await finished();
    const virtual = `/frameworks/${scheduler.frameworkId}/executors/run.1/runs/latest`;
    for (const path of [sandbox, virtual]) {
      const { status, body } = await get('browse', path);
      expect(status).toBe(200);
      const entries = JSON.parse(body) as { path: string; mode: string; size: number; uid: string; nlink: number }[];
      expect(entries.map((entry) => entry.path)).toEqual(
        ['d', 'file.txt', 'stderr', 'stdout'].map((name) => `${path}/${name}`),
      );
      expect(entries[0]!.mode).toMatch(/^drwx/);
      expect(entries[1]).toMatchObject({ mode: '-rw-r--r--', size: 5, nlink: 1 });
    }
  });

  it('M-79: read gives the size for offset -1, parts of a file, nothing behind its end, and at most 64 KiB', async () => {
    const { sandbox, get } = await finished();
    const stdout = join(sandbox, 'stdout');
    expect(JSON.parse((await get('read', stdout, '&offset=-1')).body)).toEqual({ data: '', offset: 11 });
    expect(JSON.parse((await get('read', stdout)).body)).toEqual({ data: '', offset: 11 });
    expect(JSON.parse((await get('read', stdout, '&offset=3&length=4')).body)).toEqual({ data: 'grö', offset: 3 });
    expect(JSON.parse((await get('read', stdout, '&offset=100')).body)).toEqual({ data: '', offset: 100 });
    await writeFile(join(sandbox, 'big'), 'x'.repeat(200_000));
    const big = JSON.parse((await get('read', join(sandbox, 'big'), '&offset=0')).body) as { data: string };
    expect(big.data).toHaveLength(65_536);
    expect((await get('read', join(sandbox, 'file.txt'), '&offset=0&jsonp=cb')).body).toContain('cb({"data":"data\\n"');
  });

  it('M-79: what is missing, a directory, no number or outside is refused in the words of Mesos', async () => {
    const { mesos, sandbox, get } = await finished();
    expect(await send(`${mesos.url}/files/browse`)).toMatchObject({
      status: 400,
      body: "Expecting 'path=value' in query.\n",
    });
    expect((await get('read', `${sandbox}/nothing`, '&offset=0')).status).toBe(404);
    expect((await get('browse', '/etc')).status).toBe(400);
    expect(await get('read', sandbox, '&offset=0')).toMatchObject({ status: 400, body: 'Cannot read a directory.\n' });
    expect(await get('download', sandbox)).toMatchObject({ status: 400, body: 'Cannot download a directory.\n' });
    expect(await get('read', join(sandbox, 'stdout'), '&offset=x')).toMatchObject({
      status: 400,
      body: "Failed to parse offset: Failed to convert 'x' to number.\n",
    });
    expect((await get('read', join(sandbox, 'stdout'), '&offset=-5')).body).toBe('Negative offset provided: -5.\n');
    await symlink('/etc/passwd', join(sandbox, 'leak'));
    for (const path of [join(sandbox, 'leak'), `${sandbox}/../../../../../../../../registry.json`]) {
      expect(await get('read', path, '&offset=0')).toMatchObject({ status: 400, body: `'${path}' is inaccessible.\n` });
    }
    expect((await send(`${mesos.url}/files/browse.json?path=x`)).status).toBe(404);
  });

  it('M-79: download gives the bytes with a name and a type', async () => {
    const { sandbox, get } = await finished();
    const { status, headers, body } = await get('download', join(sandbox, 'file.txt'));
    expect({ status, body }).toEqual({ status: 200, body: 'data\n' });
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      'content-disposition': 'attachment; filename=file.txt',
    });
  });
});

describe('an agent', () => {
  it('tells its state with the directory of each task, under the address that offers name', async () => {
    const mesos = await cluster({ simulate: false, agents: 2 });
    const scheduler = await subscribed(mesos);
    const offers = await scheduler.nextOffers();
    const offer = offers.find(({ hostname }) => hostname === '127.0.0.2')!;
    await scheduler.launch([offer], [taskFor(offer, 'run.1')]);
    await scheduler.acknowledge(await scheduler.nextStatus('run.1'));
    await scheduler.acknowledge(await scheduler.nextStatus('run.1'));
    const { address, path } = offer.url as { address: { ip: string; port: number }; path: string };
    const { status, body } = await send(`http://${address.ip}:${address.port}${path}/state`);
    expect(status).toBe(200);
    const state = JSON.parse(body);
    expect(state).toMatchObject({ id: offer.agent_id.value, hostname: '127.0.0.2', attributes: { rack: 'r1' } });
    const [executor] = state.frameworks[0].executors;
    expect(executor).toMatchObject({ id: 'run.1', tasks: [{ id: 'run.1', state: 'TASK_RUNNING' }] });
    const listed = await send(
      `http://${address.ip}:${address.port}/files/browse?path=${encodeURIComponent(executor.directory)}`,
    );
    expect(listed.body).toContain('stdout');
    expect((await send(`${mesos.url}/slave(9)/state`)).status).toBe(404);
  });
});
