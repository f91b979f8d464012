/** Apps of container images, through the whole program: posted as a user would, with Podman as the engine. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hasPodman, openPodman, type Podman } from '../support/podman.ts';
import { inPlayground, type Playground, root } from '../support/processes.ts';
import type { RestClient, TaskBody } from '../support/rest-client.ts';
import { startAll, startCluster, startServer, taskPorts } from '../support/stack.ts';

const longMs = 120_000;
const example = join(root, 'examples', '2048');
const app = (): { id: string } => JSON.parse(readFileSync(join(example, 'app-docker.json'), 'utf8')) as { id: string };

const addressOf = (task: TaskBody): string => `http://${task.host}:${task.ports[0]}`;

async function healthy(rest: RestClient, count: number): Promise<readonly TaskBody[]> {
  await eventually(
    `${count} healthy instances and no deployment`,
    async () => {
      const body = await rest.app('/2048-docker');
      return body.tasksHealthy === count && body.tasksRunning === count && body.deployments.length === 0;
    },
    longMs,
  );
  return rest.tasks('/2048-docker');
}

/** The message of the app's last failure, once it has one. */
const failureOf = (rest: RestClient, id: string): Promise<{ state: string; message: string }> =>
  eventually(
    `${id} has failed`,
    async () => {
      const answer = await rest.get(`/v2/apps${id}?embed=app.lastTaskFailure`);
      return (answer.json() as { app: { lastTaskFailure?: { state: string; message: string } } }).app.lastTaskFailure;
    },
    longMs,
  );

describe.skipIf(!hasPodman)('Apps of container images', { timeout: 3 * longMs }, () => {
  let podman: Podman;
  beforeAll(() => {
    podman = openPodman();
    const words = [join(example, 'build-image.mjs'), 'podman', ...podman.options];
    execFileSync(process.execPath, words, { env: { ...process.env, ...podman.env }, stdio: 'pipe' });
  }, longMs);
  afterAll(() => podman.close(), longMs);

  /** With the engine's settings in the environment, as a user would have them, and its options as flags. */
  const start = async (playground: Playground): Promise<{ rest: RestClient; cluster: string }> =>
    startAll(
      playground,
      [
        '--resources',
        taskPorts(),
        '--container_engine',
        'podman',
        `--container_engine_options=${podman.options.join(' ')}`,
      ],
      { env: podman.env },
    );

  it('run the example: reached over its mapped port, healed, scaled, and nothing is left of it', async () => {
    await inPlayground(async (playground) => {
      const { rest, cluster } = await start(playground);
      const state = (await (await fetch(`http://${cluster}/slave(1)/state`)).json()) as Record<string, unknown>;
      expect(state['flags']).toMatchObject({ isolation: 'posix/cpu,posix/mem', cgroups_enable_cfs: 'false' });
      await rest.must('POST', '/v2/apps', app());
      const [first] = await healthy(rest, 2);
      expect(await (await fetch(addressOf(first!))).text()).toContain('2048');
      expect(await (await fetch(`${addressOf(first!)}/task.json`)).json()).toMatchObject({
        task: first!.id,
        address: `${first!.host}:${first!.ports[0]}`,
      });
      const style = await fetch(`${addressOf(first!)}/style.css`);
      expect(style.headers.get('content-type')).toContain('text/css');
      expect(podman.containers()).toHaveLength(2);

      const labels = podman.call('ps', '--format', '{{.Names}} {{.Labels.MESOS_TASK_ID}}');
      const [, name = ''] = new RegExp(`^(\\S+) ${first!.id.replaceAll('.', '\\.')}$`, 'm').exec(labels) ?? [];
      podman.call('kill', name);
      expect(await failureOf(rest, '/2048-docker')).toMatchObject({
        state: 'TASK_FAILED',
        message: 'Container exited with status 137',
      });
      await healthy(rest, 2);

      await rest.must('PUT', '/v2/apps/2048-docker', { instances: 3 });
      const three = await healthy(rest, 3);
      for (const task of three) expect((await fetch(addressOf(task))).status).toBe(200);
      expect(podman.containers()).toHaveLength(3);

      await rest.must('DELETE', '/v2/apps/2048-docker');
      await eventually('no container is left', () => podman.containers().length === 0, longMs);
      rest.close();
    });
  });

  it('leave no container behind when the cluster is killed and started again', async () => {
    await inPlayground(async (playground) => {
      const flags = [
        '--resources',
        taskPorts(),
        '--container_engine',
        'podman',
        '--container_engine_options',
        podman.options.join(' '),
      ];
      const first = await startCluster(playground, flags, undefined, { env: podman.env });
      const { rest } = await startServer(playground, first.address);
      await rest.must('POST', '/v2/apps', app());
      await healthy(rest, 2);
      const before = podman.containers();
      await first.program.end('SIGKILL');
      expect(podman.containers()).toEqual(before);
      await startCluster(playground, flags, first.address, { env: podman.env });
      expect(podman.containers().filter((name) => before.includes(name))).toEqual([]);
      await healthy(rest, 2);
      await rest.must('DELETE', '/v2/apps/2048-docker');
      await eventually('no container is left', () => podman.containers().length === 0, longMs);
      rest.close();
    });
  });

  it('tell what is missing in the last failure of the app: the image, or the engine', async () => {
    await inPlayground(async (playground) => {
      const { rest } = await start(playground);
      const image = '127.0.0.1:1/no/such';
      await rest.must('POST', '/v2/apps', { id: '/lost', container: { docker: { image } }, mem: 32 });
      expect(await failureOf(rest, '/lost')).toMatchObject({
        state: 'TASK_FAILED',
        message: expect.stringMatching(
          /^Failed to launch container: the image '127.0.0.1:1\/no\/such' cannot be pulled: /,
        ),
      });
      rest.close();
    });
    await inPlayground(async (playground) => {
      const { rest } = await startAll(playground, ['--container_engine', 'none']);
      await rest.must('POST', '/v2/apps', app());
      expect(await failureOf(rest, '/2048-docker')).toMatchObject({
        state: 'TASK_FAILED',
        message:
          "Failed to launch container: the image 'ultramarathon-2048' needs Docker or Podman, and this agent has neither " +
          '(containers are switched off (--container_engine=none))',
      });
      rest.close();
    });
  });
});
