/** Replays what a real master was asked in a recording of wrong requests, and expects its very answers. */
import { describe, expect, it } from 'vitest';
import { MesosClient, send } from '../support/mesos-client.ts';
import { client, cluster, subscribed } from './cluster-fixture.ts';
import rows from './http-errors.fixture.json' with { type: 'json' };

interface Row {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly raw?: string;
  readonly body?: unknown;
  readonly status: number;
  readonly allow?: string;
  readonly contentType?: string;
  readonly text?: string;
  /** The first event, if the answer is a stream. */
  readonly first?: { readonly type: string };
}

describe('the answers to wrong requests', () => {
  for (const row of rows as unknown as readonly Row[]) {
    it(`are those of a real master for: ${row.name}`, async () => {
      const mesos = await cluster({ agents: 0 });
      const scheduler = await subscribed(mesos);
      const fill = (text: string): string =>
        text.replaceAll('{framework}', scheduler.frameworkId).replaceAll('{stream}', scheduler.streamId);
      if (row.first !== undefined) {
        const other = client(mesos);
        const { subscribe } = row.body as { subscribe: { framework_info: object } };
        const res = await other.subscribe(subscribe.framework_info, { ...subscribe });
        expect(res.statusCode).toBe(row.status);
        expect(await other.next(row.first.type)).toMatchObject(row.first);
        if (row.first.type === 'ERROR') expect(await other.ended).toBe('eof');
        return;
      }
      const raw = row.raw ?? (row.body === undefined ? undefined : JSON.stringify(row.body));
      const answer = await send(mesos.url + row.path, {
        method: row.method,
        headers: Object.fromEntries(Object.entries(row.headers).map(([name, value]) => [name, fill(value)])),
        ...(raw === undefined ? {} : { body: fill(raw) }),
      });
      expect(answer.status).toBe(row.status);
      expect(answer.body).toBe(fill(row.text ?? ''));
      expect(answer.headers['content-type']).toBe(row.contentType);
      expect(answer.headers['allow']).toBe(row.allow);
    });
  }

  it('takes no text that holds half of a surrogate pair, as the parser of a real master does', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const kill = (id: string) =>
      `{"framework_id":{"value":"${scheduler.frameworkId}"},"type":"KILL","kill":{"task_id":{"value":"${id}"}}}`;
    const post = (body: string) =>
      send(`${mesos.url}/api/v1/scheduler`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Mesos-Stream-Id': scheduler.streamId },
        body,
      });
    for (const id of ['a\\ud800', '\\uDC00', '\\udc00\\ud800']) {
      const answer = await post(kill(id));
      expect([answer.status, answer.body.slice(0, 46)]).toEqual([
        400,
        'Failed to parse body into JSON: syntax error a',
      ]);
    }
    expect((await post(kill('a\\ud83d\\ude00 \\\\ud800'))).status).toBe(202);
  });

  it('refuses every call of a framework that was torn down, and its id', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    expect(await scheduler.call('TEARDOWN')).toMatchObject({ status: 202, body: '' });
    expect(await scheduler.ended).toBe('eof');
    expect(await scheduler.reconcile()).toMatchObject({ status: 400, body: 'Framework cannot be found' });
    const again = new MesosClient(mesos.url);
    const info = { name: 'probe', user: 'root', id: { value: scheduler.frameworkId } };
    await again.subscribe(info);
    expect((await again.next('ERROR')).error).toEqual({ message: 'Framework has been removed' });
    expect(await again.ended).toBe('eof');
  });

  it('M-21, M-63: are errors of conversion for enums as numbers, objects as bytes and lists as single values', async () => {
    const mesos = await cluster({ agents: 0 });
    const scheduler = await subscribed(mesos);
    const ids = { agent_id: { value: 'a' }, task_id: { value: 't' } };
    const prefix = 'Failed to convert JSON into Call protobuf: ';
    expect(await scheduler.call('ACKNOWLEDGE', { acknowledge: { ...ids, uuid: {} } })).toMatchObject({
      status: 400,
      body: `${prefix}Not expecting a JSON object for field 'uuid'`,
    });
    expect(await scheduler.call('KILL', { kill: { task_id: [] } })).toMatchObject({
      status: 400,
      body: `${prefix}Not expecting a JSON array for field 'task_id'`,
    });
    expect(await scheduler.call('X', { type: 3 })).toMatchObject({
      status: 400,
      body: `${prefix}Not expecting a JSON number for field 'type'`,
    });
    expect(await scheduler.call('ACKNOWLEDGE', { acknowledge: { ...ids, uuid: 'c2hvcnQ=' } })).toMatchObject({
      status: 400,
      body: 'Failed to validate scheduler::Call: Not a valid UUID',
    });
  });

  it('M-20: are none for nulls, unknown members, numbers in quotes and single values in place of lists', async () => {
    const scheduler = await subscribed(await cluster());
    const [offer] = await scheduler.nextOffers();
    const decline = { offer_ids: offer!.id, filters: { refuse_seconds: '0', extra: 1 }, other: null };
    expect((await scheduler.call('DECLINE', { decline, revive: null })).status).toBe(202);
    const [again] = await scheduler.nextOffers();
    expect(again!.agent_id).toEqual(offer!.agent_id);
  });
});
