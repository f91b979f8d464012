/** HTTP callbacks in virtual time: who gets what, in which order, whatever fails in between. */
import { describe, expect, it } from 'vitest';
import { maxQueuedEvents } from '../../src/actors/callback-queue.ts';
import { savePauseMs } from '../../src/actors/callbacks.ts';
import type { CallbackPoster, JournalStore } from '../../src/actors/ports.ts';
import type { LoggedEvent } from '../../src/core/events.ts';
import { maxSubscriptions, type PostResult } from '../../src/core/events-callback.ts';
import { createWorld, type World } from '../support/world.ts';

type Post = Parameters<CallbackPoster['post']>[0];

/** Answers each POST by a function of the test; undefined leaves it unanswered. */
class Subscribers implements CallbackPoster {
  readonly posts: Post[] = [];
  readonly waiting: ((result: PostResult) => void)[] = [];
  answer: (post: Post) => PostResult | undefined = () => ok;
  active = new Map<string, number>();
  mostAtOnce = 0;

  post = (request: Post, done: (result: PostResult) => void): void => {
    this.posts.push(request);
    const active = (this.active.get(request.url) ?? 0) + 1;
    this.active.set(request.url, active);
    this.mostAtOnce = Math.max(this.mostAtOnce, active);
    const result = this.answer(request);
    const answer = (given: PostResult): void => {
      this.active.set(request.url, (this.active.get(request.url) ?? 0) - 1);
      done(given);
    };
    if (result) queueMicrotask(() => answer(result));
    else this.waiting.push(answer);
  };

  close = (): void => {};

  to(url: string): readonly LoggedEvent[] {
    return this.posts.filter((post) => post.url === url).map(({ event }) => event);
  }
}

const ok: PostResult = { type: 'answered', status: 200, durationMs: 1 };
const gone: PostResult = { type: 'failed', cause: 'ECONNREFUSED' };
const a = 'http://a/';
const b = 'http://b/';

async function setUp(endpoints: readonly string[] = []): Promise<{ world: World; subscribers: Subscribers }> {
  const subscribers = new Subscribers();
  const settings = { endpoints, requestTimeoutMs: 10_000, slowMs: 10_000 };
  const world = await createWorld({ callbacks: { poster: subscribers, settings } });
  return { world, subscribers };
}

async function subscribe(world: World, url: string, secret?: string): Promise<void> {
  const answer = world.control.subscribe({ url, secret, clientIp: '10.0.0.9' });
  await world.settle();
  const result = await answer;
  expect(result).toMatchObject({ ok: true, value: { eventType: 'subscribe_event', callbackUrl: url } });
}

const numbersOf = (events: readonly LoggedEvent[]): readonly number[] =>
  events.flatMap(({ id }) => (id === undefined ? [] : [Number(id.split('.')[1])]));

/** Every number from the first to the last, in order. */
const isComplete = (numbers: readonly number[]): boolean => numbers.every((n, i) => n === (numbers[0] ?? 0) + i);

const newest = (world: World): number => world.store.batches.reduce((sum, { events }) => sum + events.length, 0);

/** Each once, as a subscriber that knows ids counts them. */
const distinct = (numbers: readonly number[]): readonly number[] => [...new Set(numbers)];

