/** The web page in a real browser, against a server that says what the test wants. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openBrowser, type Page, type TestBrowser } from '../support/browser.ts';
import { cannedApp, cannedTask, cannedWait } from './browser-canned-apps.ts';
import { type Canned, type StubMarathon, startStubMarathon } from './browser-stub-marathon.ts';

const browserTest = it.skipIf(!hasChromium);
let browser: TestBrowser | undefined;
let stub: StubMarathon;

beforeAll(async () => {
  if (hasChromium) browser = await openBrowser();
});
afterAll(() => browser?.close());
afterEach(() => stub?.goAway());

/** Opens the page of a new stub, without its poll, and waits until it is live. */
async function onPage(canned: Partial<Canned>, run: (page: Page) => Promise<void>, prefix = ''): Promise<void> {
  stub = await startStubMarathon(canned, prefix);
  await browser!.withPage(async (page) => {
    await pollEvery(page, undefined);
    await openLive(page);
    await run(page);
  });
}

async function openLive(page: Page): Promise<void> {
  await page.goto(stub.pageUrl);
  await stub.streamOpened();
  await connection(page, 'Live');
}

/** Makes the page's poll come after `delayMs` instead of its 5 s; undefined = never, so that only events can bring news. */
const pollEvery = (page: Page, delayMs: number | undefined): Promise<unknown> =>
  page.addInitScript(`{
    const real = setTimeout;
    window.setTimeout = (run, ms) => (ms === 5000 ? ${delayMs === undefined ? '0' : `real(run, ${delayMs})`} : real(run, ms));
  }`);

const connection = (page: Page, text: string): Promise<void> =>
  page.getByTestId('connection').filter({ hasText: text }).waitFor();

const card = (page: Page, id: string) =>
  page.locator('details.app').filter({ has: page.getByRole('heading', { name: id, exact: true }) });

