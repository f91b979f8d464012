import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeApp, fakeInstance } from '../support/fake-front.ts';
import { testApi } from './support/api-server.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const stems = [
  '/v2/apps',
  '/v2/apps/web',
  '/v2/apps/web/tasks',
  '/v2/apps/web/versions',
  '/v2/tasks',
  '/v2/tasks/delete',
  '/v2/deployments',
  '/v2/queue',
  '/v2/info',
  '/v2/plugins',
  '/ping',
  '/ui',
];

const segment = fc.oneof(
  fc.constantFrom('..', '%2e%2e', '%2F', '%00', '%zz', '*', 'tasks', 'versions', 'restart', 'delay', ' ', '__proto__'),
  fc.webSegment(),
);
const path = fc
  .tuple(fc.constantFrom(...stems), fc.array(segment, { maxLength: 3 }), fc.webQueryParameters())
  .map(([stem, segments, query]) => `${[stem, ...segments].join('/')}?${query}`);
const body = fc.oneof(
  fc.json(),
  fc.string(),
  fc
    .record({ id: fc.constant('/web'), ids: fc.json(), instances: fc.anything(), cmd: fc.string() })
    .map((value) => JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? String(inner) : inner))),
);

describe('whatever is sent', () => {
  it('the answer is no server error, and every failure has a message in JSON', async () => {
    const { server, front, lines } = testApi();
    const app = fakeApp('/web');
    front.addApp(app, [fakeInstance(app, 1)]);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), path, body, async (method, url, payload) => {
        const headers = { 'content-type': 'application/json' };
        const answer = await server.inject({ method, url, headers, ...(method === 'GET' ? {} : { payload }) });
        expect(answer.statusCode).toBeLessThan(500);
        if (answer.statusCode >= 400 && method !== 'HEAD') expect(answer.json().message).toBeTypeOf('string');
      }),
      { numRuns: 400 },
    );
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
