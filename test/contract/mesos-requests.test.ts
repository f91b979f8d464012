/** How the local cluster takes the requests of its read endpoints: paths, methods, parameters, forms. The source of each rule stands beside it. */
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LocalMesos } from '../../src/local-mesos/cluster.ts';
import { client, cluster, subscribed, workDir } from '../local-mesos/cluster-fixture.ts';
import { type Answer, frameworkInfo, json, type MesosClient, send, taskFor } from '../support/mesos-client.ts';

const get = async (url: string) => JSON.parse((await send(url)).body);

/** A cluster with tasks of these ids, that run, launched one after another. */
async function running(ids: readonly string[], change: object = {}, options: object = {}) {
  const mesos = await cluster(options);
  const scheduler = await subscribed(mesos);
  for (const id of ids) {
    const [offer] = await scheduler.nextOffers();
    await scheduler.launch([offer!], [taskFor(offer!, id, change)], 0);
    await untilRunning(scheduler, id);
  }
  return { mesos, scheduler };
}

async function untilRunning(scheduler: MesosClient, id: string): Promise<void> {
  for (;;) {
    const status = await scheduler.nextStatus(id);
    if (status.uuid !== undefined) await scheduler.acknowledge(status);
    if (status.state === 'TASK_RUNNING') return;
    expect(status.state).toMatch(/STAGING|STARTING/);
  }
}

const agentOf = (mesos: LocalMesos) => [...mesos.master.state.agents.values()][0]!;

describe('paths and methods', () => {
  // Every handler but these answers whatever the method: src/master/http.cpp, src/slave/http.cpp, src/files/files.cpp.
  const anyMethod =
    '/state /state-summary /slaves /frameworks /tasks /roles /flags /version /health /metrics/snapshot /system/stats.json ' +
    '/slave(1)/state /slave(1)/flags /slave(1)/health /slave(1)/containers /slave(1)/monitor/statistics';
  it.each(anyMethod.split(' '))('%s is read by any method', async (path) => {
    const { url } = await cluster();
    for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
      expect([method, (await send(url + path, { method })).status]).toEqual([method, 200]);
    }
  });

  it.each([
    ['/quota', 'PUT', "'GET', 'POST', 'DELETE'", 'Http::quota'],
    ['/weights', 'POST', "'GET', 'PUT'", 'Http::weights'],
    ['/maintenance/status', 'POST', "'GET'", 'Http::maintenanceStatus'],
    ['/maintenance/schedule', 'PUT', "'GET', 'POST'", 'Http::maintenanceSchedule'],
    ['/machine/down', 'GET', "'POST'", 'Http::machineDown'],
    ['/machine/up', 'GET', "'POST'", 'Http::machineUp'],
    ['/teardown', 'GET', "'POST'", 'Http::teardown'],
    ['/api/v1', 'GET', "'POST'", 'Http::api'],
    ['/slave(1)/api/v1', 'GET', "'POST'", 'Http::api of the agent'],
  ])('%s refuses %s: one of { %s } (%s)', async (path, method, allowed) => {
    const { url } = await cluster();
    for (const at of path.startsWith('/slave') || path === '/api/v1' ? [path] : [path, `/master${path}`]) {
      const { status, headers, body } = await send(url + at, { method });
      expect([status, headers['allow']]).toEqual([405, allowed.replaceAll("'", '')]);
      expect(body).toBe(`405 Method Not Allowed. Expecting one of { ${allowed} }, but received '${method}'.`);
    }
  });

  it.each([
    ['/state.json'],
    ['/master/metrics/snapshot'],
    ['/master/version'],
    ['/slave(1)/nothing'],
    ['/slave(1)/files/browse'],
    ['/slave(7)/state'],
    ['/redirect/master/state'],
    ['/nothing'],
  ])('%s is unknown', async (path) => {
    expect(await send((await cluster()).url + path)).toMatchObject({ status: 404, body: '404 Not Found.' });
  });

  // process::http::OK: the callback around the JSON, as a script.
  const scripts =
    '/state /state-summary /slaves /frameworks /tasks /roles /quota /weights /flags /version /metrics/snapshot ' +
    '/system/stats.json /maintenance/status /maintenance/schedule ' +
    '/slave(1)/state /slave(1)/containers /slave(1)/monitor/statistics';
  it.each(scripts.split(' '))('%s calls a script back', async (path) => {
    const { headers, body } = await send(`${(await cluster()).url}${path}?jsonp=back`);
    expect(headers['content-type']).toBe('text/javascript');
    expect(body).toMatch(/^back\(.*\)$/s);
    JSON.parse(body.slice('back('.length, -1));
  });
});

