/** The statements C-17 to C-21 and C-45 of mesos-v1 §7.2 against a scripted master. */
import { describe, expect, it } from 'vitest';
import { FRAMEWORK_ID, type SeenSubscribe } from './fake-master.ts';
import { useLinkHarness } from './link-harness.ts';
import { recordOf } from './recorded.ts';

const on = useLinkHarness();

const removed = { type: 'ERROR', error: { message: 'Framework has been removed' } };

/** Waits for the next attempt after a pause of at most so long, and accepts it. */
async function again(longestMs: number): Promise<SeenSubscribe> {
  await on.clock.pass(0, longestMs);
  const stream = await on.master.subscribes.next();
  stream.accept();
  await on.event('subscribed');
  return stream;
}

describe('identity', () => {
  it('C-17: the id that was given is sent in both places from then on', async () => {
    const { stream } = await on.connected();
    expect(stream.body).not.toHaveProperty('framework_id');
    stream.cut();
    await on.event('disconnected');
    await on.clock.pass(0, 100);
    expect((await on.master.subscribes.next()).body).toMatchObject({
      framework_id: { value: FRAMEWORK_ID },
      subscribe: { framework_info: { id: { value: FRAMEWORK_ID } } },
    });
  });

  it('C-18: "Framework has been removed" ends the link and says what to do', async () => {
    const { stream } = await on.connected();
    stream.send(removed);
    await on.event('disconnected');
    await on.event('frameworkRemoved');
    expect(on.clock.pending()).toBe(0);
    const line = on.log.find(({ event }) => event === 'mesos.framework.removed');
    expect(line).toMatchObject({ level: 'error', fields: { remedy: expect.stringContaining('--register_anew') } });
  });

  it('C-18: with leave it registers anew, without the old id', async () => {
    let isAsked = 0;
    const { stream } = await on.connected({
      mayRegisterAnew: () => {
        isAsked += 1;
        return true;
      },
    });
    stream.send(removed);
    await on.event('disconnected');
    await on.clock.pass(0, 100);
    const fresh = await on.master.subscribes.next();
    expect(fresh.body).not.toHaveProperty('framework_id');
    fresh.accept('another-0002');
    expect(await on.event('subscribed')).toMatchObject({ frameworkId: 'another-0002', isNew: true });
    expect(isAsked).toBe(1);
  });

  it('C-19: "Framework failed over" asks for leave before it subscribes again, and not at once; an old stream is not heard', async () => {
    let may = true;
    let asked = 0;
    const beforeSubscribe = async (): Promise<boolean> => {
      asked += 1;
      return may;
    };
    const { stream } = await on.connected({ beforeSubscribe });
    may = false;
    stream.send({ type: 'ERROR', error: { message: 'Framework failed over' } }, recordOf('OFFERS'));
    await on.event('disconnected');
    expect(await on.clock.pass(1_000, 2_000)).toBeGreaterThanOrEqual(1_000);
    await on.clock.armed(0, 200);
    expect(asked).toBe(2);
    expect(on.master.subscribes.unread()).toEqual([]);
    may = true;
    await again(200);
    expect(on.events.unread()).toEqual([]);
  });

  it('C-20: any other ERROR ends the stream, is told, and is followed by a slow attempt', async () => {
    const { stream } = await on.connected();
    stream.send({ type: 'ERROR', error: { message: 'something odd' } });
    await on.event('disconnected');
    expect(on.log.find(({ event }) => event === 'mesos.error')?.fields?.['message']).toBe('something odd');
    expect(await on.clock.armed(0, 60_000)).toBeGreaterThanOrEqual(5_000);
  });

  it('C-21: without leave nothing is subscribed, and a stopped link closes its stream', async () => {
    let may = false;
    const link = on.link({ beforeSubscribe: async () => may });
    link.start(undefined, on.events.put);
    await on.clock.armed(0, 100);
    expect(on.master.subscribes.unread()).toEqual([]);
    may = true;
    const stream = await again(100);
    const closed = new Promise((resolve) => stream.socket.on('close', resolve));
    await link.stop(false);
    await closed;
    expect(on.clock.pending()).toBe(0);
  });

  it('C-45: nothing but the given clock moves it: no attempt is made while that stands still', async () => {
    on.link().start(undefined, on.events.put);
    (await on.master.subscribes.next()).answer(503);
    await on.clock.armed(0, 100);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(on.master.subscribes.unread()).toEqual([]);
    on.clock.advance(100);
    await on.master.subscribes.next();
  });

  it('roles: a change is told to the master at once, and sent with every later subscription', async () => {
    const { link, stream } = await on.connected();
    link.updateRoles(['*', 'dev']);
    link.updateRoles(['*', 'dev']);
    link.revive([]);
    expect((await on.master.calls.next()).body).toMatchObject({
      type: 'UPDATE_FRAMEWORK',
      update_framework: { framework_info: { id: { value: FRAMEWORK_ID }, name: 'marathon', roles: ['*', 'dev'] } },
    });
    expect((await on.master.calls.next()).body.type).toBe('REVIVE');
    stream.cut();
    await on.event('disconnected');
    await on.clock.pass(0, 100);
    expect((await on.master.subscribes.next()).body).toMatchObject({
      subscribe: { framework_info: { roles: ['*', 'dev'] } },
    });
  });
});
