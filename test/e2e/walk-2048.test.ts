/** The README's walk with 2048: the real server, cluster, fetcher, health checks and browser. */
import { appendFileSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasChromium, withPage } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { inPlayground, type Playground, root } from '../support/processes.ts';
import type { RestClient, TaskBody } from '../support/rest-client.ts';
import { startAll, taskPorts } from '../support/stack.ts';

/** A checkout of its own, so that a test may change the page. */
async function start2048(playground: Playground): Promise<RestClient> {
  cpSync(join(root, 'examples', '2048'), playground.path('examples/2048'), { recursive: true });
  const { rest } = await startAll(playground, ['--resources', taskPorts()]);
  const app: unknown = JSON.parse(readFileSync(playground.path('examples/2048/app.json'), 'utf8'));
  await rest.must('POST', '/v2/apps', app);
  return rest;
}

async function healthy(rest: RestClient, count: number): Promise<readonly TaskBody[]> {
  await eventually(`${count} healthy instances and no deployment`, async () => {
    const app = await rest.app('/2048');
    return app.tasksHealthy === count && app.tasksRunning === count && app.deployments.length === 0;
  });
  return rest.tasks('/2048');
}

const addressOf = (task: TaskBody): string => `http://${task.host}:${task.ports[0]}`;

describe('the walk with 2048', () => {
  it('starts, heals, scales, rolls a changed page out, and is deleted', async () => {
    await inPlayground(async (playground) => {
      const rest = await start2048(playground);
      const [first] = await healthy(rest, 2);
      expect(await (await fetch(addressOf(first!))).text()).toContain('2048');

      const pid = playground.tasks().get(first!.id);
      process.kill(pid!, 'SIGKILL');
      await eventually('the killed task is replaced', async () =>
        (await rest.tasks('/2048')).every((task) => task.id !== first!.id && task.state === 'TASK_RUNNING'),
      );
      await healthy(rest, 2);

      await rest.must('PUT', '/v2/apps/2048', { instances: 3 });
      const before = await healthy(rest, 3);

      appendFileSync(playground.path('examples/2048/page/style.css'), '\n/* rolled out */\n');
      await rest.must('POST', '/v2/apps/2048/restart');
      const after = await healthy(rest, 3);
      expect(after.filter((task) => before.some((old) => old.id === task.id))).toEqual([]);
      for (const task of after) {
        expect(await (await fetch(`${addressOf(task)}/style.css`)).text()).toContain('rolled out');
      }

      await rest.must('DELETE', '/v2/apps/2048');
      await eventually('nothing is left', () => playground.tasks().size === 0);
      expect(await rest.apps()).toEqual([]);
      rest.close();
    });
  });

  it.skipIf(!hasChromium)('is found in the UI, opened and played in a browser', async () => {
    await inPlayground(async (playground) => {
      const rest = await start2048(playground);
      await healthy(rest, 2);
      await withPage(async (page) => {
        await page.goto(`${rest.url}/ui/`);
        const link = page.locator('a[href^="http://127.0.0."]').first();
        await link.waitFor();
        await page.goto(`${await link.getAttribute('href')}/?seed=7`);
        const places = () =>
          page
            .locator('.tile[data-value]')
            .evaluateAll((tiles) =>
              tiles.map((tile) => tile.getAttribute('data-row') + tile.getAttribute('data-column')!),
            );
        const score = async () => Number((await page.locator('#score').textContent())?.replace(/\D/g, ''));
        await page.locator('.tile[data-value]').first().waitFor();
        const start = await places();
        expect(await score()).toBe(0);
        for (const key of [
          'ArrowLeft',
          'ArrowUp',
          'ArrowRight',
          'ArrowDown',
          'ArrowLeft',
          'ArrowUp',
          'ArrowLeft',
          'ArrowUp',
        ]) {
          await page.keyboard.press(key);
        }
        await eventually('tiles moved', async () => JSON.stringify(await places()) !== JSON.stringify(start));
        await eventually('the score grew', async () => (await score()) > 0);
      });
      rest.close();
    });
  });
});