describe('the list of applications', () => {
  browserTest('shows status, counts and health of every app in the words of the API', async () => {
    const api = cannedApp('/prod/api', [cannedTask('api.1', true), cannedTask('api.2', false)]);
    const web = cannedApp('/prod/web', [cannedTask('web.1')], { instances: 3, deployments: [{ id: 'd' }] });
    const crash = cannedApp('/bad/crash', [], {
      instances: 1,
      lastTaskFailure: { state: 'TASK_FAILED', message: 'Command exited with status 1' },
    });
    const waits = cannedApp('/huge/waits', [], { instances: 1 });
    const queue = [cannedWait(crash, 42), cannedWait(waits, 0)];
    await onPage({ apps: [api, web, crash, waits, cannedApp('/batch/sleep')], queue }, async (page) => {
      const ids = await page.getByRole('heading', { level: 3 }).allTextContents();
      expect(ids).toEqual(['/bad/crash', '/batch/sleep', '/huge/waits', '/prod/api', '/prod/web']);
      const words = await page.locator('.status').allTextContents();
      expect(words).toEqual(['Delayed', 'Suspended', 'Waiting', 'Running', 'Deploying']);
      expect(await page.locator('.count').allTextContents()).toEqual([
        '0 of 1 instance',
        '0 of 0 instances',
        '0 of 1 instance',
        '2 of 2 instances',
        '1 of 3 instances',
      ]);
      await card(page, '/prod/api').getByRole('img', { name: '1 healthy, 1 unhealthy' }).waitFor();
      await card(page, '/prod/web').getByRole('img', { name: '1 unknown, 2 unscheduled' }).waitFor();
      const reason = await card(page, '/bad/crash').locator('.reason').textContent();
      expect(reason).toContain('delayed for 42 s');
      expect(reason).toContain('TASK_FAILED, Command exited with status 1');
      expect(await page.locator('#summary').textContent()).toBe('5 apps · 3 of 7 instances running');
    });
  });

  browserTest('lists tasks with state, health and a link for every port', async () => {
    const tasks = [
      cannedTask('web.1', true, { ports: [31_001, 31_002] }),
      cannedTask('web.2', undefined, { state: 'TASK_STAGING', host: '::1', ports: [31_003] }),
    ];
    await onPage({ apps: [cannedApp('/web', tasks)] }, async (page) => {
      const table = page.getByRole('table', { name: 'Tasks of /web' });
      const headers = await table.getByRole('columnheader').allTextContents();
      expect(headers).toEqual(['Task', 'State', 'Health', 'Address', 'Started', 'Version']);
      const first = table.getByRole('row').filter({ hasText: 'web.1' });
      expect(await first.getByRole('cell').nth(0).textContent()).toBe('Running');
      expect(await first.getByRole('cell').nth(1).textContent()).toBe('Healthy');
      const links = await table.getByRole('link').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
      expect(links).toEqual(['http://127.0.0.1:31001', 'http://127.0.0.1:31002', 'http://[::1]:31003']);
      expect(await table.locator('time').first().getAttribute('datetime')).toBe('2026-01-02T03:04:06.000Z');
    });
  });

  browserTest('shows hostile ids, labels, commands and hosts as plain text', async () => {
    const evil = '<img src=x onerror="document.title=\'taken\'">';
    const tasks = [cannedTask(`task${evil}`, undefined, { host: `evil"><script>${evil}`, state: `TASK_${evil}` })];
    const app = cannedApp(`/app${evil}`, tasks, { cmd: `echo ${evil}`, labels: { [evil]: evil }, instances: 2 });
    const deployments = [
      { id: evil, affectedApps: [evil], currentActions: [{ action: evil, app: evil }], currentStep: 1, totalSteps: 1 },
    ];
    await onPage({ apps: [app], deployments }, async (page) => {
      await page.getByRole('heading', { name: `/app${evil}`, exact: true }).waitFor();
      await page.getByText(`${evil}=${evil}`, { exact: true }).waitFor();
      await page.getByText(`echo ${evil}`, { exact: true }).waitFor();
      expect(await page.locator('main img, main script').count()).toBe(0);
      expect(await page.getByRole('table').getByRole('link').count()).toBe(0);
      expect(await page.title()).toBe('Ultramarathon');
    });
  });

  browserTest('filters by id and says when nothing matches', async () => {
    await onPage({ apps: [cannedApp('/prod/web'), cannedApp('/prod/api')] }, async (page) => {
      await page.getByRole('searchbox').fill('WEB');
      expect(await page.getByRole('heading', { level: 3 }).allTextContents()).toEqual(['/prod/web']);
      await page.getByRole('searchbox').fill('nothing');
      await page.getByText('No application matches the filter.').waitFor();
    });
  });

  browserTest('shows only so many apps and tasks at once, and says how many there are', async () => {
    const crowd = cannedApp(
      '/a',
      Array.from({ length: 150 }, (_, n) => cannedTask(`a.${n}`)),
    );
    const others = Array.from({ length: 250 }, (_, n) => cannedApp(`/b/${n}`));
    await onPage({ apps: [crowd, ...others] }, async (page) => {
      expect(await page.locator('details.app').count()).toBe(200);
      await page.getByText('51 more; narrow the filter to see them.').waitFor();
      expect(await page.locator('tbody tr').count()).toBe(0);
      await page.getByRole('heading', { name: '/a', exact: true }).click();
      await page.getByText('and 50 more').waitFor();
      expect(await page.locator('tbody tr').count()).toBe(100);
    });
  });

  browserTest('without any app shows the line that starts the example on this very server', async () => {
    await onPage(
      {},
      async (page) => {
        const line = await page.locator('#example').textContent();
        expect(line).toContain('-d @examples/2048/app.json');
        expect(line).toContain(new URL('/some/prefix/v2/apps', stub.pageUrl).href);
        expect(await page.locator('.filter').isVisible()).toBe(false);
        stub.set({ apps: [cannedApp('/2048')] });
        stub.publish('api_post_event');
        await page.getByRole('heading', { name: '/2048' }).waitFor();
        expect(await page.locator('#empty').isVisible()).toBe(false);
      },
      '/some/prefix',
    );
  });
});

