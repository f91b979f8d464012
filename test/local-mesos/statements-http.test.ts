/** mesos-v1 §7.1, M-1 to M-25: the transport, calls and answers of the scheduler endpoint. */
import { describe, expect, it } from 'vitest';
import { frameworkInfo, json, send } from '../support/mesos-client.ts';
import { client, cluster, subscribed } from './cluster-fixture.ts';
import { cameOf, fence, openStream } from './statement-helpers.ts';

const path = '/api/v1/scheduler';
const subscribe = (info: object = frameworkInfo(), more: object = {}) => ({
  type: 'SUBSCRIBE',
  subscribe: { framework_info: info, ...more },
});

describe('the scheduler endpoint', () => {
  it('M-1: answers GET with 405 and the method that it wants', async () => {
    const { url } = await cluster({ agents: 0 });
    const answer = await send(url + path, { headers: json });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST']);
  });

  it('M-2: refuses a body without Content-Type', async () => {
    const { url } = await cluster({ agents: 0 });
    const answer = await send(url + path, { method: 'POST', body: JSON.stringify(subscribe()) });
    expect(answer).toMatchObject({ status: 400, body: `Expecting 'Content-Type' to be present` });
  });

  it('M-3: refuses another Content-Type, and JSON with a charset', async () => {
    const { url } = await cluster({ agents: 0 });
    for (const type of ['application/unknown', 'application/json; charset=utf-8', 'Application/JSON']) {
      const answer = await send(url + path, { headers: { ...json, 'Content-Type': type }, body: subscribe() });
      expect(answer).toMatchObject({
        status: 415,
        body: `Expecting 'Content-Type' of application/json or application/x-protobuf`,
      });
    }
  });

  it('M-4: refuses what is no JSON, and JSON that is no call', async () => {
    const { url } = await cluster({ agents: 0 });
    const broken = await send(url + path, { headers: json, body: 'hello' });
    expect(broken.status).toBe(400);
    expect(broken.body).toMatch(/^Failed to parse body into JSON: /);
    expect(await send(url + path, { headers: json, body: { string: 'x' } })).toMatchObject({
      status: 400,
      body: `Failed to validate scheduler::Call: Expecting 'type' to be present`,
    });
  });

  it('M-5: streams JSON without Accept and for */*, answers 406 to another, and asks no other call for it', async () => {
    const { url } = await cluster({ agents: 0 });
    const type = { 'Content-Type': 'application/json' };
    for (const headers of [
      type,
      { ...type, Accept: '*/*' },
      { ...type, Accept: 'text/html, application/json;q=0.1' },
    ]) {
      const { res, first } = await openStream(url, headers, subscribe());
      expect([res.statusCode, res.headers['content-type']]).toEqual([200, 'application/json']);
      expect((await first(1))[0]!.type).toBe('SUBSCRIBED');
      res.destroy();
    }
    for (const accept of ['foo', 'application/x-protobuf', 'application/json;q=0']) {
      const answer = await send(url + path, { headers: { ...type, Accept: accept }, body: subscribe() });
      expect(answer).toMatchObject({
        status: 406,
        body: `Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'`,
      });
    }
    const scheduler = await subscribed(await cluster({ agents: 0 }));
    expect((await scheduler.call('REVIVE', {}, { Accept: 'foo' })).status).toBe(202);
  });

  it('M-6: refuses a SUBSCRIBE that carries a stream id', async () => {
    const { url } = await cluster({ agents: 0 });
    const headers = { ...json, 'Mesos-Stream-Id': '11111111-2222-4333-8444-555555555555' };
    expect(await send(url + path, { headers, body: subscribe() })).toMatchObject({
      status: 400,
      body: `Subscribe calls should not include the 'Mesos-Stream-Id' header`,
    });
  });

  it('M-9: sends heartbeats at the interval although other events flow all the time', async () => {
    const mesos = await cluster({ agents: 0, settings: { heartbeatMs: 50 } });
    const scheduler = await subscribed(mesos);
    const startedAt = performance.now();
    let beats = 0;
    const updatesBefore: number[] = [0];
    scheduler.listen(({ type }) => {
      if (type === 'HEARTBEAT') updatesBefore[++beats] = 0;
      else updatesBefore[beats] = (updatesBefore[beats] ?? 0) + 1;
    });
    while (beats < 6) await scheduler.reconcile({ taskId: 'nobody' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(4 * 50);
    // Of the pauses between the heartbeats none was silent.
    expect(updatesBefore.slice(2, 6).every((count) => count > 0)).toBe(true);
  });

  it('M-10: refuses calls of a framework that it does not know', async () => {
    const { url } = await cluster({ agents: 0 });
    const headers = { ...json, 'Mesos-Stream-Id': '11111111-2222-4333-8444-555555555555' };
    for (const type of ['REVIVE', 'SUPPRESS', 'TEARDOWN']) {
      const body = { framework_id: { value: 'nobody-0000' }, type };
      expect(await send(url + path, { headers, body })).toMatchObject({
        status: 400,
        body: 'Framework cannot be found',
      });
    }
  });

  it('M-13: refuses calls without a stream id, and with one that is not the present one', async () => {
    const mesos = await cluster({ agents: 0 });
    const scheduler = await subscribed(mesos);
    const body = { framework_id: { value: scheduler.frameworkId }, type: 'REVIVE' };
    expect(await send(mesos.url + path, { headers: json, body })).toMatchObject({
      status: 400,
      body: `All non-subscribe calls should include the 'Mesos-Stream-Id' header`,
    });
    const wrong = '11111111-2222-4333-8444-555555555555';
    expect(await scheduler.call('REVIVE', {}, { 'Mesos-Stream-Id': wrong })).toMatchObject({
      status: 400,
      body: `The stream ID '${wrong}' included in this request didn't match the stream ID currently associated with framework ID ${scheduler.frameworkId}`,
    });
  });

  it('M-15: refuses a SUBSCRIBE whose two ids differ, or of which one is missing', async () => {
    const { url } = await cluster({ agents: 0 });
    const of = (id: string) => ({ value: id });
    for (const body of [
      { framework_id: of('a'), ...subscribe(frameworkInfo({ id: of('b') })) },
      { framework_id: of('a'), ...subscribe() },
      subscribe(frameworkInfo({ id: of('b') })),
    ]) {
      expect(await send(url + path, { headers: json, body })).toMatchObject({
        status: 400,
        body: `Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'`,
      });
    }
  });

  const refusals: readonly [string, object, object, string | RegExp][] = [
    ['M-16: a role that begins with a slash', frameworkInfo({ roles: ['/a'] }), {}, /contains invalid role: .*slash/],
    [
      'M-17: roles without MULTI_ROLE',
      frameworkInfo({ capabilities: [], roles: ['a'] }),
      {},
      `'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable`,
    ],
    [
      'M-17: a role with MULTI_ROLE',
      { user: 'root', name: 'x', role: 'a', capabilities: [{ type: 'MULTI_ROLE' }] },
      {},
      `'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable`,
    ],
    [
      'M-17: a role given twice',
      frameworkInfo({ roles: ['a', 'b', 'a'] }),
      {},
      `'FrameworkInfo.roles' contains duplicate items: { a }`,
    ],
    [
      'M-18: a suppressed role that is none of its roles',
      frameworkInfo({ roles: ['a'] }),
      { suppressed_roles: ['a', 'b'] },
      'Suppressed roles { b } are not contained in the set of roles',
    ],
  ];
  for (const [name, info, more, message] of refusals) {
    it(`${name} is refused by an ERROR on a stream that ends`, async () => {
      const scheduler = client(await cluster({ agents: 0 }));
      const res = await scheduler.subscribe(info, more);
      expect(res.statusCode).toBe(200);
      expect((await scheduler.next('ERROR')).error!.message).toMatch(message);
      expect(await scheduler.ended).toBe('eof');
      expect(scheduler.untaken()).toEqual([]);
    });
  }

  it('M-20: takes nulls, and calls without their optional bodies', async () => {
    const mesos = await cluster();
    const scheduler = client(mesos);
    await scheduler.connect({ ...frameworkInfo(), failover_timeout: '3600', labels: null, unknown: { a: 1 } });
    for (const type of ['SUPPRESS', 'REVIVE']) {
      expect((await scheduler.call(type)).status).toBe(202);
      expect((await scheduler.call(type, { [type.toLowerCase()]: null })).status).toBe(202);
    }
    expect((await scheduler.call('TEARDOWN')).status).toBe(202);
    expect(await scheduler.ended).toBe('eof');
  });

  it('M-23: asks for credentials in its realm, and for the right ones', async () => {
    const mesos = await cluster({ agents: 0, credentials: { probe: 's3cret' } });
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    for (const more of [{}, { Authorization: basic('probe:wrong') }, { Authorization: basic('nobody:s3cret') }]) {
      const answer = await send(mesos.url + path, { headers: { ...json, ...more }, body: subscribe() });
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([
        401,
        'Basic realm="mesos-master-scheduler"',
      ]);
    }
    const headers = { ...json, Authorization: basic('probe:s3cret') };
    const { res, first } = await openStream(mesos.url, headers, subscribe());
    expect((await first(1))[0]!.type).toBe('SUBSCRIBED');
    res.destroy();
  });

  it('M-24: answers 503 when there is no leader', async () => {
    const { master, url } = await cluster({ agents: 0 });
    master.state.leadership = { kind: 'none' };
    for (const one of [path, '/redirect']) {
      const answer = await send(url + one, { headers: json, method: 'POST', body: subscribe() });
      expect(answer).toMatchObject({ status: 503, body: 'No leader elected' });
    }
  });

  it('M-25: answers 503 while it recovers', async () => {
    const { master, url } = await cluster({ agents: 0 });
    master.state.leadership = { kind: 'leading', recovered: false };
    expect(await send(url + path, { headers: json, body: subscribe() })).toMatchObject({
      status: 503,
      body: 'Master has not finished recovery',
    });
    expect((await send(`${url}/health`)).status).toBe(200);
  });

  it('M-63: takes an acknowledgement with a uuid nobody knows and ignores it', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const ids = { agent_id: { value: 'a' }, task_id: { value: 't' } };
    const acknowledge = { ...ids, uuid: 'MDEyMzQ1Njc4OWFiY2RlZg==' };
    expect((await scheduler.call('ACKNOWLEDGE', { acknowledge })).status).toBe(202);
    expect(await cameOf(scheduler, 'UPDATE')).toEqual([]);
  });

  it('M-84: UPDATE_FRAMEWORK is 200 and shows, and another user is a 400 that changes nothing', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const [offer] = await scheduler.nextOffers();
    const id = { value: scheduler.frameworkId };
    const update = (change: object) =>
      scheduler.call('UPDATE_FRAMEWORK', { update_framework: { framework_info: frameworkInfo({ id, ...change }) } });
    expect(await update({ user: 'nobody', name: 'other' })).toMatchObject({
      status: 400,
      body: `FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'nobody'`,
    });
    expect(JSON.parse((await send(`${mesos.url}/frameworks`)).body).frameworks[0].name).toBe('probe');
    expect(await update({ name: 'renamed', roles: ['dev'] })).toMatchObject({ status: 200, body: '' });
    const { frameworks } = JSON.parse((await send(`${mesos.url}/frameworks`)).body);
    expect(frameworks).toMatchObject([{ name: 'renamed', roles: ['dev'] }]);
    expect((await scheduler.next('RESCIND')).rescind!.offer_id).toEqual(offer!.id);
    expect((await scheduler.nextOffers())[0]!.allocation_info).toEqual({ role: 'dev' });
  });

  it('M-85: SHUTDOWN and MESSAGE for an agent nobody knows are taken and mean nothing', async () => {
    const scheduler = await subscribed(await cluster({ agents: 0 }));
    const ids = { agent_id: { value: 'no-such-agent-S9' }, executor_id: { value: 'e' } };
    expect((await scheduler.call('SHUTDOWN', { shutdown: ids })).status).toBe(202);
    expect((await scheduler.call('MESSAGE', { message: { ...ids, data: 'aGVsbG8=' } })).status).toBe(202);
    await fence(scheduler);
    expect(scheduler.untaken()).toEqual([]);
  });
});
