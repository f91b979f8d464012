import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crossedOut, parseZkUrl } from '../../../src/infra/zookeeper/zk-url.ts';

describe('a ZooKeeper address', () => {
  it.each([
    ['zk://a', { hosts: ['a:2181'], path: '' }],
    ['zk://a:1', { hosts: ['a:1'], path: '' }],
    ['zk://a:1/', { hosts: ['a:1'], path: '' }],
    ['ZK://a:1/x/y/', { hosts: ['a:1'], path: '/x/y' }],
    [' zk://a:1,b:2,c/marathon ', { hosts: ['a:1', 'b:2', 'c:2181'], path: '/marathon' }],
    ['zk://a:1, b:2/x', { hosts: ['a:1', 'b:2'], path: '/x' }],
    ['zk://a:1,a:1/x', { hosts: ['a:1'], path: '/x' }],
    ['zk://[::1]:2181,[fe80::2]/x', { hosts: ['[::1]:2181', '[fe80::2]:2181'], path: '/x' }],
    ['zk://u:p@a:1/x', { hosts: ['a:1'], path: '/x', credentials: { user: 'u', password: 'p' } }],
    ['zk://u:p:q@a:1/x', { hosts: ['a:1'], path: '/x', credentials: { user: 'u', password: 'p:q' } }],
    ['zk://u:p%40%2F@a:1/x', { hosts: ['a:1'], path: '/x', credentials: { user: 'u', password: 'p@/' } }],
    ['zk://u:p@q@a:1/x', { hosts: ['a:1'], path: '/x', credentials: { user: 'u', password: 'p@q' } }],
  ])('%s is understood', (text, servers) => {
    expect(parseZkUrl(text)).toEqual({ ok: true, value: servers });
  });

  it.each([
    '',
    'a:2181',
    'http://a:2181/x',
    'zk://',
    'zk:///x',
    'zk://a:0/x',
    'zk://a:65536/x',
    'zk://a:x/x',
    'zk://a,,b/x',
    'zk://a b/x',
    'zk://::1:2181/x',
    'zk://a/x//y',
    'zk://a/x/../y',
    'zk://a/./x',
    'zk://a/x\u0000y',
    'zk://secret@a/x',
    'zk://:secret@a/x',
    'zk://user:@a/x',
    'zk://user:secret%zz@a/x',
    'zk://us%3Aer:secret@a/x',
  ])('%j is refused in one line that does not show the password', (text) => {
    const result = parseZkUrl(text);
    expect(result.ok).toBe(false);
    expect(!result.ok && result.error).toMatch(/^[^\n]+$/);
    expect(!result.ok && result.error).not.toContain('secret');
  });

  it('is shown without its password', () => {
    expect(crossedOut('zk://u:pa:ss@w@a:1,b:2/x')).toBe('zk://xxxxxxxx:xxxxxxxx@a:1,b:2/x');
    expect(crossedOut('zk://a:1/x')).toBe('zk://a:1/x');
  });

  it('is read back as it was written, whatever user and password are, and never shows the password', () => {
    const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
    fc.assert(
      fc.property(
        name.filter((user) => !user.includes(':')),
        name,
        (user, password) => {
          const text = `zk://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:1/p`;
          expect(parseZkUrl(text)).toEqual({
            ok: true,
            value: { hosts: ['h:1'], path: '/p', credentials: { user, password } },
          });
          expect(crossedOut(text)).toBe('zk://xxxxxxxx:xxxxxxxx@h:1/p');
        },
      ),
    );
  });
});
