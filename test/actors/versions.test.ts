import { describe, expect, it } from 'vitest';
import { createWorld } from '../support/world.ts';

describe('The version history', () => {
  it('is trimmed, but keeps what runs and what a deployment names', async () => {
    const world = await createWorld({ settings: { maxVersions: 2 } });
    await world.put('/web', { instances: 1 });
    const [running] = world.instances('/web');
    for (let i = 0; i < 5; i++) {
      await world.advance(1_000);
      await world.put('/web', { instances: 1, labels: { i: String(i) } });
    }
    const kept = world.read.appVersions('/web') ?? [];
    expect(kept).toHaveLength(3);
    expect(kept).toContain(running?.version);
  });

  it('keeps the version that a cancellation would go back to', async () => {
    const world = await createWorld({ settings: { maxVersions: 1 } });
    await world.put('/web', { instances: 0 });
    await world.advance(1_000);
    await world.put('/web', { instances: 1, cpus: 1_000 });
    const [id] = world.deploymentIds();
    const answer = world.control.cancelDeployment(id as string, { force: false });
    await world.settle();
    expect(await answer).toMatchObject({ ok: true });
    expect(world.read.app('/web')?.instances).toBe(0);
  });
});
