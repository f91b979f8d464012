/** `/v2/live`, the stream `log`: a file of a task, as it grows. */
import { describe, expect, it } from 'vitest';
import { maxFollowed } from '../../../src/api/files/follow-places.ts';
import { maxLogs } from '../../../src/api/stream/live/log-feed.ts';
import { systemClock } from '../../../src/infra/clock.ts';
import { fakeApp, fakeInstance } from '../../support/fake-front.ts';
import { onLoopback, testApiAt } from '../support/api-server.ts';
import { type Client, open } from './live-client.ts';

const app = fakeApp('/a');
const instance = fakeInstance(app, 1);
const task = instance.tasks[0]!.id;

interface LogFrame {
  readonly op: string;
  readonly sub?: string;
  readonly offset?: number;
  readonly data?: string;
  readonly from?: number;
  readonly to?: number;
  readonly reason?: string;
}

async function started() {
  const api = await onLoopback(testApiAt(systemClock));
  api.front.addApp(app, [instance]);
  return api;
}

const log = (more: object = {}) => ({ op: 'subscribe', sub: 'l', stream: 'log', task, path: 'stdout', ...more });
const framesOf = (client: Client): readonly LogFrame[] => client.frames as unknown as readonly LogFrame[];
const textOf = (client: Client): string =>
  framesOf(client)
    .map(({ data = '' }) => data)
    .join('');

describe('/v2/live: the log of a task', () => {
  it('tells what is there and what comes, and ends with the task', async () => {
    const api = await started();
    const client = await open(api.port);
    client.say(log());
    await client.until(() => textOf(client) === 'hello\n');
    expect(framesOf(client).map(({ op, offset }) => [op, offset])).toEqual([
      ['subscribed', 0],
      ['log', 0],
    ]);
    api.files.append('stdout', 'more\n');
    await client.until(() => textOf(client) === 'hello\nmore\n');
    expect(framesOf(client).at(-1)).toEqual({ op: 'log', sub: 'l', offset: 6, data: 'more\n' });
    api.front.instanceMap.delete(instance.id);
    const end = (await client.frame('unsubscribed', 'l')) as unknown as LogFrame;
    expect(end).toEqual({ op: 'unsubscribed', sub: 'l', offset: 11, reason: 'taskOver' });
    // The name is free again.
    api.front.instanceMap.set(instance.id, instance);
    client.say(log({ tail: 3 }));
    await client.until(() => framesOf(client).at(-1)?.data === 're\n');
  });

  it.each([
    [{ offset: 2 }, 'llo\n', 2],
    [{ since: 3 }, 'lo\n', 3],
    [{ tail: 2 }, 'o\n', 4],
    [{ offset: -1 }, '', 6],
  ])('begins at %j', async (start, text, offset) => {
    const api = await started();
    const client = await open(api.port);
    client.say(log(start));
    expect(((await client.frame('subscribed', 'l')) as unknown as LogFrame).offset).toBe(offset);
    api.files.append('stdout', 'x');
    await client.until(() => textOf(client).endsWith('x'));
    expect(textOf(client)).toBe(`${text}x`);
  });

  it('says by a gap where the file began anew', async () => {
    const api = await started();
    const client = await open(api.port);
    client.say(log());
    await client.until(() => textOf(client) === 'hello\n');
    api.files.write('stdout', 'new');
    await client.until(() => textOf(client) === 'hello\nnew');
    expect(framesOf(client).find(({ op }) => op === 'gap')).toEqual({
      op: 'gap',
      sub: 'l',
      from: 6,
      to: 0,
      reason: 'truncated',
    });
  });

  it.each([
    [{ task: undefined }, 'badTask'],
    [{ task: 'x'.repeat(256) }, 'badTask'],
    [{ task: 'none' }, 'notFound'],
    [{ path: '../stdout' }, 'badPath'],
    [{ path: '/' }, 'badPath'],
    [{ path: 7 }, 'badPath'],
    [{ path: 'none' }, 'notFound'],
    [{ offset: -2 }, 'badOffset'],
    [{ offset: '3' }, 'badOffset'],
    [{ offset: 1, tail: 1 }, 'badOffset'],
    [{ tail: -1 }, 'badOffset'],
  ])('%j is refused with %s, the connection goes on and the name is free', async (more, code) => {
    const api = await started();
    const client = await open(api.port);
    client.say(log(more));
    expect((await client.frame('error', 'l')).code).toBe(code);
    client.say(log());
    await client.until(() => textOf(client) === 'hello\n');
  });

  it('tells an agent that is away: at once when asked for, and later when it stays away', async () => {
    const api = await started();
    const client = await open(api.port);
    api.files.fails = { kind: 'away', reason: 'S1 cannot be asked' };
    client.say(log());
    expect(await client.frame('error', 'l')).toMatchObject({ code: 'notReady', message: 'S1 cannot be asked' });
    api.files.fails = undefined;
    client.say(log({ sub: 'm' }));
    await client.frame('subscribed', 'm');
    api.files.fails = { kind: 'refused', reason: 'Cannot read a directory.' };
    expect(await client.frame('error', 'm')).toMatchObject({ code: 'logFailed', message: 'Cannot read a directory.' });
  });

  it('is bounded on a connection and over all, and gives its places back', async () => {
    const api = await started();
    const one = await open(api.port);
    for (let i = 0; i < maxLogs; i++) one.say(log({ sub: `l${i}` }));
    await one.until(() => framesOf(one).filter(({ op }) => op === 'subscribed').length === maxLogs);
    one.say(log({ sub: 'more' }));
    expect((await one.frame('error', 'more')).code).toBe('tooManySubs');
    one.say({ op: 'unsubscribe', sub: 'l0' });
    await one.frame('unsubscribed', 'l0');
    one.say(log({ sub: 'again' }));
    await one.frame('subscribed', 'again');

    const others = await Promise.all(Array.from({ length: maxFollowed / maxLogs - 1 }, () => open(api.port)));
    for (const other of others) for (let i = 0; i < maxLogs; i++) other.say(log({ sub: `l${i}` }));
    for (const other of others)
      await other.until(() => framesOf(other).filter(({ op }) => op === 'subscribed').length === maxLogs);
    const late = await open(api.port);
    late.say(log());
    expect((await late.frame('error', 'l')).code).toBe('notReady');
    one.socket.terminate();
    await late.until(() => {
      late.say(log({ sub: `try ${late.frames.length}` }));
      return framesOf(late).some(({ op }) => op === 'subscribed');
    });
  });

  it('reads nothing for a client that does not listen', async () => {
    const api = await started();
    const client = await open(api.port, { perMessageDeflate: false });
    api.files.write('stdout', Buffer.alloc(64 * 1024 * 1024, 'x'));
    client.socket.pause();
    client.say(log());
    let before = -1;
    // Until nothing more is asked for.
    while (before !== api.files.asked || before < 2) {
      before = api.files.asked;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(api.files.asked).toBeLessThan(500);
    client.socket.resume();
    // Not the text itself, which would be built anew for each of a thousand frames.
    const got = (): number => framesOf(client).reduce((sum, { data = '' }) => sum + data.length, 0);
    await client.until(() => got() === 64 * 1024 * 1024);
  });
});
