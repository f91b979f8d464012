import { describe, expect, it } from 'vitest';
import { maxHeaderBytes, warningsHeader } from '../../src/api/warnings.ts';
import { defaultMatchSettings } from '../../src/core/offer/demand.ts';
import { anOffer, knownAgent, ports, scalar } from '../core/offer/fixtures.ts';
import { type FakeFront, fakeApp } from '../support/fake-front.ts';
import { createWorld } from '../support/world.ts';
import { testApi } from './support/api-server.ts';

let revisions = 0;

/** What the scheduler knows from now on: agents of so many CPUs. */
function knows(front: FakeFront, ...cpus: readonly number[]): void {
  const agents = cpus.map((each, i) =>
    knownAgent(
      anOffer({ host: `h${i}` }, [scalar('cpus', each), scalar('mem', 4_096), ports([{ begin: 31_000, end: 32_000 }])]),
    ),
  );
  const { demandOf } = front.placementView;
  revisions += 1;
  const revision = revisions;
  front.placementView = {
    revision: () => revision,
    agents: () => agents,
    demandOf,
    settings: () => defaultMatchSettings,
  };
}

/** The fake front makes an app of 0.1 CPUs of every request. */
const body = { id: '/web', cmd: 'sleep 1' };

describe('A definition that can never run', () => {
  it('is accepted with a warning in a header, and in the body only on request', async () => {
    const { server, front } = testApi();
    knows(front, 0.05, 0.02);
    const created = await server.inject({ method: 'POST', url: '/v2/apps', payload: body });
    expect(created.statusCode).toBe(201);
    const [warning] = JSON.parse(String(created.headers['marathon-warnings']));
    expect(warning).toMatchObject({ code: 'tooLarge', appId: '/web' });
    expect(warning.message).toContain('An instance needs 0.1 cpus');
    expect(created.json()).not.toHaveProperty('warnings');
    const asked = await server.inject({
      method: 'POST',
      url: '/v2/apps?embed=warnings',
      payload: { ...body, id: '/x' },
    });
    expect(asked.json().warnings).toMatchObject([{ code: 'tooLarge' }]);
  });

  it('is warned of by PUT, PATCH and bulk changes, too', async () => {
    const { server, front } = testApi();
    knows(front, 0.05);
    for (const [method, url, payload] of [
      ['PUT', '/v2/apps/web', body],
      ['PATCH', '/v2/apps/web', { cpus: 0.1 }],
      ['PUT', '/v2/apps', [body]],
    ] as const) {
      const answer = await server.inject({ method, url: `${url}?embed=warnings`, payload: payload as object });
      expect([method, JSON.parse(String(answer.headers['marathon-warnings']))[0].code]).toEqual([method, 'tooLarge']);
      expect(answer.json()).toMatchObject({ deploymentId: answer.headers['marathon-deployment-id'] });
      expect(answer.json().warnings).toHaveLength(1);
      const plain = await server.inject({ method, url, payload: payload as object });
      expect(Object.keys(plain.json()).sort()).toEqual(['deploymentId', 'version']);
    }
  });

  it('is without header if it can run', async () => {
    const { server, front } = testApi();
    knows(front, 4);
    const answer = await server.inject({
      method: 'POST',
      url: '/v2/apps?embed=warnings',
      payload: body,
    });
    expect(answer.headers).not.toHaveProperty('marathon-warnings');
    expect(answer.json().warnings).toEqual([]);
  });

  it('shows its warnings to readers who ask, as the agents are at the moment', async () => {
    const { server, front } = testApi();
    front.addApp(fakeApp('/web'));
    knows(front, 0.05);
    const ofOne = async () => (await server.inject('/v2/apps/web?embed=app.warnings')).json().app?.warnings;
    expect(await ofOne()).toMatchObject([{ code: 'tooLarge' }]);
    knows(front, 0.05, 4);
    expect(await ofOne()).toEqual([]);
    expect((await server.inject('/v2/apps?embed=apps.warnings')).json().apps[0].warnings).toEqual([]);
    expect((await server.inject('/v2/apps/web')).json().app).not.toHaveProperty('warnings');
  });

  it('is known from the offers of a running scheduler', async () => {
    const world = await createWorld({ agents: 2 });
    await world.put('/web', { instances: 2, constraints: [['hostname', 'UNIQUE']] });
    const { front, server } = testApi();
    front.placementView = world.read.placement();
    front.addApp(world.read.app('/web')!);
    expect((await server.inject('/v2/apps/web?embed=warnings')).json().app.warnings).toMatchObject([
      { code: 'noSpareHost' },
    ]);
  });
});

describe('The header of warnings', () => {
  it('is ASCII, whatever the messages say', () => {
    const header = warningsHeader([{ code: 'x', appId: '/a', message: 'Größe\r\n\u0000 "✓" \u007f' }]);
    expect(header).toMatch(/^[ -~]+$/);
    expect(JSON.parse(header)).toEqual([{ code: 'x', appId: '/a', message: 'Größe\r\n\u0000 "✓" \u007f' }]);
  });

  it('is cut to whole warnings within its limit, and says how many are left out', () => {
    const many = Array.from({ length: 200 }, (_, i) => ({ code: 'x', appId: `/a${i}`, message: 'ö'.repeat(i) }));
    const header = warningsHeader(many);
    expect(header.length).toBeLessThanOrEqual(maxHeaderBytes);
    const shown = JSON.parse(header) as { code: string; message: string }[];
    expect(shown.at(-1)).toEqual({
      code: 'more',
      message: `${200 - (shown.length - 1)} more warnings do not fit in here.`,
    });
    const long = warningsHeader([{ code: 'x', message: '✓'.repeat(5_000) }]);
    expect(long.length).toBeLessThanOrEqual(maxHeaderBytes);
    expect(JSON.parse(long)[0].message).toMatch(/✓\.\.\.$/);
  });
});
