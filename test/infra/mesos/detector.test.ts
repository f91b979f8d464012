import { describe, expect, it } from 'vitest';
import {
  createListDetector,
  hostAndPort,
  MAX_REDIRECTS,
  type MasterAddress,
  parseMasters,
  resolveLocation,
} from '../../../src/infra/mesos/detector.ts';

const parse = (text: string): readonly MasterAddress[] => {
  const parsed = parseMasters(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};
const path = '/api/v1/scheduler';

describe('the address of a master', () => {
  it.each([
    ['10.0.0.5:5051', { host: '10.0.0.5', port: 5051, tls: false, path }],
    ['master.example', { host: 'master.example', port: 5050, tls: false, path }],
    ['[::1]:5050', { host: '::1', port: 5050, tls: false, path }],
    ['h:80', { host: 'h', port: 80, tls: false, path }],
    ['http://h', { host: 'h', port: 80, tls: false, path }],
    ['https://h', { host: 'h', port: 443, tls: true, path }],
    ['https://h:5050/mesos/', { host: 'h', port: 5050, tls: true, path: `/mesos${path}` }],
  ])('is read from %s', (text, expected) => {
    expect(parse(text)).toEqual([{ ...expected, trusted: true }]);
  });

  it('may be one of a list', () => {
    expect(parse('h1:1, h2:2,https://h3:3').map(hostAndPort)).toEqual(['h1:1', 'h2:2', 'h3:3']);
  });

  it.each(['', 'h:1,', 'zk://h:2181/mesos', 'ftp://h', 'h:99999', 'h:0', 'http://u:p@h:1', 'h/path', 'a b'])(
    'is refused: "%s"',
    (text) => {
      expect(parseMasters(text).ok).toBe(false);
    },
  );

  it('is refused without repeating a password', () => {
    const refused = parseMasters('http://user:hunter2@h:1');
    expect(refused.ok ? '' : refused.error).not.toContain('hunter2');
  });
});

describe('a location', () => {
  const plain = parse('h1:5050')[0] as MasterAddress;
  const secure = parse('https://h1:5050')[0] as MasterAddress;
  const trust = (): boolean => false;

  it.each([
    ['//h2:5050/master/api/v1/scheduler', 'h2:5050', '/master/api/v1/scheduler'],
    ['//h2:5050', 'h2:5050', path],
    ['h2:5050/api/v1/scheduler', 'h2:5050', path],
    ['http://h2:1/x', 'h2:1', '/x'],
    ['https://h2:1/x', 'h2:1', '/x'],
    ['/other', 'h1:5050', '/other'],
    ['//[::1]:5050/x', '[::1]:5050', '/x'],
  ])('of the form %s is understood', (location, target, expectedPath) => {
    const address = resolveLocation(plain, location, trust);
    expect(address && [hostAndPort(address), address.path]).toEqual([target, expectedPath]);
  });

  it('keeps TLS, and is not followed out of it', () => {
    expect(resolveLocation(secure, '//h2:5050/x', trust)).toMatchObject({ tls: true });
    expect(resolveLocation(secure, 'http://h2:5050/x', trust)).toBeUndefined();
  });

  it('that is no address is not followed', () => {
    expect(resolveLocation(plain, 'mailto:x', trust)).toBeUndefined();
    expect(resolveLocation(plain, '//', trust)).toBeUndefined();
  });
});

describe('a list of masters', () => {
  it('is gone through in turn', () => {
    const list = createListDetector(parse('h1:1,h2:2'));
    const seen: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const address = list.candidate() as MasterAddress;
      seen.push(hostAndPort(address));
      list.failed(address);
    }
    expect(seen).toEqual(['h1:1', 'h2:2', 'h1:1']);
  });

  it('prefers what a redirect names until that fails, and then goes on', () => {
    const list = createListDetector(parse('h1:1,h2:2'));
    const first = list.candidate() as MasterAddress;
    expect(list.redirected(first, '//leader:9')).toBe(true);
    const leader = list.candidate() as MasterAddress;
    expect([hostAndPort(leader), leader.trusted]).toEqual(['leader:9', false]);
    list.succeeded(leader);
    expect(list.candidate()).toBe(leader);
    list.failed(leader);
    expect(list.candidate()?.host).toBe('h2');
  });

  it('trusts a redirect to one of its own', () => {
    const list = createListDetector(parse('h1:1,h2:2'));
    list.redirected(list.candidate() as MasterAddress, '//h2:2/x');
    expect(list.candidate()).toMatchObject({ host: 'h2', trusted: true });
  });

  it('does not follow a master that names itself, nor a circle, nor an endless chain', () => {
    const list = createListDetector(parse('h0:1'));
    const first = list.candidate() as MasterAddress;
    expect(list.redirected(first, '//h0:1')).toBe(false);
    for (let hop = 1; hop <= MAX_REDIRECTS; hop += 1) {
      expect(list.redirected(list.candidate() as MasterAddress, `//h${hop}:1`)).toBe(true);
    }
    expect(list.redirected(list.candidate() as MasterAddress, '//h0:1')).toBe(false);
    expect(list.redirected(list.candidate() as MasterAddress, '//h99:1')).toBe(false);
  });
});