describe('parameters', () => {
  const ids = ['a', 'b', 'c', 'd'];
  // ReadOnlyHandler::tasks: the filter first, then the order, then the part; what is no number is not there; below 0 is very large.
  it.each([
    ['', 'dcba'],
    ['order=asc', 'abcd'],
    ['order=ASC', 'dcba'],
    ['order=des', 'dcba'],
    ['limit=2', 'dc'],
    ['limit=2&order=asc&offset=1', 'bc'],
    ['limit=0', ''],
    ['limit=x&offset=y', 'dcba'],
    ['limit=1.5', 'dcba'],
    ['limit=-1', 'dcba'],
    ['limit=-1&offset=1', ''],
    ['limit=-3&offset=4', ''],
    ['offset=-1', ''],
    ['offset=9', ''],
    ['task_id=b', 'b'],
    ['task_id=b&limit=1', 'b'],
    ['task_id=b&offset=1', ''],
    ['task_id=b&limit=0', ''],
    ['task_id=', ''],
    ['framework_id=none', ''],
  ])('/tasks?%s', async (query, expected) => {
    const { mesos } = await running(ids);
    const { tasks } = await get(`${mesos.url}/tasks?${query}`);
    expect(tasks.map(({ id }: { id: string }) => id).join('')).toBe(expected);
  });

  it('/frameworks and /slaves show one of them (IDAcceptor)', async () => {
    const mesos = await cluster({ agents: 2 });
    const [first, second] = [await subscribed(mesos), client(mesos)];
    await second.connect(frameworkInfo({ name: 'gone' }));
    await second.call('TEARDOWN');
    const shown = async (query: string) => {
      const { frameworks, completed_frameworks } = await get(`${mesos.url}/frameworks${query}`);
      return [frameworks, completed_frameworks].map((list) => list.map(({ name }: { name: string }) => name).join());
    };
    expect(await shown('')).toEqual(['probe', 'gone']);
    expect(await shown(`?framework_id=${first.frameworkId}`)).toEqual(['probe', '']);
    expect(await shown(`?framework_id=${second.frameworkId}`)).toEqual(['', 'gone']);
    expect(await shown('?framework_id=')).toEqual(['', '']);
    const { slaves } = await get(`${mesos.url}/slaves?slave_id=${agentOf(mesos).id}`);
    expect(slaves).toMatchObject([{ id: agentOf(mesos).id }]);
  });

  // Http::_containers of the agent.
  it('/containers shows those of a framework or of an executor, and refuses other mixtures', async () => {
    const { mesos, scheduler } = await running(['a', 'b']);
    const url = `${mesos.url}/slave(1)/containers`;
    const shown = async (query: string) =>
      (await get(`${url}?${query}`)).map(({ executor_id }: { executor_id: string }) => executor_id).join('');
    expect(await shown('')).toBe('ab');
    expect(await shown(`framework_id=${scheduler.frameworkId}`)).toBe('ab');
    expect(await shown(`framework_id=${scheduler.frameworkId}&executor_id=b`)).toBe('b');
    expect(await shown('framework_id=none')).toBe('');
    expect(await shown('container_id=none')).toBe('');
    for (const query of ['executor_id=a', 'container_id=x&framework_id=y', 'container_id=x&executor_id=y']) {
      expect(await send(`${url}?${query}`)).toMatchObject({
        status: 400,
        body: 'Supported query parameters are container_id only, framework_id only, or executor_id and framework_id only',
      });
    }
  });

  // MetricsProcess::_snapshot, Duration::parse.
  it.each([
    ['10secs', undefined],
    ['1.5mins', undefined],
    ['0ns', undefined],
    ['10', "Invalid duration '10'"],
    ['', "Invalid duration ''"],
    ['secs', "Failed to convert '' to number"],
    ['1.2.3secs', "Failed to convert '1.2.3' to number"],
    ['-1secs', "Failed to convert '' to number"],
    ['99999999weeks', "Argument out of the range that a Duration can represent due to int64_t's size limit"],
    [
      '10s',
      "Unknown duration unit 's'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'",
    ],
  ])('/metrics/snapshot?timeout=%s', async (timeout, fault) => {
    const { url } = await cluster();
    const { status, body } = await send(`${url}/metrics/snapshot?timeout=${timeout}`);
    expect(status).toBe(fault === undefined ? 200 : 400);
    if (fault !== undefined) expect(body).toBe(`Invalid timeout '${timeout}': ${fault}.\n`);
  });

  // Http::teardown.
  it('/teardown takes the framework from a form', async () => {
    const { mesos, scheduler } = await running(['a']);
    const post = (body: string): Promise<Answer> => send(`${mesos.url}/master/teardown`, { method: 'POST', body });
    expect(await post('')).toMatchObject({
      status: 400,
      body: "Missing 'frameworkId' query parameter in the request body",
    });
    expect(await post('frameworkId=none')).toMatchObject({
      status: 400,
      body: 'No framework found with specified ID',
    });
    expect(await post(`frameworkId=${scheduler.frameworkId}`)).toMatchObject({ status: 200, body: '' });
    expect(await scheduler.ended).toBe('eof');
    expect((await get(`${mesos.url}/state`)).completed_frameworks).toHaveLength(1);
  });
});

