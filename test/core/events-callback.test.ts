import { describe, expect, it } from 'vitest';
import {
  backoffMs,
  checkCallbackUrl,
  checkSecret,
  judgePost,
  longestBackoffMs,
  maxRefusals,
  maxUrlLength,
} from '../../src/core/events-callback.ts';

const fresh = { failures: 0, refusals: 0 };

describe('a callback URL', () => {
  it.each(['http://h', 'http://h:9/a?b=c', 'https://user:word@h/x', 'HTTP://h/', 'http://[::1]:80/'])(
    '%s is taken',
    (url) => {
      expect(checkCallbackUrl(url)).toEqual({ ok: true, value: url });
    },
  );

  it.each([
    ['', 'must be an absolute URL'],
    ['/relative', 'must be an absolute URL'],
    ['h:80', 'must begin with http'],
    ['file:///etc/passwd', 'must begin with http'],
    ['ftp://h/', 'must begin with http'],
    ['javascript:alert(1)', 'must begin with http'],
    ['gopher://h', 'must begin with http'],
    ['http:h', 'must begin with http'],
    ['http://', 'must be an absolute URL'],
    ['http://h/#part', 'must not have a fragment'],
    ['http://h:0/', 'must not have the port 0'],
    ['http://h:99999/', 'must be an absolute URL'],
    ['http://h/a b', 'must be an absolute URL'],
    ['http://h/\r\nX: y', 'must be an absolute URL'],
    [`http://h/${'x'.repeat(maxUrlLength)}`, 'must not be longer'],
  ])('%j is refused with 422', (url, why) => {
    const checked = checkCallbackUrl(url);
    expect(checked).toMatchObject({ ok: false, error: { status: 422, details: [{ path: '/callbackUrl' }] } });
    expect(JSON.stringify(checked)).toContain(why);
  });
});

describe('a secret', () => {
  it.each([
    ['x'.repeat(16), true],
    ['x'.repeat(256), true],
    ['x'.repeat(15), false],
    ['x'.repeat(257), false],
    [7, false],
    [null, false],
  ])('%j is usable: %s', (secret, isOk) => {
    expect(checkSecret(secret).ok).toBe(isOk);
  });
});

describe('an answer to a POST', () => {
  const answered = (status: number, durationMs = 5) => ({ type: 'answered' as const, status, durationMs });

  it.each([200, 202, 204, 299])('%i is success', (status) => {
    expect(judgePost(answered(status), { failures: 5, refusals: 2 }, 10)).toEqual({
      isOver: true,
      isDelivered: true,
      failures: 0,
      pauseMs: 0,
    });
  });

  it('a slow success is a success, and a reason for a pause', () => {
    const verdict = judgePost(answered(200, 11), { failures: 1, refusals: 0 }, 10);
    expect(verdict).toMatchObject({ isOver: true, isDelivered: true, failures: 2, pauseMs: 2_000 });
  });

  it.each([301, 302, 307, 308])('%i is a failure: redirects are not followed', (status) => {
    const verdict = judgePost(answered(status), { failures: 0, refusals: 100 }, 10);
    expect(verdict).toMatchObject({
      isOver: false,
      isDelivered: false,
      trouble: expect.stringContaining('not followed'),
    });
  });

  it.each([500, 503, 408, 429, 199])('%i comes again, however often', (status) => {
    expect(judgePost(answered(status), { failures: 50, refusals: 50 }, 10)).toMatchObject({ isOver: false });
  });

  it('nobody there: it comes again', () => {
    expect(judgePost({ type: 'failed', cause: 'ECONNREFUSED' }, fresh, 10)).toEqual({
      isOver: false,
      isDelivered: false,
      failures: 1,
      pauseMs: 1_000,
      trouble: 'ECONNREFUSED',
    });
  });

  it('what the subscriber itself refuses is left out in the end', () => {
    expect(judgePost(answered(400), { failures: 6, refusals: maxRefusals - 2 }, 10).isOver).toBe(false);
    expect(judgePost(answered(400), { failures: 7, refusals: maxRefusals - 1 }, 10)).toMatchObject({
      isOver: true,
      isDelivered: false,
    });
  });

  it('pauses double up to five minutes', () => {
    expect([1, 2, 3, 4, 9, 10, 1_000].map(backoffMs)).toEqual([
      1_000,
      2_000,
      4_000,
      8_000,
      256_000,
      longestBackoffMs,
      longestBackoffMs,
    ]);
  });
});
