import { describe, expect, it } from 'vitest';
import { testApi } from './support/api-server.ts';

const path = '/v2/eventSubscriptions';
const at = (url: string): string => `${path}?callbackUrl=${encodeURIComponent(url)}`;
const hook = 'http://127.0.0.1:9/hook';

describe('/v2/eventSubscriptions', () => {
  it('subscribes, lists and unsubscribes, each answer the event that tells of it', async () => {
    const { server, front } = testApi({ hasCallbacks: true });
    const posted = await server.inject({ method: 'POST', url: at(hook) });
    expect([posted.statusCode, posted.json()]).toEqual([
      200,
      {
        eventType: 'subscribe_event',
        clientIp: '127.0.0.1',
        callbackUrl: hook,
        timestamp: '2020-01-01T00:00:00.000Z',
      },
    ]);
    expect((await server.inject(path)).json()).toEqual({ callbackUrls: [hook] });
    const deleted = await server.inject({ method: 'DELETE', url: at(hook) });
    expect(deleted.json()).toMatchObject({ eventType: 'unsubscribe_event', callbackUrl: hook });
    expect((await server.inject(`${path}/`)).body).toBe('{"callbackUrls":[]}');
    expect(front.subscriptions.size).toBe(0);
  });

  it('an IPv4 client has its own address, on a socket for IPv6 too', async () => {
    const { server } = testApi({ hasCallbacks: true });
    const remoteAddress = '::ffff:10.0.0.9';
    const posted = await server.inject({ method: 'POST', url: at(hook), remoteAddress });
    expect(posted.json()).toMatchObject({ clientIp: '10.0.0.9' });
    const deleted = await server.inject({ method: 'DELETE', url: at(hook), remoteAddress: '::1' });
    expect(deleted.json()).toMatchObject({ clientIp: '::1' });
  });

  it('takes a secret in the body and never shows it; empty bodies of a JSON type are fine', async () => {
    const { server, front } = testApi({ hasCallbacks: true });
    const headers = { 'content-type': 'application/json' };
    const secret = '0123456789abcdef';
    const signed = await server.inject({ method: 'POST', url: at(hook), headers, payload: JSON.stringify({ secret }) });
    expect(signed.statusCode).toBe(200);
    expect(signed.body).not.toContain(secret);
    expect(front.subscriptions.get(hook)).toBe(secret);
    expect((await server.inject(path)).body).not.toContain(secret);
    await server.inject({ method: 'POST', url: at('http://h/'), headers, payload: '' });
    expect(front.subscriptions.has('http://h/')).toBe(true);
  });

  it.each([
    ['POST', path, undefined, 422],
    ['POST', `${path}?callbackUrl=`, undefined, 422],
    ['POST', at('file:///etc/passwd'), undefined, 422],
    ['POST', at('nonsense'), undefined, 422],
    ['POST', at(hook), '{"secret":"short"}', 422],
    ['POST', at(hook), '{"secret":7}', 422],
    ['POST', at(hook), '[1]', 400],
    ['POST', at(hook), '{', 400],
    ['DELETE', path, undefined, 422],
    ['PUT', at(hook), undefined, 405],
  ] as const)('%s %s with %s is refused with %i and changes nothing', async (method, url, payload, status) => {
    const { server, front } = testApi({ hasCallbacks: true });
    const answer = await server.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toHaveProperty('message');
    expect(front.subscriptions.size).toBe(0);
  });

  it.each(['GET', 'POST', 'DELETE'] as const)('%s is refused with 400 unless callbacks are enabled', async (method) => {
    const { server, front } = testApi();
    const answer = await server.inject({ method, url: at(hook) });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toContain('--event_subscriber http_callback');
    expect(front.subscriptions.size).toBe(0);
  });
});
