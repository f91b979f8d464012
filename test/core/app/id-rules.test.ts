import { describe, expect, it } from 'vitest';
import { readAppId } from '../../../src/core/app/id-rules.ts';
import { complaints } from './given.ts';

describe('the id of an app in a request (rest-api §9.3)', () => {
  it.each([
    ['/', ['/: must not be root', '/id: Path must contain at least one path element']],
    ['/x/tasks', ['/id: must not end with any of the following reserved keywords: restart, tasks, versions, ., ..']],
  ])('%s is refused', (id, expected) => {
    expect(complaints(readAppId(id))).toEqual(expected);
  });

  it('with other characters is refused with the pattern', () => {
    expect(complaints(readAppId('/a_b'))[0]).toContain('/id: must fully match regular expression');
  });

  it('is taken relative to its group', () => {
    expect(readAppId('../b/web', '/a')).toEqual({ ok: true, value: '/b/web' });
  });
});
