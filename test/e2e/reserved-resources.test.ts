/** Apps on resources that are reserved for their role, in either form that Mesos offers them in (mesos-v1 §3.3, §3.4). */
import { expect, it } from 'vitest';
import type { Resource, TaskInfo } from '../../src/core/mesos/types.ts';
import { eventually } from '../support/eventually.ts';
import { recordCalls, type SentCall } from '../support/mesos-calls.ts';
import { mistakesInText } from '../support/mesos-proto/check.ts';
import { inPlayground } from '../support/processes.ts';
import { startRelay } from '../support/relay.ts';
import { startCluster, startServer } from '../support/stack.ts';

const reserved = 'cpus(eng):1;mem(eng):256;ports(eng):[31000-31010];cpus:1;mem:256;ports:[32000-32010]';

const scalarOf = (resources: readonly Resource[], name: string, isReserved: (one: Resource) => boolean): number =>
  resources
    .filter((one) => one.name === name && isReserved(one))
    .reduce((sum, one) => sum + (one.scalar?.value ?? 0), 0);

const forms = [
  { feature: undefined, isReserved: (one: Resource) => one.role === 'eng' && one.reservations === undefined },
  {
    feature: 'reservation_refinement',
    isReserved: (one: Resource) => one.role === undefined && one.reservations?.at(-1)?.role === 'eng',
  },
];

it.each(forms)(
  'are used before those that anybody may have, and beside them (feature: $feature)',
  async ({ feature, isReserved }) => {
    await inPlayground(async (playground) => {
      const cluster = await startCluster(playground, ['--agents', '1', '--resources', reserved]);
      const relay = await startRelay(cluster.address);
      const calls = recordCalls(relay);
      const features = feature === undefined ? [] : ['--enable_features', feature];
      const { rest } = await startServer(playground, relay.address, ['--mesos_role', 'eng', ...features]);
      const app = {
        id: '/team',
        cmd: 'sleep 1000',
        cpus: 1.5,
        mem: 300,
        role: 'eng',
        acceptedResourceRoles: ['*', 'eng'],
      };
      await rest.must('POST', '/v2/apps', app);
      await eventually('/team runs', async () => (await rest.app('/team')).tasksRunning === 1, 60_000);
      const sent = calls.flatMap(({ body }) => launchesOf(body));
      const resources = sent[0]?.resources ?? [];
      expect(sent).toHaveLength(1);
      expect(scalarOf(resources, 'cpus', isReserved)).toBe(1);
      expect(scalarOf(resources, 'cpus', (one) => !isReserved(one))).toBe(0.5);
      expect(scalarOf(resources, 'mem', isReserved)).toBe(256);
      expect(scalarOf(resources, 'mem', (one) => !isReserved(one))).toBe(44);
      for (const { text, body } of calls) expect([body.type, mistakesInText(text)]).toEqual([body.type, []]);
      rest.close();
      await relay.close();
    });
  },
);

function launchesOf(body: SentCall['body']): readonly TaskInfo[] {
  const accept = (body as { accept?: { operations?: { launch?: { task_infos: TaskInfo[] } }[] } }).accept;
  return accept?.operations?.flatMap(({ launch }) => launch?.task_infos ?? []) ?? [];
}
