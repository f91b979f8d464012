import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodingFor, wantsText } from '../../src/api/accept.ts';
import { parseLabelSelector } from '../../src/api/label-selector.ts';
import { all, bool, first } from '../../src/api/query.ts';

const labels = { env: 'prod', tier: 'web', 'a.b-c_d': '1', '/weird': '!a', empty: '' };

const matches = (text: string): boolean => {
  const parsed = parseLabelSelector(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value(labels);
};

describe('label selectors', () => {
  it.each([
    ['', true],
    ['  ', true],
    ['env', true],
    ['nope', false],
    ['env==prod', true],
    ['env == prod', true],
    ['env==test', false],
    ['env!=test', true],
    ['env!=prod', false],
    ['nope!=prod', false],
    ['env in (test, prod)', true],
    ['env in(prod)', true],
    ['env in (test)', false],
    ['tier notin (db, queue)', true],
    ['tier notin (web)', false],
    ['nope notin (web)', false],
    ['env in ()', false],
    ['env notin ( )', true],
    ['env==prod,tier in (web, db),env', true],
    ['env==prod,nope', false],
    ['a.b-c_d==1', true],
    ['\\/weird in (\\!a)', true],
    ['index', false],
    ['constructor', false],
  ])('%s → %s', (text, isMatch) => {
    expect(matches(text)).toBe(isMatch);
  });

  it.each(['env=prod', 'env==', '==prod', 'env in', 'env in (a', 'env in a', 'a b', 'a,', ',', '(', '\\'])(
    'refuses %s',
    (text) => {
      expect(parseLabelSelector(text)).toMatchObject({ ok: false, error: { status: 422 } });
    },
  );

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(typeof parseLabelSelector(text).ok).toBe('boolean');
      }),
    );
  });
});

describe('queries', () => {
  it('read booleans as Python and Go write them', () => {
    const query = { a: 'True', b: 'false', c: '', d: '1', e: ['TRUE', 'false'] };
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => bool(query, key, true))).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
    ]);
    expect([first(query, 'e'), all(query, 'e'), all(query, 'f'), all(query, 'a')]).toEqual([
      'TRUE',
      ['TRUE', 'false'],
      [],
      ['True'],
    ]);
  });

  it('negotiate', () => {
    expect(['text/plain', 'text/plain, */*', undefined, '*/*', 'text/plain;q=0'].map(wantsText)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    const headers = [
      'x-gzip',
      undefined,
      'br',
      'gzip, deflate, br',
      'gzip;q=0, br',
      '*',
      'gzip;q=0, *',
      'identity',
      'br;q=0',
    ];
    const encodings = ['gzip', undefined, 'br', 'gzip', 'br', 'gzip', 'br', undefined, undefined];
    expect(headers.map(encodingFor)).toEqual(encodings);
  });
});