describe('the operator API', () => {
  const apis = [
    ['/api/v1', 'master::Call'],
    ['/slave(1)/api/v1', 'agent::Call'],
  ] as const;

  // src/master/validation.cpp, src/slave/validation.cpp.
  it.each(apis)('at %s wants a body where a call means nothing without one', async (path, name) => {
    const { url } = await cluster();
    for (const type of ['GET_METRICS', 'LIST_FILES', 'READ_FILE', 'SET_LOGGING_LEVEL']) {
      for (const body of [{ type }, { type, [type.toLowerCase()]: null }]) {
        expect(await send(url + path, { headers: json, body })).toMatchObject({
          status: 400,
          body: `Failed to validate ${name}: Expecting '${type.toLowerCase()}' to be present`,
        });
      }
    }
    expect(await send(url + path, { headers: json, body: { type: 'GET_METRICS', get_metrics: 'x' } })).toMatchObject({
      status: 400,
      body: "Failed to convert JSON into Call protobuf: Not expecting a JSON string for field 'get_metrics'",
    });
    expect(await send(url + path, { headers: json, body: { type: 'READ_FILE', read_file: {} } })).toMatchObject({
      status: 400,
      body: 'Failed to convert JSON into Call protobuf: Missing required fields: read_file.path, read_file.offset',
    });
  });

  it.each([
    ['/api/v1', "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"],
    [
      '/slave(1)/api/v1',
      "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio",
    ],
  ])('at %s cannot answer in other forms than JSON', async (path, text) => {
    const { url } = await cluster();
    const call = (accept: string) =>
      send(url + path, { headers: { ...json, Accept: accept }, body: { type: 'GET_HEALTH' } });
    expect(await call('text/html')).toMatchObject({ status: 406, body: text });
    for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.5']) {
      expect([accept, (await call(accept)).status]).toEqual([accept, 200]);
    }
  });

  it('of the master refuses what does not fit the state of an agent (_drainAgent, _reactivateAgent, _markAgentGone)', async () => {
    const { mesos } = await running(['a']);
    const write = (type: string, id: string) =>
      send(`${mesos.url}/api/v1`, { headers: json, body: { type, [type.toLowerCase()]: { agent_id: { value: id } } } });
    const { id } = agentOf(mesos);
    for (const type of ['DRAIN_AGENT', 'DEACTIVATE_AGENT']) {
      expect(await write(type, 'none')).toMatchObject({ status: 400, body: 'Unknown agent' });
    }
    expect(await write('MARK_AGENT_GONE', 'none')).toMatchObject({ status: 404, body: "Agent 'none' not found" });
    expect(await write('REACTIVATE_AGENT', id)).toMatchObject({ status: 400, body: 'Agent is not deactivated' });
    expect((await write('DRAIN_AGENT', id)).status).toBe(200);
    // Its task has not been acknowledged to have ended.
    expect(await write('REACTIVATE_AGENT', id)).toMatchObject({
      status: 400,
      body: 'Agent is still in the DRAINING state',
    });
  });

  it('of the master has the files of its agents', async () => {
    const dir = await realpath(await workDir());
    const mesos = await cluster({ simulate: false, workDir: dir });
    const root = join(dir, 'slaves');
    await mkdir(join(root, 'S', 'd'), { recursive: true });
    await writeFile(join(root, 'S', 'file'), 'hello');
    const call = async (type: string, body: object) => {
      const answer = await send(`${mesos.url}/api/v1`, { headers: json, body: { type, [type.toLowerCase()]: body } });
      return answer.status === 200 ? JSON.parse(answer.body)[type.toLowerCase()] : answer;
    };
    expect(await call('READ_FILE', { path: join(root, 'S', 'file'), offset: 1, length: 3 })).toEqual({
      size: 5,
      data: Buffer.from('ell').toString('base64'),
    });
    const { file_infos: infos } = await call('LIST_FILES', { path: join(root, 'S') });
    expect(infos.map(({ path }: { path: string }) => path)).toEqual([join(root, 'S', 'd'), join(root, 'S', 'file')]);
    // FilesProcess::browse: what cannot be listed has nothing in it.
    expect(await call('LIST_FILES', { path: join(root, 'S', 'file') })).toEqual({});
    expect(await get(`${mesos.url}/files/browse?path=${join(root, 'S', 'file')}`)).toEqual([]);
    expect(await call('LIST_FILES', { path: join(root, 'none') })).toMatchObject({ status: 404, body: '' });
  });
});
