import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { frameworkInfo, send } from '../support/mesos-client.ts';
import { cluster, subscribed } from './cluster-fixture.ts';

const post = (body: string, length = Buffer.byteLength(body)): string =>
  `POST /api/v1/scheduler HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;

describe('the master goes on', () => {
  it('when clients go away before, during and after their requests', async () => {
    const mesos = await cluster();
    const info = frameworkInfo({ failover_timeout: 0 });
    const whole = post(JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: info } }));
    const bad = post('{"type":"RECONCILE"}');
    for (let i = 0; i < 120; i++) {
      const socket = connect(mesos.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      const text = [
        whole,
        bad.repeat(3),
        whole.slice(0, -10),
        'GET /state HTTP/1.1\r\nHost: a\r\n\r\n',
        'nonsense\r\n\r\n',
      ][i % 5]!;
      const gone = once(socket, 'close');
      if (i % 2 === 0) socket.write(text, () => socket.resetAndDestroy());
      else {
        socket.write(text);
        setImmediate(() => socket.destroy());
      }
      await gone;
    }
    await send(`${mesos.url}/simulate/disconnect`, { method: 'POST' });
    const scheduler = await subscribed(mesos);
    let offered = 0;
    // Frameworks that have just been cut off may still hold the one agent for a moment.
    while (offered === 0) offered = (await scheduler.nextOffers()).length;
    expect((await scheduler.reconcile()).status).toBe(202);
  });

  it('when an answer comes too late for its client', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    await send(`${mesos.url}/simulate/behaviour`, { body: { answerDelayMs: 30 } });
    const socket = connect(mesos.port, '127.0.0.1');
    socket.write(post(`{"type":"RECONCILE","reconcile":{},"framework_id":{"value":"x"}}`), () => socket.destroy());
    await once(socket, 'close');
    expect((await scheduler.reconcile()).status).toBe(202);
  });

  it('when calls are pipelined on one connection, and answers them in order', async () => {
    const mesos = await cluster();
    const scheduler = await subscribed(mesos);
    const socket = connect(mesos.port, '127.0.0.1');
    const call = JSON.stringify({ framework_id: { value: scheduler.frameworkId }, type: 'REVIVE' });
    const good = post(call).replace('Host: a\r\n', `Host: a\r\nMesos-Stream-Id: ${scheduler.streamId}\r\n`);
    socket.write(good.repeat(3) + post(call) + good.repeat(2));
    const statuses: string[] = [];
    let text = '';
    while (statuses.length < 6) {
      text += String((await once(socket, 'data'))[0]);
      statuses.splice(0, statuses.length, ...[...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]!));
    }
    expect(statuses).toEqual(['202', '202', '202', '400', '202', '202']);
    socket.destroy();
  });
});