describe('live updates', () => {
  browserTest('follow an event, and keep what the reader has closed or focused', async () => {
    const before = [cannedApp('/one', [cannedTask('one.1')]), cannedApp('/two', [cannedTask('two.1')])];
    await onPage({ apps: before }, async (page) => {
      await card(page, '/two').locator('summary').press('Enter');
      await card(page, '/two').getByRole('table').waitFor({ state: 'detached' });
      const after = [
        cannedApp('/half', [cannedTask('half.1')]),
        cannedApp('/two', [cannedTask('two.2', true), cannedTask('two.3', true)]),
      ];
      const deployments = [
        {
          id: 'd',
          affectedApps: ['/two'],
          currentActions: [{ action: 'ScaleApplication', app: '/two' }],
          currentStep: 1,
          totalSteps: 2,
        },
      ];
      stub.set({ apps: after, deployments });
      stub.publish('deployment_info');
      await page.getByRole('region', { name: 'Deployments' }).getByText('Scale /two').waitFor();
      expect(await page.getByRole('heading', { level: 3 }).allTextContents()).toEqual(['/half', '/two']);
      expect(await card(page, '/two').locator('.count').textContent()).toBe('2 of 2 instances');
      expect(await card(page, '/two').getByRole('table').count()).toBe(0);
      expect(await page.evaluate('document.activeElement.closest("details").dataset.key')).toBe('/two');
      stub.set({ deployments: [] });
      stub.publish('deployment_success');
      await page.getByRole('region', { name: 'Deployments' }).waitFor({ state: 'hidden' });
    });
  });

  browserTest('come at most five times a second, however many events there are', async () => {
    await onPage({ apps: [cannedApp('/one')] }, async (page) => {
      const { apps: before } = stub.asked();
      const startedMs = performance.now();
      for (let burst = 0; burst < 40; burst++) {
        for (let n = 0; n < 25; n++) stub.publish('status_update_event');
        await page.evaluate('new Promise((done) => setTimeout(done, 10))');
      }
      stub.set({ apps: [cannedApp('/last')] });
      stub.publish('status_update_event');
      await page.getByRole('heading', { name: '/last' }).waitFor();
      const { apps, unchanged } = stub.asked();
      const seconds = (performance.now() - startedMs) / 1000;
      expect(apps - before).toBeLessThanOrEqual(5 * seconds + 2);
      expect(unchanged).toBeGreaterThan(0);
    });
  });

  browserTest('say when the connection is lost, keep what was known, and come back by themselves', async () => {
    stub = await startStubMarathon({ apps: [cannedApp('/one', [cannedTask('one.1')])] });
    await browser!.withPage(
      async (page) => {
        await pollEvery(page, undefined);
        await openLive(page);
        await stub.goAway();
        await connection(page, 'Connection lost');
        await page.getByRole('alert').filter({ hasText: 'the server cannot be reached' }).waitFor();
        await page.getByRole('heading', { name: '/one' }).waitFor();
        stub.set({ apps: [cannedApp('/fresh')] });
        await stub.comeBack();
        await page.getByRole('heading', { name: '/fresh' }).waitFor();
        await stub.streamOpened();
        await connection(page, 'Live');
        expect(await page.getByRole('alert').isVisible()).toBe(false);
        stub.set({ apps: [cannedApp('/fresher')] });
        expect(stub.publish('status_update_event')).toBe(1);
        await page.getByRole('heading', { name: '/fresher' }).waitFor();
      },
      { toleratesErrors: true },
    );
  });

  browserTest('go on after the server has refused the stream for a while, and show its reason', async () => {
    stub = await startStubMarathon({ apps: [cannedApp('/one')] });
    stub.failWith(503);
    await browser!.withPage(
      async (page) => {
        await page.goto(stub.pageUrl);
        await page.getByRole('alert').filter({ hasText: 'the server answered 503: no leader' }).waitFor();
        stub.failWith(undefined);
        await page.getByRole('heading', { name: '/one' }).waitFor();
        await connection(page, 'Live');
      },
      { toleratesErrors: true },
    );
  });
});

describe('without events', () => {
  browserTest('the poll finds what no event told of', async () => {
    stub = await startStubMarathon({ apps: [cannedApp('/one')] });
    await browser!.withPage(async (page) => {
      await pollEvery(page, 300);
      await openLive(page);
      stub.set({ apps: [cannedApp('/two')] });
      await page.getByRole('heading', { name: '/two' }).waitFor();
    });
  });

  browserTest('the page says that it polls', async () => {
    stub = await startStubMarathon({ apps: [cannedApp('/one')] });
    stub.failWith(503, '/v2/events');
    await browser!.withPage(
      async (page) => {
        await page.goto(stub.pageUrl);
        await connection(page, 'Polling every 5 s');
        await page.getByRole('heading', { name: '/one' }).waitFor();
      },
      { toleratesErrors: true },
    );
  });
});

describe('the page', () => {
  browserTest('fits a telephone and a dark room', async () => {
    const tasks = [cannedTask('prod_web.instance-6a1b0f3e-0c52-11f0-9d3b-0242ac110001._app.1', true)];
    stub = await startStubMarathon({
      apps: [cannedApp('/prod/a-rather-long-name/of-a-service/in-three-groups', tasks)],
    });
    await browser!.withPage(
      async (page) => {
        await openLive(page);
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(18, 21, 28)');
        await page.getByRole('row', { name: tasks[0]!.id }).waitFor();
      },
      { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
    );
  });
});