describe('callbacks', () => {
  it('post every event from the subscription on, in order, one at a time, and tell of themselves', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a, 'a secret of some length');
    await world.put('/web', { instances: 2 });
    await world.advance(2_000);
    const got = subscribers.to(a);
    expect(got[0]?.type).toBe('subscribe_event');
    expect(isComplete(numbersOf(got))).toBe(true);
    expect(numbersOf(got).at(-1)).toBe(newest(world));
    expect(subscribers.mostAtOnce).toBe(1);
    expect(new Set(subscribers.posts.map((post) => post.secret))).toEqual(new Set(['a secret of some length']));
    expect(world.read.callbackUrls()).toEqual([a]);
    expect(world.eventsOf('subscribe_event')).toMatchObject([{ clientIp: '10.0.0.9', callbackUrl: a }]);
    world.expectSane();
  });

  it('a second subscription changes nothing but the secret; the end of one is told, and ends the posts', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    await subscribe(world, a);
    await subscribe(world, a, 'another secret here');
    expect(world.eventsOf('subscribe_event')).toHaveLength(1);
    await world.put('/one');
    expect(subscribers.posts.at(-1)?.secret).toBe('another secret here');
    const before = subscribers.posts.length;
    for (let i = 0; i < 2; i++) {
      const answer = world.control.unsubscribe({ url: a, clientIp: 'x' });
      await world.settle();
      expect(await answer).toMatchObject({ ok: true, value: { eventType: 'unsubscribe_event' } });
    }
    expect(world.eventsOf('unsubscribe_event')).toHaveLength(1);
    await world.put('/two');
    expect(subscribers.posts).toHaveLength(before);
    expect([world.read.callbackUrls(), world.stored('subscription')]).toEqual([[], []]);
  });

  it('a dead subscriber delays nobody, and gets everything in order once it is back', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    await subscribe(world, b);
    subscribers.answer = ({ url }) => (url === a ? gone : ok);
    const from = subscribers.to(a).length;
    for (let i = 0; i < 200; i++) await world.put(`/app-${i}`, { instances: 0 });
    expect(newest(world)).toBeGreaterThan(maxQueuedEvents / 2);
    expect(numbersOf(subscribers.to(b)).at(-1)).toBe(newest(world));
    expect(distinct(numbersOf(subscribers.to(a).slice(from)))).toHaveLength(1);
    await world.advance(60_000);
    // 1, 2, 4, … s between two attempts.
    expect(subscribers.to(a).length - from).toBeLessThanOrEqual(8);
    subscribers.answer = () => ok;
    await world.advance(120_000);
    expect(isComplete(distinct(numbersOf(subscribers.to(a))))).toBe(true);
    expect(numbersOf(subscribers.to(a)).at(-1)).toBe(newest(world));
  });

  it('one that is further behind than its queue reaches is fed from the store', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    await world.settle();
    subscribers.answer = () => undefined;
    for (let i = 0; newest(world) < 2 * maxQueuedEvents; i++) await world.put(`/app-${i}`, { instances: 0 });
    subscribers.answer = () => ok;
    for (const answer of subscribers.waiting.splice(0)) answer(ok);
    await world.advance(1_000);
    const numbers = numbersOf(subscribers.to(a));
    expect(isComplete(numbers)).toBe(true);
    expect(numbers.at(-1)).toBe(newest(world));
  });

  it('an event that the subscriber refuses for good is left out, others follow', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    subscribers.answer = ({ event }) =>
      event.type === 'group_change_success' ? { type: 'answered', status: 400, durationMs: 1 } : ok;
    await world.put('/one', { instances: 0 });
    await world.advance(600_000);
    expect(subscribers.to(a).filter(({ type }) => type === 'group_change_success')).toHaveLength(8);
    expect(subscribers.to(a).at(-1)?.type).toBe('deployment_success');
    const refused = subscribers.to(a).find(({ type }) => type === 'group_change_success')?.id;
    const told = subscribers.posts.filter(({ missed }) => missed !== undefined);
    expect(told.map(({ missed, event }) => [missed, event.type])).toEqual([
      [{ from: refused, to: refused }, 'deployment_info'],
    ]);
  });

  it('what the log has no longer is named to the subscriber until that has heard it', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    await world.advance(savePauseMs + 1_000);
    const had = numbersOf(subscribers.to(a)).at(-1) ?? 0;
    subscribers.answer = () => gone;
    for (let i = 0; newest(world) < had + 30; i++) await world.put(`/app-${i}`, { instances: 0 });
    // The next leader finds no more than the newest ten of them.
    const first = newest(world) - 9;
    const { readEvents } = world.store;
    const shortened: Pick<JournalStore, 'readEvents'> = {
      readEvents: async (from, limit) => ({ ...(await readEvents(Math.max(from, first), limit)), first }),
    };
    Object.assign(world.store, shortened);
    const before = subscribers.posts.length;
    // It is away still, and the one after that has to tell it.
    await world.restart();
    await world.advance(60_000);
    subscribers.answer = () => ok;
    await world.restart();
    await world.advance(1_000);
    const posts = subscribers.posts.slice(before);
    const told = posts.filter(({ missed }) => missed !== undefined);
    const [generation] = told[0]?.event.id?.split('.') ?? [];
    expect(told.length).toBeGreaterThan(2);
    expect(told.map(({ missed, event }) => [missed, event.id])).toEqual(
      Array(told.length).fill([
        { from: `${generation}.${had + 1}`, to: `${generation}.${first - 1}` },
        `${generation}.${first}`,
      ]),
    );
    expect(numbersOf(posts.map(({ event }) => event)).at(-1)).toBe(newest(world));
  });

  it('a state that was replaced is named to the subscriber', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    await world.advance(savePauseMs + 1_000);
    const had = subscribers.to(a).findLast(({ id }) => id !== undefined)?.id ?? '';
    const [generation, number] = had.split('.');
    await world.store.replace({ records: world.store.records() });
    await world.restart();
    await world.put('/new', { instances: 0 });
    await world.advance(1_000);
    const told = subscribers.posts.filter(({ missed }) => missed !== undefined);
    expect(told).toHaveLength(1);
    expect(told[0]?.missed?.from).toBe(`${generation}.${Number(number) + 1}`);
    expect(told[0]?.missed?.to.split('.')[0]).toBe(told[0]?.event.id?.split('.')[0]);
    expect(told[0]?.event.id).not.toMatch(`${generation}.`);
  });

  it('the next leader goes on where the last one stored that it was: nothing is left out', async () => {
    const { world, subscribers } = await setUp();
    await subscribe(world, a);
    await world.put('/one');
    await world.advance(savePauseMs + 1_000);
    await world.put('/two');
    await world.restart();
    await world.put('/three');
    await world.advance(2_000);
    const numbers = numbersOf(subscribers.to(a));
    expect(isComplete([...distinct(numbers)].sort((x, y) => x - y))).toBe(true);
    expect(numbers.at(-1)).toBe(newest(world));
    // What had been posted before its place was stored came twice, and no more than that.
    const twice = numbers.length - distinct(numbers).length;
    expect(twice).toBeGreaterThan(0);
    expect(twice).toBeLessThan(20);
  });

  it('flags subscribe at the start, once', async () => {
    const { world, subscribers } = await setUp([a, b]);
    expect(world.read.callbackUrls()).toEqual([a, b]);
    await world.restart();
    await world.put('/one');
    expect(world.stored('subscription')).toHaveLength(2);
    expect(numbersOf(subscribers.to(a)).at(-1)).toBe(newest(world));
    expect(world.eventsOf('subscribe_event')).toEqual([]);
  });

  it('an answer that comes after the subscription was given up and made again counts for nothing', async () => {
    const { world, subscribers } = await setUp();
    subscribers.answer = () => undefined;
    await subscribe(world, a);
    const ended = world.control.unsubscribe({ url: a, clientIp: 'x' });
    await world.settle();
    await ended;
    await subscribe(world, a);
    const [old] = subscribers.waiting;
    const posts = subscribers.posts.length;
    old?.(ok);
    await world.settle();
    expect(subscribers.posts).toHaveLength(posts);
  });

  it('there is an end to the number of subscriptions', async () => {
    const { world } = await setUp();
    for (let i = 0; i < maxSubscriptions; i++) await subscribe(world, `http://h/${i}`);
    const answer = world.control.subscribe({ url: a, secret: undefined, clientIp: 'x' });
    await world.settle();
    expect(await answer).toMatchObject({ ok: false, error: { status: 422 } });
    expect(world.read.callbackUrls()).toHaveLength(maxSubscriptions);
  });

  it('nobody posts without the flag', async () => {
    const world = await createWorld();
    const answer = await world.control.subscribe({ url: a, secret: undefined, clientIp: 'x' });
    expect(answer).toMatchObject({ ok: false, error: { status: 400 } });
  });
});
