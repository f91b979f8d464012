import { describe, expect, it } from 'vitest';
import { environmentOf, inPlayground } from '../support/processes.ts';
import { startCluster, startServer } from '../support/stack.ts';

const app = (step: string): object => ({
  id: '/overlapped',
  cmd: 'exec sleep 1000',
  instances: 3,
  cpus: 0.01,
  mem: 8,
  env: { STEP: step },
  upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
});

describe('a change that is forced over another', () => {
  it('scales and carries out the update that it cut short, since that was acknowledged too', async () => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground);
      const { rest } = await startServer(playground, cluster.address);
      await rest.must('POST', '/v2/apps', app('before'));
      await rest.running('/overlapped', 3);
      await rest.must('PUT', '/v2/apps/overlapped', { env: { STEP: 'after' } });
      await rest.must('PUT', '/v2/apps/overlapped?force=true', { instances: 2 });
      await rest.running('/overlapped', 2);
      const steps = [...playground.tasks().values()].map((pid) => environmentOf(pid)['STEP']);
      expect(steps).toEqual(['after', 'after']);
      rest.close();
    });
  });
});
